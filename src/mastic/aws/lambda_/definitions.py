"""Functions: create, update, show, list, delete. State: ``lambda_functions``, ``lambda_versions``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from mastic.aws.lambda_ import configurations, lookup, publishing
from mastic.aws.lambda_.layers import describe_layers
from mastic.aws.lambda_.names import conflict, function_arn, invalid, not_found, parse, stale_revision
from mastic.aws.lambda_.packages import Packages
from mastic.aws.lambda_.paging import MarkerPages
from mastic.clock import Clock
from mastic.context import Context
from mastic.ids import Ids
from mastic.store import lambda_
from mastic.store.engine import Store
from mastic.store.lambda_ import LATEST, Version
from mastic.wire.dispatch import Response


class Definitions:
    """Handlers. ``changed(scope, name)`` is called after a function has changed or gone."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        ids: Ids,
        packages: Packages,
        pages: MarkerPages,
        changed: Callable[[str, str], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._packages = packages
        self._pages = pages
        self._changed = changed

    def create_function(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        ref = parse(context, request["FunctionName"])
        if ref.qualifier is not None:
            raise invalid("A function's name cannot have a qualifier when it is created")
        configurations.check(request)
        with self._store.read() as tx:
            if lambda_.get(tx, ref.scope, ref.name) is not None:
                raise conflict(f"Function already exist: {ref.name}")
            body = configurations.created(
                ref.name, request, lambda arns: describe_layers(tx, context.scope, arns)
            )
        sha, size = self._packages.take(request["Code"])
        latest = Version(
            scope=ref.scope,
            name=ref.name,
            version=LATEST,
            revision=self._ids.uuid(),
            sha=sha,
            modified=self._clock.now(),
            body={**body, "CodeSize": size},
        )
        with self._store.write() as tx:
            if not lambda_.create(tx, latest, request.get("Tags") or {}):
                raise conflict(f"Function already exist: {ref.name}")
            if request.get("Publish"):
                return self._publish(tx, latest)
        return lookup.shown(latest)

    def update_function_code(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        ref = parse(context, request["FunctionName"])
        configurations.check(request)
        with self._store.read() as tx:
            self._expect(lookup.latest(tx, ref), request)
        sha, size = self._packages.take(request)
        with self._store.write() as tx:
            latest = lookup.latest(tx, ref)
            self._expect(latest, request)
            body = {**latest.body, "CodeSize": size}
            if request.get("Architectures"):
                body["Architectures"] = request["Architectures"]
            if request.get("DryRun"):
                return lookup.shown(replace(latest, sha=sha, body=body))
            answer = self._save(
                tx, replace(latest, sha=sha, body=body), publish=request.get("Publish", False)
            )
        self._changed(ref.scope, ref.name)
        return answer

    def update_function_configuration(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        ref = parse(context, request["FunctionName"])
        configurations.check(request)
        with self._store.write() as tx:
            latest = lookup.latest(tx, ref)
            self._expect(latest, request)
            body = configurations.updated(
                latest.body, request, lambda arns: describe_layers(tx, context.scope, arns)
            )
            answer = self._save(tx, replace(latest, body=body), publish=False)
        self._changed(ref.scope, ref.name)
        return answer

    def get_function(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        ref = parse(context, request["FunctionName"], request.get("Qualifier"))
        with self._store.read() as tx:
            function = lookup.function(tx, ref)
            found = lookup.version(tx, ref)
        answer: dict[str, Any] = {
            "Configuration": lookup.shown(found, arn=ref.arn),
            "Code": {
                "RepositoryType": "S3",
                "Location": self._packages.location(context.endpoint, found.sha),
            },
            "Tags": function.tags or None,
        }
        if function.reserved is not None:
            answer["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved}
        return answer

    def get_function_configuration(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        ref = parse(context, request["FunctionName"], request.get("Qualifier"))
        with self._store.read() as tx:
            return lookup.shown(lookup.version(tx, ref), arn=ref.arn)

    def list_functions(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("MasterRegion") not in (None, "ALL", context.region):
            return {"Functions": []}
        size = request.get("MaxItems", 50)
        after = self._pages.key(context, request, default="")
        everything = request.get("FunctionVersion") == "ALL"
        with self._store.read() as tx:
            found = lambda_.list_latest(tx, context.scope, after=after, limit=size + 1)
            answer = self._pages.page(context, request, "Functions", found, size, key=lambda v: v.name)
            functions: list[Version] = answer["Functions"]
            if everything:
                functions = [
                    v for f in functions for v in lambda_.list_versions(tx, f.scope, f.name, limit=10_000)
                ]
        answer["Functions"] = [_listed(v, qualify=everything) for v in functions]
        return answer

    def delete_function(self, context: Context, request: dict[str, Any]) -> Response:
        ref = parse(context, request["FunctionName"], request.get("Qualifier"))
        with self._store.write() as tx:
            if ref.qualifier is None:
                if not lambda_.remove(tx, ref.scope, ref.name):
                    raise not_found(ref.arn)
            elif ref.qualifier == LATEST:
                raise invalid("$LATEST version cannot be deleted without deleting the function.")
            else:
                self._delete_version(tx, ref.scope, ref.name, ref.qualifier)
        self._changed(ref.scope, ref.name)
        return Response({"StatusCode": 204}, status=204)

    def _delete_version(self, tx: Connection, scope: str, name: str, version: str) -> None:
        for alias in lambda_.list_parts(tx, scope, name, lambda_.ALIAS, limit=10_000):
            weights = (alias.body.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
            if version == alias.body["FunctionVersion"] or version in weights:
                raise conflict(
                    f"Unable to delete version because the following aliases reference it: [{alias.qualifier}]"
                )
        if not lambda_.remove_version(tx, scope, name, version):
            raise not_found(function_arn(scope, name, version))

    def _expect(self, latest: Version, request: dict[str, Any]) -> None:
        if request.get("RevisionId") not in (None, latest.revision):
            raise stale_revision()

    def _save(self, tx: Connection, latest: Version, *, publish: bool) -> dict[str, Any]:
        latest = replace(latest, revision=self._ids.uuid(), modified=self._clock.now())
        lambda_.save_latest(tx, latest)
        return self._publish(tx, latest) if publish else lookup.shown(latest)

    def _publish(self, tx: Connection, latest: Version) -> dict[str, Any]:
        return lookup.shown(publishing.publish(tx, latest, None, revision=self._ids.uuid()))


def _listed(found: Version, *, qualify: bool) -> dict[str, Any]:
    shown = lookup.shown(found, arn=function_arn(found.scope, found.name, found.version if qualify else None))
    for member in ("State", "LastUpdateStatus", "RuntimeVersionConfig"):
        del shown[member]
    return shown

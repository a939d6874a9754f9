"""Published versions and aliases. State: ``lambda_versions``, ``lambda_parts``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from mastic.aws.lambda_ import lookup, publishing
from mastic.aws.lambda_.names import (
    FunctionRef,
    conflict,
    function_arn,
    invalid,
    not_found,
    parse,
    stale_revision,
)
from mastic.aws.lambda_.packages import digest
from mastic.aws.lambda_.paging import MarkerPages
from mastic.clock import Clock
from mastic.context import Context
from mastic.ids import Ids
from mastic.store import lambda_
from mastic.store.engine import Store
from mastic.store.lambda_ import ALIAS, LATEST, POLICY, Part


class Versions:
    """Handlers."""

    def __init__(self, *, store: Store, ids: Ids, pages: MarkerPages) -> None:
        self._store = store
        self._ids = ids
        self._pages = pages

    def publish_version(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        ref = parse(context, request["FunctionName"])
        with self._store.write() as tx:
            latest = lookup.latest(tx, ref)
            if request.get("RevisionId") not in (None, latest.revision):
                raise stale_revision()
            if request.get("CodeSha256") not in (None, "", digest(latest.sha)):
                raise invalid(
                    f"CodeSHA256 ({request['CodeSha256']}) is different from current CodeSHA256 in $LATEST "
                    f"({digest(latest.sha)}). Please try again with the CodeSHA256 in $LATEST."
                )
            made = publishing.publish(tx, latest, request.get("Description"), revision=self._ids.uuid())
        return lookup.shown(made)

    def list_versions_by_function(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        ref = parse(context, request["FunctionName"])
        size = request.get("MaxItems", 50)
        after = self._pages.key(context, request, default=-1)
        with self._store.read() as tx:
            lookup.function(tx, ref)
            found = lambda_.list_versions(tx, ref.scope, ref.name, after=after, limit=size + 1)
        answer = self._pages.page(
            context,
            request,
            "Versions",
            found,
            size,
            key=lambda v: 0 if v.version == LATEST else int(v.version),
        )
        answer["Versions"] = [
            lookup.shown(v, arn=function_arn(v.scope, v.name, v.version)) for v in answer["Versions"]
        ]
        return answer


class Aliases:
    """Handlers."""

    def __init__(self, *, store: Store, clock: Clock, ids: Ids, pages: MarkerPages) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._pages = pages

    def create_alias(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        ref, name = parse(context, request["FunctionName"]), request["Name"]
        if name.isdigit():
            raise invalid("An alias cannot be a number")
        body = {
            "FunctionVersion": request["FunctionVersion"],
            "Description": request.get("Description", ""),
            "RoutingConfig": request.get("RoutingConfig"),
        }
        with self._store.write() as tx:
            lookup.function(tx, ref)
            if lambda_.get_part(tx, ref.scope, ref.name, ALIAS, name) is not None:
                raise conflict(f"Alias already exists: {function_arn(ref.scope, ref.name, name)}")
            return self._put(tx, ref, name, body)

    def update_alias(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        ref, name = parse(context, request["FunctionName"]), request["Name"]
        with self._store.write() as tx:
            old = self._get(tx, ref, name)
            if request.get("RevisionId") not in (None, old.revision):
                raise stale_revision()
            given: dict[str, Any] = {
                m: request[m] for m in ("FunctionVersion", "Description", "RoutingConfig") if m in request
            }
            return self._put(tx, ref, name, {**old.body, **given})

    def get_alias(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        ref = parse(context, request["FunctionName"])
        with self._store.read() as tx:
            return _shown(self._get(tx, ref, request["Name"]))

    def delete_alias(self, context: Context, request: dict[str, Any]) -> None:
        ref, name = parse(context, request["FunctionName"]), request["Name"]
        with self._store.write() as tx:
            lambda_.remove_part(tx, ref.scope, ref.name, ALIAS, name)
            lambda_.remove_part(tx, ref.scope, ref.name, POLICY, name)

    def list_aliases(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        ref = parse(context, request["FunctionName"])
        size = request.get("MaxItems", 50)
        after = self._pages.key(context, request, default="")
        with self._store.read() as tx:
            lookup.function(tx, ref)
            found = lambda_.list_parts(tx, ref.scope, ref.name, ALIAS, after=after, limit=10_000)
        wanted = request.get("FunctionVersion")
        rows = [a for a in found if wanted in (None, a.body["FunctionVersion"])][: size + 1]
        answer = self._pages.page(context, request, "Aliases", rows, size, key=lambda a: a.qualifier)
        answer["Aliases"] = [_shown(alias) for alias in answer["Aliases"]]
        return answer

    def _get(self, tx: Connection, ref: FunctionRef, name: str) -> Part:
        lookup.function(tx, ref)
        found = lambda_.get_part(tx, ref.scope, ref.name, ALIAS, name)
        if found is None:
            raise not_found(function_arn(ref.scope, ref.name, name))
        return found

    def _put(self, tx: Connection, ref: FunctionRef, name: str, body: dict[str, Any]) -> dict[str, Any]:
        weights = (body.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        for version in (body["FunctionVersion"], *weights):
            if lambda_.get_version(tx, ref.scope, ref.name, version) is None:
                raise not_found(function_arn(ref.scope, ref.name, version))
        if weights and (len(weights) > 1 or body["FunctionVersion"] == LATEST or LATEST in weights):
            raise invalid("Routing is between two published versions")
        alias = Part(
            scope=ref.scope,
            name=ref.name,
            kind=ALIAS,
            qualifier=name,
            revision=self._ids.uuid(),
            modified=self._clock.now(),
            body=body,
        )
        lambda_.put_part(tx, alias)
        return _shown(alias)


def _shown(alias: Part) -> dict[str, Any]:
    return {
        "AliasArn": function_arn(alias.scope, alias.name, alias.qualifier),
        "Name": alias.qualifier,
        "RevisionId": alias.revision,
        **{member: value for member, value in alias.body.items() if value or member != "RoutingConfig"},
    }

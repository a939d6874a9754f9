"""Layers: packages that functions share, unpacked to their ``/opt``. State: ``lambda_layers``."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection

from mastic.aws.lambda_.names import invalid, missing
from mastic.aws.lambda_.packages import Packages, digest
from mastic.aws.lambda_.paging import MarkerPages
from mastic.clock import Clock
from mastic.context import Context, split_scope
from mastic.store import lambda_code
from mastic.store.engine import Store
from mastic.store.lambda_code import Layer

MOST_LAYERS = 5
_ARN = re.compile(
    r"arn:[\w-]+:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):layer:(?P<name>[\w-]+)(?::(?P<version>\d+))?\Z"
)


class Layers:
    """Handlers."""

    def __init__(self, *, store: Store, clock: Clock, packages: Packages, pages: MarkerPages) -> None:
        self._store = store
        self._clock = clock
        self._packages = packages
        self._pages = pages

    def publish_layer_version(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        name = _name(context, request["LayerName"])
        sha, size = self._packages.take(request["Content"])
        now = self._clock.now()
        body: dict[str, Any] = {
            "CreatedDate": now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}+0000",
            "Description": request.get("Description", ""),
            "CodeSize": size,
            **{
                m: request[m]
                for m in ("CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo")
                if m in request
            },
        }
        with self._store.write() as tx:
            layer = lambda_code.publish_layer(tx, context.scope, name, sha, body)
        return self._full(context, layer)

    def get_layer_version(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.read() as tx:
            return self._full(
                context,
                _get(tx, context.scope, _name(context, request["LayerName"]), request["VersionNumber"]),
            )

    def get_layer_version_by_arn(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.read() as tx:
            return self._full(context, by_arn(tx, request["Arn"]))

    def list_layer_versions(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        size = request.get("MaxItems", 50)
        before = self._pages.key(context, request, default=2**31 - 1)
        with self._store.read() as tx:
            found = lambda_code.layer_versions(
                tx, context.scope, _name(context, request["LayerName"]), before=before, limit=size + 1
            )
        answer = self._pages.page(
            context, request, "LayerVersions", found, size, key=lambda each: each.version
        )
        answer["LayerVersions"] = [_item(layer) for layer in answer["LayerVersions"]]
        return answer

    def list_layers(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        size = request.get("MaxItems", 50)
        after = self._pages.key(context, request, default="")
        with self._store.read() as tx:
            found = lambda_code.newest_layers(tx, context.scope, after=after, limit=size + 1)
        answer = self._pages.page(context, request, "Layers", found, size, key=lambda each: each.name)
        answer["Layers"] = [
            {"LayerName": each.name, "LayerArn": _arn(each), "LatestMatchingVersion": _item(each)}
            for each in answer["Layers"]
        ]
        return answer

    def delete_layer_version(self, context: Context, request: dict[str, Any]) -> None:
        with self._store.write() as tx:
            lambda_code.remove_layer(
                tx, context.scope, _name(context, request["LayerName"]), request["VersionNumber"]
            )

    def _full(self, context: Context, layer: Layer) -> dict[str, Any]:
        return {
            **_item(layer),
            "LayerArn": _arn(layer),
            "Content": {
                "Location": self._packages.location(context.endpoint, layer.sha),
                "CodeSha256": digest(layer.sha),
                "CodeSize": layer.body["CodeSize"],
            },
        }


def describe_layers(tx: Connection, scope: str, arns: list[str]) -> list[dict[str, Any]]:
    """What a configuration shows of its layers. Raises InvalidParameterValueException."""
    if len(arns) > MOST_LAYERS:
        raise invalid(f"A function can have {MOST_LAYERS} layers.")
    return [{"Arn": arn, "CodeSize": by_arn(tx, arn, of=scope).body["CodeSize"]} for arn in arns]


def by_arn(tx: Connection, arn: str, *, of: str | None = None) -> Layer:
    """The layer version with this ARN; ``of``: asked for by a function of this scope."""
    found = _ARN.match(arn)
    if found is None or not found["version"]:
        raise invalid(f"{arn} is not the ARN of a layer version")
    scope = f"{found['account']}:{found['region']}"
    layer = lambda_code.get_layer(tx, scope, found["name"], int(found["version"]))
    if layer is None or of not in (None, scope):
        if of is not None:
            raise invalid(f"Layer version {arn} does not exist.")
        raise missing()
    return layer


def _name(context: Context, text: str) -> str:
    found = _ARN.match(text)
    if found is None:
        return text
    if f"{found['account']}:{found['region']}" != context.scope:
        raise missing()
    return found["name"]


def _get(tx: Connection, scope: str, name: str, version: int) -> Layer:
    found = lambda_code.get_layer(tx, scope, name, version)
    if found is None:
        raise missing()
    return found


def _arn(layer: Layer) -> str:
    account, region = split_scope(layer.scope)
    return f"arn:aws:lambda:{region}:{account}:layer:{layer.name}"


def _item(layer: Layer) -> dict[str, Any]:
    shown = {member: value for member, value in layer.body.items() if member != "CodeSize"}
    return {"LayerVersionArn": f"{_arn(layer)}:{layer.version}", "Version": layer.version, **shown}

"""Connection types: those that Mastic knows, and REST types that users register. State: documents of this kind."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection as Transaction

from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError, invalid_input, not_found
from mastic.glue import tags as glue_tags
from mastic.glue.connections import kinds
from mastic.glue.connections.kinds import KINDS
from mastic.glue.pages import Pager
from mastic.store import documents, tags
from mastic.store.documents import Document
from mastic.store.engine import Duplicate, Store

KIND = "connection_type"
PAGE = 100
_BODY = ("IntegrationType", "Description", "ConnectionProperties", "ConnectorAuthenticationConfiguration")


class ConnectionTypes:
    """The handlers. ``modelled``: the names of the model, known here or not."""

    def __init__(self, *, store: Store, clock: Clock, pager: Pager, modelled: frozenset[str]) -> None:
        self._store = store
        self._clock = clock
        self._pager = pager
        self._modelled = modelled

    def register_connection_type(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """A REST type. Raises InvalidInputException for a name that is taken or a configuration that says nothing."""
        name = request["ConnectionType"]
        if name in self._modelled:
            raise invalid_input(f"Connection type {name} is AWS's own")
        _check(request)
        body = {m: request[m] for m in (*_BODY, "RestConfiguration") if m in request}
        try:
            with self._store.write() as tx:
                documents.add(tx, context.scope, KIND, name, body, self._clock.now())
                if request.get("Tags"):
                    tags.put(tx, context.scope, _arn(context, name), request["Tags"])
        except Duplicate:
            raise invalid_input(f"Connection type {name} is registered already") from None
        return {"ConnectionTypeArn": _arn(context, name)}

    def delete_connection_type(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Deletes a registered type. Raises EntityNotFoundException, InvalidInputException for AWS's own."""
        name = request["ConnectionType"]
        if name in self._modelled:
            raise invalid_input(f"Connection type {name} is AWS's own and cannot be deleted")
        with self._store.write() as tx:
            if not documents.remove(tx, context.scope, KIND, name):
                raise not_found(f"Connection type {name} not found.")
            tags.delete_arn(tx, context.scope, _arn(context, name))
        return {}

    def list_connection_types(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """By name: those that can be connected with here, and the registered ones."""
        count = request.get("MaxResults", PAGE)
        after = self._pager.read(request.get("NextToken"), "ListConnectionTypes", context.scope) or ""
        with self._store.read() as tx:
            registered = documents.page(tx, context.scope, KIND, after, count + 1)
        found = {name: kinds.listed(kind) for name, kind in KINDS.items() if name > after}
        found |= {one.name: _listed(one) for one in registered}
        every = [found[name] for name in sorted(found)]
        token = self._pager.token(
            every[: count + 1], count, lambda one: one["ConnectionType"], "ListConnectionTypes", context.scope
        )
        return {"ConnectionTypes": every[:count], "NextToken": token}

    def describe_connection_type(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises InvalidInputException for types that nothing here connects with."""
        name = request["ConnectionType"]
        if name in KINDS:
            return kinds.described(KINDS[name])
        with self._store.read() as tx:
            found = documents.find(tx, context.scope, KIND, name)
        if found is None:
            known = "is not supported here" if name in self._modelled else "does not exist"
            raise invalid_input(f"Connection type {name} {known}")
        return _described(found)

    def entities(self, context: Context, name: str) -> dict[str, Any] | None:
        """The EntityConfigurations of a registered type; None for the model's own types."""
        if name in self._modelled:
            return None
        with self._store.read() as tx:
            found = documents.find(tx, context.scope, KIND, name)
        if found is None:
            raise not_found(f"Connection type {name} not found.")
        configured: dict[str, Any] = found.body["RestConfiguration"]["EntityConfigurations"]
        return configured

    def check(self, context: Context, name: str, member: str) -> None:
        """Raises ValidationException for a type that is neither of the model nor registered."""
        if name in self._modelled:
            return
        with self._store.read() as tx:
            if documents.find(tx, context.scope, KIND, name) is not None:
                return
        raise ServiceError(
            "ValidationException",
            f"1 validation error detected: Value '{name}' at '{member}' failed to satisfy constraint: Member must "
            f"satisfy enum value set: [{', '.join(sorted(self._modelled))}]",
        )


def exists(tx: Transaction, scope: str, name: str) -> bool:
    """Whether a taggable connection type of this name exists."""
    return documents.find(tx, scope, KIND, name) is not None


def _check(request: dict[str, Any]) -> None:
    url = request["ConnectionProperties"].get("Url")
    if url is None:
        raise invalid_input("ConnectionProperties.Url is required")
    authentication = request["ConnectorAuthenticationConfiguration"]
    needed = {"BASIC": "BasicAuthenticationProperties", "OAUTH2": "OAuth2Properties", "CUSTOM": "CustomAuthenticationProperties"}  # fmt: skip  # noqa: E501
    for kind in authentication["AuthenticationTypes"]:
        if kind not in needed:
            raise invalid_input(f"Authentication type {kind} is not one of a REST connection")
        if needed[kind] not in authentication:
            raise invalid_input(f"Authentication type {kind} needs {needed[kind]}")
    if not request["RestConfiguration"].get("EntityConfigurations"):
        raise invalid_input("RestConfiguration.EntityConfigurations needs at least one entity")


def _capabilities(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "SupportedAuthenticationTypes": body["ConnectorAuthenticationConfiguration"]["AuthenticationTypes"],
        "SupportedDataOperations": ["READ"],
        "SupportedComputeEnvironments": [],
    }


def _listed(found: Document) -> dict[str, Any]:
    return {
        "ConnectionType": found.name,
        "DisplayName": found.name[:128],
        "Description": found.body.get("Description"),
        "Categories": ["REST"],
        "Capabilities": _capabilities(found.body),
    }


def _described(found: Document) -> dict[str, Any]:
    given = found.body["ConnectionProperties"]
    properties = [given["Url"], *given.get("AdditionalRequestParameters", [])]
    return {
        "ConnectionType": found.name,
        "Description": found.body.get("Description"),
        "Capabilities": _capabilities(found.body),
        "ConnectionProperties": {one["Name"]: _property(one) for one in properties},
        "RestConfiguration": found.body["RestConfiguration"],
    }


def _property(given: dict[str, Any]) -> dict[str, Any]:
    out = kinds.prop(given["Name"], "", required=given["Required"], kinds=[given["PropertyType"]])
    out |= {m: given[m] for m in ("DefaultValue", "KeyOverride", "PropertyLocation") if m in given}
    if "AllowedValues" in given:
        out["AllowedValues"] = [{"Value": value} for value in given["AllowedValues"]]
    return out


def _arn(context: Context, name: str) -> str:
    return glue_tags.arn(context.scope, "connectionType", name)

"""Connections: create, get, list, update, delete, test. State: documents of the kind ``connection``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection as Transaction

from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import already_exists, invalid_input, not_found
from mastic.glue import tags as glue_tags
from mastic.glue.connections import testing
from mastic.glue.pages import Pager
from mastic.store import documents, tags
from mastic.store.documents import Document
from mastic.store.engine import Duplicate, Store

KIND = "connection"
PAGE = 100
# A user name, a password or both, by the name of a secret; None where no secrets are kept.
SecretReader = Callable[[Context, str], Mapping[str, Any]]


class Connections:
    """The handlers."""

    def __init__(self, *, store: Store, clock: Clock, pager: Pager, secrets: SecretReader) -> None:
        self._store = store
        self._clock = clock
        self._pager = pager
        self._secrets = secrets

    def create_connection(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises AlreadyExistsException. ValidateCredentials connects first, and refuses what fails."""
        body = request["ConnectionInput"]
        self._validate(context, body)
        try:
            with self._store.write() as tx:
                documents.add(
                    tx, context.scope, KIND, body["Name"], _stored(context, body), self._clock.now()
                )
                if request.get("Tags"):
                    tags.put(tx, context.scope, _arn(context, body["Name"]), request["Tags"])
        except Duplicate:
            raise already_exists("Connection already exists.") from None
        return {"CreateConnectionStatus": "READY"}

    def get_connection(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises EntityNotFoundException."""
        with self._store.read() as tx:
            found = _find(tx, context, request["Name"])
        return {"Connection": _shape(found, hide=request.get("HidePassword", False))}

    def get_connections(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """By name; Filter keeps those of a type or with match criteria."""
        count = request.get("MaxResults", PAGE)
        wanted = request.get("Filter") or {}
        bound = f"{context.scope}{wanted!r}"
        after = self._pager.read(request.get("NextToken"), "GetConnections", bound) or ""
        found: list[Document] = []
        with self._store.read() as tx:
            while len(found) <= count:
                some = documents.page(tx, context.scope, KIND, after, 500)
                found += [one for one in some if _passes(one, wanted)]
                if len(some) < 500:
                    break
                after = some[-1].name
        token = self._pager.token(found, count, lambda one: one.name, "GetConnections", bound)
        hide = request.get("HidePassword", False)
        return {"ConnectionList": [_shape(one, hide=hide) for one in found[:count]], "NextToken": token}

    def update_connection(self, context: Context, request: dict[str, Any]) -> None:
        """Replaces the connection. Raises EntityNotFoundException."""
        body = request["ConnectionInput"]
        if body["Name"] != request["Name"]:
            raise invalid_input("A connection cannot be renamed: Name and ConnectionInput.Name differ")
        self._validate(context, body)
        with self._store.write() as tx:
            now = self._clock.now()
            if not documents.replace(tx, context.scope, KIND, request["Name"], _stored(context, body), now):
                raise not_found(f"Connection {request['Name']} not found.")

    def delete_connection(self, context: Context, request: dict[str, Any]) -> None:
        """Raises EntityNotFoundException."""
        with self._store.write() as tx:
            if not _remove(tx, context, request["ConnectionName"]):
                raise not_found(f"Connection {request['ConnectionName']} not found.")

    def batch_delete_connection(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Deletes those that exist, and lists the others."""
        names = list(dict.fromkeys(request["ConnectionNameList"]))
        with self._store.write() as tx:
            gone = [name for name in names if _remove(tx, context, name)]
        detail = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Connection not found."}
        return {"Succeeded": gone, "Errors": {name: detail for name in names if name not in gone}}

    def test_connection(self, context: Context, request: dict[str, Any]) -> None:
        """Connects. Raises InvalidInputException saying why it could not."""
        if ("ConnectionName" in request) == ("TestConnectionInput" in request):
            raise invalid_input("Give either ConnectionName or TestConnectionInput")
        if "ConnectionName" in request:
            with self._store.read() as tx:
                body = _find(tx, context, request["ConnectionName"]).body
        else:
            body = request["TestConnectionInput"]
        self._test(context, body)

    def _validate(self, context: Context, body: dict[str, Any]) -> None:
        if body.get("ValidateCredentials"):
            self._test(context, body)

    def _test(self, context: Context, body: dict[str, Any]) -> None:
        properties = dict(body["ConnectionProperties"])
        authentication = body.get("AuthenticationConfiguration") or {}
        if authentication.get("SecretArn"):
            properties.setdefault("SECRET_ID", authentication["SecretArn"])
        testing.test(body["ConnectionType"], properties, lambda name: self._secrets(context, name))


def exists(tx: Transaction, scope: str, name: str) -> bool:
    """Whether a taggable connection of this name exists."""
    return documents.find(tx, scope, KIND, name) is not None


def _find(tx: Transaction, context: Context, name: str) -> Document:
    found = documents.find(tx, context.scope, KIND, name)
    if found is None:
        raise not_found(f"Connection {name} not found.")
    return found


def _remove(tx: Transaction, context: Context, name: str) -> bool:
    tags.delete_arn(tx, context.scope, _arn(context, name))
    return documents.remove(tx, context.scope, KIND, name)


def _stored(context: Context, body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "LastUpdatedBy": context.principal_arn}


def _shape(found: Document, *, hide: bool) -> dict[str, Any]:
    body = {m: v for m, v in found.body.items() if not m.startswith("Validate")}
    if hide:
        secret = ("PASSWORD", "ENCRYPTED_PASSWORD")
        body["ConnectionProperties"] = {
            k: v for k, v in body["ConnectionProperties"].items() if k not in secret
        }
    return {
        **body,
        "CreationTime": found.created,
        "LastUpdatedTime": found.updated,
        "Status": "READY",
        "ConnectionSchemaVersion": 1,
    }


def _passes(one: Document, wanted: dict[str, Any]) -> bool:
    if wanted.get("ConnectionType") not in (None, one.body["ConnectionType"]):
        return False
    if wanted.get("ConnectionSchemaVersion", 1) != 1:
        return False
    return set(wanted.get("MatchCriteria") or []) <= set(one.body.get("MatchCriteria") or [])


def _arn(context: Context, name: str) -> str:
    return glue_tags.arn(context.scope, "connection", name)

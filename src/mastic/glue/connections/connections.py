"""Connections: create, get, list, update, delete, test. State: documents of the kind ``connection``, sealed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection as Transaction

from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import already_exists, invalid_input, not_found
from mastic.glue import tags as glue_tags
from mastic.glue.account import security
from mastic.glue.connections import testing
from mastic.glue.connections.secrets import ConnectionSecrets, told
from mastic.glue.connections.testing import Target
from mastic.glue.connections.types import ConnectionTypes
from mastic.glue.pages import Pager
from mastic.store import documents, tags
from mastic.store.documents import Document
from mastic.store.engine import Duplicate, Store
from mastic.wire.dispatch import waits

KIND = "connection"
PAGE = 100
# A user name, a password or both, by the name of a secret; None where no secrets are kept.
SecretReader = Callable[[Context, str], Mapping[str, Any]]


class Connections:
    """The handlers."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        pager: Pager,
        secrets: ConnectionSecrets,
        types: ConnectionTypes,
        read_secret: SecretReader,
        reach_s3: Callable[[Context], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._pager = pager
        self._secrets = secrets
        self._types = types
        self._read_secret = read_secret
        self._reach_s3 = reach_s3

    @waits
    def create_connection(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises AlreadyExistsException. ValidateCredentials connects first, and refuses what fails."""
        body = request["ConnectionInput"]
        self._types.check(context, body["ConnectionType"], "connectionInput.connectionType")
        self._validate(context, body)
        document = self._document(context, body)
        try:
            with self._store.write(catalog=context.scope) as tx:
                documents.add(tx, context.scope, KIND, body["Name"], document, self._clock.now())
                if request.get("Tags"):
                    tags.put(tx, context.scope, _arn(context, body["Name"]), request["Tags"])
        except Duplicate:
            raise already_exists("Connection already exists.") from None
        return {"CreateConnectionStatus": "READY"}

    def get_connection(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises EntityNotFoundException."""
        with self._store.read() as tx:
            found = _find(tx, context, request["Name"])
            asked = security.settings(tx, context.scope)
        body, hide = self._secrets.read(found.body), request.get("HidePassword", False)
        if not hide:
            body = self._secrets.encrypted(context.scope, body, asked)
        return {"Connection": _shape(found, body, hide=hide)}

    def get_connections(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """By name; Filter keeps those of a type or with match criteria."""
        count = request.get("MaxResults", PAGE)
        wanted = request.get("Filter") or {}
        bound = f"{context.scope}{wanted!r}"
        after = self._pager.read(request.get("NextToken"), "GetConnections", bound) or ""
        found: list[tuple[Document, dict[str, Any]]] = []
        with self._store.read() as tx:
            asked = security.settings(tx, context.scope)
            while len(found) <= count:
                some = documents.page(tx, context.scope, KIND, after, 500)
                every = ((one, self._secrets.read(one.body)) for one in some)
                found += [(one, body) for one, body in every if _passes(body, wanted)]
                if len(some) < 500:
                    break
                after = some[-1].name
        token = self._pager.token(found, count, lambda one: one[0].name, "GetConnections", bound)
        hide = request.get("HidePassword", False)
        shown = [
            _shape(one, body if hide else self._secrets.encrypted(context.scope, body, asked), hide=hide)
            for one, body in found[:count]
        ]
        return {"ConnectionList": shown, "NextToken": token}

    @waits
    def update_connection(self, context: Context, request: dict[str, Any]) -> None:
        """Replaces the connection. Raises EntityNotFoundException."""
        body = request["ConnectionInput"]
        if body["Name"] != request["Name"]:
            raise invalid_input("A connection cannot be renamed: Name and ConnectionInput.Name differ")
        self._types.check(context, body["ConnectionType"], "connectionInput.connectionType")
        self._validate(context, body)
        document = self._document(context, body)
        with self._store.write(catalog=context.scope) as tx:
            if not documents.replace(tx, context.scope, KIND, request["Name"], document, self._clock.now()):
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

    @waits
    def test_connection(self, context: Context, request: dict[str, Any]) -> None:
        """Connects. Raises InvalidInputException saying why it could not."""
        if ("ConnectionName" in request) == ("TestConnectionInput" in request):
            raise invalid_input("Give either ConnectionName or TestConnectionInput")
        if "ConnectionName" in request:
            body = self.find(context, request["ConnectionName"])
        else:
            body = request["TestConnectionInput"]
            self._types.check(context, body["ConnectionType"], "testConnectionInput.connectionType")
        self._test(context, body)

    def find(self, context: Context, name: str) -> dict[str, Any]:
        """A connection as it was given, for parts of the server that connect. Raises EntityNotFoundException."""
        with self._store.read() as tx:
            found = _find(tx, context, name)
        return self._secrets.read(found.body)

    def target(self, context: Context, body: dict[str, Any]) -> Target:
        """What a connection leads to, and as whom. Raises InvalidInputException for kinds not known here."""
        properties = self._secrets.decrypted(context.scope, body["ConnectionProperties"])
        authentication = body.get("AuthenticationConfiguration") or {}
        if authentication.get("SecretArn"):
            properties.setdefault("SECRET_ID", authentication["SecretArn"])
        basic = authentication.get("BasicAuthenticationCredentials") or {}
        if basic:
            properties.setdefault("USERNAME", basic.get("Username", ""))
            properties.setdefault("PASSWORD", basic.get("Password", ""))
        return testing.target(
            body["ConnectionType"], properties, lambda name: self._read_secret(context, name)
        )

    def _document(self, context: Context, body: dict[str, Any]) -> dict[str, Any]:
        with self._store.read() as tx:
            asked = security.settings(tx, context.scope)
        body = self._secrets.encrypted(context.scope, body, asked)
        return self._secrets.kept({**body, "LastUpdatedBy": context.principal_arn})

    def _validate(self, context: Context, body: dict[str, Any]) -> None:
        if body.get("ValidateCredentials"):
            self._test(context, body)

    def _test(self, context: Context, body: dict[str, Any]) -> None:
        if body["ConnectionType"] == "NETWORK":
            # What such a connection is for: a way to S3.
            self._reach_s3(context)
        else:
            testing.test(self.target(context, body))


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


def _shape(found: Document, body: dict[str, Any], *, hide: bool) -> dict[str, Any]:
    return {
        **told({m: v for m, v in body.items() if not m.startswith("Validate")}, hide=hide),
        "CreationTime": found.created,
        "LastUpdatedTime": found.updated,
        "Status": "READY",
        "ConnectionSchemaVersion": _schema_version(body),
    }


def _schema_version(body: dict[str, Any]) -> int:
    """2 for connections that say how to authenticate apart from their properties."""
    return 2 if "AuthenticationConfiguration" in body else 1


def _passes(body: dict[str, Any], wanted: dict[str, Any]) -> bool:
    if wanted.get("ConnectionType") not in (None, body["ConnectionType"]):
        return False
    if wanted.get("ConnectionSchemaVersion") not in (None, _schema_version(body)):
        return False
    return set(wanted.get("MatchCriteria") or []) <= set(body.get("MatchCriteria") or [])


def _arn(context: Context, name: str) -> str:
    return glue_tags.arn(context.scope, "connection", name)

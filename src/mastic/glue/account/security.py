"""Security configurations and the catalog's encryption settings. State: documents of these kinds."""

from __future__ import annotations

from typing import Any

from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import already_exists, invalid_input, not_found
from mastic.glue.pages import Pager
from mastic.store import documents
from mastic.store.documents import Document
from mastic.store.engine import Duplicate, Store

KIND = "security_configuration"
SETTINGS = "catalog_encryption_settings"
PAGE = 100
_UNENCRYPTED = {
    "EncryptionAtRest": {"CatalogEncryptionMode": "DISABLED"},
    "ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": False},
}


class SecurityConfigurations:
    """The handlers."""

    def __init__(self, *, store: Store, clock: Clock, pager: Pager) -> None:
        self._store = store
        self._clock = clock
        self._pager = pager

    def create_security_configuration(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises AlreadyExistsException."""
        now = self._clock.now()
        body = request["EncryptionConfiguration"]
        try:
            with self._store.write() as tx:
                documents.add(tx, context.scope, KIND, request["Name"], body, now)
        except Duplicate:
            raise already_exists(f"Security configuration {request['Name']} already exists.") from None
        return {"Name": request["Name"], "CreatedTimestamp": now}

    def get_security_configuration(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises EntityNotFoundException."""
        with self._store.read() as tx:
            found = documents.find(tx, context.scope, KIND, request["Name"])
        if found is None:
            raise not_found(f"Security configuration {request['Name']} not found.")
        return {"SecurityConfiguration": _shape(found)}

    def get_security_configurations(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """By name."""
        count = request.get("MaxResults", PAGE)
        after = self._pager.read(request.get("NextToken"), "GetSecurityConfigurations", context.scope) or ""
        with self._store.read() as tx:
            found = documents.page(tx, context.scope, KIND, after, count + 1)
        token = self._pager.token(found, count, lambda d: d.name, "GetSecurityConfigurations", context.scope)
        return {"SecurityConfigurations": [_shape(one) for one in found[:count]], "NextToken": token}

    def delete_security_configuration(self, context: Context, request: dict[str, Any]) -> None:
        """Raises EntityNotFoundException."""
        with self._store.write() as tx:
            if not documents.remove(tx, context.scope, KIND, request["Name"]):
                raise not_found(f"Security configuration {request['Name']} not found.")

    def get_data_catalog_encryption_settings(
        self, context: Context, request: dict[str, Any]
    ) -> dict[str, Any]:
        """What was put, else no encryption."""
        with self._store.read() as tx:
            found = documents.find(tx, context.scope, SETTINGS, "")
        return {"DataCatalogEncryptionSettings": {**_UNENCRYPTED, **(found.body if found else {})}}

    def put_data_catalog_encryption_settings(self, context: Context, request: dict[str, Any]) -> None:
        """Refuses what would promise an encryption that does not take place."""
        body = request["DataCatalogEncryptionSettings"]
        mode = (body.get("EncryptionAtRest") or {}).get("CatalogEncryptionMode", "DISABLED")
        passwords = body.get("ConnectionPasswordEncryption") or {}
        if mode != "DISABLED":
            raise invalid_input(
                f"CatalogEncryptionMode {mode} is not supported: the catalog is not encrypted at rest"
            )
        if passwords.get("ReturnConnectionPasswordEncrypted"):
            raise invalid_input(
                "ReturnConnectionPasswordEncrypted is not supported: passwords are not encrypted"
            )
        with self._store.write() as tx:
            documents.put(tx, context.scope, SETTINGS, "", body, self._clock.now())


def _shape(found: Document) -> dict[str, Any]:
    return {"Name": found.name, "CreatedTimeStamp": found.created, "EncryptionConfiguration": found.body}

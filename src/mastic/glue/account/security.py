"""Security configurations and the catalog's encryption settings. State: documents of these kinds.

What the settings promise, ``keys`` and ``store.sealing`` keep.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError, already_exists, invalid_input, not_found
from mastic.glue.account.keys import EVERYWHERE, SETTINGS, CatalogKeys, Kms, switch
from mastic.glue.pages import Pager
from mastic.store import documents
from mastic.store.documents import Document
from mastic.store.engine import Duplicate, Store, hold

KIND = "security_configuration"
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


class CatalogEncryption:
    """The handlers of the catalog's encryption settings."""

    def __init__(self, *, store: Store, clock: Clock, keys: CatalogKeys, kms: Kms) -> None:
        self._store = store
        self._clock = clock
        self._keys = keys
        self._kms = kms

    def get_data_catalog_encryption_settings(
        self, context: Context, request: dict[str, Any]
    ) -> dict[str, Any]:
        """What was put, else no encryption."""
        with self._store.read() as tx:
            return {"DataCatalogEncryptionSettings": {**_UNENCRYPTED, **settings(tx, context.scope)}}

    def put_data_catalog_encryption_settings(self, context: Context, request: dict[str, Any]) -> None:
        """From the answer on, what is written is encrypted; what was written before stays as it is, as in AWS.

        Raises InvalidInputException for keys that cannot be used.
        """
        body = request["DataCatalogEncryptionSettings"]
        at_rest = body.get("EncryptionAtRest") or {}
        mode, kms_key = at_rest.get("CatalogEncryptionMode", "DISABLED"), at_rest.get("SseAwsKmsKeyId")
        if mode == "SSE-KMS-WITH-SERVICE-ROLE":
            raise invalid_input(
                "CatalogEncryptionMode SSE-KMS-WITH-SERVICE-ROLE is not supported: the server itself calls KMS, use "
                "SSE-KMS"
            )
        self._check_passwords(context, body.get("ConnectionPasswordEncryption") or {})
        data_key = None
        if mode == "SSE-KMS":
            data_key = self._present(context.scope, kms_key) or self._made(context.scope, kms_key)
        stored = {"Settings": body, "DataKey": data_key}
        with self._store.write() as tx:
            # Whoever writes by the former settings has ended before these are answered.
            hold(tx, switch(context.scope), alone=True)
            documents.put(tx, EVERYWHERE, SETTINGS, context.scope, stored, self._clock.now())
        self._keys.changed()

    def _present(self, scope: str, kms_key: str | None) -> str | None:
        """The data key that is in use already, if it is wrapped by the same key."""
        with self._store.read() as tx:
            found = documents.find(tx, EVERYWHERE, SETTINGS, scope)
        before = found.body["Settings"].get("EncryptionAtRest", {}) if found else {}
        if found is None or found.body["DataKey"] is None or before.get("SseAwsKmsKeyId") != kms_key:
            return None
        data_key: str = found.body["DataKey"]
        return data_key

    def _made(self, scope: str, kms_key: str | None) -> str:
        try:
            return self._keys.made(scope, kms_key)
        except ServiceError as error:
            raise invalid_input(f"SseAwsKmsKeyId cannot be used: {error.message}") from None

    def _check_passwords(self, context: Context, passwords: dict[str, Any]) -> None:
        """Their reader must be able to decrypt them, so the key is one of KMS; it is tried."""
        if not passwords.get("ReturnConnectionPasswordEncrypted"):
            return
        kms_key = passwords.get("AwsKmsKeyId")
        if kms_key is None:
            raise invalid_input(
                "ReturnConnectionPasswordEncrypted needs AwsKmsKeyId: whoever reads a password decrypts it with KMS"
            )
        try:
            self._kms.decrypt(context.scope, self._kms.encrypt(context.scope, kms_key, b"probe"))
        except ServiceError as error:
            raise invalid_input(f"AwsKmsKeyId cannot be used: {error.message}") from None


def settings(tx: Connection, scope: str) -> dict[str, Any]:
    """The DataCatalogEncryptionSettings that were put for an account and region; empty when none were."""
    found = documents.find(tx, EVERYWHERE, SETTINGS, scope)
    return found.body["Settings"] if found else {}


def _shape(found: Document) -> dict[str, Any]:
    return {"Name": found.name, "CreatedTimeStamp": found.created, "EncryptionConfiguration": found.body}

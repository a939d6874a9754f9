"""What is secret in a connection: how it is kept, and what of it is answered. Owns no state.

A connection is kept sealed under the server's own key as a whole. Passwords are encrypted with KMS besides, for their
reader to decrypt, when ReturnConnectionPasswordEncrypted asks for it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import orjson

from mastic.errors import ServiceError, invalid_input
from mastic.glue.account.keys import CatalogKeys, Kms, encryption_error
from mastic.store.schema import dumps

# What is never answered when HidePassword asks for that, and the name under which KMS's ciphertext goes.
ENCRYPTED = {
    "PASSWORD": "ENCRYPTED_PASSWORD",
    "KAFKA_CLIENT_KEYSTORE_PASSWORD": "ENCRYPTED_KAFKA_CLIENT_KEYSTORE_PASSWORD",
    "KAFKA_CLIENT_KEY_PASSWORD": "ENCRYPTED_KAFKA_CLIENT_KEY_PASSWORD",
    "KAFKA_SASL_PLAIN_PASSWORD": "ENCRYPTED_KAFKA_SASL_PLAIN_PASSWORD",
    "KAFKA_SASL_SCRAM_PASSWORD": "ENCRYPTED_KAFKA_SASL_SCRAM_PASSWORD",
}
HIDDEN = frozenset(ENCRYPTED) | frozenset(ENCRYPTED.values())
# What is kept in clear, because runs of jobs look for it.
LIBRARIES = ("CONNECTOR_URL", "JDBC_DRIVER_JAR_URI")
# What AuthenticationConfiguration says when it is read; all else in its input are credentials.
_TOLD = ("AuthenticationType", "SecretArn", "KmsKeyArn")
_TOLD_OAUTH2 = ("OAuth2GrantType", "OAuth2ClientApplication", "TokenUrl", "TokenUrlParametersMap")


class ConnectionSecrets:
    """Keeps the secrets of connections."""

    def __init__(self, *, keys: CatalogKeys, kms: Kms) -> None:
        self._keys = keys
        self._kms = kms

    def kept(self, body: dict[str, Any]) -> dict[str, Any]:
        """The document of a connection. Raises GlueEncryptionException for secrets without a key to keep them under."""
        if not self._keys.has_master:
            if _has_secrets(body):
                raise encryption_error(
                    "The connection holds secrets, and servers that share a database keep them only under the setting "
                    "encryption_key (32 bytes in base64), which is not set"
                )
            return body
        properties = body.get("ConnectionProperties") or {}
        plain = {name: properties[name] for name in LIBRARIES if name in properties}
        return {"Sealed": self._keys.seal(dumps(body)), "ConnectionProperties": plain}

    def read(self, document: dict[str, Any]) -> dict[str, Any]:
        """The connection in a document. Raises GlueEncryptionException."""
        if "Sealed" not in document:
            return document
        body: dict[str, Any] = orjson.loads(self._keys.open(document["Sealed"]))
        return body

    def encrypted(self, scope: str, body: dict[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
        """The connection with its passwords encrypted by KMS, if the settings ask for it. Asks KMS."""
        passwords = settings.get("ConnectionPasswordEncryption") or {}
        properties = body.get("ConnectionProperties") or {}
        if not passwords.get("ReturnConnectionPasswordEncrypted") or not ENCRYPTED.keys() & properties.keys():
            return body
        changed = dict(properties)
        for plain, name in ENCRYPTED.items():
            if plain in changed:
                changed[name] = self._encrypt(scope, passwords["AwsKmsKeyId"], changed.pop(plain))
        return {**body, "ConnectionProperties": changed}

    def decrypted(self, scope: str, properties: Mapping[str, str]) -> dict[str, str]:
        """Properties with their passwords in clear, for whoever connects. Asks KMS for those it encrypted."""
        clear = dict(properties)
        for plain, name in ENCRYPTED.items():
            if name in clear and plain not in clear:
                clear[plain] = self._decrypt(scope, clear[name])
        return clear

    def _encrypt(self, scope: str, kms_key: str, text: str) -> str:
        try:
            return base64.b64encode(self._kms.encrypt(scope, kms_key, text.encode())).decode()
        except ServiceError as error:
            raise encryption_error(error.message) from None

    def _decrypt(self, scope: str, text: str) -> str:
        try:
            box = base64.b64decode(text, validate=True)
        except ValueError:
            raise invalid_input("An encrypted password is what KMS answers, in base64") from None
        try:
            return self._kms.decrypt(scope, box).decode()
        except ServiceError as error:
            raise encryption_error(error.message) from None


def told(body: dict[str, Any], *, hide: bool) -> dict[str, Any]:
    """A connection without what only its writer knows; ``hide`` leaves the passwords out too."""
    out = dict(body)
    if hide:
        properties = body.get("ConnectionProperties") or {}
        out["ConnectionProperties"] = {k: v for k, v in properties.items() if k not in HIDDEN}
    if "AuthenticationConfiguration" in body:
        given = body["AuthenticationConfiguration"]
        out["AuthenticationConfiguration"] = {m: given[m] for m in _TOLD if m in given}
        if "OAuth2Properties" in given:
            oauth2 = given["OAuth2Properties"]
            shown = {m: oauth2[m] for m in _TOLD_OAUTH2 if m in oauth2}
            out["AuthenticationConfiguration"]["OAuth2Properties"] = shown
    return out


def _has_secrets(body: dict[str, Any]) -> bool:
    properties = body.get("ConnectionProperties") or {}
    return not ENCRYPTED.keys().isdisjoint(properties) or "AuthenticationConfiguration" in body

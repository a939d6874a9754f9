"""KMS as the server itself uses it: data keys and small secrets. Owns no state."""

from __future__ import annotations

from typing import Any

from mastic.aws.neighbours.clients import Clients
from mastic.context import split_scope
from mastic.errors import ServiceError


class Kms:
    """Calls of KMS in the account and region of a scope. Raises ServiceError with KMS's codes."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def generate(self, scope: str, key_id: str) -> tuple[bytes, bytes]:
        """A new data key of 32 bytes, and the same wrapped."""
        found = self._call(scope, "generate_data_key", KeyId=key_id, KeySpec="AES_256")
        return found["Plaintext"], found["CiphertextBlob"]

    def encrypt(self, scope: str, key_id: str, plain: bytes) -> bytes:
        """Encrypt at most 4096 bytes."""
        box: bytes = self._call(scope, "encrypt", KeyId=key_id, Plaintext=plain)["CiphertextBlob"]
        return box

    def decrypt(self, scope: str, box: bytes) -> bytes:
        """Decrypt; the box names its key."""
        plain: bytes = self._call(scope, "decrypt", CiphertextBlob=box)["Plaintext"]
        return plain

    def _call(self, scope: str, operation: str, **request: Any) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        client = self._clients.client("kms", *split_scope(scope))
        try:
            found: dict[str, Any] = getattr(client, operation)(**request)
        except ClientError as error:
            told = error.response["Error"]
            raise ServiceError(told["Code"], f"{told['Code']}: {told.get('Message', '')}") from None
        except BotoCoreError as error:
            raise ServiceError("KMSInternalException", f"KMS cannot be reached: {error}") from None
        return found

"""Bookmarks that only this job can read: sealed before they leave its process (JobBookmarksEncryption CSE-KMS).

KMS makes a data key for each commit and wraps it; a state is AES-256-GCM's ciphertext of its JSON, bound to the name of
its transformation context. The server keeps what it cannot read.
"""

from __future__ import annotations

import base64
import json
import os
from typing import Any

KEY = "MASTIC_BOOKMARK_KEY"
SEALED = "sealed"
NONCE = 12


def kms_key() -> str:
    """The KMS key that bookmarks of this run are sealed under; "" for none."""
    return os.environ.get(KEY, "")


def seal(states: dict[str, Any], key_id: str) -> dict[str, Any]:
    """The states of transformation contexts, sealed. Asks KMS for a data key."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    made = _kms().generate_data_key(KeyId=key_id, KeySpec="AES_256")
    cipher = AESGCM(made["Plaintext"])
    found = {}
    for ctx, state in states.items():
        nonce = os.urandom(NONCE)
        box = nonce + cipher.encrypt(nonce, json.dumps(state).encode(), ctx.encode())
        found[ctx] = {SEALED: {"key": key_id, "wrapped": _text(made["CiphertextBlob"]), "state": _text(box)}}
    return found


def unseal(states: dict[str, Any]) -> dict[str, Any]:
    """The states as they were; those that were never sealed as they are. Asks KMS; raises its errors."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    keys: dict[str, bytes] = {}
    found = {}
    for ctx, state in states.items():
        sealed = state.get(SEALED)
        if sealed is None:
            found[ctx] = state
            continue
        wrapped = sealed["wrapped"]
        if wrapped not in keys:
            keys[wrapped] = _kms().decrypt(CiphertextBlob=base64.b64decode(wrapped))["Plaintext"]
        box = base64.b64decode(sealed["state"])
        try:
            plain = AESGCM(keys[wrapped]).decrypt(box[:NONCE], box[NONCE:], ctx.encode())
        except InvalidTag:
            raise RuntimeError(f"the bookmark of {ctx} was changed since it was sealed") from None
        found[ctx] = json.loads(plain)
    return found


def _kms() -> Any:
    import boto3

    return boto3.client("kms")


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()

"""CloudWatch's opaque page tokens. Owns no state."""

from __future__ import annotations

import base64
import binascii

from mastic.errors import ServiceError


def token(kind: str, key: str) -> str:
    """A token that goes on after ``key`` in a list of ``kind``."""
    return base64.urlsafe_b64encode(f"{kind}:{key}".encode()).decode()


def read(text: str | None, kind: str) -> str | None:
    """The key in a token of ``kind``; None without a token. Raises InvalidNextToken."""
    if text is None:
        return None
    try:
        found, _, key = base64.urlsafe_b64decode(text.encode()).decode().partition(":")
    except (binascii.Error, UnicodeError):
        found = key = ""
    if found != kind:
        raise ServiceError("InvalidNextToken", "The next token specified is invalid.", status=400)
    return key

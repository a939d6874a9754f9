"""From the Data Catalog's errors to the Metastore's exceptions. Owns no state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from mastic.errors import ServiceError

log = structlog.get_logger("mastic.hive")

# An error becomes the first of these that the method declares.
_KINDS: Mapping[str, tuple[str, ...]] = {
    "EntityNotFoundException": (
        "NoSuchObjectException",
        "InvalidOperationException",
        "UnknownTableException",
        "InvalidObjectException",
    ),
    "AlreadyExistsException": (
        "AlreadyExistsException",
        "InvalidOperationException",
        "InvalidObjectException",
    ),
    "InvalidInputException": ("InvalidObjectException", "InvalidOperationException"),
    "ValidationException": ("InvalidObjectException", "InvalidOperationException"),
}


class Failure(Exception):
    """Refused, with the name of the Metastore's exception."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


def meta(message: str) -> Failure:
    """A MetaException, the one that every client shows as it is."""
    return Failure("MetaException", message)


def invalid_operation(message: str) -> Failure:
    """An InvalidOperationException."""
    return Failure("InvalidOperationException", message)


def invalid_object(message: str) -> Failure:
    """An InvalidObjectException."""
    return Failure("InvalidObjectException", message)


def no_such(message: str) -> Failure:
    """A NoSuchObjectException."""
    return Failure("NoSuchObjectException", message)


def translate(error: Exception, declared: Mapping[str, Callable[..., Any]]) -> Exception | None:
    """The exception to answer with, or None when the method declares none that fits."""
    if isinstance(error, Failure):
        kinds, message = (error.kind, *_KINDS.get(_NEAR.get(error.kind, ""), ())), error.message
    elif isinstance(error, ServiceError):
        kinds, message = _KINDS.get(error.code, ()), error.message
    else:
        log.error("a call of the Metastore failed", exc_info=error)
        kinds, message = (), "Internal error; the server's log has the reason"
    for kind in (*kinds, "MetaException"):
        if kind in declared:
            told: Exception = declared[kind](message=message)
            return told
    return None if isinstance(error, (Failure, ServiceError)) else RuntimeError(message)


_NEAR = {
    "NoSuchObjectException": "EntityNotFoundException",
    "AlreadyExistsException": "AlreadyExistsException",
}

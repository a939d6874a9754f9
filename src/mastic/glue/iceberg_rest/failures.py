"""Iceberg's error answers: status, type and message. Owns no state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mastic.errors import ServiceError


class Failure(Exception):
    """An error as the REST specification names it: ``kind`` is its ``type``."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.status = status
        self.kind = kind
        self.message = message


def bad_request(message: str) -> Failure:
    """400: the request cannot be understood or carried out."""
    return Failure(400, "BadRequestException", message)


def no_such_namespace(name: str) -> Failure:
    """404 for a namespace."""
    return Failure(404, "NoSuchNamespaceException", f"Namespace does not exist: {name}")


def no_such_table(namespace: str, name: str) -> Failure:
    """404 for a table."""
    return Failure(404, "NoSuchTableException", f"Table does not exist: {namespace}.{name}")


def no_such_view(namespace: str, name: str) -> Failure:
    """404 for a view."""
    return Failure(404, "NoSuchViewException", f"View does not exist: {namespace}.{name}")


def already_exists(what: str) -> Failure:
    """409 for something that is to be made."""
    return Failure(409, "AlreadyExistsException", f"{what} already exists")


def commit_failed(message: str) -> Failure:
    """409: what the commit was made from is no longer so. The client reads again and retries."""
    return Failure(409, "CommitFailedException", message)


def unsupported(what: str) -> Failure:
    """406: the specification knows it, this server does not do it."""
    return Failure(406, "UnsupportedOperationException", f"{what} is not supported by this server")


_OF_SERVICE: Mapping[str, tuple[int, str]] = {
    "AccessDeniedException": (403, "ForbiddenException"),
    "AlreadyExistsException": (409, "AlreadyExistsException"),
    "ConcurrentModificationException": (409, "CommitFailedException"),
    "EntityNotFoundException": (404, "NotFoundException"),
    "OperationTimeoutException": (503, "ServiceUnavailableException"),
}

# Why a request does not get in → (status, type).
_OF_DOOR: Mapping[str, tuple[int, str]] = {
    "missing": (401, "NotAuthorizedException"),
    "unknown key": (403, "ForbiddenException"),
    "too large": (413, "PayloadTooLargeException"),
    "malformed": (400, "BadRequestException"),
    "failure": (500, "InternalServerError"),
}


def of_service(error: ServiceError) -> Failure:
    """The catalog's own errors in Iceberg's words."""
    status, kind = _OF_SERVICE.get(error.code, (400, "BadRequestException"))
    return Failure(status, kind, error.message)


def of_door(what: str, message: str) -> Failure:
    """The refusal of a request at the door; ``what`` as the wire names it."""
    status, kind = _OF_DOOR.get(what, (403, "ForbiddenException"))
    return Failure(status, kind, message)


@contextmanager
def understanding(what: str) -> Iterator[None]:
    """What PyIceberg raises about a client's document becomes BadRequestException, with its reason."""
    from pyiceberg.exceptions import ValidationError

    try:
        yield
    except (
        ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, AssertionError,
        RecursionError, NotImplementedError, ValidationError,
    ) as error:  # fmt: skip
        reason = str(error) or type(error).__name__
        raise bad_request(f"Invalid {what}: {reason[:2000]}") from None

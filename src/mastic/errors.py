"""The one exception that reaches a client as a modelled AWS error. Owns no state."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class ServiceError(Exception):
    """An error as the service's model names it.

    ``code`` is spelt as AWS spells it (``EntityNotFoundException``, ``NoSuchKey``). ``status`` is the HTTP
    status; without it the wire takes the model's, else 400. ``members`` are further members of the error's
    shape, such as Athena's ``AthenaErrorCode``.
    """

    # Response headers that travel with the error, where a service has such.
    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, code: str, message: str, *, status: int | None = None, **members: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members


class Unkeepable(ServiceError):
    """A text holds the character NUL where the store would have to keep or to find it, which no PostgreSQL does.

    Refused on every database. The wire gives it the code that the service has for input that cannot be right.
    """

    def __init__(self) -> None:
        super().__init__(
            "InvalidInputException", "The request holds the character NUL in a text that cannot have it."
        )


def not_found(message: str) -> ServiceError:
    """Glue's ``EntityNotFoundException``."""
    return ServiceError("EntityNotFoundException", message)


def already_exists(message: str) -> ServiceError:
    """Glue's ``AlreadyExistsException``."""
    return ServiceError("AlreadyExistsException", message)


def invalid_input(message: str) -> ServiceError:
    """Glue's ``InvalidInputException``."""
    return ServiceError("InvalidInputException", message)


class Refused(Exception):
    """Mastic will not start or do something; ``str()`` tells the operator what to do instead.

    Raised for operator mistakes (configuration, a second server on one data directory), not for API calls.
    """

"""Why a query fails, in Athena's words. Owns no state."""

from __future__ import annotations

from mastic.errors import ServiceError


class QueryFailure(Exception):
    """Ends a query as FAILED. ``reason`` becomes StateChangeReason; ``category`` 1 system, 2 user, 3 other."""

    def __init__(self, reason: str, *, category: int = 2, kind: int = 1000, retryable: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.category = category
        self.kind = kind
        self.retryable = retryable


class QueryCancelled(Exception):
    """Ends a query as CANCELLED."""


def not_supported(what: str) -> QueryFailure:
    """Mastic does not do this; it says so instead of answering something else."""
    return QueryFailure(f"NOT_SUPPORTED: {what} is not implemented by Mastic", kind=1006)


def invalid(message: str, code: str = "INVALID_INPUT") -> ServiceError:
    """Athena's InvalidRequestException."""
    return ServiceError("InvalidRequestException", message, AthenaErrorCode=code)

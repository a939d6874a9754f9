"""Who calls, and how the call reached us. Owns no state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs

DEFAULT_ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpRequest:
    """The raw request line and headers. Header names are lower case; ``raw_path`` is still percent-encoded."""

    method: str
    path: str
    raw_path: str
    query_string: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def query(self) -> dict[str, str]:
        """The query parameters, first value of each, blank values kept."""
        return {k: v[0] for k, v in parse_qs(self.query_string, keep_blank_values=True).items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """One call: the caller's identity and the place it spoke to."""

    account_id: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
    request_id: str = ""
    principal_arn: str = f"arn:aws:iam::{DEFAULT_ACCOUNT}:root"
    access_key: str = ""
    service: str = ""
    operation: str = ""
    endpoint: str = ""
    trace: str = ""
    http: HttpRequest | None = None

    @property
    def scope(self) -> str:
        """``account:region``, the key column of every regional resource."""
        return f"{self.account_id}:{self.region}"


def split_scope(scope: str) -> tuple[str, str]:
    """``account:region`` → ``(account, region)``."""
    account, _, region = scope.partition(":")
    return account, region

"""What a source is asked for, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class SourceRequest:
    """A connection, its options, the format, and how the source is bookmarked and pruned."""

    connection_type: str
    options: dict[str, Any] = field(default_factory=dict)
    format: str | None = None
    format_options: dict[str, Any] = field(default_factory=dict)
    transformation_ctx: str = ""
    push_down_predicate: str = ""
    database: str | None = None
    table_name: str | None = None
    catalog_id: str | None = None
    sample: dict[str, Any] | None = None

    def with_format(self, format: str, options: dict[str, Any]) -> SourceRequest:
        """With a format and its options."""
        return replace(self, format=format, format_options=dict(options))

    def sampled(self, options: dict[str, Any]) -> SourceRequest:
        """As a sample of the data."""
        return replace(self, sample=dict(options))

    @property
    def is_catalog(self) -> bool:
        """Whether a catalog table is read."""
        return self.table_name is not None


def truth(value: Any, default: bool = False) -> bool:
    """An option that may be a bool or its text."""
    if value is None or value == "":
        return default
    if isinstance(value, str):
        return value.strip().lower() in ("true", "1", "yes")
    return bool(value)

"""What a sink is asked for, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class SinkRequest:
    """A connection, its options, the format, and the catalog table behind it."""

    connection_type: str
    options: dict[str, Any] = field(default_factory=dict)
    format: str | None = None
    format_options: dict[str, Any] = field(default_factory=dict)
    transformation_ctx: str = ""
    database: str | None = None
    table_name: str | None = None
    catalog_id: str | None = None
    from_catalog: bool = False

    def with_format(self, format: str, options: dict[str, Any]) -> SinkRequest:
        """With a format and its options."""
        return replace(self, format=format, format_options=dict(options))

    def with_table(self, database: str, table_name: str, catalog_id: str | None) -> SinkRequest:
        """With the catalog table to keep up to date."""
        return replace(self, database=database, table_name=table_name, catalog_id=catalog_id or None)

    def named(self, name: str) -> SinkRequest:
        """For one frame of a collection: its own folder, or its own table."""
        options = {key: value for key, value in self.options.items() if key != "useFrameName"}
        if "path" in options:
            options["path"] = str(options["path"]).rstrip("/") + "/" + name
        elif "dbtable" in options:
            options["dbtable"] = name
        return replace(self, options=options)

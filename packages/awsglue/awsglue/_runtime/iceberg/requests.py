"""What a writer asks of an Iceberg table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class TableWrite:
    """One DataFrameWriterV2 (or SQL) write."""

    action: str
    table: str
    frame: Any
    provider: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    # Connect columns (df.writeTo.partitionedBy) or (transform, column, argument) tuples from SQL.
    partitioned_by: list[Any] = field(default_factory=list)
    condition: Any = None
    location: str = ""
    # CREATE TABLE without a query: the frame gives the schema only, and no snapshot is made.
    schema_only: bool = False

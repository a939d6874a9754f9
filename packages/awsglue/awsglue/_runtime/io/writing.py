"""What a file writer is asked for. (The work is in `saving`.)"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class WriteRequest:
    """One df.write…save(), saveAsTable or insertInto."""

    format: str
    mode: str
    frame: Any
    options: dict[str, str] = field(default_factory=dict)
    partition_by: list[str] = field(default_factory=list)
    files: int = 1


def tell(writer: Any, mode: Any, format: Any, partition_by: Any, options: dict[str, Any]) -> None:
    """What save() and saveAsTable() are given beside their target, told to the writer."""
    writer.mode(mode).options(**options)
    if partition_by is not None:
        writer.partitionBy(partition_by)
    if format is not None:
        writer.format(format)


def table_methods(tables: Callable[[], Any], request: Callable[[Any], WriteRequest]) -> tuple[Any, Any]:
    """(saveAsTable, insertInto) of a class of writers: what they have been told is the request to the catalog."""

    def save_as_table(
        self: Any, name: str, format: Any = None, mode: Any = None, partitionBy: Any = None, **options: Any
    ) -> None:
        tell(self, mode, format, partitionBy, options)
        tables().save_as_table(name, request(self))

    def insert_into(self: Any, tableName: str, overwrite: Any = None) -> None:
        if overwrite is not None:
            self.mode("overwrite" if overwrite else "append")
        tables().insert_into(tableName, request(self))

    return save_as_table, insert_into

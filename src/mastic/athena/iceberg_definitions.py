"""What statements say of an Iceberg table: its place, partitioning and properties. Pure functions; owns no state."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from mastic.athena.failures import QueryFailure, not_supported

if TYPE_CHECKING:
    from pyiceberg.partitioning import PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.table.metadata import TableMetadata

_TRANSFORM = re.compile(r"(\w+)\s*\(\s*(.+?)\s*\)\s*\Z", re.S)
# What Athena takes in TBLPROPERTIES and WITH beside format and write_compression, and what is kept as it is.
_PROPERTIES = frozenset(
    """optimize_rewrite_data_file_threshold optimize_rewrite_delete_file_threshold
    optimize_rewrite_min_data_file_size_bytes optimize_rewrite_max_data_file_size_bytes vacuum_max_snapshot_age_seconds
    vacuum_min_snapshots_to_keep vacuum_max_metadata_files_to_keep""".split()
)
_OPTIONS = frozenset({"table_type", "is_external", "location", "partitioning"})
_COMPRESSIONS = {"none": "uncompressed"} | {
    n: n for n in ("gzip", "zstd", "snappy", "lz4", "brotli", "uncompressed")
}


@dataclass(frozen=True, kw_only=True)
class Definition:
    """An Iceberg table that is to be made. ``partitioning`` are texts like ``bucket(id, 16)``."""

    location: str
    partitioning: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    with_data: bool = True

    def metadata(self, schema: Schema) -> TableMetadata:
        """The first metadata of the table with this schema. Raises QueryFailure."""
        from pyiceberg.table.metadata import new_table_metadata
        from pyiceberg.table.sorting import UNSORTED_SORT_ORDER

        return new_table_metadata(
            schema,
            partition_spec(self.partitioning, schema),
            UNSORTED_SORT_ORDER,
            self.location.rstrip("/"),
            {"format-version": "2", **self.properties},
        )


def of_options(options: Mapping[str, str], default_location: str, *, with_data: bool) -> Definition:
    """The WITH of a CREATE TABLE AS."""
    if options.get("is_external", "false").lower() == "true":
        raise QueryFailure("INVALID_TABLE_PROPERTY: is_external must be false for Iceberg tables", kind=1100)
    partitioning = options.get("partitioning") or ""
    return Definition(
        location=options.get("location") or default_location,
        partitioning=split_transforms(partitioning),
        properties=table_properties({k: v for k, v in options.items() if k not in _OPTIONS}),
        with_data=with_data,
    )


def table_properties(given: Mapping[str, str]) -> dict[str, str]:
    """Athena's table properties as Iceberg's. Raises QueryFailure."""
    found: dict[str, str] = {}
    for key, value in given.items():
        match key.lower():
            case "table_type":
                continue
            case "format":
                if value.lower() != "parquet":
                    raise not_supported(f"writing Iceberg tables in the format {value}")
                found["write.format.default"] = "parquet"
            case "write_compression":
                if value.lower() not in _COMPRESSIONS:
                    raise not_supported(f"the compression {value}")
                found["write.parquet.compression-codec"] = _COMPRESSIONS[value.lower()]
            case name if name in _PROPERTIES:
                found[name] = value
            case _:
                raise QueryFailure(f"FAILED: Unsupported table property key: {key}", kind=1100)
    return found


def split_transforms(text: str) -> list[str]:
    """``day(ts),bucket(id, 5)`` as its parts."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def transforms_of(nodes: Iterable[exp.Expr]) -> list[str]:
    """The PARTITIONED BY of a CREATE TABLE as texts. Raises QueryFailure."""
    found = []
    for node in nodes:
        match node:
            case exp.Identifier() | exp.Column():
                found.append(node.name.lower())
            case exp.PartitionedByBucket():
                found.append(f"bucket({node.this.name.lower()}, {node.expression.name})")
            case exp.PartitionByTruncate():
                found.append(f"truncate({node.this.name.lower()}, {node.expression.name})")
            case exp.Year() | exp.Month() | exp.Day() | exp.Hour():
                column = node.find(exp.Column)
                if column is None:
                    raise not_supported(f"partitioning by {node.sql(dialect='hive')}")
                found.append(f"{type(node).__name__.lower()}({column.name.lower()})")
            case exp.Anonymous():
                found.append(f"{node.name.lower()}({', '.join(e.name.lower() for e in node.expressions)})")
            case _:
                raise not_supported(f"partitioning by {node.sql(dialect='hive')}")
    return found


def partition_spec(texts: list[str], schema: Schema) -> PartitionSpec:
    """Raises QueryFailure for columns and transforms that there are not."""
    from pyiceberg.partitioning import PARTITION_FIELD_ID_START, PartitionField, PartitionSpec

    columns = {one.name.lower(): one for one in schema.fields}
    fields: list[PartitionField] = []
    for number, text in enumerate(texts):
        name, transform, label = _transform(text)
        if name not in columns:
            raise QueryFailure(
                f"COLUMN_NOT_FOUND: Column '{name}' of the partitioning is not in the table", kind=1101
            )
        source = columns[name]
        if not transform.can_transform(source.field_type):
            raise QueryFailure(
                f"INVALID_TABLE_PROPERTY: Unable to parse partitioning value: {text} of a {source.field_type} column",
                kind=1100,
            )
        if any(field.name == source.name + label for field in fields):
            raise QueryFailure(
                f"INVALID_TABLE_PROPERTY: The partitioning names {source.name + label} twice", kind=1100
            )
        fields.append(
            PartitionField(
                source_id=source.field_id,
                field_id=PARTITION_FIELD_ID_START + number,
                transform=transform,
                name=source.name + label,
            )
        )
    return PartitionSpec(*fields)


def _transform(text: str) -> tuple[str, Any, str]:
    """Column, transform, and what Iceberg's writers put behind the column's name in the partition field's."""
    from pyiceberg import transforms

    match = _TRANSFORM.match(text)
    if match is None:
        return text.strip('"`').lower(), transforms.IdentityTransform(), ""
    kind = match[1].lower()
    arguments = [a.strip().strip('"`').lower() for a in match[2].split(",")]
    times = {
        "year": transforms.YearTransform, "month": transforms.MonthTransform,
        "day": transforms.DayTransform, "hour": transforms.HourTransform,
    }  # fmt: skip
    name = next((a for a in arguments if not a.isdecimal()), "")
    if kind in times and arguments == [name]:
        return name, times[kind](), f"_{kind}"
    number = next((int(a) for a in arguments if a.isdecimal()), 0)
    if kind == "bucket" and len(arguments) == 2 and number:
        return name, transforms.BucketTransform(number), "_bucket"
    if kind == "truncate" and len(arguments) == 2 and number:
        return name, transforms.TruncateTransform(number), "_trunc"
    raise QueryFailure(f"INVALID_TABLE_PROPERTY: Unable to parse partitioning value: {text}", kind=1100)

"""Iceberg tables for queries: snapshots, deletes and schema evolution by PyIceberg. Owns no state.

The metadata location comes from the catalog, the metadata itself and the data files from S3.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlglot import exp

from mastic.athena.failures import QueryFailure, not_supported
from mastic.athena.iceberg_pruning import pruning
from mastic.athena.relations import Relation
from mastic.athena.staging import Staging
from mastic.athena.translate import Reference
from mastic.athena.types import quote

METADATA_TABLES = {
    "snapshots": "snapshots",
    "history": "history",
    "files": "files",
    "manifests": "manifests",
    "partitions": "partitions",
    "refs": "refs",
}


def open_table(staging: Staging, table: dict[str, Any]) -> Any:
    """The PyIceberg table that a catalog entry points at, its files read through the staging area."""
    from pyiceberg.catalog.noop import NoopCatalog
    from pyiceberg.serializers import FromInputFile
    from pyiceberg.table import StaticTable

    from mastic.athena.iceberg_io import StagedFileIO

    location = (table.get("Parameters") or {}).get("metadata_location")
    if not location:
        raise QueryFailure("ICEBERG_INVALID_METADATA: the table has no metadata_location")
    # Built by hand: PyIceberg's own way lets a property of the table choose the class that reads files.
    files = StagedFileIO(staging)
    return StaticTable(
        identifier=(table["DatabaseName"], table["Name"]),
        metadata=FromInputFile.table_metadata(files.new_input(location)),
        metadata_location=location,
        io=files,
        catalog=NoopCatalog("catalog"),
    )


def iceberg_relation(staging: Staging, table: dict[str, Any], reference: Reference) -> Relation:
    """The rows of the table, at the snapshot that the query asks for."""
    opened = open_table(staging, table)
    scan: dict[str, Any] = {}
    if reference.as_of is not None:
        scan["snapshot_id"] = _snapshot(opened, reference.as_of)
    row_filter = pruning(reference.predicates, opened.schema())
    if row_filter is not None:
        scan["row_filter"] = row_filter
    if reference.columns is not None:
        fields = [f.name for f in opened.schema().fields]
        # A count needs rows, and rows need a column.
        scan["selected_fields"] = [f for f in fields if f.lower() in reference.columns] or fields[:1]
    return _of_arrow(opened.scan(**scan).to_arrow_batch_reader())


def metadata_relation(staging: Staging, table: dict[str, Any], kind: str) -> Relation:
    """``"t$snapshots"`` and its like."""
    if kind not in METADATA_TABLES:
        raise not_supported(f"the metadata table ${kind}")
    inspected = getattr(open_table(staging, table).inspect, METADATA_TABLES[kind])()
    return _of_arrow(inspected)


def _of_arrow(arrow: Any) -> Relation:
    import duckdb

    with duckdb.connect() as connection:
        described = connection.from_arrow(arrow.schema.empty_table())
        names = [str(n) for n in described.columns]
        columns = {n.lower(): str(t) for n, t in zip(names, described.types, strict=True)}
    picked = ", ".join(f"{quote(n)} AS {quote(n.lower())}" for n in names)
    return Relation(columns=columns, sql=f"SELECT {picked} FROM {{arrow}}", arrow=arrow)


def _snapshot(opened: Any, when: exp.Expr) -> int:
    value = when.args.get("expression") or when.this
    text = when.sql(dialect="trino")
    literals = [n.this for n in (value.find_all(exp.Literal) if isinstance(value, exp.Expr) else ())]
    if not literals:
        raise not_supported(f"time travel to {text}")
    if "VERSION" in text.upper().split():
        return int(literals[0])
    moment = datetime.fromisoformat(str(literals[0]).replace(" UTC", "+00:00"))
    snapshot = opened.snapshot_as_of_timestamp(int(moment.timestamp() * 1000))
    if snapshot is None:
        raise QueryFailure(f"INVALID_ARGUMENTS: No version history table at or before {literals[0]}")
    return int(snapshot.snapshot_id)

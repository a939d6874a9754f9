"""What clients of the Metastore give as the Glue API takes it. Pure functions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from mastic.glue.hive.failures import invalid_object, meta
from mastic.glue.hive.shapes import EXTERNAL, MANAGED

LONGEST_DESCRIPTION = 2048


def database(given: Any, *, location: str) -> dict[str, Any]:
    """A DatabaseInput."""
    if not given.name:
        raise invalid_object("A database needs a name")
    return present(
        Name=given.name,
        Description=given.description,
        LocationUri=given.locationUri or location,
        Parameters=dict(given.parameters or {}),
    )


def table(given: Any) -> dict[str, Any]:
    """A TableInput. Raises Failure for what the catalog cannot be: temporary, transactional."""
    if not given.tableName:
        raise invalid_object("A table needs a name")
    parameters = dict(given.parameters or {})
    if given.temporary:
        raise meta("Temporary tables belong to a client's session: the catalog does not keep them")
    if parameters.get("transactional", "").lower() == "true":
        raise meta("Transactional (ACID) tables are not supported: use an Iceberg table")
    description = parameters.get("comment") or None
    if description is not None and len(description) <= LONGEST_DESCRIPTION:
        del parameters["comment"]
    else:
        description = None
    return present(
        Name=given.tableName,
        Description=description,
        Owner=given.owner or None,
        LastAccessTime=_moment(given.lastAccessTime),
        Retention=max(given.retention or 0, 0),
        StorageDescriptor=None if given.sd is None else descriptor(given.sd),
        PartitionKeys=columns(given.partitionKeys),
        ViewOriginalText=given.viewOriginalText or None,
        ViewExpandedText=given.viewExpandedText or None,
        TableType=_table_type(given.tableType, parameters),
        Parameters=parameters,
    )


def partition(given: Any, values: list[str] | None = None) -> dict[str, Any]:
    """A PartitionInput."""
    return present(
        Values=list(given.values or []) if values is None else values,
        LastAccessTime=_moment(given.lastAccessTime),
        StorageDescriptor=None if given.sd is None else descriptor(given.sd),
        Parameters=dict(given.parameters or {}),
    )


def descriptor(given: Any) -> dict[str, Any]:
    """A StorageDescriptor."""
    serde, skewed = given.serdeInfo, given.skewedInfo
    return present(
        Columns=columns(given.cols),
        Location=given.location,
        InputFormat=given.inputFormat,
        OutputFormat=given.outputFormat,
        Compressed=bool(given.compressed),
        NumberOfBuckets=given.numBuckets or 0,
        SerdeInfo=None
        if serde is None
        else present(
            Name=serde.name or None,
            SerializationLibrary=serde.serializationLib or None,
            Parameters=dict(serde.parameters or {}),
        ),
        BucketColumns=list(given.bucketCols or []),
        SortColumns=[{"Column": one.col, "SortOrder": one.order} for one in given.sortCols or []],
        Parameters=dict(given.parameters or {}),
        SkewedInfo=_skewed(skewed) if skewed is not None and skewed.skewedColNames else None,
        StoredAsSubDirectories=bool(given.storedAsSubDirectories),
    )


def columns(given: list[Any] | None) -> list[dict[str, Any]]:
    """Columns; the Metastore keeps their names in lower case."""
    return [
        present(Name=(one.name or "").lower(), Type=one.type, Comment=one.comment or None)
        for one in given or []
    ]


def present(**members: Any) -> dict[str, Any]:
    """The members that have a value."""
    return {member: value for member, value in members.items() if value is not None}


def _skewed(given: Any) -> dict[str, Any]:
    if any(len(values) != 1 for values in given.skewedColValues or []):
        raise meta("Tables skewed by several columns are not supported")
    return {
        "SkewedColumnNames": list(given.skewedColNames),
        "SkewedColumnValues": [values[0] for values in given.skewedColValues or []],
    }


def _table_type(kind: str | None, parameters: dict[str, str]) -> str:
    # The parameter decides, as in the Metastore: it is what ALTER TABLE … SET TBLPROPERTIES changes.
    external = parameters.get("EXTERNAL", "").upper() == "TRUE"
    if not kind or kind in (EXTERNAL, MANAGED):
        return EXTERNAL if external else MANAGED
    return kind


def _moment(given: int | None) -> datetime | None:
    return datetime.fromtimestamp(given, UTC) if given and given > 0 else None

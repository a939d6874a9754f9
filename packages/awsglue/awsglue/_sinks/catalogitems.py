"""Records into the Data Catalog: the connection type `catalog`, which AWS's own migration jobs write.

A row is of the `type` database, table or partition; its `items` become entries of the catalog of `catalog.region`. An
entry that exists is overwritten. The rows are those of awsglue._sources.catalogitems, or what a job made of a Hive
metastore.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from awsglue._frames.body import Encoded
from awsglue._sinks.records import records
from awsglue._sinks.request import SinkRequest
from awsglue._sources.catalogitems import BATCH, region_of

# Jobs escape these in parameters, because the catalog's writer takes them for its own: it hands on the character.
_ESCAPED = re.compile(r'\\([\\|"{}:])')
_TEXT_TIME = re.compile(r"(\w{3} \d{1,2}, \d{4}) (\d{1,2}):(\d{2}):(\d{2}) (AM|PM)", re.IGNORECASE)


def write_catalog_items(request: SinkRequest, frame: Encoded) -> None:
    """Make or overwrite what the rows describe. Raises ValueError before anything is written if they cannot be such."""
    import boto3

    from awsglue._runtime.engine import mark_written

    missing = [
        name for name in ("type", "items") if name not in [field.name for field in frame.schema.fields]
    ]
    if missing:
        raise ValueError(
            f"connection type 'catalog' takes records with the fields type and items; {missing[0]} is not there"
        )
    rows = list(records(frame))
    for row in rows:
        _check(row)
    mark_written()
    glue = boto3.client("glue", region_name=region_of(request.options))
    for kind, write in (("database", _database), ("table", _table), ("partition", _partitions)):
        for row in rows:
            if row["type"] == kind:
                write(glue, row)


def _check(row: dict[str, Any]) -> None:
    needed = {"database": (), "table": ("database",), "partition": ("database", "table")}.get(
        str(row["type"])
    )
    if needed is None:
        raise ValueError(
            f"a record of the catalog is a database, a table or a partition, not {row['type']!r}"
        )
    for name in needed:
        if not row.get(name):
            raise ValueError(f"a record of a {row['type']} needs the field {name}")
    member = "values" if row["type"] == "partition" else "name"
    if row["items"] is None or not all(item and item.get(member) for item in row["items"]):
        raise ValueError(f"a record of a {row['type']} needs items with {member}")
    for item in row["items"]:
        moment(item.get("lastAccessTime"))


def _database(glue: Any, row: dict[str, Any]) -> None:
    for item in row["items"]:
        given = _members(item, "Name", "Description", "LocationUri")
        given |= _parameters(item)
        try:
            glue.create_database(DatabaseInput=given)
        except glue.exceptions.AlreadyExistsException:
            glue.update_database(Name=item["name"], DatabaseInput=given)


def _table(glue: Any, row: dict[str, Any]) -> None:
    plain = ("Name", "Description", "Owner", "Retention", "TableType", "ViewExpandedText", "ViewOriginalText")
    for item in row["items"]:
        given = {
            **_members(item, *plain),
            **_described(item),
            "PartitionKeys": _columns(item.get("partitionKeys")),
        }
        try:
            glue.create_table(DatabaseName=row["database"], TableInput=given)
        except glue.exceptions.AlreadyExistsException:
            glue.update_table(DatabaseName=row["database"], TableInput=given)


def _partitions(glue: Any, row: dict[str, Any]) -> None:
    where = {"DatabaseName": row["database"], "TableName": row["table"]}
    inputs = [{"Values": list(item["values"]), **_described(item)} for item in row["items"]]
    for start in range(0, len(inputs), BATCH):
        batch = inputs[start : start + BATCH]
        errors = glue.batch_create_partition(**where, PartitionInputList=batch).get("Errors", [])
        there = [
            e["PartitionValues"] for e in errors if e["ErrorDetail"]["ErrorCode"] == "AlreadyExistsException"
        ]
        wrong = [e for e in errors if e["PartitionValues"] not in there]
        if there and not wrong:
            entries = [
                {"PartitionValueList": one["Values"], "PartitionInput": one}
                for one in batch
                if one["Values"] in there
            ]
            wrong = glue.batch_update_partition(**where, Entries=entries).get("Errors", [])
        if wrong:
            raise RuntimeError(
                f"partitions of {row['database']}.{row['table']} were not written: {wrong[:3]}"
            )


def _members(item: dict[str, Any], *names: str) -> dict[str, Any]:
    from awsglue._sources.catalogitems import small

    return {name: item[small(name)] for name in names if item.get(small(name)) is not None}


def _described(item: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = _parameters(item)
    accessed = moment(item.get("lastAccessTime"))
    if accessed is not None:
        given["LastAccessTime"] = accessed
    if item.get("storageDescriptor") is not None:
        given["StorageDescriptor"] = _descriptor(item["storageDescriptor"])
    return given


def _descriptor(item: dict[str, Any]) -> dict[str, Any]:
    plain = ("Location", "InputFormat", "OutputFormat", "Compressed", "NumberOfBuckets", "BucketColumns")
    given = {
        **_members(item, *plain, "StoredAsSubDirectories"),
        "Columns": _columns(item.get("columns")),
        **_parameters(item),
    }
    serde, skewed = item.get("serdeInfo"), item.get("skewedInfo")
    if serde is not None:
        given["SerdeInfo"] = {
            **_members(serde, "Name", "SerializationLibrary"),
            **_parameters(serde),
        }
    if skewed is not None:
        given["SkewedInfo"] = {
            **_members(skewed, "SkewedColumnNames", "SkewedColumnValues"),
            "SkewedColumnValueLocationMaps": dict(skewed.get("skewedColumnValueLocationMaps") or {}),
        }
    given["SortColumns"] = [
        {"Column": one["column"], "SortOrder": int(one["order"])} for one in item.get("sortColumns") or ()
    ]
    return given


def _columns(columns: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return [_members(one, "Name", "Type", "Comment") for one in columns or ()]


def _parameters(item: dict[str, Any]) -> dict[str, dict[str, str]]:
    found = item.get("parameters")
    if found is None:
        return {}
    texts = {key: value for key, value in found.items() if value is not None}
    return {"Parameters": {str(key): _ESCAPED.sub(r"\1", str(value)) for key, value in texts.items()}}


def moment(text: str | None) -> dt.datetime | None:
    """A time as items have it: milliseconds, or `Apr 04, 2017 08:58:43 AM`. Raises ValueError."""
    if not text:
        return None
    if text.lstrip("-").isdigit():
        return dt.datetime.fromtimestamp(int(text) / 1000, dt.UTC)
    found = _TEXT_TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError(
            f"{text!r} is no time of the catalog: milliseconds, or like Apr 04, 2017 08:58:43 AM"
        )
    day = dt.datetime.strptime(found[1], "%b %d, %Y")
    hour = int(found[2]) % 12 + (12 if found[5].upper() == "PM" else 0)
    return day.replace(hour=hour, minute=int(found[3]), second=int(found[4]), tzinfo=dt.UTC)

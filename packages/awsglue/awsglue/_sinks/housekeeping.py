"""Purging and moving S3 files by age, by path or by catalog table."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from awsglue._runtime.io.storage import S3_SCHEMES, Entry, Storage, join, split

RETENTION_HOURS = 168
_STORAGE_CLASSES = (
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
    "GLACIER_IR",
    "STANDARD",
    "REDUCED_REDUNDANCY",
)
_FROZEN = ("GLACIER", "DEEP_ARCHIVE")


def _old(storage: Storage, path: str, options: dict[str, Any]) -> list[Entry]:
    """Files older than the retention period, except those of excluded storage classes."""
    hours = float(options.get("retentionPeriod", RETENTION_HOURS))
    limit = datetime.now(UTC) - timedelta(hours=hours)
    excluded = options.get("excludeStorageClasses") or []
    if isinstance(excluded, str):
        excluded = json.loads(excluded)
    found = [entry for entry in storage.entries(path) if entry.modified <= limit]
    return [entry for entry in found if not excluded or _storage_class(storage, entry.path) not in excluded]


def _storage_class(storage: Storage, path: str) -> str:
    scheme, bucket, key = split(path)
    if scheme not in S3_SCHEMES:
        return "STANDARD"
    return str(storage.s3.head_object(Bucket=bucket, Key=key).get("StorageClass") or "STANDARD")


def _manifest(storage: Storage, options: dict[str, Any], done: list[str], failed: list[str]) -> None:
    target = options.get("manifestFilePath")
    if not target:
        return
    for name, paths in (("Success.csv", done), ("Failed.csv", failed)):
        text = io.StringIO()
        csv.writer(text).writerows([[path] for path in paths])
        storage.put(join(str(target), name), text.getvalue().encode())


def purge_path(path: str, options: dict[str, Any]) -> list[str]:
    """Delete the old files under the path; gives what was deleted."""
    from awsglue._runtime.engine import mark_written

    storage = Storage()
    paths = [entry.path for entry in _old(storage, path, options)]
    if paths:
        mark_written()
        storage.delete(paths)
    _manifest(storage, options, paths, [])
    return paths


def purge_table(database: str, table_name: str, options: dict[str, Any], catalog_id: str | None) -> None:
    """Delete the table's old files, and the partitions of which nothing is left."""
    from awsglue._sources.catalog import get_table, glue_client

    table = get_table(database, table_name, catalog_id)
    if not table.get("PartitionKeys"):
        purge_path(table["StorageDescriptor"]["Location"], options)
        return
    name: dict[str, Any] = {"DatabaseName": database, "TableName": table_name}
    if catalog_id:
        name["CatalogId"] = catalog_id
    client, storage = glue_client(), Storage()
    purged: list[str] = []
    for one in _partitions(name, table, options):
        location = one["StorageDescriptor"]["Location"]
        found = purge_path(location, _without_manifest(options))
        purged += found
        if found and next(storage.entries(location), None) is None:
            client.delete_partition(**name, PartitionValues=one["Values"])
    _manifest(storage, options, purged, [])


def _without_manifest(options: dict[str, Any]) -> dict[str, Any]:
    """The options for one of many places, which have one manifest together."""
    return {key: value for key, value in options.items() if key != "manifestFilePath"}


def _partitions(name: dict[str, Any], table: dict[str, Any], options: dict[str, Any]) -> list[dict[str, Any]]:
    """The table's partitions, those that partitionPredicate (Spark's SQL, as of push_down_predicate) means."""
    from awsglue._frames.encoding import ddl, parse_type
    from awsglue._runtime.engine import get_or_create_session
    from awsglue._sources.catalog import glue_client
    from awsglue._sources.pruning import matching

    pages = glue_client().get_paginator("get_partitions").paginate(**name)
    found = [one for page in pages for one in page["Partitions"]]
    predicate = options.get("partitionPredicate")
    if not predicate or not found:
        return found
    keys = {one["Name"]: ddl(parse_type(one.get("Type") or "string")) for one in table["PartitionKeys"]}
    types = {key.lower(): kind for key, kind in keys.items()}
    rows = [tuple(one["Values"]) for one in found]
    good = matching(get_or_create_session(), rows, list(keys), predicate, types)
    return [one for position, one in enumerate(found) if position in good]


def transition_path(path: str, transition_to: str, options: dict[str, Any]) -> list[str]:
    """Move the old files under the path to another storage class. Raises ValueError."""
    if transition_to not in _STORAGE_CLASSES:
        raise ValueError(f"{transition_to!r} is not a storage class")
    for needed in ("accountId", "roleArn"):
        if not options.get(needed):
            raise ValueError(f"transition needs the option {needed}")
    storage = Storage()
    moved = []
    for entry in _old(storage, path, options):
        scheme, bucket, key = split(entry.path)
        if scheme not in S3_SCHEMES:
            raise ValueError(f"{entry.path} is not on S3: it has no storage class")
        current = _storage_class(storage, entry.path)
        if current in _FROZEN or current == transition_to:
            continue
        storage.s3.copy_object(
            Bucket=bucket,
            Key=key,
            CopySource={"Bucket": bucket, "Key": key},
            StorageClass=transition_to,
            MetadataDirective="COPY",
        )
        moved.append(entry.path)
    _manifest(storage, options, moved, [])
    return moved


def transition_table(
    database: str, table_name: str, transition_to: str, options: dict[str, Any], catalog_id: str | None
) -> None:
    """Move the table's old files to another storage class."""
    from awsglue._sources.catalog import get_table

    table = get_table(database, table_name, catalog_id)
    if not (options.get("partitionPredicate") and table.get("PartitionKeys")):
        transition_path(table["StorageDescriptor"]["Location"], transition_to, options)
        return
    name: dict[str, Any] = {"DatabaseName": database, "TableName": table_name}
    if catalog_id:
        name["CatalogId"] = catalog_id
    moved: list[str] = []
    for one in _partitions(name, table, options):
        moved += transition_path(
            one["StorageDescriptor"]["Location"], transition_to, _without_manifest(options)
        )
    _manifest(Storage(), options, moved, [])

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
    name: dict[str, Any] = {"DatabaseName": database, "TableName": table_name}
    if catalog_id:
        name["CatalogId"] = catalog_id
    if not table.get("PartitionKeys"):
        purge_path(table["StorageDescriptor"]["Location"], options)
        return
    client, storage = glue_client(), Storage()
    given = {"Expression": options["partitionPredicate"]} if options.get("partitionPredicate") else {}
    for page in client.get_paginator("get_partitions").paginate(**name, **given):
        for one in page["Partitions"]:
            location = one["StorageDescriptor"]["Location"]
            if purge_path(location, options) and next(storage.entries(location), None) is None:
                client.delete_partition(**name, PartitionValues=one["Values"])


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

    transition_path(
        get_table(database, table_name, catalog_id)["StorageDescriptor"]["Location"], transition_to, options
    )

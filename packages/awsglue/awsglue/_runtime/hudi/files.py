"""Base files: rows with Hudi's five columns as Parquet, its footer, and what a commit says of each."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from typing import Any

from awsglue._runtime.hudi.lake import META, Slice
from awsglue._runtime.io.storage import Storage, join

MIB = 1 << 20
ROW_GROUP = 1 << 18


@dataclass(frozen=True, kw_only=True)
class NewFile:
    """A base file to be written: all its rows (with the five columns, but for the file's name), and counts."""

    partition: str
    file_id: str
    rows: Any
    former: Slice | None = None
    inserted: int = 0
    updated: int = 0
    deleted: int = 0


def new_id() -> str:
    return f"{uuid.uuid4()}-0"


def write(
    storage: Storage, scratch: str, path: str, instant: str, files: list[NewFile], schema: str, codec: str
) -> list[dict[str, Any]]:
    """Write these files to their places; what the commit says of each (HoodieWriteStat)."""
    staged, stats = [], []
    folder = os.path.join(scratch, f"hudi-{uuid.uuid4().hex}")
    os.makedirs(folder)
    try:
        for number, one in enumerate(files):
            name = f"{one.file_id}_{number}-0-0_{instant}.parquet"
            local = os.path.join(folder, f"{number}.parquet")
            _parquet(local, one.rows, name, schema, codec)
            relative = f"{one.partition}/{name}" if one.partition else name
            stats.append(_stat(one, relative, os.path.getsize(local)))
            staged.append((local, join(path, relative)))
        storage.publish(staged)
    finally:
        import shutil

        shutil.rmtree(folder, ignore_errors=True)
    return stats


def _parquet(local: str, rows: Any, name: str, schema: str, codec: str) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from awsglue._runtime.hudi import bloom

    position = rows.schema.get_field_index(META[4])
    rows = rows.set_column(position, META[4], pa.repeat(pa.scalar(name), rows.num_rows))
    keys = rows.column(META[2])
    ends = pc.min_max(keys).as_py() if rows.num_rows else {"min": None, "max": None}
    footer = {
        "parquet.avro.schema": schema,
        "hoodie_min_record_key": ends["min"] or "",
        "hoodie_max_record_key": ends["max"] or "",
        "hoodie_bloom_filter_type_code": bloom.KIND,
        "org.apache.hudi.bloomfilter": bloom.text(keys),
    }
    bare = rows.schema.with_metadata(None)
    with pq.ParquetWriter(
        local, bare, compression=codec, store_schema=False, coerce_timestamps="us"
    ) as writer:
        writer.write_table(rows.cast(bare), row_group_size=ROW_GROUP)
        writer.add_key_value_metadata(footer)


def _stat(one: NewFile, relative: str, size: int) -> dict[str, Any]:
    former = one.former.name.rsplit("_", 1)[-1].partition(".")[0] if one.former else "null"
    return {
        "fileId": one.file_id,
        "path": relative,
        "cdcStats": None,
        "prevCommit": former,
        "numWrites": one.rows.num_rows,
        "numDeletes": one.deleted,
        "numUpdateWrites": one.updated,
        "numInserts": one.inserted,
        "totalWriteBytes": size,
        "totalWriteErrors": 0,
        "tempPath": None,
        "partitionPath": one.partition,
        "totalLogRecords": 0,
        "totalLogFilesCompacted": 0,
        "totalLogSizeCompacted": 0,
        "totalUpdatedRecordsCompacted": 0,
        "totalLogBlocks": 0,
        "totalCorruptLogBlock": 0,
        "totalRollbackBlocks": 0,
        "fileSizeInBytes": size,
        "minEventTime": None,
        "maxEventTime": None,
        "prevBaseFile": one.former.name if one.former else None,
        "runtimeStats": None,
    }


def partition_note(storage: Storage, path: str, partition: str, instant: str) -> None:
    """`.hoodie_partition_metadata`, by which Hudi knows a folder as a partition."""
    place = join(join(path, partition) if partition else path, ".hoodie_partition_metadata")
    if storage.head(place) is None:
        depth = len(partition.split("/")) if partition else 0
        body = f"#partition metadata\ncommitTime={instant}\npartitionDepth={depth}\n"
        storage.put_new(place, body.encode("ascii"))

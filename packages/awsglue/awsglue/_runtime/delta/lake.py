"""Delta tables by their path: opening a version, its schema, its files as a Scan. Owns nothing."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.io.listing import DataFile, Listing
from awsglue._runtime.io.scan import Scan
from awsglue._runtime.io.storage import encryption, object_store, shown, split

CHANGE_FEED = ("readchangefeed", "readchangedata")
READER_OPTIONS = {"versionasof", "timestampasof", "path", "mergeschema", "ignoredeletes", "ignorechanges"}


def uri(path: str) -> str:
    """The path as the library takes it."""
    scheme, bucket, key = split(path)
    return "/" + key.strip("/") if scheme == "file" else f"s3://{bucket}/{key.strip('/')}"


def storage_options(path: str) -> dict[str, str] | None:
    """How the library reaches the table, and how it encrypts what it writes."""
    if split(path)[0] == "file":
        return None
    # A commit is one object that must not be there yet: S3 itself decides between two writers.
    options = {**object_store(), "aws_conditional_put": "etag"}
    asked = encryption()
    if asked.get("ServerSideEncryption"):
        options["aws_server_side_encryption"] = asked["ServerSideEncryption"]
    if asked.get("SSEKMSKeyId"):
        options["aws_sse_kms_key_id"] = asked["SSEKMSKeyId"]
    return options


def _check_installed() -> None:
    if importlib.util.find_spec("deltalake") is None:
        raise NotImplementedError("Delta tables need the library deltalake (mastic-awsglue[delta])")


def exists(path: str) -> bool:
    """Whether a Delta table is at this path. Raises NotImplementedError without the library, as all here."""
    _check_installed()
    from deltalake import DeltaTable

    return bool(DeltaTable.is_deltatable(uri(path), storage_options(path)))


def open_table(path: str, version: int | None = None) -> Any:
    """The library's table at this path. Raises AnalysisException for a path without one."""
    _check_installed()
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    try:
        return DeltaTable(uri(path), version=version, storage_options=storage_options(path))
    except TableNotFoundError:
        raise not_delta(path) from None
    except DeltaError as error:
        if version is None:
            raise
        raise _no_version(path, version, error) from None


def not_delta(path: str) -> Exception:
    from pyspark.errors import AnalysisException

    return AnalysisException(f"[DELTA_MISSING_DELTA_TABLE] {shown(path)} is not a Delta table.")


def _no_version(path: str, version: int, error: Exception) -> Exception:
    from pyspark.errors import AnalysisException

    versions = [int(entry["version"]) for entry in open_table(path).history()]
    if version in versions:
        return error
    return AnalysisException(
        f"[DELTA_VERSION_NOT_FOUND] Cannot time travel Delta table to version {version}. "
        f"Available versions: [{min(versions)}, {max(versions)}]."
    )


def chosen(path: str, options: dict[str, str]) -> Any:
    """The table in the version that a reader's options name. Raises AnalysisException."""
    from pyspark.errors import AnalysisException

    lower = {key.lower(): value for key, value in options.items()}
    if any(str(lower.get(key, "")).lower() == "true" for key in CHANGE_FEED):
        raise EngineRefused("reading the change data feed of a Delta table")
    if "versionasof" in lower and "timestampasof" in lower:
        raise AnalysisException(
            "[DELTA_ONEOF_IN_TIMETRAVEL] Please either provide 'timestampAsOf' or 'versionAsOf' for time travel."
        )
    if "versionasof" in lower:
        return open_table(path, int(lower["versionasof"]))
    if "timestampasof" in lower:
        return open_table(path, version_at(open_table(path), lower["timestampasof"]))
    return open_table(path)


def version_at(table: Any, text: str) -> int:
    """The last version that was committed at or before this time. Raises AnalysisException outside the history."""
    from pyspark.errors import AnalysisException

    from awsglue._runtime.iceberg.snapshots import milliseconds

    moment = milliseconds(text)
    commits = sorted((int(entry["version"]), int(entry["timestamp"])) for entry in table.history())
    past = [version for version, when in commits if when <= moment]
    if not past:
        raise AnalysisException(
            f"[DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION] The provided timestamp ({text}) is before the earliest "
            f"version available to this table ({_time(commits[0][1])}). Please use a timestamp after it."
        )
    if moment > commits[-1][1]:
        raise AnalysisException(
            f"[DELTA_TIMESTAMP_GREATER_THAN_COMMIT] The provided timestamp ({text}) is after the latest version "
            f"available to this table ({_time(commits[-1][1])}). Please use a timestamp before or at it."
        )
    return past[-1]


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def struct(table: Any) -> Any:
    """StructType of the table: Delta keeps its schema as Spark writes it."""
    from pyspark.sql.types import StructType

    return StructType.fromJson(json.loads(table.schema().to_json()))


def partition_columns(table: Any) -> list[str]:
    return list(table.metadata().partition_columns)


def files(table: Any) -> list[DataFile]:
    """The data files of this version, with their partition values as text."""
    import pyarrow as pa

    from awsglue._runtime.io.partitions import render

    keys = partition_columns(table)
    root = str(table.table_uri).rstrip("/")
    found = []
    for entry in pa.table(table.get_add_actions()).to_pylist():
        values = entry.get("partition") or {}
        pairs = tuple((key, None if values[key] is None else render(values[key])) for key in keys)
        when = datetime.fromtimestamp(entry["modification_time"] / 1000, UTC)
        found.append(
            DataFile(
                path=_absolute(root, entry["path"]), size=entry["size_bytes"], modified=when, partition=pairs
            )
        )
    return found


def _absolute(root: str, path: str) -> str:
    from urllib.parse import unquote

    plain = unquote(path)
    return plain if "://" in plain else f"{root}/{plain}"


def plain(table: Any) -> bool:
    """Whether the data files hold exactly the table's rows, under the table's column names."""
    if table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none":
        return False
    features = table.protocol().reader_features or []
    if "deletionVectors" not in features:
        return True
    return not any(batch.num_rows for batch in table.deletion_vectors())


def scan(services: Any, table: Any) -> Scan:
    """A Scan over this version."""
    from pyspark.sql.types import StructType, TimestampType

    schema = struct(table)
    keys = partition_columns(table)
    if not plain(table):
        return _whole(services, table, schema)
    by_name = {item.name: item for item in schema.fields}
    zoned = {key for key in keys if isinstance(by_name[key].dataType, TimestampType)}
    listing = Listing(
        files=[_instants(file, zoned) for file in files(table)],
        partition_names=keys,
        roots=[str(table.table_uri)],
    )
    made: Scan = services.reading.scan(
        "parquet",
        [],
        {},
        schema,
        services.conf,
        listing=listing,
        partition_schema=StructType([by_name[key] for key in keys]),
    )
    return made


def _instants(file: DataFile, keys: set[str]) -> DataFile:
    """The file with the timestamps of its partition as points in time, which Delta keeps in UTC."""
    if not keys:
        return file
    pairs = ((key, f"{value}+00:00" if value and key in keys else value) for key, value in file.partition)
    return replace(file, partition=tuple(pairs))


def _whole(services: Any, table: Any, schema: Any) -> Scan:
    """Tables with deletion vectors or mapped columns: their rows come from the library."""
    from pyspark.sql.types import StructType

    def read(file: DataFile, wanted: Any) -> Iterator[Any]:
        import pyarrow as pa

        from awsglue._runtime.io.arrow_types import arrow_schema, conform

        target = arrow_schema(wanted)
        for batch in pa.RecordBatchReader.from_stream(table.scan(columns=[item.name for item in target])):
            yield conform(batch, target)

    source = DataFile(path=str(table.table_uri), size=0, modified=datetime.now(UTC))
    return Scan(
        format="delta",
        files=[source],
        data_schema=schema,
        partition_schema=StructType([]),
        read=read,
        scratch=services.scratch,
        roots=[str(table.table_uri)],
    )

"""Hudi tables by their path: opening, the state at an instant, its schema, its rows as a Scan. Owns nothing.

Which files make up the state is the `hudi` library's answer. Files without logs are read as any Parquet files are;
slices with logs (Merge-on-Read) are merged by the library.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.hudi import avro, properties
from awsglue._runtime.hudi.errors import HoodieException, TableNotFoundException
from awsglue._runtime.hudi.properties import TableConfig
from awsglue._runtime.hudi.timeline import Timeline
from awsglue._runtime.io.listing import DataFile, Listing
from awsglue._runtime.io.scan import Scan
from awsglue._runtime.io.storage import Storage, join, object_store, split

META = (
    "_hoodie_commit_time",
    "_hoodie_commit_seqno",
    "_hoodie_record_key",
    "_hoodie_partition_path",
    "_hoodie_file_name",
)
FORMATS = ("hudi", "org.apache.hudi")
_QUERY = "hoodie.datasource.query.type"
_BEGIN = "hoodie.datasource.read.begin.instanttime"
_END = "hoodie.datasource.read.end.instanttime"
# Options that would give other rows, and the one value of each that is served.
_READ_DEFAULTS = {
    "hoodie.datasource.query.incremental.format": "latest_state",
    "hoodie.datasource.merge.type": "payload_combine",
    "hoodie.datasource.read.extract.partition.values.from.path": "false",
    "hoodie.datasource.read.incr.filters": "",
    "hoodie.datasource.read.incr.path.glob": "",
    "hoodie.datasource.read.paths": "",
}


def uri(path: str) -> str:
    """The path as the library takes it."""
    scheme, bucket, key = split(path)
    return f"file://{key}" if scheme == "file" else f"s3://{bucket}/{key.strip('/')}"


def plain(path: str) -> str:
    """The path of a table without slashes and globs at its end (`/*`, `/*/*`), which old scripts give to readers."""
    return re.sub(r"(/\*)+\Z", "", path.rstrip("/")).rstrip("/")


def storage_options(path: str) -> dict[str, str]:
    """How the library reaches the table."""
    return {} if split(path)[0] == "file" else object_store()


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One file of the table's state: the newest of its group, with what has been logged on top."""

    partition: str
    file_id: str
    name: str
    size: int
    logs: tuple[str, ...] = ()
    # As the library knows it.
    known: Any = field(default=None, compare=False, repr=False)

    @property
    def path(self) -> str:
        """The base file, relative to the table; of a slice that is all logs, the first of these."""
        if not self.name:
            return self.logs[0]
        return f"{self.partition}/{self.name}" if self.partition else self.name


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table that is there."""

    path: str
    config: TableConfig
    timeline: Timeline
    storage: Storage

    def schema(self, until: str | None = None) -> Any:
        """StructType of the data columns, as the last commit (at or before `until`) says it."""
        for instant in reversed(self.timeline.completed()):
            if until is not None and instant.time > until:
                continue
            said = (self.timeline.metadata(instant).get("extraMetadata") or {}).get("schema")
            if said:
                found = avro.struct(said)
                return type(found)([item for item in found.fields if item.name not in META])
        created = self.config.get("hoodie.table.create.schema")
        if created:
            found = avro.struct(created)
            return type(found)([item for item in found.fields if item.name not in META])
        return None

    def slices(self, until: str | None = None, *, read_optimized: bool = False) -> list[Slice]:
        """The files that make up the table's state (at an instant)."""
        from hudi import HudiReadOptions

        if until == "0" or not self.timeline.completed():
            return []
        options = HudiReadOptions()
        if until is not None:
            options = options.with_as_of_timestamp(until)
        if read_optimized:
            options = options.with_hudi_option("hoodie.read.use.read_optimized.mode", "true")
        return [
            Slice(
                partition=one.partition_path,
                file_id=one.file_id,
                name=one.base_file_name or "",
                size=one.base_file_size or 0,
                logs=tuple(one.log_files_relative_paths()),
                known=one,
            )
            for one in self._opened().get_file_slices(options)
        ]

    def _opened(self) -> Any:
        from hudi import HudiTableBuilder

        builder = HudiTableBuilder.from_base_uri(uri(self.path))
        return builder.with_storage_options(storage_options(self.path)).build()

    def merged(self, one: Slice, until: str | None = None) -> Any:
        """The rows of a slice with logs (at an instant), as the library merges them: a record batch."""
        from hudi import HudiReadOptions

        options = HudiReadOptions()
        # A log file goes on over several commits: which of its blocks count is told to the reader.
        options = options.with_as_of_timestamp(until) if until else options
        reader = self._opened().create_file_group_reader_with_options(options)
        return reader.read_file_slice(one.known)


def find(storage: Storage, path: str) -> Table | None:
    """The table at this path, or None. Raises NotImplementedError without the library, as all here."""
    if importlib.util.find_spec("hudi") is None:
        raise NotImplementedError("Hudi tables need the library hudi (mastic-awsglue[hudi])")
    path = plain(path)
    config = properties.load(storage, path)
    if config is None:
        return None
    return Table(path=path, config=config, timeline=Timeline(storage, path), storage=storage)


def opened(storage: Storage, path: str) -> Table:
    """The table at this path. Raises TableNotFoundException."""
    table = find(storage, path)
    if table is None:
        raise TableNotFoundException(f"Hoodie table not found in path {join(plain(path), '.hoodie')}")
    return table


def instant_time(text: str) -> str:
    """A point in time as users write it, as the timeline does. Raises HoodieException."""
    text = text.strip()
    if re.fullmatch(r"\d{1,17}", text):
        return text
    for pattern, shown in (
        (r"\d{4}-\d{2}-\d{2}", "%Y-%m-%d"),
        (r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", "%Y-%m-%d %H:%M:%S"),
    ):
        if re.fullmatch(pattern, text):
            return datetime.strptime(text, shown).strftime("%Y%m%d%H%M%S") + "000"
    if re.fullmatch(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{3}", text):
        return re.sub(r"\D", "", text)
    raise HoodieException(
        f"Unsupported query instant time format: {text}, Supported time format are: 'yyyy-MM-dd HH:mm:ss.SSS' or "
        "'yyyy-MM-dd' or 'yyyyMMddHHmmssSSS'"
    )


def frame(services: Any, path: str, options: dict[str, str]) -> Any:
    """A DataFrame over the table at a path, as a reader's options ask for it."""
    if not path:
        raise HoodieException("'path' cannot be null or empty")
    if services.knows("hudi"):
        return services.load("hudi", path, options, None)
    lower = {key.lower(): str(value) for key, value in options.items()}
    table = opened(services.storage, path)
    for name, only in _READ_DEFAULTS.items():
        if lower.get(name, only).strip().lower() != only:
            raise EngineRefused(f"{name}={lower[name]} of a Hudi table")
    kind = lower.get(_QUERY, "snapshot").lower()
    if kind not in ("snapshot", "incremental", "read_optimized"):
        raise HoodieException(f"Invalid query type :{kind}")
    if kind == "incremental":
        return _incremental(services, table, lower)
    until = lower.get("as.of.instant")
    made = scan(
        services,
        table,
        instant_time(until) if until else None,
        read_optimized=kind == "read_optimized",
    )
    return services.frame(made)


def _incremental(services: Any, table: Table, options: dict[str, str]) -> Any:
    """Rows that were written after one commit, up to another, as they are in the latter."""
    from pyspark.sql import functions as fn

    begin = options.get(_BEGIN)
    if begin is None:
        raise HoodieException(f"Specify the begin instant time to pull from using option {_BEGIN}")
    begin = "000" if begin.lower() == "earliest" else instant_time(begin)
    end = options.get(_END)
    until = instant_time(end) if end else None
    whole = services.frame(scan(services, table, until))
    when = fn.col(META[0])
    found = whole.filter(when > fn.lit(begin))
    return found.filter(when <= fn.lit(until)) if until else found


def scan(services: Any, table: Table, until: str | None = None, *, read_optimized: bool = False) -> Scan:
    """A Scan over the table's state (at an instant). Raises EngineRefused for tables whose files lack what we need."""
    from pyspark.sql.types import StringType, StructField, StructType

    if until is not None:
        # The last commit at or before that time; "0" is before all.
        until = max((one.time for one in table.timeline.completed() if one.time <= until), default="0")
    if table.config.version != properties.VERSION:
        raise EngineRefused(
            f"a Hudi table of version {table.config.version}", f"version {properties.VERSION} is read"
        )
    schema = table.schema(until)
    if schema is None:
        raise HoodieException(
            f"Failed to fetch schema from the table {table.path}: it has no commit with one"
        )
    config = table.config
    if not config.meta_fields:
        raise EngineRefused("a Hudi table without meta fields")
    if config.drops_partition_columns:
        raise EngineRefused("a Hudi table whose files lack the partition columns")
    meta = [StructField(name, StringType(), True) for name in META]
    whole = StructType([*meta, *schema.fields])
    slices = table.slices(until, read_optimized=read_optimized)
    if any(one.logs for one in slices):
        return _whole(services, table, whole, slices, until)
    # The time only orders files and answers _metadata; Hudi's names say when a file was written.
    files = [
        DataFile(path=join(table.path, one.path), size=one.size, modified=_written(one.name))
        for one in slices
    ]
    listing = Listing(files=files, partition_names=[], roots=[table.path])
    made: Scan = services.reading.scan(
        "parquet", [], {}, whole, services.conf, listing=listing, partition_schema=StructType([])
    )
    return made


def _written(name: str) -> datetime:
    stamp = name.rsplit("_", 1)[-1].partition(".")[0]
    return datetime.strptime(stamp[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _whole(services: Any, table: Table, schema: Any, slices: list[Slice], until: str | None) -> Scan:
    """Slices with logs: their rows come from the library."""
    from pyspark.sql.types import StructType

    by_path = {join(table.path, one.path): one for one in slices}

    def read(file: DataFile, wanted: Any) -> Iterator[Any]:
        import pyarrow as pa

        from awsglue._runtime.io.arrow_types import arrow_schema, conform

        target = arrow_schema(wanted)
        batch = pa.record_batch(table.merged(by_path[file.path], until))
        columns = [
            batch.column(item.name)
            if item.name in batch.schema.names
            else pa.nulls(batch.num_rows, item.type)
            for item in target
        ]
        yield conform(pa.RecordBatch.from_arrays(columns, names=target.names), target)

    long_ago = datetime.fromtimestamp(0, UTC)
    files = [DataFile(path=path, size=one.size, modified=long_ago) for path, one in by_path.items()]
    return Scan(
        format="hudi",
        files=files,
        data_schema=schema,
        partition_schema=StructType([]),
        read=read,
        scratch=services.scratch,
        roots=[table.path],
    )

"""Frames as files on S3 (or on disk): Glue's file names, partition folders, never overwriting."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from typing import Any

from awsglue import gluetypes as g
from awsglue._frames.body import Encoded
from awsglue._frames.encoding import columns, quote
from awsglue._frames.staging import folder
from awsglue._runtime.io.storage import Storage, join, tidy
from awsglue._runtime.throughput import Amount
from awsglue._sinks.request import SinkRequest
from awsglue._sources.request import truth

_NESTED = (g.StructType, g.ArrayType, g.SetType, g.MapType, g.ChoiceType)
_CODECS = {
    "gzip": "gzip",
    "gz": "gzip",
    "bzip2": "bzip2",
    "bz2": "bzip2",
    "snappy": "snappy",
    "none": "none",
    "uncompressed": "none",
    "zstd": "zstd",
    "lz4": "lz4",
}
_SUFFIXES = {"gzip": ".gz", "bzip2": ".bz2", "zstd": ".zst", "lz4": ".lz4", "snappy": ".snappy"}
FORMATS = ("csv", "json", "parquet", "glueparquet", "orc", "avro")


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written: the files, and the partitions that got any."""

    files: list[str]
    partitions: list[tuple[str, ...]]


def write_files(request: SinkRequest, frame: Encoded, context: Any) -> Written:
    """Write the frame under the option `path`, and bring the catalog up to date if asked to. Raises ValueError."""
    path = request.options.get("path")
    if not path:
        raise ValueError('this sink needs the connection option "path"')
    path = tidy(str(path))
    request = replace(request, options={**request.options, "path": path})
    kind = (request.format or "").lower()
    if kind not in FORMATS:
        raise ValueError(f"format {request.format!r} cannot be written: it is one of {', '.join(FORMATS)}")
    update = truth(request.options.get("enableUpdateCatalog"))
    if update and not (request.database and request.table_name):
        raise ValueError("enableUpdateCatalog needs setCatalogInfo(catalogDatabase, catalogTableName)")
    keys = partition_keys(request.options)
    if not frame.schema.fields:
        # Of a source without new files, say: nothing is known of its records, and there are none.
        return Written(files=[], partitions=[])
    frame = _spelt(frame, keys)
    missing = [key for key in keys if key not in frame.schema.field_map]
    if missing:
        raise ValueError(f"partitionKeys {missing} are not columns of the frame")
    written = _write(path, kind, keys, frame, request)
    if update:
        from awsglue._sinks.catalog_update import update_catalog

        update_catalog(request, frame.schema, keys, kind, written)
    return written


def _spelt(frame: Encoded, keys: list[str]) -> Encoded:
    """The frame with the partition keys' spelling for columns that differ from them in case alone."""
    own = frame.schema.field_map
    like: dict[str, list[str]] = {}
    for name in own:
        like.setdefault(name.lower(), []).append(name)
    found = {key: like.get(key.lower(), []) for key in keys if key not in own}
    renamed = {names[0]: key for key, names in found.items() if len(names) == 1}
    if not renamed:
        return frame
    return frame.select(
        [
            (
                g.Field(renamed.get(field.name, field.name), field.dataType, field.properties),
                quote(field.name),
            )
            for field in frame.schema.fields
        ]
    )


def partition_keys(options: dict[str, Any]) -> list[str]:
    """The option partitionKeys: a list, or its JSON text."""
    import json

    value = options.get("partitionKeys") or []
    return [str(one) for one in (json.loads(value) if isinstance(value, str) else value)]


def _write(path: str, kind: str, keys: list[str], frame: Encoded, request: SinkRequest) -> Written:
    staging = os.path.join(folder(), "out")
    if kind == "avro":
        from awsglue._sinks.avro import write_avro

        records: int | None = write_avro(frame, keys, staging, request.format_options, _codec(request, kind))
    else:
        _by_engine(frame, kind, keys, request, f"file://{staging}")
        records = _records(staging)
    moment = int(time.time() * 1000)
    pairs: list[tuple[str, str]] = []
    partitions: dict[str, None] = {}
    for number, (local, below) in enumerate(_results(staging, kind, request)):
        name = _name(moment, number, kind, local, request)
        pairs.append((local, join(join(path, below), name) if below else join(path, name)))
        if below:
            partitions[below] = None
    from awsglue._runtime.engine import STATE, mark_written

    mark_written()
    size = sum(os.path.getsize(local) for local, _ in pairs)
    Storage().publish(pairs)
    STATE.written.wrote(path, Amount(records=records, bytes=size, files=len(pairs)))
    return Written(
        files=[target for _, target in pairs], partitions=[_values(below, keys) for below in partitions]
    )


def _records(staging: str) -> int | None:
    """How many records the engine has put there; None is not known."""
    from awsglue._runtime import engine, throughput

    known = engine.STATE.written.staged(staging)
    if known is not None or not throughput.wanted() or engine.name() != engine.SPARK or engine.connected():
        return known
    from awsglue._runtime.classic import written

    return written.records(engine.STATE.session, staging)


def _by_engine(frame: Encoded, kind: str, keys: list[str], request: SinkRequest, target: str) -> None:
    from awsglue._sinks import unquoted
    from awsglue._sinks.texts import json_texts, plain_columns

    options = request.format_options
    codec = _codec(request, kind)
    if kind == "json" and any(_has_choice(field.dataType) for field in frame.schema.fields):
        writer = json_texts(frame, keys).write.format("text")
    elif kind == "json":
        writer = frame.df.write.format("json")
    elif kind == "csv":
        writer = _csv(plain_columns(frame).write.format("csv"), options)
    else:
        writer = _typed(frame).df.write.format("parquet" if kind == "glueparquet" else kind)
    if codec:
        writer = writer.option("compression", codec)
    if keys:
        writer = writer.partitionBy(*keys)
    writer.mode("append").save(target)
    if kind == "csv" and str(options.get("quoteChar")) == "-1":
        unquoted.strip(target.removeprefix("file://"), unquoted.mark(options))


def _typed(frame: Encoded) -> Encoded:
    """Without columns that never had a type: a file format has none for them."""
    kept = [
        field for field in frame.schema.fields if not isinstance(field.dataType, g.NullType | g.UnknownType)
    ]
    if len(kept) == len(frame.schema.fields):
        return frame
    items = columns([(field.name, quote(field.name)) for field in kept])
    return Encoded(df=frame.df.selectExpr(*items), schema=g.StructType(kept))


def _has_choice(kind: g.DataType) -> bool:
    if isinstance(kind, g.ChoiceType):
        return True
    if isinstance(kind, g.StructType):
        return any(_has_choice(field.dataType) for field in kind.fields)
    if isinstance(kind, g.ArrayType | g.SetType):
        return _has_choice(kind.elementType)
    return isinstance(kind, g.MapType) and _has_choice(kind.valueType)


def _csv(writer: Any, options: dict[str, Any]) -> Any:
    from awsglue._sinks import unquoted

    quoting = options.get("quoteChar", '"')
    writer = writer.option("header", str(truth(options.get("writeHeader"), True)).lower())
    writer = writer.option("sep", str(options.get("separator", ",")))
    # An engine would trim values that it writes.
    writer = writer.option("ignoreLeadingWhiteSpace", "false").option("ignoreTrailingWhiteSpace", "false")
    if str(quoting) == "-1":
        mark = unquoted.mark(options)
        writer = writer.option("quote", mark).option("escape", mark)
    else:
        writer = writer.option("quote", str(quoting)).option("escape", str(options.get("escaper") or quoting))
    return writer.option("emptyValue", "").option("nullValue", "")


def _codec(request: SinkRequest, kind: str) -> str:
    given = request.format_options.get("compression") or request.options.get("compression")
    if not given:
        return "snappy" if kind in ("parquet", "glueparquet", "orc") else ""
    codec = _CODECS.get(str(given).lower())
    if codec is None:
        raise ValueError(f"compression {given!r} cannot be written")
    return codec


def _results(staging: str, kind: str, request: SinkRequest) -> list[tuple[str, str]]:
    """(file, folder below the root) of every file with records, in path order."""
    header = kind == "csv" and truth(request.format_options.get("writeHeader"), True)
    found = []
    for base, folders, names in os.walk(staging):
        folders.sort()
        for name in sorted(names):
            local = os.path.join(base, name)
            if name.startswith(("_", ".")) or name.endswith(".crc") or not _has_records(local, kind, header):
                continue
            below = os.path.relpath(base, staging)
            found.append((local, "" if below == "." else below))
    return found


def _has_records(local: str, kind: str, header: bool) -> bool:
    if kind in ("parquet", "glueparquet"):
        import pyarrow.parquet as pq

        return pq.ParquetFile(local).metadata.num_rows > 0  # type: ignore[no-any-return]
    if kind == "orc":
        from pyarrow import orc

        return orc.ORCFile(local).nrows > 0  # type: ignore[no-any-return]
    from awsglue._sources.texts import open_bytes

    with open_bytes(Storage(), local, {}) as stream:
        start = stream.read(1 << 20)
    return bool(start) and (not header or start.count(b"\n") > 1)


def _name(moment: int, number: int, kind: str, local: str, request: SinkRequest) -> str:
    """The file's name as Glue gives it."""
    own = truth(request.format_options.get("useGlueParquetWriter"))
    if kind == "glueparquet" or (kind == "parquet" and own):
        codec = _codec(request, kind)
        return f"run-{moment}-part-block-0-r-{number:05d}-{codec}.parquet"
    if kind in ("parquet", "orc"):
        return os.path.basename(local)
    codec = _codec(request, kind)
    return (
        f"run-{moment}-part-r-{number:05d}" + _SUFFIXES.get(codec, "") + (".avro" if kind == "avro" else "")
    )


def _values(below: str, keys: list[str]) -> tuple[str, ...]:
    from awsglue._runtime.io.partitions import unescape

    found = dict(part.split("=", 1) for part in below.split(os.sep))
    return tuple(unescape(found[key]) for key in keys)

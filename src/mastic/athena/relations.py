"""A catalog table as a relation of the engine: its files, its partitions, its format. Owns no state.

Columns come out with the catalog's names and types. Text formats are read as the table's SerDe reads them;
a format or an option that is not known here fails by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from mastic.athena.catalog import Catalog, foreign_format, is_iceberg
from mastic.athena.failures import QueryFailure, not_supported
from mastic.athena.staging import StagedFile, Staging
from mastic.athena.translate import Reference, partition_expression
from mastic.athena.types import hive_to_duckdb, literal, quote
from mastic.context import Context

_SERDES = {
    "ParquetHiveSerDe": "parquet",
    "OpenCSVSerde": "opencsv",
    "LazySimpleSerDe": "text",
    "JsonSerDe": "json",
    "OpenXJsonSerDe": "json",
}
# Compressions that the engine cannot undo; read as they are they would be garbage.
_UNREADABLE = (".bz2", ".snappy", ".lzo", ".lz4", ".deflate", ".xz", ".zip")
# How much of a file is looked through at once.
_SCAN = 4 * 1024 * 1024
_INPUT_FORMATS = {"MapredParquetInputFormat": "parquet"}


@dataclass(kw_only=True)
class Relation:
    """A relation ready to be queried: ``sql`` is a SELECT; ``paths`` are all files that it may open."""

    columns: dict[str, str]
    sql: str = ""
    paths: list[str] = field(default_factory=list)
    arrow: Any = None


@dataclass(frozen=True, kw_only=True)
class _Slice:
    """Files that share partition values."""

    files: tuple[StagedFile, ...]
    values: tuple[str, ...]


def columns_of(table: dict[str, Any]) -> dict[str, str]:
    """Column name → DuckDB type, partition keys last."""
    listed = [*(table.get("StorageDescriptor") or {}).get("Columns", ()), *table.get("PartitionKeys", ())]
    return {c["Name"].lower(): hive_to_duckdb(c.get("Type") or "string") for c in listed}


def relation(
    context: Context, catalog: Catalog, staging: Staging, table: dict[str, Any], reference: Reference
) -> Relation:
    """Stage a table for one mention of it in a query."""
    if is_iceberg(table):
        from mastic.athena.iceberg import iceberg_relation

        return iceberg_relation(staging, table, reference)
    foreign = foreign_format(table)
    if foreign:
        raise not_supported(f"reading {foreign} tables (jobs read and write them)")
    slices = list(_slices(context, catalog, staging, table, reference))
    columns = columns_of(table)
    files = [f for s in slices for f in s.files]
    if not files:
        empty = ", ".join(f"CAST(NULL AS {t}) AS {quote(c)}" for c, t in columns.items())
        return Relation(columns=columns, sql=f"SELECT {empty} WHERE false")
    keys = [k["Name"].lower() for k in table.get("PartitionKeys", ())]
    data = {c: t for c, t in columns.items() if c not in keys}
    reader = _reader(table, data, [str(f.path) for f in files])
    kept = ", ".join(f"d.{quote(c)}" for c in data)
    values = ", ".join(
        f"({', '.join(literal(v) for v in (str(f.path), f.url, *s.values))})" for s in slices for f in s.files
    )
    names = ", ".join(quote(n) for n in ("__path", "$path", *keys))
    typed = ", ".join(_partition_value(k, columns[k]) for k in keys)
    sql = (
        f"SELECT {', '.join(p for p in (kept, typed) if p)} FROM ({reader}) d "
        f"JOIN (VALUES {values}) p({names}) ON d.filename = p.__path"
    )
    return Relation(columns=columns, sql=sql, paths=[str(f.path) for f in files])


def _partition_value(key: str, kind: str) -> str:
    column = f"p.{quote(key)}"
    return f"CAST(NULLIF({column}, '__HIVE_DEFAULT_PARTITION__') AS {kind}) AS {quote(key)}"


def _slices(
    context: Context, catalog: Catalog, staging: Staging, table: dict[str, Any], reference: Reference
) -> Iterable[_Slice]:
    descriptor = table.get("StorageDescriptor") or {}
    keys = {k["Name"].lower(): k.get("Type") or "string" for k in table.get("PartitionKeys", ())}
    if not keys:
        yield _Slice(files=tuple(_files(staging, descriptor.get("Location") or "")), values=())
        return
    parameters = table.get("Parameters") or {}
    if str(parameters.get("projection.enabled", "")).lower() == "true":
        raise not_supported("partition projection")
    expression = partition_expression(reference.predicates, keys)
    for partition in catalog.partitions(context, table["DatabaseName"], table["Name"], expression):
        location = (partition.get("StorageDescriptor") or {}).get("Location") or ""
        yield _Slice(files=tuple(_files(staging, location)), values=tuple(partition["Values"]))


def _files(staging: Staging, location: str) -> Iterable[StagedFile]:
    if not location:
        raise QueryFailure("HIVE_METASTORE_ERROR: the table has no location")
    bucket = location.split("://", 1)[-1].split("/", 1)[0]
    for info in staging.list(location):
        if info.key.lower().endswith(_UNREADABLE):
            raise not_supported(f"reading {info.key.rpartition('.')[2]} files (s3://{bucket}/{info.key})")
        yield staging.stage(bucket, info.key, info.size)


# -- formats ---------------------------------------------------------------------------------------


def _reader(table: dict[str, Any], columns: dict[str, str], paths: list[str]) -> str:
    descriptor = table.get("StorageDescriptor") or {}
    serde = descriptor.get("SerdeInfo") or {}
    library = (serde.get("SerializationLibrary") or "").rsplit(".", 1)[-1]
    input_format = (descriptor.get("InputFormat") or "").rsplit(".", 1)[-1]
    kind = _SERDES.get(library) or _INPUT_FORMATS.get(input_format)
    if kind is None and not library and (table.get("Parameters") or {}).get("classification") == "parquet":
        kind = "parquet"
    if kind is None:
        raise not_supported(f"reading tables of SerDe {serde.get('SerializationLibrary') or '(none)'}")
    options = {**(serde.get("Parameters") or {}), **(table.get("Parameters") or {})}
    files = "[" + ", ".join(literal(p) for p in paths) + "]"
    return _READERS[kind](files, columns, {k.lower(): str(v) for k, v in options.items()}, paths)


def _parquet(files: str, columns: dict[str, str], options: dict[str, str], paths: list[str]) -> str:
    # By name, in any letter case; a column that a file lacks is NULL in it.
    picked = ", ".join(f"CAST({quote(c)} AS {t}) AS {quote(c)}" for c, t in columns.items())
    nulls = ", ".join(f"NULL::{t} AS {quote(c)}" for c, t in columns.items())
    padding = f"SELECT {nulls}, NULL::VARCHAR AS filename WHERE false"
    return (
        f"SELECT {picked}, filename FROM ({padding} UNION ALL BY NAME "
        f"SELECT * FROM read_parquet({files}, filename=true, union_by_name=true, hive_partitioning=false))"
    )


def _without(paths: list[str], escape: str, refusal: str) -> None:
    """Raise QueryFailure when a file has escape characters. Where none occurs, escapes make no difference."""
    import pyarrow as pa

    wanted = escape.encode()
    for path in paths:
        with pa.input_stream(path, compression="detect") as stream:
            while chunk := stream.read(_SCAN):
                if wanted in chunk:
                    raise not_supported(refusal)


def _opencsv(files: str, columns: dict[str, str], options: dict[str, str], paths: list[str]) -> str:
    separator = options.get("separatorchar", ",")
    quoting = options.get("quotechar", '"')
    escape = options.get("escapechar", "\\")
    if escape != quoting:
        # OpenCSV understands both a doubled and an escaped quote, and drops an escape that stands alone; the engine
        # does one of these only.
        _without(
            paths,
            escape,
            f"reading OpenCSVSerde files in which the escapeChar {escape!r} occurs (an escapeChar equal to "
            "the quoteChar turns escapes off)",
        )
    return _csv(files, columns, options, separator=separator, quoting=quoting, escape=quoting, null=None)


def _text(files: str, columns: dict[str, str], options: dict[str, str], paths: list[str]) -> str:
    if escape := options.get("escape.delim"):
        character = chr(int(escape)) if escape.isdecimal() and int(escape) < 128 else escape[0]
        _without(paths, character, f"delimited text in which the escape.delim {character!r} occurs")
    if _unescape(options.get("line.delim", "\n")) not in ("\n", "10"):
        raise not_supported(f"delimited text with the line.delim {options['line.delim']!r}")
    separator = (
        options.get("field.delim")
        or options.get("separatorchar")
        or options.get("serialization.format")
        or "\x01"
    )
    if separator == "1":
        separator = "\x01"
    if any(t.endswith("]") or t.startswith(("MAP(", "STRUCT(")) for t in columns.values()):
        raise not_supported("nested columns in delimited text")
    null = options.get("serialization.null.format", "\\N")
    return _csv(files, columns, options, separator=_unescape(separator), quoting="", escape="", null=null)


def _csv(
    files: str,
    columns: dict[str, str],
    options: dict[str, str],
    *,
    separator: str,
    quoting: str,
    escape: str,
    null: str | None,
) -> str:
    texts = ", ".join(f"{literal(c)}: 'VARCHAR'" for c in columns)
    if int(options.get("skip.footer.line.count", "0") or 0):
        raise not_supported("skip.footer.line.count")
    encoding = options.get("serialization.encoding", "utf-8")
    if encoding.lower().replace("-", "") not in ("utf8", "usascii"):
        raise not_supported(f"the serialization.encoding {encoding}")
    skip = int(options.get("skip.header.line.count", "0") or 0)
    nulls = f", nullstr={literal(null)}" if null else ", nullstr='\x00\x00'"
    read = (
        f"read_csv({files}, header=false, auto_detect=false, columns={{{texts}}}, delim={literal(separator)}, "
        f"quote={literal(quoting)}, escape={literal(escape)}, skip={skip}, null_padding=true, strict_mode=false, "
        f"filename=true, parallel=false, hive_partitioning=false, max_line_size=33554432{nulls})"
    )
    picked = ", ".join(_csv_value(c, t, null) for c, t in columns.items())
    return f"SELECT {picked}, filename FROM {read}"


def _csv_value(column: str, kind: str, null: str | None) -> str:
    name = quote(column)
    if kind == "VARCHAR":
        return f"{name} AS {name}" if null else f"coalesce({name}, '') AS {name}"
    if null is None:
        # OpenCSVSerde casts what is there and fails on what is not a value of the type.
        return f"CAST(NULLIF(trim({name}), '') AS {kind}) AS {name}"
    # LazySimpleSerDe makes NULL of what does not parse.
    return f"TRY_CAST({name} AS {kind}) AS {name}"


def _json(files: str, columns: dict[str, str], options: dict[str, str], paths: list[str]) -> str:
    if any(k.startswith("mapping.") for k in options):
        raise not_supported("the JSON SerDe's mapping.* properties")
    fields = ", ".join(f"{literal(c)}: {literal(t)}" for c, t in columns.items())
    ignore = "true" if options.get("ignore.malformed.json", "").lower() == "true" else "false"
    read = (
        f"read_json({files}, columns={{{fields}}}, format='newline_delimited', filename=true, "
        f"ignore_errors={ignore}, hive_partitioning=false, maximum_object_size=33554432)"
    )
    return f"SELECT {', '.join(quote(c) for c in columns)}, filename FROM {read}"


_READERS = {"parquet": _parquet, "opencsv": _opencsv, "text": _text, "json": _json}


def _unescape(text: str) -> str:
    return text.encode().decode("unicode_escape") if text.startswith("\\") else text


def partition_path(keys: list[str], values: list[str]) -> str:
    """``k=v/k2=v2`` as SHOW PARTITIONS prints it."""
    return "/".join(f"{k}={v}" for k, v in zip(keys, values, strict=True))


def parse_partition_path(relative: str, keys: list[str]) -> list[str] | None:
    """The values in a Hive-style folder path, or None when the folders are not the keys'."""
    parts = relative.strip("/").split("/")[: len(keys)]
    if len(parts) < len(keys):
        return None
    values = []
    for part, key in zip(parts, keys, strict=True):
        name, separator, value = part.partition("=")
        if not separator or name != key:
            return None
        values.append(unquote(value))
    return values

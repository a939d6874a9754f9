"""A Scan as a relation of the engine: read natively from an explicit file list, or from our spool."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Any

from awsglue._runtime.client import plans, vanishing
from awsglue._runtime.io.partitions import render
from awsglue._runtime.io.scan import HIDDEN, Scan, hidden_fields, hidden_values
from awsglue._runtime.io.storage import split
from awsglue._runtime.io.tablescan import TableScan
from awsglue._runtime.sail.needed import columns_of

# Above this many branches a union costs more to plan than a spool costs to write.
BRANCHES = 64


def schema_relation(scan: Scan, *, hidden: bool) -> Any:
    """The scan's schema without its rows: all that analysis needs."""
    from pyspark.sql.types import StructField, StructType

    from awsglue._runtime.io.arrow_types import spark_type

    extra = (
        [StructField(item.name, spark_type(item.type), False) for item in hidden_fields()] if hidden else []
    )
    return plans.empty_relation(StructType([*scan.schema.fields, *extra]))


def relation(scan: Scan, *, hidden: bool, needed: frozenset[str] | None = None) -> Any:
    """The scan's rows. `needed` are the lower-case names of all columns that the plan above can mean; None is any."""
    if not scan.files or not scan.schema.fields:
        return schema_relation(scan, hidden=hidden)
    native = scan.readable_natively()
    if native:
        vanishing.refuse_gone(scan)
    if native or not scan.kept:
        vanishing.refuse_missing(scan)
    groups = _groups(scan, hidden) if native else []
    if native and len(groups) <= BRANCHES:
        return plans.union([_native(scan, files, hidden) for files in groups])
    names = [item.name for item in scan.schema.fields]
    needed = columns_of(needed)
    if needed is not None:
        # Rows must be counted even where no column is meant.
        names = [name for name in names if name.lower() in needed] or names[:1]
    spooled = plans.parquet_relation([scan.spool(hidden=hidden, names=tuple(names))])
    names += list(HIDDEN) if hidden else []
    return plans.project(spooled, [plans.attribute(name) for name in names])


def table_relation(scan: TableScan, needed: frozenset[str] | None, condition: Any) -> Any:
    """The rows of a database that a plan may mean, of what it needs of them."""
    from awsglue._sources.pushdown import Asked, renamed

    spelt = {item.name.lower(): item.name for item in scan.schema.fields}
    known = renamed(condition, spelt)
    part = scan.part(needed, None if known is None else Asked(known, scan.utc()))
    fields = [item for item in scan.schema.fields if item.name in part.names]
    if part.rows is None:
        from pyspark.sql.types import StructType

        return plans.empty_relation(StructType(fields))
    places = {name: plans.attribute(f"c{at}") for at, name in enumerate(part.names)}
    shown = [plans.aliased(places[item.name], item.name) for item in fields]
    return plans.project(relation(part.rows, hidden=False), shown)


def _groups(scan: Scan, hidden: bool) -> list[list[Any]]:
    """Files that can be read in one piece: of the same partition; each alone when its name is asked for."""
    if hidden:
        return [[file] for file in scan.files]
    ordered = sorted(
        scan.files, key=lambda file: [(value is None, value or "") for _, value in file.partition]
    )
    return [list(files) for _, files in groupby(ordered, key=lambda file: file.partition)]


def _native(scan: Scan, files: list[Any], hidden: bool) -> Any:
    constants = scan.constants(files[0])
    schema = scan.file_schema
    read = plans.parquet_relation([_address(file.path) for file in files], schema)
    expressions = []
    for item in scan.schema.fields:
        key = item.name.lower()
        if key in constants:
            value = constants[key]
            literal = plans.text_literal(_text(value), item.dataType.simpleString())
            expressions.append(plans.aliased(literal, item.name))
        else:
            expressions.append(plans.attribute(item.name))
    if hidden:
        from awsglue._runtime.io.arrow_types import spark_type

        for item, value in zip(hidden_fields(), hidden_values(files[0]), strict=True):
            text = value.strftime("%Y-%m-%d %H:%M:%S.%f") if hasattr(value, "strftime") else str(value)
            literal = plans.text_literal(text, spark_type(item.type).simpleString())
            expressions.append(plans.aliased(literal, item.name))
    return plans.project(read, expressions)


def _text(value: Any) -> str | None:
    """A partition's value as text to be cast: a time of the session's zone, or one that says its own."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.isoformat(sep=" ")
    return None if value is None else render(value) or ""


def _address(path: str) -> str:
    """The path as the engine opens it: a URL, of which it decodes the escapes."""
    from urllib.parse import quote

    scheme, bucket, key = split(path)
    escaped = quote(key, safe="/=:+,@!$&'();~-._")
    return f"file://{escaped}" if scheme == "file" else f"s3://{bucket}/{escaped}"

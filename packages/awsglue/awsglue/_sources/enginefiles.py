"""CSV, Parquet and ORC files, read by the engine; files whose columns differ are read apart and merged."""

from __future__ import annotations

import csv
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from awsglue import gluetypes as g
from awsglue._frames.body import Encoded
from awsglue._frames.encoding import columns, quote
from awsglue._runtime.io.storage import Storage, shown
from awsglue._sources.listing import SourceFile
from awsglue._sources.request import truth
from awsglue._sources.texts import lines

THREADS = 16
SAMPLE_LINES = 100
_PLACE = "glue_place"


def grouped(files: list[SourceFile], key: Callable[[SourceFile], Any]) -> list[tuple[Any, list[SourceFile]]]:
    """Files with the same key together, keys found by several threads."""
    with ThreadPoolExecutor(THREADS) as pool:
        keys = list(pool.map(key, files))
    groups: dict[Any, list[SourceFile]] = {}
    for one, found in zip(files, keys, strict=True):
        groups.setdefault((found, one.root, tuple(name for name, _ in one.partition)), []).append(one)
    return [(found, group) for (found, _, _), group in groups.items()]


def read_csv(
    spark: Any,
    storage: Storage,
    files: list[SourceFile],
    options: dict[str, Any],
    names: list[str] | None = None,
) -> Encoded:
    """All values as text. Names come from each file's header, from `names` (a catalog table), or are col0, col1, …"""
    header = truth(options.get("withHeader"))
    skip = header or truth(options.get("skipFirst"))
    dialect = Dialect(options)
    reader = _csv_options(spark.read.format("csv"), options, dialect).option("header", str(skip).lower())

    def columns_of(one: SourceFile) -> tuple[str, ...]:
        return column_names(storage, one, options, dialect, names)

    parts = []
    for found, group in grouped(files, columns_of):
        if found:
            parts.append(_read_group(spark, reader, group, list(found)))
            parts[-1] = _empty_texts(parts[-1], {name for name, _ in group[0].partition})
    return merge_all(spark, parts)


def column_names(
    storage: Storage, one: SourceFile, options: dict[str, Any], dialect: Dialect, names: list[str] | None
) -> tuple[str, ...]:
    """The columns of a CSV file: a catalog table's `names`, its header's, or col0, col1, …"""
    if names is not None:
        return tuple(names)
    header = truth(options.get("withHeader"))
    found = _first_rows(storage, one.path, options, dialect, 1 if header else SAMPLE_LINES)
    if header:
        return unique(found[0]) if found else ()
    return tuple(f"col{index}" for index in range(max((len(row) for row in found), default=0)))


class Dialect:
    """How Glue's CSV options say that fields are told apart."""

    def __init__(self, options: dict[str, Any]) -> None:
        separator = str(options.get("separator", ","))
        self.separator = "\t" if separator == "\\t" else separator
        given = options.get("quoteChar", '"')
        self.quote = None if str(given) == "-1" else str(given)
        self.escape = str(options["escaper"]) if options.get("escaper") else None
        self.multi_line = truth(options.get("multiLine", options.get("multiline")))

    def rows(self, texts: list[str]) -> list[list[str]]:
        """Fields of some lines."""
        return list(
            csv.reader(
                texts,
                delimiter=self.separator[:1] or ",",
                quotechar=self.quote,
                escapechar=self.escape,
                quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            )
        )


def _first_rows(
    storage: Storage, path: str, options: dict[str, Any], dialect: Dialect, count: int
) -> list[list[str]]:
    texts: list[str] = []
    for text in lines(storage, path, options):
        if text.strip():
            texts.append(text)
        if len(texts) == count:
            break
    return dialect.rows(texts)


def unique(names: list[str]) -> tuple[str, ...]:
    """Header names that can be columns: none empty, none twice."""
    seen: dict[str, int] = {}
    made = []
    for index, raw in enumerate(names):
        name = raw or f"col{index}"
        count = seen.get(name.lower(), 0)
        seen[name.lower()] = count + 1
        made.append(name if not count else f"{name}_{count}")
    return tuple(made)


def _csv_options(reader: Any, options: dict[str, Any], dialect: Dialect) -> Any:
    reader = (
        reader.option("sep", dialect.separator).option("enforceSchema", "true").option("mode", "PERMISSIVE")
    )
    reader = reader.option("quote", dialect.quote or "")
    # Without an escaper a quote within quotes is doubled.
    reader = reader.option("escape", dialect.escape or dialect.quote or "\u0000")
    if dialect.multi_line:
        reader = reader.option("multiLine", "true")
    if options.get("encoding"):
        reader = reader.option("encoding", str(options["encoding"]))
    return reader


def _read_group(spark: Any, reader: Any, group: list[SourceFile], names: list[str]) -> Encoded:
    from pyspark.sql.types import StringType, StructField, StructType

    partition = [name for name, _ in group[0].partition]
    fields = [
        StructField(name, StringType(), True)
        for name in [*names, *(one for one in partition if one not in names)]
    ]
    paths = [one.path for one in group]
    if partition and not group[0].root:
        own = StructType([field for field in fields if field.name not in partition])
        df = _with_values(spark, reader.schema(own).load(paths), group)
        df = df.selectExpr(*(quote(field.name) for field in fields))
    else:
        if partition:
            reader = reader.option("basePath", group[0].root)
        df = reader.schema(StructType(fields)).load(paths)
    schema = g.StructType([g.Field(field.name, g.StringType()) for field in fields])
    return Encoded(df=df, schema=schema)


def _empty_texts(part: Encoded, folders: set[str]) -> Encoded:
    """An empty field is an empty string, not a null; the value of a folder may be one."""
    items = [
        (field.name, quote(field.name) if field.name in folders else f"coalesce({quote(field.name)}, '')")
        for field in part.schema.fields
    ]
    return Encoded(df=part.df.selectExpr(*columns(items)), schema=part.schema)


def read_parquet(spark: Any, storage: Storage, files: list[SourceFile], options: dict[str, Any]) -> Encoded:
    """Parquet files under the merge of their schemas."""
    import pyarrow.parquet as pq

    def schema_of(one: SourceFile) -> str:
        with storage.open_arrow(one.path) as file:
            return pq.read_schema(file).remove_metadata().to_string(show_field_metadata=False)  # type: ignore[no-any-return]

    return _columnar(spark, "parquet", grouped(files, schema_of))


def read_orc(spark: Any, storage: Storage, files: list[SourceFile], options: dict[str, Any]) -> Encoded:
    """ORC files."""
    return _columnar(spark, "orc", grouped(files, lambda one: ""))


def _columnar(spark: Any, format: str, groups: list[tuple[Any, list[SourceFile]]]) -> Encoded:
    from pyspark.sql.types import StringType, StructField, StructType

    parts = []
    for _, group in groups:
        paths = [one.path for one in group]
        partition = [name for name, _ in group[0].partition]
        reader = spark.read.format(format)
        if partition and group[0].root:
            reader = reader.option("basePath", group[0].root)
        df = reader.load(paths)
        if partition and not group[0].root:
            own = [field.name for field in df.schema.fields if field.name not in partition]
            df = _with_values(spark, df.selectExpr(*map(quote, own)), group)
        elif partition:
            # Folder names are text; Spark would guess numbers and dates.
            own = [field for field in df.schema.fields if field.name not in partition]
            texts = [StructField(name, StringType(), True) for name in partition]
            df = (
                spark.read.format(format)
                .option("basePath", group[0].root)
                .schema(StructType([*own, *texts]))
                .load(paths)
            )
        parts.append(Encoded.of(df))
    return merge_all(spark, parts)


def _with_values(spark: Any, df: Any, group: list[SourceFile]) -> Any:
    """The rows of a group's files with the catalog's partition values, which the names of its folders do not tell."""
    from pyspark.sql import functions as fn
    from pyspark.sql.types import StringType, StructField, StructType

    names = [name for name, _ in group[0].partition]
    if len({one.partition for one in group}) == 1:
        values = [fn.lit(value).cast("string").alias(name) for name, value in group[0].partition]
        return df.select("*", *values)
    schema = StructType([StructField(name, StringType(), True) for name in (_PLACE, *names)])
    rows = [(shown(one.path), *(value for _, value in one.partition)) for one in group]
    known = fn.broadcast(spark.createDataFrame(rows, schema))
    placed = df.withColumn(_PLACE, fn.input_file_name()).join(known, _PLACE, "left")
    return placed.selectExpr(*map(quote, [*df.columns, *names]))


def merge_all(spark: Any, parts: list[Encoded]) -> Encoded:
    """Several frames as one, under their merged schema."""
    from awsglue._sources.staged import empty

    if not parts:
        return empty(spark, g.StructType())
    schema: g.DataType = g.StructType()
    for part in parts:
        schema = g.mergeDataTypes(schema, part.schema)
    assert isinstance(schema, g.StructType)
    result = parts[0].widened(schema)
    for part in parts[1:]:
        result = Encoded(df=result.df.union(part.widened(schema).df), schema=schema)
    return result

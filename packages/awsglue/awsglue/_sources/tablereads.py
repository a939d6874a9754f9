"""Reads of database tables that the embedded engine asks for: the columns and the rows that an action may mean.

What a database will not judge, or not in this form, is read whole. Owns no state: the scan keeps what has been read.
"""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from awsglue import gluetypes as g
from awsglue._frames.encoding import to_spark
from awsglue._sources.databases import BINARY_CHARSET, Database
from awsglue._sources.jdbc import Slice, stage
from awsglue._sources.pushdown import MOST_DIGITS, Asked, Rendering

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_POSTGRES = {
    "int2": "int",
    "int4": "int",
    "int8": "long",
    "float8": "double",
    "bool": "boolean",
    "text": "text",
    "varchar": "text",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamptz",
}


def planned(own: Database, slices: list[Slice], schema: g.StructType, spark: Any) -> DataFrame:
    """A DataFrame whose rows are read by the actions on it."""
    from pyspark.sql.types import StructField, StructType

    from awsglue._runtime.io.datetimes import zone
    from awsglue._runtime.io.tablescan import TableScan

    services = spark._mastic
    struct = StructType([StructField(one.name, to_spark(one.dataType), True) for one in schema.fields])
    fields = {one.name: one for one in schema.fields}

    def fetch(names: tuple[str, ...], asked: Asked | None) -> Any:
        chosen = g.StructType([fields[name] for name in names])
        narrow = _narrowed(own, slices, names, asked, every=len(names) == len(fields))
        target, total = _staged(own, slices, schema, chosen, narrow)
        if not total:
            return None
        staged = StructType(
            [StructField(f"c{at}", to_spark(one.dataType), True) for at, one in enumerate(chosen.fields)]
        )
        return services.reading.scan("parquet", [f"file://{target}"], {}, staged, services.conf)

    scan = TableScan(
        format="jdbc",
        files=[],
        data_schema=struct,
        partition_schema=StructType([]),
        read=lambda file, wanted: iter(()),
        scratch=services.scratch,
        fetch=fetch,
        utc=lambda: zone(services.conf.get("spark.sql.session.timeZone", "UTC")) is dt.UTC,
    )
    return services.frame(scan)  # type: ignore[no-any-return]


def _staged(
    own: Database, slices: list[Slice], schema: g.StructType, chosen: g.StructType, narrow: Any
) -> tuple[str, int]:
    if narrow is not None:
        try:
            return stage(own, narrow, chosen)
        except Exception as error:  # noqa: BLE001 (each driver has exceptions of its own)
            # If it is the database's fault and not the question's, the plain question fails as well, and says why.
            sys.stderr.write(f"The table is read whole, for {own.vendor} refused to choose: {error}\n")
    target, total = stage(own, slices, schema)
    return (
        (_only(target, schema, chosen), total) if len(chosen.fields) < len(schema.fields) else (target, total)
    )


def _only(target: str, schema: g.StructType, chosen: g.StructType) -> str:
    """The staged files with the chosen columns alone, in a folder of their own."""
    import os

    import pyarrow as pa
    import pyarrow.parquet as pq

    from awsglue._frames.staging import folder

    places = {field.name: f"c{at}" for at, field in enumerate(schema.fields)}
    wanted = [places[field.name] for field in chosen.fields]
    made = folder()
    for name in os.listdir(target):
        with pq.ParquetFile(os.path.join(target, name)) as source:
            chosen_schema = pa.schema(
                [source.schema_arrow.field(one).with_name(f"c{at}") for at, one in enumerate(wanted)]
            )
            with pq.ParquetWriter(os.path.join(made, name), chosen_schema) as writer:
                for batch in source.iter_batches(columns=wanted):
                    kept = batch.select(wanted).columns
                    writer.write_batch(pa.RecordBatch.from_arrays(kept, schema=chosen_schema))
    return made


def _narrowed(
    own: Database, slices: list[Slice], names: tuple[str, ...], asked: Asked | None, *, every: bool
) -> list[Slice] | None:
    """The queries with these columns (all of them: `every`) and this condition; None where nothing is left out."""
    condition, values = _condition(own, slices[0], asked) if asked is not None else ("", ())
    if every and not condition:
        return None
    columns = ", ".join(own.quote(name) for name in names)
    made = []
    for one in slices:
        # A query without parameters is sent as it is; with them, the driver looks for its own marks.
        query = one.query.replace("%", "%%") if values and not one.parameters else one.query
        text = f"select {columns} from ({query}) glue_rows" + (f" where {condition}" if condition else "")
        made.append(replace(one, query=text, parameters=(*one.parameters, *values)))
    return made


def _condition(own: Database, sample: Slice, asked: Asked) -> tuple[str, tuple[Any, ...]]:
    """(SQL, values) of what the database may judge of a condition."""
    rendering = Rendering(own.quote, _kinds(own, sample), utc=asked.utc)
    text = rendering.sql(asked.condition)
    return (text, tuple(rendering.values)) if text else ("", ())


def _kinds(own: Database, sample: Slice) -> dict[str, str]:
    """The columns whose comparisons are known to be Spark's, by lower-case name; none for other vendors."""
    if own.vendor not in ("postgresql", "redshift", "mysql"):
        return {}
    with own.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"select * from ({sample.query}) glue_source limit 0", sample.parameters or None)
        if own.vendor == "mysql":
            found = {
                column[0]: _of_mysql(column, field.flags, field.charsetnr)
                for column, field in zip(cursor.description, cursor._result.fields, strict=True)
            }
        else:
            found = {column.name: _of_postgres(connection, column) for column in cursor.description}
    return {name.lower(): kind for name, kind in found.items() if kind}


def _of_postgres(connection: Any, column: Any) -> str:
    info = connection.adapters.types.get(column.type_code)
    name = info.name if info else ""
    if name == "numeric":
        return "decimal" if column.precision is not None and column.precision <= MOST_DIGITS else ""
    return _POSTGRES.get(name, "")


def _of_mysql(column: Any, flags: int, charset: int) -> str:
    """Not what the driver gives with fewer digits (floating numbers) or as something else (bits, years)."""
    from pymysql.constants import FIELD_TYPE as F
    from pymysql.constants import FLAG

    code, length = column[1], column[3]
    if code in (F.DECIMAL, F.NEWDECIMAL):
        return "decimal" if int(column[4] or length or 38) <= MOST_DIGITS else ""
    if code in (F.SHORT, F.INT24) or (code == F.TINY and length != 1):
        return "int"
    if code in (F.LONG, F.LONGLONG):
        return "int" if code == F.LONG and not flags & FLAG.UNSIGNED else "long"
    if code in (F.VAR_STRING, F.STRING, F.BLOB, F.TINY_BLOB, F.MEDIUM_BLOB, F.LONG_BLOB):
        return "text" if charset != BINARY_CHARSET else ""
    return {F.DATE: "date", F.DATETIME: "timestamp", F.TIMESTAMP: "timestamp"}.get(code, "")

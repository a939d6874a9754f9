"""Frames into Snowflake tables, with the actions around them."""

from __future__ import annotations

from typing import Any

from awsglue._frames.body import Encoded
from awsglue._frames.encoding import to_spark
from awsglue._sinks.request import SinkRequest
from awsglue._sinks.texts import plain_columns
from awsglue._sources.outside import needed, settings
from awsglue._sources.snowflake import connect, identifier

BATCH = 10_000


def write_snowflake(request: SinkRequest, frame: Encoded) -> None:
    """Append the rows; the table is made when it is not there. Raises ValueError."""
    from awsglue._runtime.engine import mark_written

    options = settings(request.options)
    table = identifier(needed("snowflake", options, "dbtable"))
    names = [field.name for field in frame.schema.fields]
    columns = ", ".join(f"{_quoted(field.name)} {_type(field.dataType)}" for field in frame.schema.fields)
    mark_written()
    with connect(options) as connection, connection.cursor() as cursor:
        _run(cursor, options.get("preactions"))
        cursor.execute(f"create table if not exists {table} ({columns})")
        marks = ", ".join(["%s"] * len(names))
        statement = f"insert into {table} ({', '.join(map(_quoted, names))}) values ({marks})"
        held: list[Any] = []
        for row in plain_columns(frame, bytes_as_text=False).toLocalIterator():
            held.append(tuple(bytes(value) if isinstance(value, bytearray) else value for value in row))
            if len(held) >= BATCH:
                cursor.executemany(statement, held)
                held = []
        if held:
            cursor.executemany(statement, held)
        _run(cursor, options.get("postactions"))
        connection.commit()


def _quoted(name: str) -> str:
    """As Snowflake folds names without quotes."""
    return '"' + name.upper().replace('"', '""') + '"'


def _run(cursor: Any, actions: Any) -> None:
    for statement in str(actions or "").split(";"):
        if statement.strip():
            cursor.execute(statement)


def _type(kind: Any) -> str:
    from pyspark.sql import types as t

    spark = to_spark(kind)
    if isinstance(spark, t.DecimalType):
        return f"number({spark.precision},{spark.scale})"
    return {
        "tinyint": "number(3)",
        "smallint": "number(5)",
        "int": "number(10)",
        "bigint": "number(19)",
        "float": "float",
        "double": "float",
        "boolean": "boolean",
        "binary": "binary",
        "date": "date",
        "timestamp": "timestamp_ntz",
        "timestamp_ntz": "timestamp_ntz",
    }.get(spark.simpleString(), "varchar")

"""Frames into database tables: appended in one transaction, with the actions around it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from awsglue import gluetypes as g
from awsglue._frames.body import Encoded
from awsglue._sinks.request import SinkRequest
from awsglue._sinks.texts import plain_columns
from awsglue._sources.connections import resolve
from awsglue._sources.databases import Database, database, quoted

BULK = 1000


def write_jdbc(request: SinkRequest, frame: Encoded, context: Any) -> None:
    """Append the rows; the table is made when it is not there. All of it, or nothing. Raises ValueError."""
    from awsglue._runtime.engine import mark_written

    options = request.options
    own = database(resolve(request.connection_type, options))
    if own.vendor == "redshift":
        from awsglue._sources.redshift import refuse_what_needs_aws

        refuse_what_needs_aws(options, str(options.get("url") or ""))
    table = str(options.get("dbtable") or "")
    if not table:
        raise ValueError(f'{request.connection_type} needs the connection option "dbtable"')
    size = int(options.get("bulkSize", BULK))
    mark_written()
    rows = begun(_rows(frame))
    with own.connect() as connection:
        _run(connection, options.get("preactions"))
        if not own.table_exists(connection, table):
            _create(own, connection, table, frame.schema)
        names = [field.name for field in frame.schema.fields]
        own.insert(connection, quoted(own, table), names, rows, size)
        _run(connection, options.get("postactions"))
        connection.commit()


def begun(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """The same rows, the first of them made now: they may come from the table that is about to be changed."""
    return itertools.chain(list(itertools.islice(rows, 1)), rows)


def _rows(frame: Encoded) -> Iterator[tuple[Any, ...]]:
    for row in plain_columns(frame, bytes_as_text=False).toLocalIterator():
        yield tuple(bytes(value) if isinstance(value, bytearray) else value for value in row)


def _run(connection: Any, actions: Any) -> None:
    """Statements separated by semicolons."""
    with connection.cursor() as cursor:
        for statement in str(actions or "").split(";"):
            if statement.strip():
                cursor.execute(statement)


def _create(own: Database, connection: Any, table: str, schema: g.StructType) -> None:
    columns = ", ".join(
        f"{own.quote(field.name)} {own.column_type(field.dataType)}" for field in schema.fields
    )
    with connection.cursor() as cursor:
        cursor.execute(f"create table {quoted(own, table)} ({columns})")

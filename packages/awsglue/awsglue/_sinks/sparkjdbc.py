"""`df.write` of format "jdbc" by the drivers that the job library has itself: one transaction, all of it or nothing.

MySQL and Oracle make, drop and empty tables at once, whatever becomes of the transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from awsglue._frames.body import Encoded
from awsglue._sinks.jdbc import BULK, _rows, begun
from awsglue._sources.databases import Database, database
from awsglue._sources.sparkjdbc import illegal, lowered, refuse, where

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_REFUSED = ("createtablecolumntypes", "cascadetruncate", "connectionprovider")
_NESTED = ("array", "struct", "map")


def write(df: DataFrame, mode: str, given: Mapping[str, Any]) -> None:
    """Put the rows into a table, as the save mode says. Raises AnalysisException and IllegalArgumentException."""
    from pyspark.errors import AnalysisException

    from awsglue._runtime.engine import mark_written

    options = lowered(given)
    refuse(options, _REFUSED)
    table = str(options.get("dbtable") or "")
    if not table:
        raise illegal("Option 'dbtable' is required.")
    for field in df.schema.fields:
        if field.dataType.typeName() in _NESTED:
            raise illegal(f"Can't get JDBC type for {field.dataType.simpleString()}.")
    own = database(where(options))
    with own.connect() as connection:
        there = own.table_exists(connection, table)
        if there and mode in ("error", "errorifexists", "default"):
            raise AnalysisException(f"Table or view '{table}' already exists. SaveMode: ErrorIfExists.")
        if there and mode == "ignore":
            return
        mark_written()
        frame = Encoded.of(df)
        rows = begun(_rows(frame))
        names: list[str] = []
        emptied = str(options.get("truncate", "false")).lower() == "true"
        if there and (emptied or mode != "overwrite"):
            # Some databases take no emptying back.
            names = _names(own, connection, table, df.columns)
        if there and mode == "overwrite":
            _execute(connection, f"{'truncate' if emptied else 'drop'} table {table}")
            there = emptied
        if not there:
            _create(own, connection, table, frame, str(options.get("createtableoptions") or ""))
        names = names or _names(own, connection, table, df.columns)
        own.insert(connection, table, names, rows, int(options.get("batchsize", BULK)))
        connection.commit()


def _execute(connection: Any, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _create(own: Database, connection: Any, table: str, frame: Encoded, more: str) -> None:
    columns = ", ".join(
        f"{own.quote(field.name)} {own.column_type(field.dataType)}" for field in frame.schema.fields
    )
    _execute(connection, f"create table {table} ({columns}) {more}".rstrip())


def _names(own: Database, connection: Any, table: str, columns: list[str]) -> list[str]:
    """The table's own spelling of the columns. Raises AnalysisException for those that it has not."""
    from pyspark.errors import AnalysisException

    there = {
        field.name.lower(): field.name for field in own.schema(connection, f"select * from {table}").fields
    }
    for name in columns:
        if name.lower() not in there:
            raise AnalysisException(f'Column "{name}" not found in schema of table {table}.')
    return [there[name.lower()] for name in columns]

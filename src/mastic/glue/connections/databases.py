"""Schemas, tables, columns and rows of PostgreSQL, Redshift and MySQL (MariaDB), read through a connection.

Every session is read-only. Names and values never become text of SQL: identifiers are quoted by sqlglot, values are
parameters or literals that sqlglot has read. Owns no state.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from mastic.errors import invalid_input, not_found
from mastic.glue.connections.testing import Target, connect, failed

# The types of the model by the names of information_schema.columns.data_type.
_TYPES = {
    "smallint": "SMALLINT",
    "integer": "INT",
    "int": "INT",
    "mediumint": "INT",
    "year": "INT",
    "tinyint": "BYTE",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "float": "FLOAT",
    "double precision": "DOUBLE",
    "double": "DOUBLE",
    "numeric": "DECIMAL",
    "decimal": "DECIMAL",
    "money": "DECIMAL",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMP",
    "timestamp": "TIMESTAMP",
    "datetime": "TIMESTAMP",
    "bytea": "BINARY",
    "blob": "BINARY",
    "tinyblob": "BINARY",
    "mediumblob": "BINARY",
    "longblob": "BINARY",
    "binary": "BINARY",
    "varbinary": "BINARY",
    "ARRAY": "ARRAY",
}
_HIDDEN = ("information_schema", "pg_catalog", "pg_toast", "mysql", "performance_schema", "sys")
_OPERATORS = ["EQUAL_TO", "NOT_EQUAL_TO", "LESS_THAN", "GREATER_THAN", "LESS_THAN_OR_EQUAL_TO"]
_FILTERS = [*_OPERATORS, "GREATER_THAN_OR_EQUAL_TO", "BETWEEN"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column as the database describes it."""

    name: str
    type: str
    nullable: bool
    key: bool
    comment: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """What is wanted of a table. ``where`` and ``order`` are clauses that ``clauses`` wrote."""

    columns: Sequence[str]
    where: str
    order: str
    offset: int
    limit: int


class Database:
    """A session with a database."""

    def __init__(self, target: Target, connection: Any) -> None:
        self._target = target
        self._connection = connection
        self.dialect = "mysql" if target.kind == "mysql" else "postgres"

    def schemas(self) -> list[str]:
        """The schemas that are not the database's own."""
        rows = self._ask("SELECT schema_name FROM information_schema.schemata ORDER BY schema_name")
        return [
            name for (name,) in rows if name not in _HIDDEN and not name.startswith(("pg_temp", "pg_toast"))
        ]

    def tables(self, schema: str) -> list[tuple[str, str]]:
        """Name and kind (TABLE, VIEW) of what a schema holds."""
        rows = self._ask(
            "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = %s "
            "ORDER BY table_name",
            schema,
        )
        return [(name, "VIEW" if "VIEW" in kind else "TABLE") for name, kind in rows]

    def columns(self, schema: str, table: str) -> list[Column]:
        """The columns in their order. Raises EntityNotFoundException for what is no table or view."""
        rows = self._ask(
            "SELECT column_name, data_type, is_nullable FROM information_schema.columns "
            "WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
            schema,
            table,
        )
        if not rows:
            raise not_found(f"Entity {schema}.{table} not found.")
        keys = self._ask(
            "SELECT k.column_name FROM information_schema.table_constraints c "
            "JOIN information_schema.key_column_usage k ON k.constraint_name = c.constraint_name "
            "AND k.table_schema = c.table_schema AND k.table_name = c.table_name "
            "WHERE c.constraint_type = 'PRIMARY KEY' AND c.table_schema = %s AND c.table_name = %s",
            schema,
            table,
        )
        primary = {name for (name,) in keys}
        return [
            Column(name=name, type=str(kind), nullable=nullable == "YES", key=name in primary)
            for name, kind, nullable in rows
        ]

    def rows(self, schema: str, table: str, wanted: Rows) -> list[dict[str, Any]]:
        """Records, their values as JSON has them."""
        quoted = ", ".join(self.quoted(name) for name in wanted.columns)
        statement = (
            f"SELECT {quoted} FROM {self.quoted(schema)}.{self.quoted(table)}{wanted.where}{wanted.order}"
        )
        found = self._ask(f"{statement.replace('%', '%%')} LIMIT %s OFFSET %s", wanted.limit, wanted.offset)
        return [dict(zip(wanted.columns, map(_plain, row), strict=True)) for row in found]

    def quoted(self, name: str) -> str:
        """An identifier as the database reads it."""
        from sqlglot import exp

        return exp.to_identifier(name, quoted=True).sql(self.dialect)

    def _ask(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        import psycopg
        import pymysql

        try:
            with self._connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return list(cursor.fetchall())
        except (psycopg.Error, pymysql.Error) as error:
            raise failed(self._target, str(error)) from None


@contextmanager
def session(target: Target) -> Iterator[Database]:
    """A read-only session. Raises InvalidInputException saying why it could not be had."""
    connection = connect(target)
    try:
        if target.kind == "mysql":
            with connection.cursor() as cursor:
                cursor.execute("SET SESSION TRANSACTION READ ONLY")
                cursor.execute("SET SESSION max_statement_time = 30" if _is_mariadb(connection) else
                               "SET SESSION max_execution_time = 30000")  # fmt: skip
        else:
            connection.read_only = True
            connection.execute("SET statement_timeout = 30000")
        yield Database(target, connection)
    finally:
        connection.close()


def _is_mariadb(connection: Any) -> bool:
    return "mariadb" in str(connection.get_server_info()).lower()


def field(column: Column) -> dict[str, Any]:
    """A column as DescribeEntity tells of it."""
    kind = _TYPES.get(column.type, "STRING")
    plain = kind not in ("BINARY", "ARRAY")
    return {
        "FieldName": column.name,
        "Label": column.name,
        "FieldType": kind,
        "NativeDataType": column.type,
        "IsPrimaryKey": column.key,
        "IsNullable": column.nullable,
        "IsRetrievable": True,
        "IsFilterable": plain,
        "IsPartitionable": kind in ("INT", "SMALLINT", "BIGINT", "BYTE", "DATE", "TIMESTAMP"),
        "IsCreateable": False,
        "IsUpdateable": False,
        "IsUpsertable": False,
        "SupportedFilterOperators": ([*_FILTERS, "CONTAINS"] if kind == "STRING" else _FILTERS)
        if plain
        else [],
    }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, Decimal):
        exact = value.is_finite() and Decimal(repr(float(value))) == value
        return (
            int(value)
            if exact and value == value.to_integral_value()
            else float(value)
            if exact
            else str(value)
        )
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    return str(value)


def spelt(names: Sequence[str], columns: Sequence[Column]) -> list[str]:
    """The names as the columns spell them. Raises InvalidInputException for others."""
    known = {column.name.lower(): column.name for column in columns}
    exact = {column.name for column in columns}
    unknown = [name for name in names if name not in exact and name.lower() not in known]
    if unknown:
        raise invalid_input(f"Fields that the entity does not have: {', '.join(unknown)}")
    return [name if name in exact else known[name.lower()] for name in names]

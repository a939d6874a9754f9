"""PostgreSQL and MySQL by their Python drivers: connecting, quoting, types, hashing, writing many rows."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import re
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Protocol

from awsglue import gluetypes as g
from awsglue._sources.connections import Address
from awsglue._sources.outside import missing

FETCH = 20_000
# MySQL's number for "these bytes are no text".
BINARY_CHARSET = 63


class Database(Protocol):
    """One vendor's ways."""

    vendor: str
    # Whether (a, b) > (x, y) can be said.
    row_values: bool

    def connect(self) -> Any: ...
    def quote(self, name: str) -> str: ...
    def quote_table(self, part: str) -> str: ...
    def statement(self, text: str) -> str: ...
    def limited(self, ordered: str, count: int) -> str: ...
    def schema(self, connection: Any, query: str) -> g.StructType: ...
    def rows(self, connection: Any, query: str, parameters: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]: ...
    def bucket(self, expression: str, count: int, number: int, *, numeric: bool) -> str: ...
    def primary_key(self, connection: Any, table: str) -> list[tuple[str, bool]]: ...
    def column_type(self, kind: g.DataType) -> str: ...
    def insert(
        self, connection: Any, table: str, names: list[str], rows: Iterable[tuple[Any, ...]], size: int
    ) -> int: ...
    def table_exists(self, connection: Any, table: str) -> bool: ...


def database(address: Address) -> Database:
    """The database behind an address. Raises NotImplementedError for vendors not built in."""
    if address.vendor == "postgresql":
        return PostgreSql(address)
    if address.vendor in ("mysql", "mariadb"):
        return MySql(address)
    if address.vendor == "redshift":
        from awsglue._sources.redshift import Redshift

        return Redshift(address)
    if address.vendor == "sqlserver":
        from awsglue._sources.sqlserver import SqlServer

        return SqlServer(address)
    if address.vendor == "oracle":
        from awsglue._sources.oracle import Oracle

        return Oracle(address)
    raise NotImplementedError(
        f"databases of vendor {address.vendor!r} are not implemented: postgresql, mysql, redshift, sqlserver and "
        "oracle are"
    )


def quoted(own: Database, table: str) -> str:
    """A table's name, schema.table too, quoted. A subquery is refused: Raises ValueError."""
    if re.search(r"[\s()]", table.strip()):
        raise ValueError(f"dbtable {table!r} must be a table's name, not a query")
    return ".".join(own.quote_table(part.strip('"`')) for part in table.strip().split("."))


def insert_many(
    own: Database, connection: Any, table: str, names: list[str], rows: Iterable[tuple[Any, ...]], size: int
) -> int:
    """Rows by one INSERT statement, `size` at a time; how many there were."""
    columns = ", ".join(own.quote(name) for name in names)
    marks = own.statement(", ".join(["%s"] * len(names)))
    statement = f"insert into {table} ({columns}) values ({marks})"
    count, batch = 0, []
    with connection.cursor() as cursor:
        for row in rows:
            batch.append(row)
            if len(batch) >= size:
                cursor.executemany(statement, batch)
                count, batch = count + len(batch), []
        if batch:
            cursor.executemany(statement, batch)
    return count + len(batch)


def plain(value: Any) -> Any:
    """A driver's value as one that a frame holds."""
    if value is None or isinstance(
        value, bool | int | float | str | bytes | decimal.Decimal | dt.datetime | dt.date
    ):
        return value
    if isinstance(value, memoryview | bytearray):
        return bytes(value)
    if isinstance(value, dict | list):
        return json.dumps(value, default=str)
    return str(value)


class PostgreSql:
    """PostgreSQL over psycopg."""

    vendor = "postgresql"
    row_values = True
    _types: ClassVar[dict[str, g.DataType]] = {
        "int2": g.ShortType(),
        "int4": g.IntegerType(),
        "int8": g.LongType(),
        "oid": g.LongType(),
        "float4": g.FloatType(),
        "float8": g.DoubleType(),
        "bool": g.BooleanType(),
        "bytea": g.BinaryType(),
        "date": g.DateType(),
        "timestamp": g.TimestampType(),
        "timestamptz": g.TimestampType(),
    }

    def __init__(self, address: Address) -> None:
        self._address = address

    def connect(self) -> Any:
        try:
            import psycopg
        except ImportError:
            raise missing("PostgreSQL", "psycopg[binary]") from None
        own = self._address
        more = self._transport()
        schemas = {key.lower(): value for key, value in own.parameters}.get("currentschema", "")
        path = re.sub(r"([\\\s])", r"\\\1", schemas)
        return psycopg.connect(
            host=own.host,
            port=own.port,
            dbname=own.database,
            user=own.user or None,
            password=own.password or None,
            **more,
            options="-c timezone=UTC" + (f" -c search_path={path}" if path else ""),
        )

    def _transport(self) -> dict[str, Any]:
        """How the connection is to be encrypted: as the connection demands, else as the URL says."""
        own = self._address
        if own.tls.enforced:
            authority = own.tls.authority()
            return (
                {"sslmode": "verify-full", "sslrootcert": authority} if authority else {"sslmode": "require"}
            )
        given = {key.lower(): value for key, value in own.parameters}
        mode = given.get("sslmode") or ("verify-full" if given.get("ssl", "").lower() == "true" else "")
        more = {"sslmode": mode, "sslrootcert": given.get("sslrootcert", "")}
        return {key: value for key, value in more.items() if value}

    def quote(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def quote_table(self, part: str) -> str:
        return self.quote(part)

    def statement(self, text: str) -> str:
        return text

    def limited(self, ordered: str, count: int) -> str:
        return f"{ordered} limit {count}"

    def schema(self, connection: Any, query: str) -> g.StructType:
        with connection.cursor() as cursor:
            cursor.execute(f"select * from ({query}) glue_source limit 0")
            fields = []
            for column in cursor.description:
                info = connection.adapters.types.get(column.type_code)
                fields.append(g.Field(column.name, self._type(info.name if info else "", column)))
            return g.StructType(fields)

    def _type(self, name: str, column: Any) -> g.DataType:
        if name == "numeric":
            if column.precision is None:
                return g.DecimalType(38, 18)
            return g.DecimalType(column.precision, column.scale or 0)
        return self._types.get(name, g.StringType())

    def rows(self, connection: Any, query: str, parameters: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        # A cursor with a name keeps the rows at the server until they are fetched.
        with connection.cursor(name=f"glue_{uuid.uuid4().hex}") as cursor:
            cursor.itersize = FETCH
            cursor.execute(query, parameters or None)
            yield from cursor

    def bucket(self, expression: str, count: int, number: int, *, numeric: bool) -> str:
        # No % here: the driver would take it for a parameter.
        if numeric:
            rest = f"abs(mod(coalesce(({expression})::numeric, 0), {count}))"
            return f"{rest} >= {number} and {rest} < {number + 1}"
        return f"mod(coalesce(hashtext(({expression})::text), 0)::bigint & 2147483647, {count}) = {number}"

    def primary_key(self, connection: Any, table: str) -> list[tuple[str, bool]]:
        with connection.cursor() as cursor:
            cursor.execute(
                "select a.attname, t.typcategory = 'N' from pg_index i join pg_attribute a on a.attrelid = i.indrelid "
                "and a.attnum = any(i.indkey) join pg_type t on t.oid = a.atttypid "
                "where i.indisprimary and i.indrelid = to_regclass(%s) "
                "order by array_position(i.indkey::int2[], a.attnum)",
                (table,),
            )
            return [(str(name), bool(number)) for name, number in cursor.fetchall()]

    def table_exists(self, connection: Any, table: str) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("select to_regclass(%s) is not null", (table,))
            return bool(cursor.fetchone()[0])

    def column_type(self, kind: g.DataType) -> str:
        if isinstance(kind, g.DecimalType):
            return f"numeric({kind.precision},{kind.scale})"
        return {
            "int": "integer",
            "long": "bigint",
            "short": "smallint",
            "byte": "smallint",
            "float": "real",
            "double": "double precision",
            "boolean": "boolean",
            "binary": "bytea",
            "date": "date",
            "timestamp": "timestamp",
            "timestampntz": "timestamp",
        }.get(kind.typeName(), "text")

    def insert(
        self, connection: Any, table: str, names: list[str], rows: Iterable[tuple[Any, ...]], size: int
    ) -> int:
        columns = ", ".join(self.quote(name) for name in names)
        count = 0
        with connection.cursor() as cursor, cursor.copy(f"copy {table} ({columns}) from stdin") as copy:
            for row in rows:
                copy.write_row(row)
                count += 1
        return count


class MySql:
    """MySQL and MariaDB over PyMySQL."""

    vendor = "mysql"
    row_values = True

    def __init__(self, address: Address) -> None:
        self._address = address

    def connect(self) -> Any:
        try:
            import pymysql
        except ImportError:
            raise missing("MySQL", "pymysql") from None
        own = self._address
        return pymysql.connect(
            host=own.host,
            port=own.port,
            database=own.database or None,
            user=own.user or None,
            password=own.password,
            ssl=self._transport(),
            charset="utf8mb4",
            init_command="set time_zone = '+00:00'",
        )

    def _transport(self) -> dict[str, Any] | None:
        """How the connection is to be encrypted: as the connection demands, else as the URL says; None: in clear."""
        own = self._address
        if own.tls.enforced:
            authority = own.tls.authority()
            if authority:
                return {"ca": authority, "check_hostname": True, "verify_mode": "required"}
            # An empty dict would be a mere wish.
            return {"check_hostname": False, "verify_mode": "none"}
        given = {key.lower(): value.lower() for key, value in own.parameters}
        mode = given.get("sslmode", "").replace("-", "_")
        if mode in ("verify_ca", "verify_identity", "verify_full"):
            return {"check_hostname": mode != "verify_ca", "verify_mode": "required"}
        if mode in ("required", "trust") or given.get("requiressl") == "true":
            return {"check_hostname": False, "verify_mode": "none"}
        return None

    def quote(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def quote_table(self, part: str) -> str:
        return self.quote(part)

    def statement(self, text: str) -> str:
        return text

    def limited(self, ordered: str, count: int) -> str:
        return f"{ordered} limit {count}"

    def schema(self, connection: Any, query: str) -> g.StructType:
        with connection.cursor() as cursor:
            cursor.execute(f"select * from ({query}) glue_source limit 0")
            fields = cursor._result.fields
            return g.StructType(
                [
                    g.Field(column[0], self._type(column, field.flags, field.charsetnr))
                    for column, field in zip(cursor.description, fields, strict=True)
                ]
            )

    def _type(self, column: Any, flags: int, charset: int) -> g.DataType:
        from pymysql.constants import FIELD_TYPE as F
        from pymysql.constants import FLAG

        code, length, precision, scale = column[1], column[3], column[4], column[5]
        unsigned = bool(flags & FLAG.UNSIGNED)
        if code in (F.DECIMAL, F.NEWDECIMAL):
            digits = int(precision or length or 38) - (0 if unsigned else 1) - (1 if scale else 0)
            return g.DecimalType(min(38, max(digits, int(scale or 0), 1)), int(scale or 0))
        if code == F.TINY:
            return g.BooleanType() if length == 1 else g.IntegerType()
        if code in (F.SHORT, F.INT24, F.YEAR):
            return g.IntegerType()
        if code == F.LONG:
            return g.LongType() if unsigned else g.IntegerType()
        if code == F.LONGLONG:
            return g.DecimalType(20, 0) if unsigned else g.LongType()
        if code == F.BIT:
            return g.BooleanType() if length == 1 else g.BinaryType()
        if (
            code in (F.BLOB, F.TINY_BLOB, F.MEDIUM_BLOB, F.LONG_BLOB, F.VAR_STRING, F.STRING)
            and charset == BINARY_CHARSET
        ):
            return g.BinaryType()
        plain_types: dict[int, g.DataType] = {
            F.FLOAT: g.FloatType(),
            F.DOUBLE: g.DoubleType(),
            F.DATE: g.DateType(),
            F.DATETIME: g.TimestampType(),
            F.TIMESTAMP: g.TimestampType(),
        }
        return plain_types.get(code, g.StringType())

    def rows(self, connection: Any, query: str, parameters: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        import pymysql.cursors

        with connection.cursor(pymysql.cursors.SSCursor) as cursor:
            cursor.execute(query, parameters or None)
            while batch := cursor.fetchmany(FETCH):
                yield from batch

    def bucket(self, expression: str, count: int, number: int, *, numeric: bool) -> str:
        if numeric:
            return f"floor(abs(mod(coalesce(({expression}), 0), {count}))) = {number}"
        return f"mod(crc32(coalesce(cast(({expression}) as char), '')), {count}) = {number}"

    def primary_key(self, connection: Any, table: str) -> list[tuple[str, bool]]:
        schema, _, name = table.rpartition(".")
        with connection.cursor() as cursor:
            cursor.execute(
                "select k.column_name, c.data_type in ('tinyint','smallint','mediumint','int','bigint','decimal') "
                "from information_schema.key_column_usage k join information_schema.columns c "
                "on c.table_schema = k.table_schema and c.table_name = k.table_name and c.column_name = k.column_name "
                "where k.constraint_name = 'PRIMARY' and k.table_name = %s "
                "and k.table_schema = coalesce(nullif(%s, ''), database()) "
                "order by k.ordinal_position",
                (name, schema),
            )
            return [(str(column), bool(number)) for column, number in cursor.fetchall()]

    def table_exists(self, connection: Any, table: str) -> bool:
        schema, _, name = table.rpartition(".")
        with connection.cursor() as cursor:
            cursor.execute(
                "select count(*) from information_schema.tables where table_name = %s "
                "and table_schema = coalesce(nullif(%s, ''), database())",
                (name.strip("`"), schema.strip("`")),
            )
            return bool(cursor.fetchone()[0])

    def column_type(self, kind: g.DataType) -> str:
        if isinstance(kind, g.DecimalType):
            return f"decimal({kind.precision},{kind.scale})"
        return {
            "int": "int",
            "long": "bigint",
            "short": "smallint",
            "byte": "tinyint",
            "float": "float",
            "double": "double",
            "boolean": "boolean",
            "binary": "longblob",
            "date": "date",
            "timestamp": "datetime(6)",
            "timestampntz": "datetime(6)",
        }.get(kind.typeName(), "text")

    def insert(
        self, connection: Any, table: str, names: list[str], rows: Iterable[tuple[Any, ...]], size: int
    ) -> int:
        return insert_many(self, connection, table, names, rows, size)

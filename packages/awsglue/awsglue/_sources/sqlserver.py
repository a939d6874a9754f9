"""Microsoft SQL Server over pymssql."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from awsglue import gluetypes as g
from awsglue._sources.connections import Address
from awsglue._sources.databases import FETCH, insert_many
from awsglue._sources.outside import missing


class SqlServer:
    """One SQL Server database."""

    vendor = "sqlserver"
    row_values = False
    _types: ClassVar[dict[str, g.DataType]] = {
        "bigint": g.LongType(),
        "int": g.IntegerType(),
        "smallint": g.ShortType(),
        "tinyint": g.IntegerType(),
        "bit": g.BooleanType(),
        "real": g.FloatType(),
        "float": g.DoubleType(),
        "date": g.DateType(),
        "datetime": g.TimestampType(),
        "datetime2": g.TimestampType(),
        "smalldatetime": g.TimestampType(),
        "binary": g.BinaryType(),
        "varbinary": g.BinaryType(),
        "image": g.BinaryType(),
        "timestamp": g.BinaryType(),
        "money": g.DecimalType(19, 4),
        "smallmoney": g.DecimalType(10, 4),
    }

    def __init__(self, address: Address) -> None:
        self._address = address

    def connect(self) -> Any:
        try:
            import pymssql
        except ImportError:
            raise missing("SQL Server", "pymssql") from None
        own = self._address
        if own.tls.certificate:
            raise NotImplementedError(
                "CUSTOM_JDBC_CERT is not implemented for SQL Server: its driver here takes no certificate"
            )
        given = dict(own.parameters)
        encrypted = own.tls.enforced or given.get("encrypt", "").lower() in ("true", "strict", "mandatory")
        return pymssql.connect(
            server=own.host,
            port=str(own.port),
            user=own.user or None,
            password=own.password or None,
            database=own.database,
            login_timeout=30,
            encryption="require" if encrypted else "request",
        )

    def quote(self, name: str) -> str:
        return "[" + name.replace("]", "]]") + "]"

    def quote_table(self, part: str) -> str:
        """One part of a table's name."""
        return self.quote(part.strip("[]"))

    def statement(self, text: str) -> str:
        """The text with the driver's own marks for parameters."""
        return text

    def limited(self, ordered: str, count: int) -> str:
        """The first rows of an ordered query."""
        return f"{ordered} offset 0 rows fetch next {count} rows only"

    def schema(self, connection: Any, query: str) -> g.StructType:
        with connection.cursor() as cursor:
            cursor.execute("exec sp_describe_first_result_set %s", (query,))
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return g.StructType(
            [g.Field(str(row["name"]), self._type(row)) for row in rows if not row["is_hidden"]]
        )

    def _type(self, row: dict[str, Any]) -> g.DataType:
        name = str(row["system_type_name"]).split("(")[0]
        if name in ("decimal", "numeric"):
            return g.DecimalType(int(row["precision"]), int(row["scale"]))
        return self._types.get(name, g.StringType())

    def rows(self, connection: Any, query: str, parameters: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(query, parameters or None)
            while batch := cursor.fetchmany(FETCH):
                yield from batch

    def bucket(self, expression: str, count: int, number: int, *, numeric: bool) -> str:
        if numeric:
            # As of MySQL: no % that the driver would take for a parameter.
            value = f"abs(coalesce(({expression}), 0))"
            return f"floor({value} - floor({value} / {count}.0) * {count}) = {number}"
        hashed = f"abs(cast(checksum(cast(({expression}) as nvarchar(4000))) as bigint))"
        return f"{hashed} - ({hashed} / {count}) * {count} = {number}"

    def primary_key(self, connection: Any, table: str) -> list[tuple[str, bool]]:
        with connection.cursor() as cursor:
            cursor.execute(
                "select c.name, case when t.name in ('tinyint','smallint','int','bigint','decimal','numeric') "
                "then 1 else 0 end from sys.indexes i join sys.index_columns k on k.object_id = i.object_id and "
                "k.index_id = i.index_id join sys.columns c on c.object_id = k.object_id and c.column_id = "
                "k.column_id join sys.types t on t.user_type_id = c.system_type_id "
                "where i.is_primary_key = 1 and i.object_id = object_id(%s) order by k.key_ordinal",
                (table,),
            )
            return [(str(name), bool(number)) for name, number in cursor.fetchall()]

    def table_exists(self, connection: Any, table: str) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("select object_id(%s)", (table,))
            (found,) = cursor.fetchone()
            return found is not None

    def column_type(self, kind: g.DataType) -> str:
        if isinstance(kind, g.DecimalType):
            return f"decimal({kind.precision},{kind.scale})"
        return {
            "int": "int",
            "long": "bigint",
            "short": "smallint",
            "byte": "smallint",
            "float": "real",
            "double": "float",
            "boolean": "bit",
            "binary": "varbinary(max)",
            "date": "date",
            "timestamp": "datetime2",
            "timestampntz": "datetime2",
        }.get(kind.typeName(), "nvarchar(max)")

    def insert(
        self, connection: Any, table: str, names: list[str], rows: Iterable[tuple[Any, ...]], size: int
    ) -> int:
        return insert_many(self, connection, table, names, rows, size)

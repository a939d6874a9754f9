"""Oracle Database over python-oracledb, which speaks its protocol itself (no client libraries)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from awsglue import gluetypes as g
from awsglue._sources.connections import Address
from awsglue._sources.databases import FETCH, insert_many
from awsglue._sources.outside import missing


class Oracle:
    """One Oracle service."""

    vendor = "oracle"
    row_values = False

    def __init__(self, address: Address) -> None:
        self._address = address

    def connect(self) -> Any:
        try:
            import oracledb
        except ImportError:
            raise missing("Oracle", "oracledb") from None
        # Decimals must not become floats on the way, nor LOBs handles.
        oracledb.defaults.fetch_decimals = True
        oracledb.defaults.fetch_lobs = False
        own = self._address
        kind = dict(own.parameters).get("kind", "service")
        name: dict[str, Any] = {"sid": own.database} if kind == "sid" else {"service_name": own.database}
        return oracledb.connect(
            host=own.host,
            port=own.port,
            user=own.user or None,
            password=own.password or None,
            tcp_connect_timeout=30,
            **name,
            **self._transport(),
        )

    def _transport(self) -> dict[str, Any]:
        tls = self._address.tls
        if not tls.enforced:
            return {}
        import ssl

        authority = tls.authority()
        context = ssl.create_default_context(cafile=authority or None)
        context.check_hostname = False
        if not authority:
            context.verify_mode = ssl.CERT_NONE
        # The certificate's name is matched by the driver: by host, or by the distinguished name that is asked for.
        return {
            "protocol": "tcps",
            "ssl_context": context,
            "ssl_server_dn_match": bool(authority or tls.name),
            **({"ssl_server_cert_dn": tls.name} if tls.name else {}),
        }

    def quote(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def quote_table(self, part: str) -> str:
        """One part of a table's name: as Oracle folds it, since dbtable is written without quotes."""
        if not re.fullmatch(r"[A-Za-z][\w$#]*", part):
            return self.quote(part)
        return part.upper()

    def statement(self, text: str) -> str:
        """The text with the driver's own marks for parameters."""
        pieces = text.split("%s")
        return "".join(f"{piece}:{number}" for number, piece in enumerate(pieces[:-1], 1)) + pieces[-1]

    def limited(self, ordered: str, count: int) -> str:
        """The first rows of an ordered query."""
        return f"{ordered} fetch first {count} rows only"

    def schema(self, connection: Any, query: str) -> g.StructType:
        with connection.cursor() as cursor:
            cursor.execute(f"select * from ({query}) glue_source where 1 = 0")
            return g.StructType([g.Field(column.name, self._type(column)) for column in cursor.description])

    def _type(self, column: Any) -> g.DataType:
        name = str(column.type_code.name).removeprefix("DB_TYPE_")
        if name == "NUMBER":
            # As Spark has it: NUMBER without precision is decimal(38,10).
            if not column.precision:
                return g.DecimalType(38, 10)
            scale = max(0, column.scale or 0)
            return g.DecimalType(min(38, max(column.precision, scale)), scale)
        kinds: dict[str, g.DataType] = {
            "BINARY_FLOAT": g.FloatType(),
            "BINARY_DOUBLE": g.DoubleType(),
            # Oracle's DATE has a time of day.
            "DATE": g.TimestampType(),
            "TIMESTAMP": g.TimestampType(),
            "TIMESTAMP_TZ": g.TimestampType(),
            "TIMESTAMP_LTZ": g.TimestampType(),
            "RAW": g.BinaryType(),
            "LONG_RAW": g.BinaryType(),
            "BLOB": g.BinaryType(),
            "BOOLEAN": g.BooleanType(),
        }
        return kinds.get(name, g.StringType())

    def rows(self, connection: Any, query: str, parameters: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.arraysize = FETCH
            # Without parameters, a %s is part of a text.
            cursor.execute(self.statement(query) if parameters else query, list(parameters))
            yield from cursor

    def bucket(self, expression: str, count: int, number: int, *, numeric: bool) -> str:
        if numeric:
            return f"floor(abs(mod(coalesce(({expression}), 0), {count}))) = {number}"
        return f"ora_hash(coalesce(to_char({expression}), ' '), {count - 1}) = {number}"

    def primary_key(self, connection: Any, table: str) -> list[tuple[str, bool]]:
        owner, _, name = table.rpartition(".")
        with connection.cursor() as cursor:
            cursor.execute(
                "select k.column_name, case when c.data_type = 'NUMBER' then 1 else 0 end from all_constraints p "
                "join all_cons_columns k on k.owner = p.owner and k.constraint_name = p.constraint_name "
                "join all_tab_columns c on c.owner = k.owner and c.table_name = k.table_name and c.column_name = "
                "k.column_name where p.constraint_type = 'P' and p.table_name = :1 and p.owner = "
                "coalesce(:2, sys_context('userenv', 'current_schema')) order by k.position",
                [name.upper(), owner.upper() or None],
            )
            return [(str(column), bool(number)) for column, number in cursor.fetchall()]

    def table_exists(self, connection: Any, table: str) -> bool:
        owner, _, name = table.rpartition(".")
        with connection.cursor() as cursor:
            cursor.execute(
                "select count(*) from all_tables where table_name = :1 and owner = "
                "coalesce(:2, sys_context('userenv', 'current_schema'))",
                [name.upper(), owner.upper() or None],
            )
            return bool(cursor.fetchone()[0])

    def column_type(self, kind: g.DataType) -> str:
        if isinstance(kind, g.DecimalType):
            return f"number({kind.precision},{kind.scale})"
        return {
            "int": "number(10)",
            "long": "number(19)",
            "short": "number(5)",
            "byte": "number(3)",
            "float": "binary_float",
            "double": "binary_double",
            "boolean": "number(1)",
            "binary": "blob",
            "date": "date",
            "timestamp": "timestamp",
            "timestampntz": "timestamp",
        }.get(kind.typeName(), "varchar2(4000)")

    def insert(
        self, connection: Any, table: str, names: list[str], rows: Iterable[tuple[Any, ...]], size: int
    ) -> int:
        return insert_many(self, connection, table, names, rows, size)

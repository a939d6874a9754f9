"""The catalog as queries see it: Glue's own operations, called in process. Owns no state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from mastic.athena.failures import QueryFailure
from mastic.context import Context
from mastic.errors import ServiceError

Invoke = Callable[[Context, str, str, dict[str, Any]], dict[str, Any]]


class Catalog:
    """Reads and writes of the Data Catalog on behalf of one caller at a time."""

    def __init__(self, invoke: Invoke) -> None:
        self._invoke = invoke

    def call(self, context: Context, operation: str, **request: Any) -> dict[str, Any]:
        """Any Glue operation; raises ServiceError."""
        return self._invoke(context, "glue", operation, request)

    def paged(
        self, context: Context, operation: str, member: str, **request: Any
    ) -> Iterator[dict[str, Any]]:
        """All items of a listing."""
        token: str | None = None
        while True:
            answer = self.call(context, operation, **request, **({"NextToken": token} if token else {}))
            yield from answer.get(member, ())
            token = answer.get("NextToken")
            if not token:
                return

    def table(self, context: Context, database: str, name: str) -> dict[str, Any] | None:
        """The table's definition, or None when there is no such table (or database)."""
        try:
            found: dict[str, Any] = self.call(context, "GetTable", DatabaseName=database, Name=name)["Table"]
        except ServiceError as error:
            if error.code == "EntityNotFoundException":
                return None
            raise
        return found

    def need_table(self, context: Context, database: str, name: str, where: str = "") -> dict[str, Any]:
        """The table's definition. Raises QueryFailure in Athena's words."""
        table = self.table(context, database, name)
        if table is not None:
            return table
        self.need_database(context, database, where)
        raise QueryFailure(
            f"TABLE_NOT_FOUND: {where}Table 'awsdatacatalog.{database}.{name}' does not exist", kind=1100
        )

    def need_database(self, context: Context, database: str, where: str = "") -> dict[str, Any]:
        """The database's definition. Raises QueryFailure in Athena's words."""
        try:
            found: dict[str, Any] = self.call(context, "GetDatabase", Name=database)["Database"]
        except ServiceError as error:
            if error.code == "EntityNotFoundException":
                raise QueryFailure(
                    f"SCHEMA_NOT_FOUND: {where}Schema '{database}' does not exist", kind=1101
                ) from None
            raise
        return found

    def databases(self, context: Context) -> Iterator[dict[str, Any]]:
        """All databases by name."""
        return self.paged(context, "GetDatabases", "DatabaseList")

    def tables(self, context: Context, database: str) -> Iterator[dict[str, Any]]:
        """All tables of a database by name."""
        return self.paged(context, "GetTables", "TableList", DatabaseName=database)

    def partitions(
        self, context: Context, database: str, table: str, expression: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """The table's partitions that an expression of GetPartitions admits."""
        extra = {"Expression": expression} if expression else {}
        return self.paged(
            context, "GetPartitions", "Partitions", DatabaseName=database, TableName=table, **extra
        )


def is_view(table: dict[str, Any]) -> bool:
    """True for every kind of view."""
    return table.get("TableType") == "VIRTUAL_VIEW"


def is_iceberg(table: dict[str, Any]) -> bool:
    """True for a table whose facts are in Iceberg metadata."""
    return str((table.get("Parameters") or {}).get("table_type", "")).upper() == "ICEBERG"


def foreign_format(table: dict[str, Any]) -> str:
    """Delta Lake or Hudi for a table whose files are not simply its rows, else ""."""
    parameters = table.get("Parameters") or {}
    names = ("spark.sql.sources.provider", "table_type", "classification")
    given = {str(parameters.get(name, "")).lower() for name in names}
    reader = str((table.get("StorageDescriptor") or {}).get("InputFormat") or "").lower()
    return "Delta Lake" if "delta" in given else "Hudi" if "hudi" in given or "hudi" in reader else ""

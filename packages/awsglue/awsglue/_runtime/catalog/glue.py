"""The Glue API, as much of it as a session needs. Owns the boto3 client; holds no copies of what the server says."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any


class GlueApi:
    """Databases, tables and partitions of the account's Glue catalog."""

    @cached_property
    def client(self) -> Any:
        import boto3

        return boto3.client("glue")

    def database(self, name: str) -> dict[str, Any] | None:
        try:
            return self.client.get_database(Name=name)["Database"]  # type: ignore[no-any-return]
        except self.client.exceptions.EntityNotFoundException:
            return None

    def databases(self) -> list[dict[str, Any]]:
        pages = self.client.get_paginator("get_databases").paginate()
        return [item for page in pages for item in page["DatabaseList"]]

    def table(self, database: str, name: str) -> dict[str, Any] | None:
        try:
            return self.client.get_table(DatabaseName=database, Name=name)["Table"]  # type: ignore[no-any-return]
        except self.client.exceptions.EntityNotFoundException:
            return None

    def tables(self, database: str) -> list[dict[str, Any]]:
        """Tables of a database. Raises AnalysisException (SCHEMA_NOT_FOUND)."""
        try:
            pages = self.client.get_paginator("get_tables").paginate(DatabaseName=database)
            return [item for page in pages for item in page["TableList"]]
        except self.client.exceptions.EntityNotFoundException:
            raise schema_not_found(database) from None

    def partitions(self, database: str, table: str, expression: str = "") -> Iterator[dict[str, Any]]:
        options = {"Expression": expression} if expression else {}
        paginator = self.client.get_paginator("get_partitions")
        for page in paginator.paginate(DatabaseName=database, TableName=table, **options):
            yield from page["Partitions"]

    def create_partitions(self, database: str, table: str, inputs: list[dict[str, Any]]) -> None:
        """Register partitions; those that exist already are left as they are. Raises AnalysisException otherwise."""
        for start in range(0, len(inputs), 100):
            reply = self.client.batch_create_partition(
                DatabaseName=database, TableName=table, PartitionInputList=inputs[start : start + 100]
            )
            wrong = [
                item
                for item in reply.get("Errors", ())
                if item["ErrorDetail"]["ErrorCode"] != "AlreadyExistsException"
            ]
            if wrong:
                from pyspark.errors import AnalysisException

                raise AnalysisException(
                    f"partitions of {database}.{table} could not be registered: {wrong[:3]}"
                )


def table_input(table: dict[str, Any]) -> dict[str, Any]:
    """A TableInput from what GetTable gave."""
    members = (
        "Name",
        "Description",
        "Owner",
        "LastAccessTime",
        "LastAnalyzedTime",
        "Retention",
        "StorageDescriptor",
        "PartitionKeys",
        "ViewOriginalText",
        "ViewExpandedText",
        "TableType",
        "Parameters",
        "TargetTable",
    )
    return {name: table[name] for name in members if name in table}


def schema_not_found(name: str) -> Exception:
    from pyspark.errors import AnalysisException

    return AnalysisException(
        f"[SCHEMA_NOT_FOUND] The schema `{name}` cannot be found. Verify the spelling and correctness of the schema "
        "and catalog.\nIf you did not qualify the name with a catalog, verify the current_schema() output, or qualify "
        "the name with the correct catalog.\nTo tolerate the error on drop use DROP SCHEMA IF EXISTS."
    )


def table_not_found(name: str) -> Exception:
    from pyspark.errors import AnalysisException

    return AnalysisException(
        f"[TABLE_OR_VIEW_NOT_FOUND] The table or view {name} cannot be found. Verify the spelling and correctness of "
        "the schema and catalog.\nIf you did not qualify the name with a schema, verify the current_schema() output, "
        "or qualify the name with the correct schema and catalog.\nTo tolerate the error on drop use DROP VIEW IF "
        "EXISTS or DROP TABLE IF EXISTS."
    )


def already_exists(name: str) -> Exception:
    from pyspark.errors import AnalysisException

    return AnalysisException(
        f"[TABLE_OR_VIEW_ALREADY_EXISTS] Cannot create table or view {name} because it already exists.\nChoose a "
        "different name, drop or replace the existing object, add the IF NOT EXISTS clause to tolerate pre-existing "
        "objects, or add the OR REFRESH clause to refresh the existing streaming table."
    )

"""One configured Iceberg catalog: loading, creating, planning reads. Owns the PyIceberg catalog object."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from functools import cached_property
from typing import Any

from awsglue._runtime.catalog.names import TableName
from awsglue._runtime.io.listing import DataFile
from awsglue._runtime.io.scan import Scan


class IcebergCatalog:
    """`spark.sql.catalog.<name>` with Glue behind it."""

    def __init__(self, name: str, settings: dict[str, str], glue: Any, scratch: str) -> None:
        self.name = name
        self.settings = settings
        self._glue = glue
        self._scratch = scratch

    @cached_property
    def pyiceberg(self) -> Any:
        from awsglue._runtime.iceberg.commits import RepeatedCalls

        return RepeatedCalls(self.name, client=self._glue.client, **_properties(self.settings))

    def load(self, name: TableName) -> Any:
        """The PyIceberg table. Raises AnalysisException (TABLE_OR_VIEW_NOT_FOUND)."""
        from pyiceberg.exceptions import NoSuchIcebergTableError, NoSuchPropertyException, NoSuchTableError

        from awsglue._runtime.catalog.glue import table_not_found

        try:
            return self.pyiceberg.load_table((name.database, name.table))
        except (NoSuchTableError, NoSuchIcebergTableError, NoSuchPropertyException):
            raise table_not_found(name.shown) from None

    def location(self, name: TableName) -> str:
        """Where a new table goes: under the database's location, else under the catalog's warehouse."""
        from awsglue._runtime.catalog.glue import schema_not_found

        database = self._glue.database(name.database)
        if database is None:
            raise schema_not_found(name.database)
        base = (database.get("LocationUri") or "").rstrip("/")
        if base:
            return f"{base}/{name.table}"
        warehouse = (self.settings.get("warehouse") or "").rstrip("/")
        if not warehouse:
            from pyspark.errors import IllegalArgumentException

            raise IllegalArgumentException(
                f"Cannot initialize GlueCatalog because warehousePath must not be null or empty "
                f"(spark.sql.catalog.{self.name}.warehouse), and database {name.database} has no LocationUri"
            )
        return f"{warehouse}/{name.database}.db/{name.table}"

    def scan(self, table: Any, snapshot_id: int | None = None) -> Scan:
        """A Scan over the table's current (or the given) snapshot. Its `files` are the data files of the plan."""
        from pyspark.sql.types import StructType

        from awsglue._runtime.iceberg.types import spark_struct

        planned = table.scan(snapshot_id=snapshot_id) if snapshot_id else table.scan()
        schema = planned.projection()
        tasks = {task.file.file_path: task for task in planned.plan_files()}
        snapshot = table.snapshot_by_id(snapshot_id) if snapshot_id else table.current_snapshot()
        when = _instant(snapshot.timestamp_ms if snapshot else 0)
        files = [
            DataFile(path=path, size=task.file.file_size_in_bytes, modified=when)
            for path, task in tasks.items()
        ]

        def read(file: DataFile, wanted: Any) -> Iterator[Any]:
            from pyiceberg.expressions import AlwaysTrue
            from pyiceberg.io.pyarrow import ArrowScan

            from awsglue._runtime.io.arrow_types import arrow_schema, conform

            scan = ArrowScan(table.metadata, table.io, schema, AlwaysTrue())
            for batch in scan.to_record_batches([tasks[file.path]]):
                yield conform(batch, arrow_schema(wanted))

        return Scan(
            format="iceberg",
            files=files,
            data_schema=spark_struct(schema),
            partition_schema=StructType([]),
            read=read,
            scratch=self._scratch,
            roots=[table.location()],
            native=_plain(table, tasks.values()),
        )


def _plain(table: Any, tasks: Any) -> bool:
    """Whether the engine may read the data files by column name: the schema never changed and nothing is deleted."""
    if len(table.metadata.schemas) != 1 or table.metadata.name_mapping() is not None:
        return False
    for task in tasks:
        if task.delete_files or task.file.file_format.value.upper() != "PARQUET":
            return False
    from pyiceberg.types import FixedType, UUIDType

    return not any(isinstance(item.field_type, (UUIDType, FixedType)) for item in table.schema().fields)


def _instant(milliseconds: int) -> Any:
    from datetime import datetime

    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _properties(settings: dict[str, str]) -> dict[str, str]:
    """PyIceberg's properties from the environment and the catalog's settings."""
    from awsglue._runtime.io import access
    from awsglue._runtime.io.storage import encryption

    properties = {
        "s3.region": access.region(),
        "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
        "s3.retry-strategy-impl": "awsglue._runtime.io.storage.arrow_retries",
    }
    if encryption():
        properties["py-io-impl"] = "awsglue._runtime.iceberg.files.EncryptingFileIO"
    if endpoint := access.s3_endpoint():
        properties["s3.endpoint"] = endpoint
    if (keys := access.keys()) is not None:
        properties |= {"s3.access-key-id": keys.access_key, "s3.secret-access-key": keys.secret_key}
        if keys.token:
            properties["s3.session-token"] = keys.token
    if settings.get("glue.skip-archive"):
        properties["glue.skip-archive"] = settings["glue.skip-archive"]
    return properties

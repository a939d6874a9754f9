"""DataFrameWriter and DataFrameWriterV2 of the Connect client, served by our own writers."""

from __future__ import annotations

from typing import Any

from awsglue._runtime.engine import services
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.io.writing import WriteRequest, table_methods, tell


def install() -> None:
    """Patch the two writer classes."""
    _files()
    tables()


def _request(writer: Any) -> WriteRequest:
    """What a writer has been told. Raises EngineRefused."""
    from pyspark.sql.connect.dataframe import DataFrame

    from awsglue._runtime.client.facade import partitions_of

    write = writer._write
    if write.num_buckets is not None and write.num_buckets >= 0:
        raise EngineRefused("bucketBy()")
    return WriteRequest(
        format=(write.source or "").lower(),
        mode=(write.mode or "error").lower(),
        options=dict(write.options),
        partition_by=list(write.partitioning_cols or ()),
        files=partitions_of(writer._df),
        frame=DataFrame(writer._df, writer._spark),
    )


def by_client(writer: Any) -> bool:
    """Write to what only the job library's own clients write to; False for files."""
    from pyspark.sql.connect.dataframe import DataFrame

    frame, write = DataFrame(writer._df, writer._spark), writer._write
    kind = (write.source or "").lower()
    if kind == "kafka":
        from awsglue._streams.queries import write_rows

        write_rows(frame, dict(write.options))
        return True
    from awsglue._sources.sparkjdbc import options_of

    named = options_of(kind, write.options)
    if named is None:
        return False
    from awsglue._sinks import sparkjdbc

    sparkjdbc.write(frame, (write.mode or "error").lower(), named)
    return True


def _files() -> None:
    from pyspark.sql.connect.readwriter import DataFrameWriter

    def save(
        self: Any,
        path: Any = None,
        format: Any = None,
        mode: Any = None,
        partitionBy: Any = None,
        **options: Any,
    ) -> None:
        tell(self, mode, format, partitionBy, options)
        if path is not None:
            self._write.path = path
        if not by_client(self):
            services().save(_request(self), self._write.path)

    DataFrameWriter.save = save  # type: ignore[method-assign]


def tables() -> None:
    """Patch what the two writer classes do to tables."""
    from pyspark.sql.connect.readwriter import DataFrameWriter

    save_as_table, insert_into = table_methods(lambda: services().tables, _request)
    DataFrameWriter.saveAsTable = save_as_table  # type: ignore[method-assign]
    DataFrameWriter.insertInto = insert_into  # type: ignore[method-assign]
    _version_two()


def _version_two() -> None:
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.readwriter import DataFrameWriterV2

    def act(action: str) -> Any:
        def method(self: Any, condition: Any = None) -> None:
            from awsglue._runtime.iceberg.requests import TableWrite

            write = self._write
            services().tables.write_v2(
                TableWrite(
                    action=action,
                    table=write.table_name,
                    provider=(write.provider or "").lower(),
                    properties=dict(write.table_properties or {}),
                    options=dict(write.options or {}),
                    partitioned_by=list(write.partitioning_columns or ()),
                    frame=DataFrame(self._df, self._spark),
                    condition=condition,
                )
            )

        return method

    for name in ("create", "replace", "createOrReplace", "append", "overwrite", "overwritePartitions"):
        setattr(DataFrameWriterV2, name, act(name))

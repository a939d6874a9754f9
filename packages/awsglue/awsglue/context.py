"""GlueContext: the entry to sources, sinks and the session of a Glue script."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from awsglue._context_storage import StorageMethods
from awsglue._context_streams import StreamMethods
from awsglue._context_write import WriteMethods, catalog_name
from awsglue._defaults import NOTHING
from awsglue._sources.request import SourceRequest
from awsglue._sqlcontext import SqlContextMethods
from awsglue.data_source import DataSource
from awsglue.dataframereader import DataFrameReader
from awsglue.dataframewriter import DataFrameWriter
from awsglue.dynamicframe import DynamicFrame, DynamicFrameReader, DynamicFrameWriter
from awsglue.streaming_data_source import StreamingDataSource

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["GlueContext"]


class GlueContext(SqlContextMethods, WriteMethods, StorageMethods, StreamMethods):
    """Sources, sinks and transforms over one session."""

    Spark_SQL_Formats: ClassVar[set[str]] = {"parquet", "orc"}
    Unsupported_Compression_Types: ClassVar[set[str]] = {"lzo"}

    def __init__(self, sparkContext: Any = None, **options: Any) -> None:
        """Over a SparkContext, a SparkSession, or the session of this process."""
        self.spark_session = _session(sparkContext)
        self._options = options
        self.create_dynamic_frame = DynamicFrameReader(self)
        self.create_data_frame = DataFrameReader(self)
        self.write_dynamic_frame = DynamicFrameWriter(self)
        self.write_data_frame = DataFrameWriter(self)

    # --- sources ---------------------------------------------------------------------------------------------------

    def getSource(
        self,
        connection_type: str,
        format: str | None = None,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **options: Any,
    ) -> DataSource:
        """A source of this connection type."""
        compression = options.get("compressionType")
        if compression in self.Unsupported_Compression_Types and not format:
            raise Exception(
                f"When using compressionType {compression}, the format parameter must be specified."
            )
        if format and (
            format.lower() in self.Spark_SQL_Formats or compression in self.Unsupported_Compression_Types
        ):
            connection_type = format
        request = SourceRequest(
            connection_type=connection_type,
            options=options,
            transformation_ctx=transformation_ctx,
            push_down_predicate=push_down_predicate,
        )
        return DataSource(request, self, "")

    def getStreamingSource(
        self,
        connection_type: str,
        format: str | None = None,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **options: Any,
    ) -> StreamingDataSource:
        """A streaming source of this connection type."""
        request = SourceRequest(
            connection_type=connection_type,
            options=options,
            transformation_ctx=transformation_ctx,
            format=format,
        )
        return StreamingDataSource(request, self, "")

    def create_dynamic_frame_from_rdd(
        self,
        data: Any,
        name: str,
        schema: Any = None,
        sample_ratio: float | None = None,
        transformation_ctx: str = "",
    ) -> DynamicFrame:
        """Records of an RDD or a list."""
        df = self.spark_session.createDataFrame(data, schema, sample_ratio)
        return DynamicFrame.fromDF(df, self, name)

    def create_dynamic_frame_from_catalog(
        self,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        additional_options: Mapping[str, Any] | None = NOTHING,
        catalog_id: str | int | None = None,
        **kwargs: Any,
    ) -> DynamicFrame:
        """Records of a catalog table (`name_space` is another name of `database`)."""
        source = self._catalog_source(
            database,
            table_name,
            redshift_tmp_dir,
            transformation_ctx,
            push_down_predicate,
            additional_options,
            catalog_id,
            kwargs,
        )
        return source.getFrame(**_partitions(kwargs))

    def create_dynamic_frame_from_options(
        self,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = NOTHING,
        format: str | None = None,
        format_options: Mapping[str, Any] | None = NOTHING,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **kwargs: Any,
    ) -> DynamicFrame:
        """Records of a connection and format."""
        source = self._options_source(
            connection_type,
            connection_options,
            format,
            format_options,
            transformation_ctx,
            push_down_predicate,
        )
        return source.getFrame(**_partitions(kwargs))

    def create_sample_dynamic_frame_from_catalog(
        self,
        database: str | None = None,
        table_name: str | None = None,
        num: int | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        additional_options: Mapping[str, Any] | None = NOTHING,
        sample_options: Mapping[str, Any] | None = NOTHING,
        catalog_id: str | int | None = None,
        **kwargs: Any,
    ) -> DynamicFrame:
        """At most `num` records of a catalog table."""
        source = self._catalog_source(
            database,
            table_name,
            redshift_tmp_dir,
            transformation_ctx,
            push_down_predicate,
            additional_options,
            catalog_id,
            kwargs,
        )
        return source.getSampleFrame(num, **(sample_options or {}))

    def create_sample_dynamic_frame_from_options(
        self,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = NOTHING,
        num: int | None = None,
        sample_options: Mapping[str, Any] | None = NOTHING,
        format: str | None = None,
        format_options: Mapping[str, Any] | None = NOTHING,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **kwargs: Any,
    ) -> DynamicFrame:
        """At most `num` records of a connection and format."""
        source = self._options_source(
            connection_type,
            connection_options,
            format,
            format_options,
            transformation_ctx,
            push_down_predicate,
        )
        return source.getSampleFrame(num, **(sample_options or {}))

    def create_data_frame_from_catalog(
        self,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        additional_options: Mapping[str, Any] | None = NOTHING,
        catalog_id: str | int | None = None,
        **kwargs: Any,
    ) -> DataFrame:
        """A catalog table as a DataFrame (Iceberg tables through the session's catalog)."""
        from awsglue._sources.catalog import open_table_frame

        source = self._catalog_source(
            database,
            table_name,
            redshift_tmp_dir,
            transformation_ctx,
            push_down_predicate,
            additional_options,
            catalog_id,
            kwargs,
        )
        return open_table_frame(source._request, self)

    def create_data_frame_from_options(
        self,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = NOTHING,
        format: str | None = None,
        format_options: Mapping[str, Any] | None = NOTHING,
        transformation_ctx: str = "",
        push_down_predicate: str = "",
        **kwargs: Any,
    ) -> DataFrame:
        """A connection and format as a DataFrame; Kinesis and Kafka as streams."""
        if connection_type.lower() in ("kinesis", "kafka"):
            source = self.getStreamingSource(
                connection_type, format, transformation_ctx, push_down_predicate, **(connection_options or {})
            )
            if format_options:
                source.setFormat(format or "", **format_options)
            return source.getFrame()
        return self.create_dynamic_frame_from_options(
            connection_type,
            connection_options,
            format,
            format_options,
            transformation_ctx,
            push_down_predicate,
        ).toDF()

    def get_catalog_schema_as_spark_schema(
        self,
        database: str | None = None,
        table_name: str | None = None,
        catalog_id: str | int | None = None,
    ) -> Any:
        """The Spark StructType of a catalog table."""
        from awsglue._frames.encoding import to_spark

        if not database or not table_name:
            raise Exception("Parameter database and table_name must be specified.")
        return to_spark(self._catalog_schema(database, table_name, catalog_id))

    # --- the rest --------------------------------------------------------------------------------------------------

    def extract_jdbc_conf(self, connection_name: str, catalog_id: str | int | None = None) -> dict[str, Any]:
        """user, password, vendor, url, fullUrl, … of a Glue connection."""
        from awsglue._sources.connections import jdbc_conf

        return jdbc_conf(connection_name, _catalog_id(catalog_id))

    def get_logger(self) -> Any:
        """A logger with info, warn, error and debug."""
        from awsglue._logger import GlueLogger

        return GlueLogger()

    def currentTimeMillis(self) -> int:
        """Milliseconds since the epoch."""
        return int(time.time() * 1000)

    def convert_resolve_option(self, path: str, action: str, target: Any) -> str:
        """An option of toDF as resolveChoice spells it. Raises ValueError."""
        from awsglue._frames.options import ResolveOption

        if action not in ("Project", "KeepAsStruct"):
            raise ValueError(f"Invalid resolve action {action!r}: Project or KeepAsStruct")
        return ResolveOption(path, action, target).choice_action()

    def start_transaction(self, read_only: bool) -> str:
        """Raises: governed tables have been retired."""
        raise NotImplementedError(
            "transactions belong to Lake Formation governed tables, which AWS has retired"
        )

    def commit_transaction(self, transaction_id: str, wait_for_commit: bool = True) -> bool:
        """Raises: governed tables have been retired."""
        raise NotImplementedError(
            "transactions belong to Lake Formation governed tables, which AWS has retired"
        )

    def cancel_transaction(self, transaction_id: str) -> bool:
        """Raises: governed tables have been retired."""
        raise NotImplementedError(
            "transactions belong to Lake Formation governed tables, which AWS has retired"
        )

    # --- inner -----------------------------------------------------------------------------------------------------

    def _options_source(
        self,
        connection_type: str,
        connection_options: dict[str, Any] | None,
        format: str | None,
        format_options: dict[str, Any] | None,
        transformation_ctx: str,
        push_down_predicate: str,
    ) -> DataSource:
        from awsglue.utils import makeOptions

        options = makeOptions(None, connection_options or {})
        source = self.getSource(connection_type, format, transformation_ctx, push_down_predicate, **options)
        if format:
            source.setFormat(format, **makeOptions(None, format_options or {}))
        return source

    def _catalog_source(
        self,
        database: str | None,
        table_name: str | None,
        redshift_tmp_dir: str,
        transformation_ctx: str,
        push_down_predicate: str,
        additional_options: dict[str, Any] | None,
        catalog_id: str | int | None,
        kwargs: dict[str, Any],
    ) -> DataSource:
        database, table_name = catalog_name(database, table_name, kwargs)
        options = dict(additional_options or {})
        if redshift_tmp_dir:
            options.setdefault("redshiftTmpDir", redshift_tmp_dir)
        request = SourceRequest(
            connection_type="catalog",
            options=options,
            transformation_ctx=transformation_ctx,
            push_down_predicate=push_down_predicate,
            database=database,
            table_name=table_name,
            catalog_id=_catalog_id(catalog_id),
        )
        return DataSource(request, self, table_name)

    def _catalog_schema(self, database: str, table_name: str, catalog_id: str | int | None) -> Any:
        from awsglue._sources.catalog import get_table, table_schema

        return table_schema(get_table(database, table_name, _catalog_id(catalog_id)))


def _catalog_id(value: str | int | None) -> str | None:
    return None if value in (None, "") else str(value)


def _partitions(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {name: kwargs[name] for name in ("minPartitions", "targetPartitions") if name in kwargs}


def _session(given: Any) -> Any:
    """The SparkSession behind what a script passes."""
    if given is None:
        from awsglue._runtime.engine import get_or_create_session

        return get_or_create_session()
    if hasattr(given, "createDataFrame") and hasattr(given, "catalog"):
        return given
    if isinstance(given, GlueContext):
        return given.spark_session
    from awsglue._runtime.engine import get_or_create_session

    # A SparkContext: the session of this process is over it already, or is made over it now.
    return get_or_create_session()

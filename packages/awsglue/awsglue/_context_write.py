"""The writing half of GlueContext."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from awsglue._defaults import NOTHING
from awsglue._sinks.request import SinkRequest
from awsglue.data_sink import DataSink
from awsglue.utils import makeOptions

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from awsglue.dynamicframe import DynamicFrame


def catalog_name(database: str | None, table_name: str | None, kwargs: dict[str, Any]) -> tuple[str, str]:
    """(database, table) that a call names; `name_space`, taken out of `kwargs`, is another name of `database`."""
    name_space = kwargs.pop("name_space", None)
    if database is not None and name_space is not None:
        raise Exception("Parameter name_space and database are both specified, choose one.")
    database = database or name_space
    if database is None:
        raise Exception("Parameter name_space or database is missing.")
    if table_name is None:
        raise Exception("Parameter table_name is missing.")
    return database, table_name


class WriteMethods:
    """Sinks by options, by catalog table and by connection."""

    def getSink(
        self,
        connection_type: str,
        format: str | None = None,
        transformation_ctx: str = "",
        **options: Any,
    ) -> DataSink:
        """A sink of this connection type."""
        request = SinkRequest(
            connection_type=connection_type, options=options, transformation_ctx=transformation_ctx
        )
        if format:
            request = request.with_format(format, {})
        return DataSink(request, self)  # type: ignore[arg-type]

    def write_dynamic_frame_from_options(
        self,
        frame: DynamicFrame,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = NOTHING,
        format: str | None = None,
        format_options: Mapping[str, Any] | None = NOTHING,
        transformation_ctx: str = "",
    ) -> Any:
        """Write one frame to a connection."""
        return self.write_from_options(
            frame, connection_type, connection_options, format, format_options, transformation_ctx
        )

    def write_from_options(
        self,
        frame_or_dfc: Any,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = NOTHING,
        format: str | None = None,
        format_options: Mapping[str, Any] | None = NOTHING,
        transformation_ctx: str = "",
    ) -> Any:
        """Write a frame or a collection to a connection. Raises TypeError."""
        options = self._named(frame_or_dfc, connection_options)
        sink = self.getSink(connection_type, format, transformation_ctx, **options)
        if format:
            sink.setFormat(format, **makeOptions(None, format_options or {}))
        return sink.write(frame_or_dfc)

    def write_dynamic_frame_from_catalog(
        self,
        frame: DynamicFrame,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        additional_options: Mapping[str, Any] | None = NOTHING,
        catalog_id: str | int | None = None,
        **kwargs: Any,
    ) -> DynamicFrame:
        """Write one frame to a catalog table."""
        return self._catalog_sink(
            database, table_name, redshift_tmp_dir, transformation_ctx, additional_options, catalog_id, kwargs
        ).writeFrame(frame)

    def write_data_frame_from_catalog(
        self,
        frame: DataFrame,
        database: str | None = None,
        table_name: str | None = None,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        additional_options: Mapping[str, Any] | None = NOTHING,
        catalog_id: str | int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Write a DataFrame to a catalog table."""
        sink = self._catalog_sink(
            database, table_name, redshift_tmp_dir, transformation_ctx, additional_options, catalog_id, kwargs
        )
        return sink.writeDataFrame(frame, self)  # type: ignore[arg-type]

    def write_dynamic_frame_from_jdbc_conf(
        self,
        frame: DynamicFrame,
        catalog_connection: str,
        connection_options: Mapping[str, Any] | None = NOTHING,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        catalog_id: str | int | None = None,
    ) -> Any:
        """Write one frame over a Glue connection."""
        return self.write_from_jdbc_conf(
            frame, catalog_connection, connection_options, redshift_tmp_dir, transformation_ctx, catalog_id
        )

    def write_from_jdbc_conf(
        self,
        frame_or_dfc: Any,
        catalog_connection: str,
        connection_options: Mapping[str, Any] | None = NOTHING,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        catalog_id: str | int | None = None,
    ) -> Any:
        """Write a frame or a collection over a Glue connection."""
        options = self._named(frame_or_dfc, connection_options)
        options.update(connectionName=catalog_connection, useConnectionProperties="true")
        if redshift_tmp_dir:
            options["redshiftTmpDir"] = redshift_tmp_dir
        if catalog_id:
            options["catalogId"] = str(catalog_id)
        return self.getSink("jdbc", transformation_ctx=transformation_ctx, **options).write(frame_or_dfc)

    @staticmethod
    def _named(frame_or_dfc: Any, given: dict[str, Any] | None) -> dict[str, Any]:
        from awsglue.dynamicframe import DynamicFrame, DynamicFrameCollection

        options = makeOptions(None, given or {})
        if isinstance(frame_or_dfc, DynamicFrameCollection):
            options["useFrameName"] = True
        elif not isinstance(frame_or_dfc, DynamicFrame):
            raise TypeError(
                "frame_or_dfc must be DynamicFrame or DynamicFrameCollection. "
                f"Got {type(frame_or_dfc).__name__}"
            )
        return options

    def _catalog_sink(
        self,
        database: str | None,
        table_name: str | None,
        redshift_tmp_dir: str,
        transformation_ctx: str,
        additional_options: dict[str, Any] | None,
        catalog_id: str | int | None,
        kwargs: dict[str, Any],
    ) -> DataSink:
        database, table_name = catalog_name(database, table_name, kwargs)
        options = dict(additional_options or {})
        if redshift_tmp_dir:
            options.setdefault("redshiftTmpDir", redshift_tmp_dir)
        request = SinkRequest(
            connection_type="catalog",
            options=options,
            transformation_ctx=transformation_ctx,
            database=database,
            table_name=table_name,
            catalog_id=str(catalog_id) if catalog_id else None,
            from_catalog=True,
        )
        return DataSink(request, self)  # type: ignore[arg-type]

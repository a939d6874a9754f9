"""create_dynamic_frame and write_dynamic_frame: the readers and writers hung on a GlueContext."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from awsglue._defaults import NOTHING

if TYPE_CHECKING:
    from awsglue.context import GlueContext
    from awsglue.dynamicframe import DynamicFrame


class DynamicFrameReader:
    """`glueContext.create_dynamic_frame`."""

    def __init__(self, glue_context: GlueContext) -> None:
        self._glue_context = glue_context

    def from_rdd(
        self,
        data: Any,
        name: str,
        schema: Any = None,
        sampleRatio: float | None = None,
        transformation_ctx: str = "",
    ) -> DynamicFrame:
        """Records of an RDD or a list."""
        return self._glue_context.create_dynamic_frame_from_rdd(
            data, name, schema, sampleRatio, transformation_ctx
        )

    def from_options(
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
        return self._glue_context.create_dynamic_frame_from_options(
            connection_type,
            connection_options or {},
            format,
            format_options or {},
            transformation_ctx,
            push_down_predicate,
            **kwargs,
        )

    def from_catalog(
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
        """Records of a catalog table."""
        return self._glue_context.create_dynamic_frame_from_catalog(
            database,
            table_name,
            redshift_tmp_dir,
            transformation_ctx,
            push_down_predicate,
            additional_options or {},
            catalog_id,
            **kwargs,
        )


class DynamicFrameWriter:
    """`glueContext.write_dynamic_frame`."""

    def __init__(self, glue_context: GlueContext) -> None:
        self._glue_context = glue_context

    def from_options(
        self,
        frame: Any,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = NOTHING,
        format: str | None = None,
        format_options: Mapping[str, Any] | None = NOTHING,
        transformation_ctx: str = "",
    ) -> Any:
        """Write a frame or a collection to a connection."""
        return self._glue_context.write_from_options(
            frame, connection_type, connection_options or {}, format, format_options or {}, transformation_ctx
        )

    def from_catalog(
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
        """Write a frame to a catalog table."""
        return self._glue_context.write_dynamic_frame_from_catalog(
            frame,
            database,
            table_name,
            redshift_tmp_dir,
            transformation_ctx,
            additional_options or {},
            catalog_id,
            **kwargs,
        )

    def from_jdbc_conf(
        self,
        frame: Any,
        catalog_connection: str,
        connection_options: Mapping[str, Any] | None = NOTHING,
        redshift_tmp_dir: str = "",
        transformation_ctx: str = "",
        catalog_id: str | int | None = None,
    ) -> Any:
        """Write a frame or a collection over a Glue connection."""
        return self._glue_context.write_from_jdbc_conf(
            frame,
            catalog_connection,
            connection_options or {},
            redshift_tmp_dir,
            transformation_ctx,
            catalog_id,
        )

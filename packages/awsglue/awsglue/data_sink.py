"""DataSink: a place records are written to, with its format and, for S3, the catalog table to keep up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from awsglue.context import GlueContext
    from awsglue.dynamicframe import DynamicFrame

__all__ = ["DataSink"]


class DataSink:
    """What `GlueContext.getSink` gives: set a format, set the catalog table, write frames."""

    def __init__(self, j_sink: Any, sql_ctx: GlueContext) -> None:
        """`j_sink` is the request (awsglue._sinks.request.SinkRequest)."""
        self._request = j_sink
        self._sql_ctx = sql_ctx

    def setFormat(self, format: str, **options: Any) -> None:
        """The format of the files and its options."""
        self._request = self._request.with_format(format, options)

    def setAccumulableSize(self, size: int) -> None:
        """How many error records to keep; errors are counted from the frames, so any number is kept."""

    def setCatalogInfo(self, catalogDatabase: str, catalogTableName: str, catalogId: str = "") -> None:
        """The catalog table that enableUpdateCatalog creates and evolves."""
        self._request = self._request.with_table(catalogDatabase, catalogTableName, catalogId)

    def writeFrame(self, dynamic_frame: DynamicFrame, info: str = "") -> DynamicFrame:
        """Write the records; gives the frame of write errors (there are none when this returns)."""
        from awsglue._frames.body import Body
        from awsglue._frames.errors import no_errors
        from awsglue._sinks.dispatch import write_frame
        from awsglue.dynamicframe import DynamicFrame

        write_frame(self._request, dynamic_frame._checked(), self._sql_ctx)
        context = self._sql_ctx
        return DynamicFrame(Body(lambda: no_errors(context)), context, dynamic_frame.name + "_errors")

    def writeDataFrame(self, data_frame: DataFrame, glue_context: GlueContext) -> DynamicFrame:
        """Write a DataFrame's rows."""
        from awsglue.dynamicframe import DynamicFrame

        return self.writeFrame(DynamicFrame.fromDF(data_frame, glue_context, "data_frame"))

    def write(self, dynamic_frame_or_dfc: Any, info: str = "") -> Any:
        """Write a frame, or each frame of a collection to a folder of its name. Raises TypeError."""
        from awsglue.dynamicframe import DynamicFrame, DynamicFrameCollection

        if isinstance(dynamic_frame_or_dfc, DynamicFrame):
            return self.writeFrame(dynamic_frame_or_dfc, info)
        if isinstance(dynamic_frame_or_dfc, DynamicFrameCollection):
            request = self._request
            errors = {}
            for key, frame in dynamic_frame_or_dfc.items():
                sink = DataSink(request.named(frame.name or key), self._sql_ctx)
                errors[key] = sink.writeFrame(frame, info)
            return DynamicFrameCollection(errors, self._sql_ctx)
        raise TypeError(
            f"dynamic_frame_or_dfc must be an instance of DynamicFrame or DynamicFrameCollection. "
            f"Got {type(dynamic_frame_or_dfc).__name__}"
        )

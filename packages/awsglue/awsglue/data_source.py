"""DataSource: a place records are read from, with its format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from awsglue.context import GlueContext
    from awsglue.dynamicframe import DynamicFrame

__all__ = ["DataSource"]


class DataSource:
    """What `GlueContext.getSource` gives: set a format, get the frame."""

    def __init__(self, j_source: Any, sql_ctx: GlueContext, name: str) -> None:
        """`j_source` is the request (awsglue._sources.request.SourceRequest)."""
        self._request = j_source
        self._sql_ctx = sql_ctx
        self.name = name

    def setFormat(self, format: str, **options: Any) -> None:
        """The format of the files and its options."""
        self._request = self._request.with_format(format, options)

    def getFrame(self, minPartitions: int | None = None, targetPartitions: int | None = None) -> DynamicFrame:
        """The records, read when they are first needed."""
        from awsglue._sources.dispatch import open_source
        from awsglue.dynamicframe import DynamicFrame

        return DynamicFrame(open_source(self._request, self._sql_ctx), self._sql_ctx, self.name)

    def getSampleFrame(self, num: int | None, **options: Any) -> DynamicFrame:
        """At most `num` records (sample options: maxSamplePartitions, maxSampleFilesPerPartition)."""
        from awsglue._frames.body import Encoded
        from awsglue._sources.dispatch import open_source
        from awsglue.dynamicframe import DynamicFrame

        body = open_source(self._request.sampled(options), self._sql_ctx)
        if num is not None:
            body = body.then(lambda frame: Encoded(df=frame.df.limit(num), schema=frame.schema))
        return DynamicFrame(body, self._sql_ctx, self.name)

    def getDataFrame(self) -> DataFrame:
        """The records as a DataFrame."""
        return self.getFrame().toDF()

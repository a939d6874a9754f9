"""StreamingDataSource: a stream records are read from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from awsglue.context import GlueContext

__all__ = ["StreamingDataSource"]


class StreamingDataSource:
    """What `GlueContext.getStreamingSource` gives."""

    def __init__(self, j_source: Any, sql_ctx: GlueContext, name: str) -> None:
        self._request = j_source
        self._sql_ctx = sql_ctx
        self.name = name

    def setFormat(self, format: str, **options: Any) -> None:
        """The format of the records and its options."""
        self._request = self._request.with_format(format, options)

    def getFrame(self) -> DataFrame:
        """The stream: Kafka or Kinesis. Raises ValueError and NotImplementedError."""
        from awsglue._streams.opening import open_stream

        return open_stream(self._request, self._sql_ctx)  # type: ignore[return-value]

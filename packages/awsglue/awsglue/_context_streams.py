"""The streaming half of GlueContext."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from awsglue._defaults import NOTHING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_BACK_OFF = (1, 2, 5)
_GRANULARITIES = ("day", "hour", "minute")


class StreamMethods:
    """Micro-batches over streaming frames."""

    def forEachBatch(
        self,
        frame: DataFrame,
        batch_function: Callable[..., Any],
        options: Mapping[str, Any] | None = NOTHING,
    ) -> None:
        """Call `batch_function(df, batch_id)` for each micro-batch that has rows, until the stream ends.

        Needs the options windowSize and checkpointLocation; a batch that fails is tried again up to batchMaxRetries
        (3) times. Raises Exception.
        """
        given = options or {}
        for needed in ("windowSize", "checkpointLocation"):
            if not given.get(needed):
                raise Exception(f"Missing {needed} argument")
        retries = int(given.get("batchMaxRetries", 3))
        if not 0 <= retries <= 100:
            raise Exception("batchMaxRetries must be between 0 and 100")
        if not getattr(frame, "isStreaming", False):
            raise Exception("forEachBatch needs a streaming DataFrame")
        persist = str(given.get("persistDataFrame", "true")).lower() != "false"
        from awsglue._streams.frames import StreamFrame

        if isinstance(frame, StreamFrame):
            from awsglue._streams.batches import loop
            from awsglue._streams.times import seconds_of

            # The batch lies in files already: nothing is kept in memory besides.
            process = _batch(batch_function, retries, persist=False)
            window = seconds_of(str(given["windowSize"]))
            loop(frame, process, str(given["checkpointLocation"]), window, settled=persist).run()
            return
        query = (
            frame.writeStream.foreachBatch(_batch(batch_function, retries, persist))
            .trigger(processingTime=str(given["windowSize"]))
            .option("checkpointLocation", str(given["checkpointLocation"]))
            .start()
        )
        query.awaitTermination()

    def getSampleStreamingDynamicFrame(
        self,
        frame: DataFrame,
        options: Mapping[str, Any] | None = NOTHING,
        batch_function: Callable[..., Any] | None = None,
    ) -> Any:
        """A DynamicFrame of records that arrive while it polls (pollingTimeInMs 10000, recordPollingLimit 100).

        `batch_function(data_frame, batch_id)` is called with the sample; a frame that it returns takes its place.
        Raises ValueError and NotImplementedError.
        """
        from awsglue._streams.batches import sample
        from awsglue._streams.frames import StreamFrame
        from awsglue._streams.times import seconds_of
        from awsglue.dynamicframe import DynamicFrame

        given = options or {}
        if not given.get("windowSize"):
            raise Exception("Missing windowSize argument")
        polling = float(given.get("pollingTimeInMs", 10000)) / 1000
        if polling <= seconds_of(str(given["windowSize"])):
            raise ValueError("pollingTimeInMs must be larger than windowSize")
        limit = int(given.get("recordPollingLimit", 100))
        if limit < 1:
            raise ValueError("recordPollingLimit must be at least 1")
        if not isinstance(frame, StreamFrame):
            raise NotImplementedError("samples are taken of Kafka and Kinesis streams")
        found, count = sample(frame, str(given["windowSize"]), polling, limit)
        if batch_function is not None and count:
            made = batch_function(found, 0)
            found = found if made is None else made
        if isinstance(found, DynamicFrame):
            return found
        return DynamicFrame.fromDF(found, self, "sample")  # type: ignore[arg-type]

    def add_ingestion_time_columns(self, frame: DataFrame, time_granularity: str) -> DataFrame:
        """With ingest_year, ingest_month, ingest_day, and hour and minute if asked for. Raises ValueError."""
        if time_granularity not in _GRANULARITIES:
            raise ValueError(f"time_granularity must be one of {', '.join(_GRANULARITIES)}")
        parts = ["year", "month", "day", "hour", "minute"][: 3 + _GRANULARITIES.index(time_granularity)]
        made = [f"{part}(current_timestamp()) as ingest_{part}" for part in parts]
        return frame.selectExpr("*", *made)


def _batch(function: Callable[..., Any], retries: int, persist: bool) -> Callable[..., None]:
    from awsglue._runtime.failures import EngineRefused

    def run(df: DataFrame, batch_id: int) -> None:
        if not df.take(1):
            return
        if persist:
            df.persist()
        attempt = 0
        while True:
            try:
                function(df, batch_id)
                break
            except EngineRefused:
                # It would be refused again.
                raise
            except Exception as error:
                # A batch is tried again, whatever went wrong, unless its checkpoint is gone for good.
                if attempt >= retries or "CheckpointMetadataNotFound" in type(error).__name__:
                    raise
                time.sleep(_BACK_OFF[min(attempt, len(_BACK_OFF) - 1)])
                attempt += 1
        if persist:
            df.unpersist()

    return run

"""The streaming half of GlueContext."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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
        options: dict[str, Any] | None = None,
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
        query = (
            frame.writeStream.foreachBatch(_batch(batch_function, given, retries, persist))
            .trigger(processingTime=str(given["windowSize"]))
            .option("checkpointLocation", str(given["checkpointLocation"]))
            .start()
        )
        query.awaitTermination()

    def getSampleStreamingDynamicFrame(
        self,
        frame: DataFrame,
        options: dict[str, Any] | None = None,
        batch_function: Callable[..., Any] | None = None,
    ) -> Any:
        """A sample of a stream. Raises ValueError, and NotImplementedError: no streaming connector is built in."""
        given = options or {}
        if not given.get("windowSize"):
            raise Exception("Missing windowSize argument")
        window = _milliseconds(str(given["windowSize"]))
        if int(given.get("pollingTimeInMs", 10000)) <= window:
            raise ValueError("pollingTimeInMs must be larger than windowSize")
        raise NotImplementedError(
            "samples of streams are not implemented: no streaming connector is built in"
        )

    def add_ingestion_time_columns(self, frame: DataFrame, time_granularity: str) -> DataFrame:
        """With ingest_year, ingest_month, ingest_day, and hour and minute if asked for. Raises ValueError."""
        if time_granularity not in _GRANULARITIES:
            raise ValueError(f"time_granularity must be one of {', '.join(_GRANULARITIES)}")
        parts = ["year", "month", "day", "hour", "minute"][: 3 + _GRANULARITIES.index(time_granularity)]
        made = [f"{part}(current_timestamp()) as ingest_{part}" for part in parts]
        return frame.selectExpr("*", *made)


def _batch(
    function: Callable[..., Any], options: dict[str, Any], retries: int, persist: bool
) -> Callable[..., None]:
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
            except Exception as error:
                # A batch is tried again, whatever went wrong, unless its checkpoint is gone for good.
                if attempt >= retries or "CheckpointMetadataNotFound" in type(error).__name__:
                    raise
                time.sleep(_BACK_OFF[min(attempt, len(_BACK_OFF) - 1)])
                attempt += 1
        if persist:
            df.unpersist()

    return run


def _milliseconds(text: str) -> float:
    number, _, unit = text.strip().partition(" ")
    scale = {"second": 1000, "minute": 60_000, "hour": 3_600_000, "millisecond": 1, "day": 86_400_000}
    return float(number) * scale[unit.strip().rstrip("s").lower() or "second"]

"""Error records: gathered from the transforms that made them, counted, and held against thresholds."""

from __future__ import annotations

from typing import Any

from awsglue import gluetypes as g
from awsglue._frames.body import Encoded, ErrorStage


class ErrorReport:
    """The errors of several transforms, in order."""

    def __init__(self, stages: tuple[ErrorStage, ...]) -> None:
        # A frame joined or united with a descendant of its own has a stage twice; its errors count once.
        self._stages = tuple({id(stage): stage for stage in stages}.values())

    def total(self) -> int:
        """How many error records there are."""
        return sum(_count(stage) for stage in self._stages)

    def check(self) -> None:
        """Raise when a transform has more errors than it may have."""
        total = 0
        if not any(stage.stage_threshold or stage.total_threshold for stage in self._stages):
            return
        for stage in self._stages:
            count = _count(stage)
            total += count
            if stage.stage_threshold and count > stage.stage_threshold:
                raise ErrorThresholdExceeded(stage.transform, "stage", count, stage.stage_threshold)
            if stage.total_threshold and total > stage.total_threshold:
                raise ErrorThresholdExceeded(stage.transform, "total", total, stage.total_threshold)

    def frame(self) -> Encoded | None:
        """All error records, or None when no transform can have any."""
        from awsglue._frames.rows import union

        result: Encoded | None = None
        for stage in self._stages:
            held: Any = stage.records()
            if held is not None:
                result = held if result is None else union(result, held)
        return result


class ErrorThresholdExceeded(Exception):
    """A transform, or all up to it, made more error records than allowed."""

    def __init__(self, transform: str, which: str, count: int, allowed: int) -> None:
        super().__init__(
            f"{transform}: {count} error records exceed the {which} error threshold of {allowed}"
        )


def _count(stage: ErrorStage) -> int:
    held: Any = stage.records()
    return 0 if held is None else int(held.df.count())


def no_errors(glue_ctx: Any) -> Encoded:
    """An empty frame."""
    from pyspark.sql.types import StructType

    spark = glue_ctx.spark_session
    return Encoded(df=spark.createDataFrame([], StructType([])), schema=g.StructType())

"""Transforms of whole records: user functions, joins, splits, unions, partitions, samples, errors."""

from __future__ import annotations

from typing import Any, ClassVar

from awsglue.transforms.transform import GlueTransform


class Filter(GlueTransform):
    """Keeps the records for which a function is true."""

    arguments: ClassVar[dict[str, str]] = {
        "frame": "DynamicFrame to filter",
        "f": "Predicate over a DynamicRecord",
    }

    def __call__(
        self,
        frame: Any,
        f: Any,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> Any:
        return frame.filter(f, transformation_ctx, info, stageThreshold, totalThreshold)


class Map(GlueTransform):
    """Applies a function to each record."""

    arguments: ClassVar[dict[str, str]] = {
        "frame": "DynamicFrame to map",
        "f": "Function from DynamicRecord to DynamicRecord",
    }

    def __call__(
        self,
        frame: Any,
        f: Any,
        preservesPartitioning: bool = False,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> Any:
        return frame.map(f, preservesPartitioning, transformation_ctx, info, stageThreshold, totalThreshold)


class Join(GlueTransform):
    """Joins two frames on equal keys."""

    arguments: ClassVar[dict[str, str]] = {
        "frame1": "First frame",
        "frame2": "Second frame",
        "keys1": "Its key paths",
        "keys2": "Its key paths",
    }

    def __call__(self, frame1: Any, frame2: Any, keys1: Any, keys2: Any, transformation_ctx: str = "") -> Any:
        return frame1.join(keys1, keys2, frame2, transformation_ctx)


class SplitRows(GlueTransform):
    """Splits a frame in two by comparisons."""

    arguments: ClassVar[dict[str, str]] = {
        "frame": "DynamicFrame to split",
        "comparison_dict": "{path: {operator: value}}",
    }
    returns = "A DynamicFrameCollection"

    def __call__(
        self,
        frame: Any,
        comparison_dict: Any,
        name1: str = "frame1",
        name2: str = "frame2",
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> Any:
        return frame.split_rows(
            comparison_dict, name1, name2, transformation_ctx, info, stageThreshold, totalThreshold
        )


class Spigot(GlueTransform):
    """Writes a sample of the records on their way."""

    arguments: ClassVar[dict[str, str]] = {
        "frame": "DynamicFrame to sample",
        "path": "Where the sample goes",
        "options": "topk, prob",
    }

    def __call__(self, frame: Any, path: str, options: Any = None, transformation_ctx: str = "") -> Any:
        return frame.spigot(path, options or {}, transformation_ctx)


class Union(GlueTransform):
    """All records of two frames."""

    arguments: ClassVar[dict[str, str]] = {"frame1": "First frame", "frame2": "Second frame"}

    def __call__(
        self,
        frame1: Any,
        frame2: Any,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> Any:
        return frame1.union(frame2, transformation_ctx, info, stageThreshold, totalThreshold)


class Repartition(GlueTransform):
    """Shuffles the records into a number of partitions."""

    arguments: ClassVar[dict[str, str]] = {"frame": "DynamicFrame", "num_partitions": "Number of partitions"}

    def __call__(
        self,
        frame: Any,
        num_partitions: int,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> Any:
        return frame.repartition(num_partitions, transformation_ctx, info, stageThreshold, totalThreshold)


class Coalesce(GlueTransform):
    """Brings the records into fewer partitions."""

    arguments: ClassVar[dict[str, str]] = {
        "frame": "DynamicFrame",
        "num_partitions": "Number of partitions",
        "shuffle": "Shuffle the records",
    }

    def __call__(
        self,
        frame: Any,
        num_partitions: int,
        shuffle: bool = False,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> Any:
        return frame.coalesce(
            num_partitions, shuffle, transformation_ctx, info, stageThreshold, totalThreshold
        )


class ErrorsAsDynamicFrame(GlueTransform):
    """The error records of all transforms up to here."""

    arguments: ClassVar[dict[str, str]] = {"frame": "DynamicFrame"}

    def __call__(self, frame: Any) -> Any:
        return frame.errorsAsDynamicFrame()

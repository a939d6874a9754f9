"""DynamicFrame: records that describe themselves, over an engine's DataFrame.

A frame holds a body (see awsglue._frames.body) that is computed once, when its rows or its schema are first needed, and
the places where its error records are. Transforms never change a frame; they make a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from awsglue import gluetypes as g
from awsglue._defaults import NOTHING
from awsglue._frames import choices, paths, rows, trees
from awsglue._frames.body import Body, Encoded, StageMaker
from awsglue._frames.collection import DynamicFrameCollection
from awsglue._frames.entry import DynamicFrameReader, DynamicFrameWriter
from awsglue._frames.errors import ErrorReport, no_errors
from awsglue._frames.fieldtransforms import FieldTransforms
from awsglue._frames.options import ResolveOption
from awsglue._frames.records import DynamicRecord
from awsglue._runtime import pyspark_names
from awsglue.utils import callsite

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from awsglue.context import GlueContext

__all__ = [
    "DynamicFrame",
    "DynamicFrameCollection",
    "DynamicFrameReader",
    "DynamicFrameWriter",
    "DynamicRecord",
    "ResolveOption",
]

Paths = str | list[str]

# A script that is started without the launcher finds the names of PySpark from here on, whatever the engine.
pyspark_names.install()


class DynamicFrame(FieldTransforms):
    """Records of possibly different shapes, with the transforms of AWS Glue."""

    def __init__(self, jdf: Any, glue_ctx: GlueContext, name: str = "") -> None:
        """`jdf` is a frame's body, or a DataFrame."""
        self._body = jdf if isinstance(jdf, Body) else Body(lambda: Encoded.of(jdf))
        self.glue_ctx = glue_ctx
        self.name = name

    @classmethod
    def fromDF(cls, dataframe: DataFrame, glue_ctx: GlueContext, name: str = "") -> DynamicFrame:
        """A DynamicFrame of a DataFrame's rows."""
        return cls(dataframe, glue_ctx, name)

    # --- looking at it ---------------------------------------------------------------------------------------------

    def toDF(self, options: list[ResolveOption] | None = None) -> DataFrame:
        """The records as a DataFrame. A choice that no option resolves is a struct with one field per type."""
        frame = self._checked()
        for option in options or []:
            frame = choices.resolve_specs(frame, [(option.path, option.choice_action())])
        return frame.df

    def schema(self) -> g.StructType:
        """The Glue schema; for sources that describe themselves this reads the data."""
        return self._body.get().schema

    def with_frame_schema(self, schema: g.StructType) -> DynamicFrame:
        """The same records under a schema that is known beforehand: fields not in it are left out."""
        if not isinstance(schema, g.StructType):
            raise TypeError(f"with_frame_schema needs a StructType, not {type(schema).__name__}")
        return self._new(self._body.then(lambda frame: _under(frame, schema)))

    def printSchema(self) -> None:
        """Print the schema as a tree."""
        print(self.schema().treeString())  # noqa: T201 (it is what it is for)

    def show(self, num_rows: int = 20) -> None:
        """Print records, one JSON text a line."""
        from awsglue._frames.display import line, take

        for record in take(self._checked(), num_rows):
            print(line(record))  # noqa: T201 (it is what it is for)

    def count(self) -> int:
        """The number of records that are not error records."""
        return int(self._checked().df.count())

    def getNumPartitions(self) -> int:
        """How many partitions the engine has the rows in."""
        from awsglue._frames.partitions import count_partitions

        return count_partitions(self._checked().df)

    def __repr__(self) -> str:
        return f"<DynamicFrame {self.name!r}>"

    # --- user functions --------------------------------------------------------------------------------------------

    def filter(
        self,
        f: Callable[[DynamicRecord], Any],
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """The records for which `f` is true. A KeyError, ValueError or TypeError in it drops the record."""
        from awsglue._frames.userfunctions import filtered

        return self._new(filtered(self._body, f, self._stage("filter", info, stageThreshold, totalThreshold)))

    def map(
        self,
        f: Callable[[DynamicRecord], Any],
        preservesPartitioning: bool = False,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """What `f` makes of each record. An exception, or nothing returned, makes an error record."""
        from awsglue._frames.userfunctions import mapped

        return self._new(mapped(self._body, f, self._stage("map", info, stageThreshold, totalThreshold)))

    def mapPartitions(
        self,
        f: Callable[[Iterable[DynamicRecord]], Iterable[Any]],
        preservesPartitioning: bool = True,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """What `f` makes of the records of each partition."""
        return self.mapPartitionsWithIndex(
            lambda index, records: f(records),
            preservesPartitioning,
            transformation_ctx,
            info,
            stageThreshold,
            totalThreshold,
        )

    def mapPartitionsWithIndex(
        self,
        f: Callable[[int, Iterable[DynamicRecord]], Iterable[Any]],
        preservesPartitioning: bool = False,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Like mapPartitions, with the partition's number."""
        from awsglue._frames.userfunctions import mapped_partitions

        stage = self._stage("mapPartitions", info, stageThreshold, totalThreshold)
        return self._new(mapped_partitions(self._body, f, stage))

    # --- rows ------------------------------------------------------------------------------------------------------

    def split_rows(
        self,
        comparison_dict: dict[str, dict[str, Any]],
        name1: str,
        name2: str,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrameCollection:
        """Two frames: the records that meet every comparison {path: {operator: value}}, and all others."""

        def step(negate: bool) -> Callable[[Encoded], Encoded]:
            def run(frame: Encoded) -> Encoded:
                condition = rows.comparison(frame, comparison_dict)
                wanted = f"not ({condition})" if negate else condition
                return Encoded(df=frame.df.where(wanted), schema=frame.schema)

            return run

        first, second = self._new(self._body.then(step(False))), self._new(self._body.then(step(True)))
        return self._pair(first, second, name1, name2)

    def join(
        self,
        paths1: Paths,
        paths2: Paths,
        frame2: DynamicFrame,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Inner equi-join; names that both frames have get a leading dot on the second one's side."""
        keys1, keys2 = _steps(paths1), _steps(paths2)
        body = Body(
            lambda: rows.join(self._body.get(), frame2._body.get(), keys1, keys2),
            lambda: (*self._body.stages, *frame2._body.stages),
        )
        return DynamicFrame(body, self.glue_ctx, self.name + frame2.name)

    def union(
        self,
        other_frame: DynamicFrame,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """All records of both frames, under the merged schema."""
        body = Body(
            lambda: rows.union(self._body.get(), other_frame._body.get()),
            lambda: (*self._body.stages, *other_frame._body.stages),
        )
        return self._new(body)

    def mergeDynamicFrame(
        self,
        stage_dynamic_frame: DynamicFrame,
        primary_keys: Paths,
        transformation_ctx: str = "",
        options: Mapping[str, Any] | None = NOTHING,
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """Staged records in place of those with the same primary keys, and the staged records that are new."""
        keys = _steps(primary_keys)
        body = Body(
            lambda: rows.merge_by_keys(self._body.get(), stage_dynamic_frame._body.get(), keys),
            lambda: (*self._body.stages, *stage_dynamic_frame._body.stages),
        )
        return self._new(body)

    def repartition(
        self,
        num_partitions: int,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """The records shuffled into so many partitions."""
        return self._new(
            self._body.then(lambda f: Encoded(df=f.df.repartition(num_partitions), schema=f.schema))
        )

    def coalesce(
        self,
        num_partitions: int,
        shuffle: bool = False,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """The records in at most so many partitions."""
        if shuffle:
            return self.repartition(num_partitions)
        return self._new(
            self._body.then(lambda f: Encoded(df=f.df.coalesce(num_partitions), schema=f.schema))
        )

    def spigot(
        self,
        path: str,
        options: Mapping[str, Any] | None = NOTHING,
        transformation_ctx: str = "",
        info: str = "",
        stageThreshold: int = 0,
        totalThreshold: int = 0,
    ) -> DynamicFrame:
        """The same frame, which writes a sample of its records to `path` when it is computed (topk, prob)."""
        from awsglue._frames.sampling import spigot

        return self._new(self._body.then(spigot(path, options or {}, self.glue_ctx)))

    def write(
        self,
        connection_type: str,
        connection_options: Mapping[str, Any] | None = NOTHING,
        format: str | None = None,
        format_options: Mapping[str, Any] | None = NOTHING,
        accumulator_size: int = 0,
    ) -> DynamicFrame:
        """Write to a sink; gives the frame of records that could not be written."""
        errors: DynamicFrame = self.glue_ctx.write_dynamic_frame_from_options(
            self, connection_type, connection_options or {}, format, format_options or {}
        )
        return errors

    # --- errors ----------------------------------------------------------------------------------------------------

    def errorsAsDynamicFrame(self) -> DynamicFrame:
        """The error records of all transforms up to here."""
        report = ErrorReport(self._body.stages)
        return DynamicFrame(
            Body(lambda: report.frame() or no_errors(self.glue_ctx)), self.glue_ctx, self.name + "_errors"
        )

    def errorsCount(self) -> int:
        """How many error records there are up to here."""
        return ErrorReport(self._body.stages).total()

    def stageErrorsCount(self) -> int:
        """How many error records the last transform made."""
        return ErrorReport(self._body.stages[-1:]).total() if self._last_stage_is_own() else 0

    def assertErrorThreshold(self) -> None:
        """Raise when there are more errors than the thresholds allow."""
        ErrorReport(self._body.stages).check()

    # --- inner -----------------------------------------------------------------------------------------------------

    def _last_stage_is_own(self) -> bool:
        return bool(self._body.stages) and getattr(self, "_own_stage", True)

    def _checked(self) -> Encoded:
        frame = self._body.get()
        self.assertErrorThreshold()
        return frame

    def _new(self, body: Body) -> DynamicFrame:
        frame = DynamicFrame(body, self.glue_ctx, self.name)
        frame._own_stage = len(body.stages) > len(self._body.stages)  # type: ignore[attr-defined]
        return frame

    def _pair(
        self, first: DynamicFrame, second: DynamicFrame, name1: str, name2: str
    ) -> DynamicFrameCollection:
        first.name, second.name = name1, name2
        return DynamicFrameCollection({name1: first, name2: second}, self.glue_ctx)

    @staticmethod
    def _stage(transform: str, info: str, stage: int, total: int) -> StageMaker:
        return StageMaker(
            transform=transform,
            site=callsite(),
            info=str(info or ""),
            stage_threshold=stage,
            total_threshold=total,
        )


def _steps(names: Paths) -> list[trees.Steps]:
    return paths.as_list(names)


def _under(frame: Encoded, schema: g.StructType) -> Encoded:
    from awsglue._frames.casts import cast
    from awsglue._frames.encoding import null, quote

    own = frame.schema.field_map
    return frame.select(
        [
            (
                field,
                cast(quote(field.name), own[field.name].dataType, field.dataType)
                if field.name in own
                else null(field.dataType),
            )
            for field in schema.fields
        ]
    )

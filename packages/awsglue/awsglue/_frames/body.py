"""What a DynamicFrame holds: a DataFrame and its Glue schema, made when first needed, and where its errors are."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from awsglue import gluetypes as g
from awsglue._frames.encoding import columns, convert, from_spark, quote

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A DataFrame whose columns carry the fields of `schema`, in order."""

    df: DataFrame
    schema: g.StructType

    @classmethod
    def of(cls, df: DataFrame) -> Encoded:
        """A plain DataFrame. Records have each field once: of columns of one name the last is the field's value."""
        names = list(df.schema.names)
        if len(set(names)) < len(names):
            df = _with_single_names(df, names)
        schema = from_spark(df.schema)
        assert isinstance(schema, g.StructType)
        return cls(df=df, schema=schema)

    def select(self, parts: list[tuple[g.Field, str]]) -> Encoded:
        """New columns from (field, expression) pairs."""
        # An engine cannot select nothing and keep the rows; Glue's records would be empty, and so is this.
        items = columns([(field.name, expression) for field, expression in parts])
        df = self.df.selectExpr(*items) if items else self.df.select([])
        return Encoded(df=df, schema=g.StructType([field for field, _ in parts]))

    def widened(self, schema: g.StructType) -> Encoded:
        """The same rows under a schema that this one merges into."""
        if self.schema == schema:
            return self
        carriers = {field.name: field.dataType for field in self.schema.fields}
        parts = [
            (field, convert(quote(field.name), carriers.get(field.name, g.NullType()), field.dataType))
            for field in schema.fields
        ]
        return self.select(parts)


def _with_single_names(df: DataFrame, names: list[str]) -> DataFrame:
    last = {name: position for position, name in enumerate(names)}
    repeated = sorted(name for name in last if names.count(name) > 1)
    sys.stderr.write(
        f"DynamicFrame: the DataFrame has several columns named {', '.join(map(repr, repeated))}; "
        "a record's field has the last one's value.\n"
    )
    numbered = df.toDF(*(f"glue_column_{position}" for position in range(len(names))))
    return numbered.selectExpr(*columns([(name, f"glue_column_{at}") for name, at in last.items()]))


@dataclass(frozen=True, kw_only=True)
class ErrorStage:
    """Where the error records of one transform come from, and how many it may have (0: any number)."""

    transform: str
    records: Callable[[], DataFrame | None]
    stage_threshold: int = 0
    total_threshold: int = 0


@dataclass(frozen=True, kw_only=True)
class StageMaker:
    """Makes the stage of a transform that a script asked for at `site`, with the script's own word on it (`info`)."""

    transform: str
    site: str = ""
    info: str = ""
    stage_threshold: int = 0
    total_threshold: int = 0

    def __call__(self, records: Callable[[], DataFrame | None]) -> ErrorStage:
        return ErrorStage(
            transform=self.transform,
            records=records,
            stage_threshold=self.stage_threshold,
            total_threshold=self.total_threshold,
        )


class Body:
    """A frame that is computed once, when somebody first needs its schema or its rows."""

    def __init__(
        self,
        make: Callable[[], Encoded],
        stages: Callable[[], tuple[ErrorStage, ...]] | tuple[ErrorStage, ...] = (),
    ) -> None:
        self._make: Callable[[], Encoded] | None = make
        self._encoded: Encoded | None = None
        self._stages = stages
        self._lock = threading.RLock()

    @classmethod
    def ready(cls, encoded: Encoded) -> Body:
        """A body that is there already."""
        body = cls(lambda: encoded)
        body.get()
        return body

    def get(self) -> Encoded:
        """The frame."""
        with self._lock:
            if self._encoded is None:
                assert self._make is not None
                self._encoded = self._make()
                self._make = None
            return self._encoded

    @property
    def stages(self) -> tuple[ErrorStage, ...]:
        """The transforms up to here that can have errors, oldest first."""
        return self._stages() if callable(self._stages) else self._stages

    def then(self, step: Callable[[Encoded], Encoded]) -> Body:
        """This frame after a transform that has no error records."""
        return Body(lambda: step(self.get()), lambda: self.stages)

"""Rows written down once in this process's scratch folder, so that several computations see the same ones."""

from __future__ import annotations

import os
import tempfile
import uuid
from typing import TYPE_CHECKING

from awsglue._frames.body import Encoded
from awsglue._frames.encoding import columns, quote, to_spark

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def folder() -> str:
    """A new empty folder that lives as long as the process's scratch space."""
    from awsglue._runtime.engine import scratch_directory

    base = os.path.join(scratch_directory(), "frames")
    os.makedirs(base, exist_ok=True)
    return tempfile.mkdtemp(prefix=uuid.uuid4().hex[:8], dir=base)


def settle(frame: Encoded, place: str = "") -> Encoded:
    """The same rows, computed and held in files, in the folder `place` if somebody else removes them."""
    names = [f"c{index}" for index in range(len(frame.schema.fields))]
    target = os.path.join(place or folder(), "rows")
    plain = frame.df.selectExpr(
        *columns([(new, quote(field.name)) for new, field in zip(names, frame.schema.fields, strict=True)])
    )
    plain.write.parquet(target)
    back = read_staged(
        session_of(frame.df), target, [to_spark(field.dataType) for field in frame.schema.fields]
    )
    renamed = back.selectExpr(
        *columns([(field.name, quote(new)) for new, field in zip(names, frame.schema.fields, strict=True)])
    )
    return Encoded(df=renamed, schema=frame.schema)


def read_staged(spark: SparkSession, path: str, kinds: list) -> DataFrame:  # type: ignore[type-arg]
    """Staged files as a DataFrame of columns c0, c1, … of the given Spark types."""
    from pyspark.sql.types import StructField, StructType

    schema = StructType([StructField(f"c{index}", kind, True) for index, kind in enumerate(kinds)])
    return spark.read.schema(schema).parquet(f"file://{path}")


def session_of(df: DataFrame) -> SparkSession:
    """The session a DataFrame belongs to."""
    return df.sparkSession

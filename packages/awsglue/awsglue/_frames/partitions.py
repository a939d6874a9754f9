"""How many partitions an engine has rows in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def count_partitions(df: DataFrame) -> int:
    """The number of partitions; asked of the plan where the engine can tell, else counted from the rows."""
    from awsglue._runtime.engine import SPARK, installed

    if installed() == SPARK:
        return int(df.rdd.getNumPartitions())
    return max(1, int(df.selectExpr("spark_partition_id() as p").distinct().count()))

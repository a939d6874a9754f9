"""push_down_predicate: a Spark SQL condition over partition columns decides which partitions are read."""

from __future__ import annotations

from typing import Any

from awsglue._frames.encoding import columns, quote
from awsglue._sources.listing import SourceFile


def matching(
    spark: Any, rows: list[tuple[str | None, ...]], names: list[str], predicate: str, types: dict[str, str]
) -> set[int]:
    """The positions of the partition value rows for which the predicate holds, by the engine's own SQL."""
    from pyspark.sql.types import LongType, StringType, StructField, StructType

    schema = StructType(
        [
            *(StructField(f"p{i}", StringType(), True) for i in range(len(names))),
            StructField("position", LongType(), False),
        ]
    )
    df = spark.createDataFrame([(*row, position) for position, row in enumerate(rows)], schema)
    typed = [(name, f"try_cast(p{i} as {types.get(name.lower(), 'string')})") for i, name in enumerate(names)]
    chosen = df.selectExpr(*columns(typed), f"position as {quote('glue_position')}").where(predicate)
    return {row[0] for row in chosen.select("glue_position").collect()}


def prune_files(
    spark: Any, files: list[SourceFile], predicate: str, types: dict[str, str]
) -> list[SourceFile]:
    """The files whose partition values satisfy the predicate."""
    if not files:
        return files
    layouts: dict[tuple[str, ...], list[SourceFile]] = {}
    for one in files:
        layouts.setdefault(tuple(name for name, _ in one.partition), []).append(one)
    kept: list[SourceFile] = []
    for names, group in layouts.items():
        values = list(dict.fromkeys(tuple(value for _, value in one.partition) for one in group))
        good = matching(spark, values, list(names), predicate, types)
        wanted = {values[position] for position in good}
        kept += [one for one in group if tuple(value for _, value in one.partition) in wanted]
    return kept

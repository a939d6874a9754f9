"""A stream as a script holds it: it has columns and can be transformed row by row; it is read in batches only.

What a script does to it is remembered and done to each batch. What would need the rows of other batches is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from awsglue._streams.layouts import Layout
from awsglue._streams.records import Source

STATELESS = frozenset(
    {
        "select",
        "selectExpr",
        "filter",
        "where",
        "withColumn",
        "withColumns",
        "withColumnRenamed",
        "withColumnsRenamed",
        "drop",
        "alias",
        "toDF",
        "fillna",
        "dropna",
        "replace",
        "repartition",
        "coalesce",
        "hint",
        "mapInPandas",
        "mapInArrow",
    }
)
# Of a stream's batches there is nothing to keep: these return it as it is.
KEEPING = frozenset({"cache", "persist", "unpersist"})
STATEFUL = frozenset(
    {
        "groupBy",
        "groupby",
        "agg",
        "rollup",
        "cube",
        "distinct",
        "dropDuplicates",
        "drop_duplicates",
        "dropDuplicatesWithinWatermark",
        "withWatermark",
        "orderBy",
        "sort",
        "sortWithinPartitions",
        "limit",
        "offset",
        "union",
        "unionAll",
        "unionByName",
        "intersect",
        "subtract",
        "exceptAll",
        "sample",
        "randomSplit",
        "crosstab",
        "describe",
        "summary",
        "createOrReplaceTempView",
        "createTempView",
        "createGlobalTempView",
        "createOrReplaceGlobalTempView",
        "checkpoint",
        "rdd",
        "na",
        "stat",
        "observe",
        "unpivot",
        "melt",
        "pandas_api",
    }
)
ACTIONS = frozenset(
    {
        "show",
        "count",
        "collect",
        "take",
        "head",
        "first",
        "tail",
        "isEmpty",
        "toPandas",
        "toLocalIterator",
        "foreach",
        "foreachPartition",
        "write",
        "writeTo",
    }
)
_AGGREGATE = re.compile(
    r"\b(any|any_value|approx_\w+|array_agg|avg|bit_(and|or|xor)|bitmap_\w+_agg|bool_(and|or)|collect_\w+|corr"
    r"|count\w*|covar_\w+|cume_dist|dense_rank|every|first|first_value|grouping\w*|histogram_numeric|hll_\w*agg"
    r"|kurtosis|lag|last|last_value|lead|listagg|max|max_by|mean|median|min|min_by|mode|nth_value|ntile"
    r"|percent_rank|percentile\w*|product|rank|regr_\w+|row_number|skewness|some|std|stddev\w*|string_agg|sum"
    r"|sum_distinct|try_avg|try_sum|var_\w+|variance)\s*\("
    r"|\bover\s*\(",
    re.IGNORECASE,
)
Step = tuple[str, tuple[Any, ...], dict[str, Any]]


class StreamFrame:
    """A stream of records with the row-by-row transforms that a script has asked for."""

    isStreaming = True

    def __init__(
        self,
        spark: Any,
        open_source: Callable[[], Source],
        layout: Layout,
        steps: tuple[Step, ...] = (),
        options: dict[str, Any] | None = None,
    ) -> None:
        """`open_source` connects; it is called when the stream is read."""
        from awsglue._frames.encoding import to_spark

        self._spark = spark
        self._open = open_source
        self._layout = layout
        self._steps = steps
        self._options = dict(options or {})
        # The same transforms on no rows: they are judged at once, and show the columns.
        empty = spark.createDataFrame([], to_spark(layout.columns()))
        self._shape = self._apply(empty)
        if steps:
            self._shape.schema  # noqa: B018 - an engine may put judging off until somebody asks

    def _apply(self, df: Any) -> Any:
        for name, args, kwargs in self._steps:
            df = getattr(df, name)(*args, **kwargs)
        return df

    def _then(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> StreamFrame:
        if self._layout.inferred:
            raise NotImplementedError(
                f"{name}() on a stream whose schema is inferred: its columns are known in the batch function"
            )
        found = _AGGREGATE.search(" ".join(_texts((args, kwargs))))
        if found:
            raise NotImplementedError(f"{found[0]}…) over a stream: aggregate in the batch function")
        return StreamFrame(
            self._spark, self._open, self._layout, (*self._steps, (name, args, kwargs)), self._options
        )

    @property
    def sparkSession(self) -> Any:
        return self._spark

    @property
    def schema(self) -> Any:
        """The columns; of an inferred stream the one column that stands for them."""
        return self._shape.schema

    @property
    def columns(self) -> list[str]:
        return list(self._shape.columns)

    @property
    def dtypes(self) -> list[tuple[str, str]]:
        return list(self._shape.dtypes)

    def printSchema(self, *args: Any) -> None:
        """Print the columns."""
        self._shape.printSchema(*args)

    @property
    def writeStream(self) -> Any:
        """Start a query over the stream."""
        from awsglue._streams.queries import StreamWriter

        return StreamWriter(self)

    def transform(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What the function makes of the stream."""
        return func(self, *args, **kwargs)

    def join(self, other: Any, on: Any = None, how: str = "inner") -> StreamFrame:
        """Each batch with a frame that is no stream (inner, left, semi, anti). Raises NotImplementedError."""
        if isinstance(other, StreamFrame) or getattr(other, "isStreaming", False):
            raise NotImplementedError("a join of two streams needs their earlier rows and is not implemented")
        kind = how.lower().replace("_", "").removesuffix("outer")
        if kind not in ("inner", "left", "leftsemi", "semi", "leftanti", "anti"):
            raise NotImplementedError(f"a {how} join of a stream with a table is not possible")
        return self._then("join", (other, on, how), {})

    def crossJoin(self, other: Any) -> StreamFrame:
        """Each row with each row of a frame that is no stream."""
        if isinstance(other, StreamFrame) or getattr(other, "isStreaming", False):
            raise NotImplementedError("a join of two streams needs their earlier rows and is not implemented")
        return self._then("crossJoin", (other,), {})

    def __getitem__(self, item: Any) -> Any:
        from pyspark.sql import functions as fn

        if isinstance(item, str):
            self._shape[item]  # raises for a column that is not there
            # A column of any batch, not of the empty frame.
            return fn.col(item)
        if isinstance(item, list | tuple):
            return self.select(*item)
        return self.filter(item)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in STATELESS:
            return lambda *args, **kwargs: self._then(name, args, kwargs)
        if name in KEEPING:
            return lambda *args, **kwargs: self
        if name in STATEFUL:
            raise NotImplementedError(
                f"{name} over a stream is not implemented: use it in the batch function of forEachBatch"
            )
        if name in ACTIONS:
            from pyspark.errors import AnalysisException

            raise AnalysisException(
                "Queries with streaming sources must be executed with writeStream.start() or forEachBatch()"
            )
        if name in self.columns:
            return self[name]
        raise AttributeError(f"a stream has no attribute {name!r}")

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}: {kind}" for name, kind in self.dtypes)
        return f"DataFrame[{shown}]"


def _texts(value: Any) -> list[str]:
    """The texts of columns and expressions among arguments."""
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list | tuple):
        return [text for one in value for text in _texts(one)]
    if isinstance(value, str):
        return [value]
    return [str(value)] if type(value).__name__ == "Column" else []

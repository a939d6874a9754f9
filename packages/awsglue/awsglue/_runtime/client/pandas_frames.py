"""DataFrames of pandas data as Spark makes them without Arrow, which is its default: numbers become the widest of their
kind, and NaN stays NaN. The engine's client keeps widths and takes NaN for null.
"""

from __future__ import annotations

from typing import Any

from awsglue._runtime.failures import EngineRefused

ARROW = "spark.sql.execution.arrow.pyspark.enabled"


def install() -> None:
    """Patch the client's session."""
    from pyspark.sql.connect.session import SparkSession

    native = SparkSession.createDataFrame

    def create(self: Any, data: Any, schema: Any = None, *args: Any, **kwargs: Any) -> Any:
        from awsglue._runtime import engine

        if (
            type(data).__module__.partition(".")[0] == "pandas"
            and engine.STATE.conf.get(ARROW, "").lower() != "true"
        ):
            data = taken(data, named=schema is None or isinstance(schema, list | tuple))
        return native(self, data, schema, *args, **kwargs)

    SparkSession.createDataFrame = create  # type: ignore[method-assign]


def taken(data: Any, *, named: bool) -> Any:
    """The data with its numbers widened where `named`: no types are given. Raises EngineRefused for NaN."""
    import numpy as np

    wide = {}
    for position, kind in enumerate(data.dtypes):
        column = data.iloc[:, position]
        missing = isinstance(kind, np.dtype) and kind.kind not in "fO"
        if not missing and _has_nan(column, kind):
            raise EngineRefused("createDataFrame of pandas data with NaN", "Spark keeps NaN apart from null")
        if named and isinstance(kind, np.dtype) and kind.kind in "iu" and kind.itemsize < 8:
            wide[position] = "int64"
        elif named and isinstance(kind, np.dtype) and kind.kind == "f" and kind.itemsize < 8:
            wide[position] = "float64"
    if not wide:
        return data
    if not data.columns.is_unique:
        raise EngineRefused("createDataFrame of pandas data with narrow numbers and columns of one name")
    return data.astype({data.columns[position]: kind for position, kind in wide.items()})


def _has_nan(column: Any, kind: Any) -> bool:
    if getattr(kind, "kind", "") == "O" and not getattr(kind, "na_value", None):
        return any(type(value) is float and value != value for value in column)
    if getattr(kind, "kind", "") in ("f", "i", "u"):
        return bool(column.isna().any())
    return False

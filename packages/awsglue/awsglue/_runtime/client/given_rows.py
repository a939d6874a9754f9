"""Rows of createDataFrame() are verified by their schema, as Spark's are: its types take no values but their own.

Values of other types in rows that nobody verifies are null in Spark, and texts made of other values are Java's: where
the engine's client would have another answer, or none, the rows are refused. Owns no state.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.io.texts import java_double


def install() -> None:
    """Patch the Connect client's session."""
    from pyarrow.lib import ArrowException
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.session import SparkSession

    original = SparkSession.createDataFrame

    def create(
        self: Any, data: Any, schema: Any = None, samplingRatio: Any = None, verifySchema: Any = None
    ) -> Any:
        strict = verifySchema is None or verifySchema
        try:
            data = verified(self, data, schema)
        except PySparkException as failed:
            if strict:
                raise
            raise EngineRefused("rows of other types than their schema's", str(failed)) from None
        try:
            return original(self, data, schema, samplingRatio)
        except OverflowError as failed:
            raise EngineRefused("whole numbers beyond 64 bits", str(failed)) from None
        except (ArithmeticError, ArrowException, AssertionError) as failed:
            # What the verifier takes and the client does not.
            raise EngineRefused("rows with such values", f"{type(failed).__name__} {failed}"[:200]) from None

    SparkSession.createDataFrame = create  # type: ignore[method-assign,assignment]
    _texts()


def _texts() -> None:
    """Patch how the client makes texts of other values."""
    from pyspark.sql.conversion import LocalDataToArrowConversion
    from pyspark.sql.types import StringType

    original = LocalDataToArrowConversion._create_converter

    def create(kind: Any, *args: Any, **kwargs: Any) -> Any:
        native = original(kind, *args, **kwargs)
        if not isinstance(kind, StringType):
            return native

        def convert(value: Any) -> Any:
            if value is None or type(value) in (str, bool, int):
                return native(value)
            return text_of(value)

        return convert

    LocalDataToArrowConversion._create_converter = staticmethod(create)


def text_of(value: Any) -> str:
    """A number as Java writes it. Raises EngineRefused for what is no number."""
    if type(value) is float:
        return java_double(value)
    if type(value) is Decimal:
        return str(value)
    raise EngineRefused(f"a text made of a value of type {type(value).__name__}", "Spark writes Java's value")


def verified(session: Any, data: Any, schema: Any) -> Any:
    """The rows, each of which is of the schema. Raises what PySpark raises for others."""
    from pyspark.sql import types

    kind = session._parse_ddl(schema) if isinstance(schema, str) else schema
    # Frames of pandas and Arrow have types of their own.
    if not isinstance(kind, types.DataType) or hasattr(data, "columns") or hasattr(data, "dtype"):
        return data
    rows = data.collect() if hasattr(data, "collect") else list(data)
    verifier: Any = types._make_type_verifier  # type: ignore[attr-defined]
    name = None if isinstance(kind, types.StructType) else "field value"
    verify = verifier(kind, name=name) if name else verifier(kind)
    for row in rows:
        verify(row)
    return rows

"""Rows of createDataFrame() are verified by their schema, as Spark's are: its types take no values but their own.

Owns no state.
"""

from __future__ import annotations

from typing import Any

from awsglue._runtime.failures import EngineRefused


def install() -> None:
    """Patch the Connect client's session."""
    from pyspark.sql.connect.session import SparkSession

    original = SparkSession.createDataFrame

    def create(
        self: Any, data: Any, schema: Any = None, samplingRatio: Any = None, verifySchema: Any = None
    ) -> Any:
        if verifySchema is None or verifySchema:
            data = verified(self, data, schema)
        try:
            return original(self, data, schema, samplingRatio, verifySchema)
        except OverflowError as failed:
            raise EngineRefused("whole numbers beyond 64 bits", str(failed)) from None

    SparkSession.createDataFrame = create  # type: ignore[method-assign,assignment]


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

"""Errors of the engine: what is the script's own fault stays Spark's kind of error, all else is a refusal.

The engine fails where Spark gives null (casts, overflows), where it lacks a part of Spark, and where values have no
place in its types. None of that may end a script that Spark would run. Owns no state.
"""

from __future__ import annotations

from typing import Any

from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.io.ancient import within_years

# Signs of statements that Spark does not take either.
_OF_THE_SCRIPT = (
    "is missing from the schema",
    "cannot resolve",
    "ambiguous attribute",
    "UNRESOLVED_COLUMN",
    "TABLE_OR_VIEW_NOT_FOUND",
    "column not found",
    "different number of columns",
    "cannot be nested",
    "non-boolean predicate",
    "No field named",
    "found end of input",
)
_REFUSALS = {
    "a cast of text": ("Cannot cast string", "Cannot cast value", "Error parsing"),
    "an overflow": (
        "Arithmetic overflow",
        "Arithmetic Overflow",
        "Overflow",
        "overflow",
        "to store in a Decimal",
        "Cannot cast to Decimal",
        "Can't cast value",
        "out of range",
        "exceeds the representable",
    ),
    "a comparison of these types": (
        "Cannot infer common argument type",
        "Can not find compatible types",
    ),
}


def install() -> None:
    """Patch the Connect client's classes."""
    from pyspark.sql.connect.client.core import SparkConnectClient
    from pyspark.sql.conversion import ArrowTableToRowsConversion

    original = SparkConnectClient._handle_error

    def handle(self: Any, error: Exception) -> Any:
        from pyspark.errors.exceptions.connect import SparkConnectException

        try:
            original(self, error)
        except SparkConnectException as failed:
            refused = refusal(failed)
            if refused is None:
                raise
            raise refused from None

    SparkConnectClient._handle_error = handle  # type: ignore[method-assign,assignment]
    convert = ArrowTableToRowsConversion.convert

    def converted(*args: Any, **kwargs: Any) -> Any:
        with within_years():
            return convert(*args, **kwargs)

    ArrowTableToRowsConversion.convert = staticmethod(converted)  # type: ignore[method-assign]


def refusal(failed: Exception) -> EngineRefused | None:
    """The refusal that an engine's error is; None when the script itself is at fault."""
    from pyspark.errors.exceptions.connect import PythonException, UnsupportedOperationException

    text = str(failed)
    first = text.strip().split("\n")[0][:200]
    if isinstance(failed, UnsupportedOperationException):
        return EngineRefused("this plan", first)
    if isinstance(failed, PythonException) or any(sign in text for sign in _OF_THE_SCRIPT):
        return None
    for name, signs in _REFUSALS.items():
        if any(sign in text for sign in signs):
            return EngineRefused(name, first)
    return EngineRefused("this plan or what comes of it", first)

"""Errors of the engine: what is the script's own fault stays Spark's kind of error, all else is a refusal.

The engine fails where Spark gives null (casts, overflows), where it lacks a part of Spark, and where values have no
place in its types. None of that may end a script that Spark would run. Owns no state.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from awsglue._runtime.client import faults
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.io.ancient import within_years

# Signs of statements that Spark does not take either, in words that are for people.
_OF_THE_SCRIPT = ("TABLE_OR_VIEW_NOT_FOUND", "found end of input")
# Signs of names that the engine has not found: Spark may find them, or says better what is wrong.
_NAMES = (
    "is missing from the schema",
    "cannot resolve",
    "ambiguous attribute",
    "UNRESOLVED_COLUMN",
    "column not found",
    "No field named",
)
# Signs of what the engine's workers fail at around a function in Python, not the function.
_OF_WORKERS = ("pyarrow.lib.Arrow", ", in fromInternal", "json_paths.py", "StrangeAnswer")
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
            said = faults.told(str(failed), getattr(self, "_mastic_plan", None))
            if said is not None:
                raise said from None
            refused = refusal(failed)
            if refused is None:
                raise
            raise refused from None

    SparkConnectClient._handle_error = handle  # type: ignore[method-assign,assignment]
    _remember(SparkConnectClient)
    _types()
    convert = ArrowTableToRowsConversion.convert

    def converted(*args: Any, **kwargs: Any) -> Any:
        with within_years():
            try:
                return convert(*args, **kwargs)
            except ValueError as failed:
                if "duplicate field names" not in str(failed):
                    raise
                raise EngineRefused("members of one name in rows") from None

    ArrowTableToRowsConversion.convert = staticmethod(converted)  # type: ignore[method-assign]


def _types() -> None:
    """Types of the engine that Spark has not are refused where they show."""
    from pyspark.errors import PySparkTypeError
    from pyspark.sql.pandas import types

    original = types.from_arrow_type

    def from_arrow(*args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        except PySparkTypeError as failed:
            raise EngineRefused("values of a type of the engine's own", str(failed)[:100]) from None

    types.from_arrow_type = from_arrow


def _remember(client: Any) -> None:
    """Keep the plan that a client asks about, for what is said of its names."""
    analyze, execute = client._analyze, client._execute_and_fetch_as_iterator

    def analyzed(self: Any, method: str, **kwargs: Any) -> Any:
        before = getattr(self, "_mastic_plan", None)
        self._mastic_plan = kwargs.get("plan")
        try:
            return analyze(self, method, **kwargs)
        finally:
            self._mastic_plan = before

    def executed(self: Any, request: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        self._mastic_plan = request.plan
        yield from execute(self, request, *args, **kwargs)

    client._analyze, client._execute_and_fetch_as_iterator = analyzed, executed


def refusal(failed: Exception) -> EngineRefused | None:
    """The refusal that an engine's error is; None when the script itself is at fault."""
    from pyspark.errors.exceptions.connect import PythonException, UnsupportedOperationException

    text = str(failed)
    first = text.strip().split("\n")[0][:200]
    if isinstance(failed, UnsupportedOperationException):
        return EngineRefused("this plan", first)
    if isinstance(failed, PythonException) and any(sign in text for sign in _OF_WORKERS):
        # Values that have no place in the answer's type: Spark rounds them, or makes them null.
        return EngineRefused("what a function in Python answers", text.strip().split("\n")[-1][:200])
    if isinstance(failed, PythonException) or any(sign in text for sign in _OF_THE_SCRIPT):
        return None
    if any(sign in text for sign in _NAMES):
        return EngineRefused("this use of names", "Spark may find them, or says what is wrong")
    for name, signs in _REFUSALS.items():
        if any(sign in text for sign in signs):
            return EngineRefused(name, first)
    return EngineRefused("this plan or what comes of it", first)

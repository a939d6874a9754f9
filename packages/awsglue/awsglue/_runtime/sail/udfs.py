"""What functions in Python are given: moments without a zone, as Spark gives them; the engine's are of UTC.

Owns no state.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

# PythonEvalType.SQL_BATCHED_UDF: a call for each row, whose arguments are Python's own values.
_BY_ROW = 100


def install() -> None:
    """Patch the Connect client's functions."""
    from pyspark.sql.connect.expressions import PythonUDF

    original = PythonUDF.__init__

    def init(self: Any, output_type: Any, eval_type: int, func: Callable[..., Any], python_ver: str) -> None:
        ours = str(getattr(func, "__module__", "")).startswith("awsglue.")
        given = given_plainly(func) if eval_type == _BY_ROW and not ours else func
        original(self, output_type, eval_type, given, python_ver)

    PythonUDF.__init__ = init  # type: ignore[method-assign]


def given_plainly(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, given moments without a zone."""

    def call(*arguments: Any, **named: Any) -> Any:
        return function(
            *[plain(each) for each in arguments], **{key: plain(each) for key, each in named.items()}
        )

    return call


def plain(value: Any) -> Any:
    """The value with moments of the machine's own zone in place of those with one."""
    kind = type(value)
    if kind is datetime:
        return value if value.tzinfo is None else value.astimezone().replace(tzinfo=None)
    if kind is list:
        return [plain(each) for each in value]
    if kind is dict:
        return {plain(key): plain(each) for key, each in value.items()}
    if hasattr(value, "__fields__"):
        made = kind(*[plain(each) for each in value])
        made.__fields__ = value.__fields__
        return made
    return value

"""Where the client's Column and aggregations differ from classic PySpark's: names and order of columns."""

from __future__ import annotations

from typing import Any

from awsglue._runtime.failures import EngineRefused

# Beyond, Scala keeps the entries in an order of its own.
_KEPT_IN_ORDER = 4
_BUCKETS = 16


def install() -> None:
    """Patch the Connect client's classes."""
    from pyspark.sql.connect.column import Column
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.group import GroupedData

    # 2 * column is called (column * 2).
    for name in ("add", "mul", "and", "or"):
        setattr(Column, f"__r{name}__", getattr(Column, f"__{name}__"))
    for owner in (DataFrame, GroupedData):
        owner.agg = _ordered(owner.agg)  # type: ignore[method-assign]


def _ordered(method: Any) -> Any:
    def agg(self: Any, *expressions: Any) -> Any:
        if len(expressions) == 1 and isinstance(expressions[0], dict):
            return method(self, as_java_has_them(expressions[0]))
        return method(self, *expressions)

    return agg


def as_java_has_them(given: dict[str, str]) -> dict[str, str]:
    """The entries in the order in which a java.util.HashMap gives them: that is the order of the columns.

    Raises EngineRefused for more than it takes to know it.
    """
    if len(given) > _KEPT_IN_ORDER:
        raise EngineRefused("agg() of a dictionary of so many columns", "their order cannot be told")

    def bucket(text: str) -> int:
        code = 0
        units = text.encode("utf-16-be")
        for at in range(0, len(units), 2):
            code = (31 * code + int.from_bytes(units[at : at + 2], "big")) & 0xFFFFFFFF
        return (code ^ (code >> 16)) % _BUCKETS

    return dict(sorted(given.items(), key=lambda entry: bucket(entry[0])))

"""Renaming columns as Spark does it: by names in any case, one after the other; the engine knows exact names alone.

A name that differs in case would be left as it is without a word, so the columns are looked at when a script renames
them, as Apache Spark does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from awsglue._runtime.client import map_order


def install() -> None:
    """Patch the client's DataFrame."""
    from pyspark.sql.connect.dataframe import DataFrame

    native = DataFrame.withColumnsRenamed

    def under(self: Any, names: Mapping[str, str], *, once: bool) -> Any:
        exact = str(self.sparkSession.conf.get("spark.sql.caseSensitive", "false")).lower() == "true"
        columns = self.columns
        found = renamed(columns, names, exact=exact)
        if once:
            _refuse_repeated(found, exact=exact)
        changed = {old: new for old, new in zip(columns, found, strict=True) if old != new}
        if not set(changed.values()) & set(changed):
            return native(self, changed)
        # The engine would rename a new name again.
        return self.toDF(*found)

    def with_columns_renamed(self: Any, colsMap: Mapping[str, str]) -> Any:
        if not isinstance(colsMap, dict):
            return native(self, colsMap)  # which says what is wrong with it
        return under(self, colsMap, once=True)

    def with_column_renamed(self: Any, existing: str, new: str) -> Any:
        return under(self, {existing: new}, once=False)

    DataFrame.withColumnsRenamed = with_columns_renamed  # type: ignore[method-assign]
    DataFrame.withColumnRenamed = with_column_renamed  # type: ignore[method-assign]


def renamed(columns: list[str], names: Mapping[str, str], *, exact: bool) -> list[str]:
    """The columns' names after all renamings, in the order of Java's hash maps, each on what is left by the others."""

    def folded(name: str) -> str:
        return name if exact else name.lower()

    found, pairs = list(columns), list(names.items())
    for position in map_order.order([old for old, _ in pairs]):
        old, new = pairs[position]
        found = [new if folded(name) == folded(old) else name for name in found]
    return found


def _refuse_repeated(names: list[str], *, exact: bool) -> None:
    shown = names if exact else [name.lower() for name in names]
    for name in shown:
        if shown.count(name) > 1:
            from pyspark.errors import AnalysisException

            raise AnalysisException(
                f"[COLUMN_ALREADY_EXISTS] The column `{name}` already exists. "
                "Consider to choose another name or rename the existing column."
            )

"""Hive's filters over tables: by owner, by time of the last access, by parameters. Pure functions."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from mastic.glue.hive.failures import meta
from mastic.glue.hive.filters import Literal, pattern_parts, read

PARAMETER = "hive_filter_field_params__"
OWNER = "hive_filter_field_owner__"
LAST_ACCESS = "hive_filter_field_last_access__"

Test = Callable[[Any], bool]
"""Whether a table, as the Metastore shows it, is wanted."""

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compile_filter(text: str) -> Test:
    """The test that a filter stands for. Raises Failure."""
    return read(text, _Tests()) if text.strip() else lambda table: True


class _Tests:
    """A table without what is asked for satisfies no comparison, as in SQL."""

    def compare(self, key: str, operator: str, value: Literal) -> Test:
        comparison, wanted = _COMPARISONS[operator], _value(key, value)
        return _on(key, lambda found: comparison(found, wanted))

    def like(self, key: str, pattern: str) -> Test:
        parts = pattern_parts(pattern)
        if parts.count(".*") > 3:
            raise meta(f"LIKE '{pattern}': more than three .* take too long to match")
        compiled = re.compile("".join(p if p in (".*", ".") else re.escape(p[-1]) for p in parts), re.DOTALL)
        return _on(key, lambda found: compiled.fullmatch(str(found)) is not None)

    def among(self, key: str, values: Sequence[Literal]) -> Test:
        wanted = {_value(key, value) for value in values}
        return _on(key, lambda found: found in wanted)

    def between(self, key: str, low: Literal, high: Literal) -> Test:
        least, most = _value(key, low), _value(key, high)
        return _on(key, lambda found: bool(least <= found <= most))

    def negated(self, part: Test) -> Test:
        return lambda table: not part(table)

    def enclosed(self, part: Test) -> Test:
        return part

    def all_of(self, parts: Sequence[Test]) -> Test:
        return lambda table: all(part(table) for part in parts)

    def any_of(self, parts: Sequence[Test]) -> Test:
        return lambda table: any(part(table) for part in parts)


def _on(key: str, test: Callable[[Any], bool]) -> Test:
    find = _finder(key)

    def holds(table: Any) -> bool:
        found = find(table)
        return found is not None and test(found)

    return holds


def _finder(key: str) -> Callable[[Any], Any]:
    if key == OWNER:
        return lambda table: table.owner
    if key == LAST_ACCESS:
        return lambda table: table.lastAccessTime
    if key.startswith(PARAMETER) and len(key) > len(PARAMETER):
        name = key[len(PARAMETER) :]
        return lambda table: table.parameters.get(name)
    raise meta(f"Invalid key {key} in a filter of tables")


def _value(key: str, literal: Literal) -> Any:
    if key != LAST_ACCESS:
        return literal.text
    try:
        return int(literal.text)
    except ValueError as error:
        raise meta(f"{literal.text!r} is no time in seconds") from error

"""A planned read of a database's table or query: done when an action needs rows, and as far as it needs them.

Owns what has been read so far: an action whose columns and rows are among those reads nothing again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from awsglue._runtime.io.scan import Scan


@dataclass(frozen=True, kw_only=True)
class Part:
    """What has been read once: its columns, under which condition, and the staged files (None: there were no rows)."""

    names: tuple[str, ...]
    condition: Any
    rows: Scan | None


@dataclass(kw_only=True, eq=False)
class TableScan(Scan):
    """One planned read of a database."""

    # (columns, what `_sources.pushdown` may ask or None) -> staged files with the columns c0, c1, …
    fetch: Callable[[tuple[str, ...], Any], Scan | None]
    # Whether the session's time zone is UTC, which is the connections'.
    utc: Callable[[], bool]
    _parts: list[Part] = field(default_factory=list)

    def part(self, needed: frozenset[str] | None, condition: Any) -> Part:
        """Rows of at least these columns (lower-case names; None is any), under the condition or under none."""
        every = tuple(item.name for item in self.schema.fields)
        # Rows must be counted even where no column is meant.
        names = every if needed is None else tuple(one for one in every if one.lower() in needed) or every[:1]
        with self._lock:
            if self.kept:
                # The script wants the same rows from now on, whatever it asks of them.
                names, condition = every, None
            for one in self._parts:
                # As it is written: to Python 1 is True and 1.0, and to Spark they may mean other rows.
                same = one.condition is None or repr(one.condition) == repr(condition)
                if same and set(names) <= set(one.names):
                    return one
            if condition is None and any(one.condition is None for one in self._parts):
                # Asked again and again: the rest comes at once.
                names = every
            made = Part(names=names, condition=condition, rows=self.fetch(names, condition))
            self._parts.append(made)
            return made

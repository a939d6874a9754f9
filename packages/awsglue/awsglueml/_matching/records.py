"""Records as the model compares them: which columns count, and what of their values."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_KEY = re.compile(r"(^|_)(id|uuid|guid|key|pk)$", re.IGNORECASE)
NUMBER = "row_number"


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One column: its values by row (None where there is nothing to compare), and how many different there are."""

    name: str
    values: list[str | None]
    distinct: int
    fuzzy: bool


def compared(names: Sequence[str], rows: Sequence[Sequence[Any]], without: set[str]) -> list[Compared]:
    """The columns that say something of who a record is. Raises ValueError when there is none."""
    found = []
    for place, name in enumerate(names):
        if name in without:
            continue
        raw = [row[place] for row in rows]
        values = [plain(value) for value in raw]
        present = [value for value in values if value is not None]
        distinct = len(set(present))
        # One value for all says nothing; a number of its own for each record is its key.
        if distinct < 2 or (distinct == len(rows) and (_KEY.search(name) or isinstance(raw[0], int))):
            continue
        text = any(isinstance(value, str) for value in raw)
        average = sum(map(len, present)) / len(present)
        fuzzy = text and average > 3 and distinct > max(10, len(present) * 0.01)
        found.append(Compared(name=name, values=values, distinct=distinct, fuzzy=fuzzy))
    if not found:
        raise ValueError("no column has values that records could be matched by")
    return sorted(found, key=lambda one: -one.distinct)


def plain(value: Any) -> str | None:
    """A value as text without what differs by chance; None when there is none, or it is a list or a record."""
    if isinstance(value, str):
        return re.sub(r"\s+", " ", value).strip().lower() or None
    if isinstance(value, bool | int | float | dt.date | dt.datetime) or type(value).__name__ == "Decimal":
        return str(value)
    return None

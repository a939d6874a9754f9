"""Searching a table's partitions: which index to walk, from where to where, one page at a time.

A condition bounds the values of each key; every indexed key that it bounds is a way to the rows. The way
with the fewest entries (counted, up to a limit) is taken, and a page follows its index's order, so that the
next page continues where this one ended however many partitions there are. Owns no state; a ``Scan`` and a
``Position`` are what a page token carries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from mastic.store import catalog_conditions as conditions
from mastic.store.catalog_conditions import Condition, Interval, Sql
from mastic.store.catalog_partitions import INDEXED_KEYS, SEARCHABLE_KEYS, PartitionRow
from mastic.store.sqlite import driver

SEPARATOR = "\x01"
AFTER_SEPARATOR = "\x02"
# A way with fewer entries than this is good enough to look no further.
FEW = 200
# Counting entries stops here: above it ways count as equally long.
MANY = 20_000
# So many stretches of an index are walked one by one; more are walked as one, from the first to the last.
MOST_STRETCHES = 128
# A key is cut where it is too long for an index: what is looked for must end before that.
LONGEST_PREFIX = 100

_COLUMNS = [f"k{n}" for n in range(SEARCHABLE_KEYS)]
_EVERY = ", ".join(f'"{name}"' for name in PartitionRow._fields)


@dataclass(frozen=True, slots=True)
class Scan:
    """The index to walk: 0 the one on all keys in order, n the one that key n leads."""

    index: int = 0


@dataclass(frozen=True, slots=True)
class Position:
    """The last row of a page: the entry in its index."""

    lead: str
    key: str


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Part of an index: an interval of the leading column, and of ``key`` below it."""

    lead: Interval
    keys: Interval = conditions.EVERYTHING


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """What is wanted of a table's partitions."""

    table_id: int
    keys: int
    condition: Condition | None = None
    segment: tuple[int, int] | None = None


def plan(tx: Connection, search: Search) -> Scan:
    """The index with the fewest entries for the search."""
    condition = search.condition
    if condition is None:
        return Scan()
    best, fewest = 0, _count(tx, search, 0, MANY)
    for index in INDEXED_KEYS[: max(search.keys - 1, 0)]:
        if fewest <= FEW:
            break
        if conditions.EVERYTHING in conditions.intervals(condition, index):
            continue
        entries = _count(tx, search, index, fewest)
        if entries < fewest:
            best, fewest = index, entries
    return Scan(best)


def page(
    tx: Connection, search: Search, scan: Scan, after: Position | None, count: int
) -> list[PartitionRow]:
    """Up to ``count`` rows that satisfy the search, behind ``after``, in the order of the scan's index."""
    found: list[PartitionRow] = []
    for stretch in _remaining(_stretches(search, scan.index), scan.index, after):
        sql = Sql(tx.dialect.name)
        text = f"SELECT {_EVERY} FROM {_range(search.table_id, scan.index, stretch, sql)}"
        if search.condition is not None:
            text += f" AND {conditions.clause(search.condition, _COLUMNS, sql)}"
        if search.segment is not None:
            number, total = search.segment
            text += f" AND slot {sql.modulo} {sql.value(total)} = {sql.value(number)}"
        text += f' ORDER BY {"" if scan.index == 0 else f"{_COLUMNS[scan.index]}, "}"key"'
        text += f" LIMIT {sql.value(count - len(found))}"
        found.extend(map(PartitionRow._make, _run(tx, text, sql)))
        if len(found) >= count:
            break
    return found


def position(scan: Scan, row: Any) -> Position:
    """Where the row stands in the scan's index."""
    return Position("" if scan.index == 0 else getattr(row, f"k{scan.index}"), row.key)


def _count(tx: Connection, search: Search, index: int, limit: int) -> int:
    total = 0
    for stretch in _stretches(search, index):
        sql = Sql(tx.dialect.name)
        entries = (
            f"SELECT 1 FROM {_range(search.table_id, index, stretch, sql)} LIMIT {sql.value(limit - total)}"
        )
        text = f"SELECT count(*) FROM ({entries}) AS entries"
        total += sum(count for (count,) in _run(tx, text, sql))
        if total >= limit:
            break
    return total


def _run(tx: Connection, text: str, sql: Sql) -> Iterable[Any]:
    """The rows of a query, as tuples."""
    if tx.dialect.name == "sqlite":
        return driver(tx).execute(text, sql.parameters)
    return tx.exec_driver_sql(text, tuple(sql.parameters))


def _range(table_id: int, index: int, stretch: _Stretch, sql: Sql) -> str:
    name = "ux_catalog_partitions_key" if index == 0 else f"ix_catalog_partitions_k{index}"
    parts = [f"table_id = {sql.value(table_id)}"]
    if index:
        parts += _inside(_COLUMNS[index], stretch.lead, sql)
        if stretch.lead == conditions.EVERYTHING:
            parts.append(f"{_COLUMNS[index]} IS NOT NULL")
    parts += _inside('"key"', stretch.keys if index else stretch.lead, sql)
    return f"catalog_partitions {sql.indexed_by(name)} WHERE {' AND '.join(parts)}"


def _inside(column: str, interval: Interval, sql: Sql) -> list[str]:
    """SQL for an interval. NUL never goes to the database: it only says whether an end is included."""
    if interval.is_point:
        return [f"{column} = {sql.value(interval.low)}"]
    parts = []
    if interval.low.endswith("\0"):
        parts.append(f"{column} > {sql.value(interval.low[:-1])}")
    elif interval.low:
        parts.append(f"{column} >= {sql.value(interval.low)}")
    if interval.high is not None:
        included = interval.high.endswith("\0")
        high = interval.high[:-1] if included else interval.high
        parts.append(f"{column} {'<=' if included else '<'} {sql.value(high)}")
    return parts


def _remaining(stretches: list[_Stretch], index: int, after: Position | None) -> Iterator[_Stretch]:
    """What is left of the stretches behind a position."""
    if after is None:
        yield from stretches
        return
    last = after.key if index == 0 else after.lead
    rest = Interval(last + "\0", None)
    for stretch in stretches:
        if index and _holds(stretch.lead, last):
            below = conditions.intersection([stretch.keys], [Interval(after.key + "\0", None)])
            yield from (_Stretch(conditions.point(last), keys) for keys in below)
        yield from (_Stretch(lead, stretch.keys) for lead in conditions.intersection([stretch.lead], [rest]))


def _holds(interval: Interval, value: str) -> bool:
    return interval.low <= value and (interval.high is None or value < interval.high)


def _stretches(search: Search, index: int) -> list[_Stretch]:
    if search.condition is None:
        return [_Stretch(conditions.EVERYTHING)]
    if index == 0:
        return [_Stretch(interval) for interval in _key_intervals(search.condition, search.keys)]
    leads = _few(conditions.intervals(search.condition, index))
    below = _few(_first_key(conditions.intervals(search.condition, 0)), most=1)
    return [
        _Stretch(lead, keys)
        for lead in leads
        for keys in (below if lead.is_point else [conditions.EVERYTHING])
    ]


def _first_key(found: Sequence[Interval]) -> list[Interval]:
    return [_extended("", interval) for interval in found]


def _key_intervals(condition: Condition, keys: int) -> list[Interval]:
    """Stretches of ``key``: as many leading keys as are bound to single values, then what bounds the next."""
    prefixes = [""]
    for key in range(min(keys, SEARCHABLE_KEYS)):
        bounds = conditions.intervals(condition, key)
        if not bounds:
            return []
        if len(prefixes) * len(bounds) > MOST_STRETCHES or max(map(len, prefixes)) > LONGEST_PREFIX:
            break
        if not all(b.is_point for b in bounds):
            return [_extended(prefix, bound) for prefix in prefixes for bound in bounds]
        prefixes = [prefix + bound.low + SEPARATOR for prefix in prefixes for bound in bounds]
    if prefixes == [""]:
        # Too many stretches of the first key: from the first to the last of them.
        return [_extended("", bound) for bound in _few(conditions.intervals(condition, 0))]
    return [Interval(prefix, prefix[:-1] + AFTER_SEPARATOR) for prefix in prefixes]


def _extended(prefix: str, bound: Interval) -> Interval:
    """Stretch of ``key`` for values in ``bound`` behind ``prefix``; in a key, a separator ends each value."""
    low = prefix + (bound.low[:-1] + AFTER_SEPARATOR if bound.low.endswith("\0") else bound.low)
    if bound.high is None:
        high = prefix[:-1] + AFTER_SEPARATOR if prefix else None
    elif bound.high.endswith("\0"):
        high = prefix + bound.high[:-1] + AFTER_SEPARATOR
    else:
        high = prefix + bound.high
    return Interval(low, high)


def _few(found: list[Interval], most: int = MOST_STRETCHES) -> list[Interval]:
    if len(found) <= most or not found:
        return found
    return [Interval(found[0].low, found[-1].high)]

"""Searching a table's partitions: where in the index of their keys to walk, one page at a time.

A condition bounds the values of each key. Leading keys that are bound to single values give a prefix, and what
bounds the key behind them the stretch below it. Keys before it that are not bound at all are stepped over: the
values that there are, if these are few beside their rows, give a prefix each. Whatever the stretches, the whole
condition filters their rows. Pages follow the order of keys, so that the next one continues where this one ended
however many partitions there are. Owns no state.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from mastic.store import catalog_conditions as conditions
from mastic.store.catalog_conditions import Condition, Interval, Sql
from mastic.store.catalog_partitions import SEARCHABLE_KEYS, PartitionRow
from mastic.store.sqlite import driver

SEPARATOR = "\x01"
AFTER_SEPARATOR = "\x02"
# So many stretches are walked one by one; more are walked as one, from the first to the last.
MOST_STRETCHES = 1000
# Stepping from value to value pays where each of them has more rows than this.
FEWEST_ROWS = 8
# A key is cut where it is too long for an index: what is looked for must end before that.
LONGEST_PREFIX = 100

_COLUMNS = [f"k{n}" for n in range(SEARCHABLE_KEYS)]
_EVERY = ", ".join(f'"{name}"' for name in PartitionRow._fields)


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """What is wanted of a table's partitions."""

    table_id: int
    keys: int
    condition: Condition | None = None
    segment: tuple[int, int] | None = None


def page(tx: Connection, search: Search, after: str | None, count: int) -> list[PartitionRow]:
    """Up to ``count`` rows that satisfy the search, behind the key ``after``, in the order of keys."""
    found: list[PartitionRow] = []
    for stretch in _stretches(tx, search, after):
        sql = Sql(tx.dialect.name)
        text = f"SELECT {_EVERY} FROM {_range(search.table_id, stretch, sql)}"
        if search.condition is not None:
            text += f" AND {conditions.clause(search.condition, _COLUMNS, sql)}"
        if search.segment is not None:
            number, total = search.segment
            text += f" AND id {sql.modulo} {sql.value(total)} = {sql.value(number)}"
        text += f' ORDER BY "key" LIMIT {sql.value(count - len(found))}'
        found.extend(map(PartitionRow._make, _run(tx, text, sql)))
        if len(found) >= count:
            break
    return found


def _run(tx: Connection, text: str, sql: Sql) -> Iterable[Any]:
    """The rows of a query, as tuples."""
    if tx.dialect.name == "sqlite":
        return driver(tx).execute(text, sql.parameters)
    return tx.exec_driver_sql(text, tuple(sql.parameters))


def _range(table_id: int, stretch: Interval, sql: Sql) -> str:
    """What follows FROM. NUL never goes to the database: it only says whether an end is included."""
    parts = [f"table_id = {sql.value(table_id)}"]
    if stretch.low.endswith("\0"):
        parts.append(f'"key" > {sql.value(stretch.low[:-1])}')
    elif stretch.low:
        parts.append(f'"key" >= {sql.value(stretch.low)}')
    if stretch.high is not None:
        included = stretch.high.endswith("\0")
        high = stretch.high[:-1] if included else stretch.high
        parts.append(f'"key" {"<=" if included else "<"} {sql.value(high)}')
    index = sql.indexed_by("ux_catalog_partitions_key")
    return f"catalog_partitions {index} WHERE {' AND '.join(parts)}"


# -- stretches --------------------------------------------------------------------------------------------


def _stretches(tx: Connection, search: Search, after: str | None) -> Iterable[Interval]:
    """Disjoint stretches of ``key`` behind ``after``, in order, outside of which no row can be."""
    rest = Interval("" if after is None else after + "\0", None)
    if search.condition is None:
        return [rest]
    return conditions.intersection(_key_intervals(tx, search, search.condition, rest), [rest])


def _key_intervals(tx: Connection, search: Search, condition: Condition, rest: Interval) -> list[Interval]:
    prefixes = [""]
    bounds = [conditions.intervals(condition, key) for key in range(min(search.keys, SEARCHABLE_KEYS))]
    if [] in bounds:
        return []
    last = max((key for key, some in enumerate(bounds) if some != [conditions.EVERYTHING]), default=-1)
    for some in bounds[: last + 1]:
        if max(map(len, prefixes)) > LONGEST_PREFIX:
            break
        if some == [conditions.EVERYTHING]:
            values = _values_there(tx, search.table_id, prefixes, rest)
            if not values:
                break
            prefixes = values
            continue
        if len(prefixes) * len(some) > MOST_STRETCHES:
            break
        if not all(bound.is_point for bound in some):
            return [_extended(prefix, bound) for prefix in prefixes for bound in some]
        prefixes = [prefix + bound.low + SEPARATOR for prefix in prefixes for bound in some]
    if prefixes == [""]:
        # Too many stretches of the first key: from the first to the last of them.
        return [_extended("", bound) for bound in _few(bounds[0] if bounds else [conditions.EVERYTHING])]
    return [_extended(prefix, conditions.EVERYTHING) for prefix in prefixes]


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


def _few(found: list[Interval]) -> list[Interval]:
    if len(found) <= MOST_STRETCHES or not found:
        return found
    return [Interval(found[0].low, found[-1].high)]


def _values_there(tx: Connection, table_id: int, prefixes: list[str], rest: Interval) -> list[str]:
    """The prefixes with each value of the next key that stands behind them; none when these are too many."""
    found: list[str] = []
    for prefix in prefixes:
        whole = _extended(prefix, conditions.EVERYTHING)
        for stretch in conditions.intersection([whole], [rest]):
            for key in _first_keys(tx, table_id, stretch, len(prefix), MOST_STRETCHES + 1 - len(found)):
                value, separator, _ = key[len(prefix) :].partition(SEPARATOR)
                if not separator:
                    return []
                found.append(prefix + value + SEPARATOR)
            if len(found) > MOST_STRETCHES:
                return []
    sql = Sql(tx.dialect.name)
    few = f"SELECT 1 FROM {_range(table_id, rest, sql)} LIMIT {sql.value(FEWEST_ROWS * len(found))}"
    ((rows,),) = _run(tx, f"SELECT count(*) FROM ({few}) AS entries", sql)
    return found if rows == FEWEST_ROWS * len(found) else []


def _first_keys(tx: Connection, table_id: int, stretch: Interval, length: int, limit: int) -> Iterable[str]:
    """The first key of each value that follows the first ``length`` characters, in one statement."""
    sql = Sql(tx.dialect.name)
    least = 'SELECT min("key") FROM'
    text = (
        f"WITH RECURSIVE step(reached) AS ({least} {_range(table_id, stretch, sql)} UNION ALL "
        f"SELECT ({least} {_range(table_id, Interval('', stretch.high), sql)} "
        f'AND "key" >= {sql.until("step.reached", SEPARATOR, length)} || {sql.value(AFTER_SEPARATOR)}) '
        f"FROM step WHERE reached IS NOT NULL) "
        f"SELECT reached FROM step WHERE reached IS NOT NULL LIMIT {sql.value(limit)}"
    )
    return (key for (key,) in _run(tx, text, sql))

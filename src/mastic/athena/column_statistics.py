"""Computes column statistics: the work of a column statistics task run. Owns no state.

The table is read as queries read it, in one pass for the table as a whole and for each of its partitions. Distinct
values are counted exactly up to EXACT_ROWS rows and estimated by HyperLogLog beyond. Of a sample, the numbers of
nulls, trues and falses are scaled up to the table, and distinct values are estimated by GEE (Charikar et al., 2000).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlglot import exp

from mastic.athena.catalog import Catalog, Invoke, is_iceberg
from mastic.athena.engine import Engine, Running
from mastic.athena.failures import QueryCancelled, QueryFailure
from mastic.athena.planner import Plan
from mastic.athena.relations import relation
from mastic.athena.staging import Staging
from mastic.athena.translate import Reference
from mastic.athena.types import hive_to_duckdb, literal, quote
from mastic.clock import Clock
from mastic.context import Context
from mastic.glue.catalog.statistics_runs import column_types, statistics_type
from mastic.glue.catalog.task_runs import Halt, Halted, TaskFailed
from mastic.objects.base import Objects
from mastic.store.catalog_runs import Run

EXACT_ROWS = 1_000_000
# A smaller table is read whole, whatever sample is asked for.
SMALLEST_SAMPLED = 100_000
# Beyond so many partitions, the statistics are the table's alone.
MOST_PARTITIONS = 5_000
_AT_ONCE = 25
_SEED = 42

# Aggregates by type of statistics: name → SQL over the column {c}.
_AGGREGATES: dict[str, dict[str, str]] = {
    "BOOLEAN": {"trues": "count_if({c})", "falses": "count_if(NOT {c})"},
    "LONG": {"low": "min({c})", "high": "max({c})"},
    "DOUBLE": {"low": "min({c}) FILTER (isfinite({c}))", "high": "max({c}) FILTER (isfinite({c}))"},
    "DECIMAL": {"low": "min({c})", "high": "max({c})"},
    "DATE": {"low": "min({c})", "high": "max({c})"},
    "STRING": {"longest": "max(length({c}))", "length": "avg(length({c}))"},
    "BINARY": {"longest": "max(octet_length({c}))", "length": "avg(octet_length({c}))"},
}
_COUNTED = ("LONG", "DOUBLE", "DECIMAL", "DATE", "STRING")


@dataclass(frozen=True, kw_only=True)
class _Column:
    """A column of which statistics are made."""

    name: str
    hive: str
    type: str

    @property
    def value(self) -> str:
        """Its value in the engine's SQL: timestamps count as seconds, as in Hive's statistics."""
        name = quote(self.name)
        return f"CAST(floor(epoch({name})) AS BIGINT)" if self.hive.startswith("timestamp") else name


@dataclass(frozen=True, kw_only=True)
class _Part:
    """What was found in the whole table (``values`` None) or in a partition: aggregates by (column, name)."""

    values: tuple[str, ...] | None
    rows: int
    found: Mapping[tuple[str, str], Any]


class ColumnStatistics:
    """Does the runs."""

    def __init__(
        self, *, invoke: Invoke, engine: Engine, objects: Objects, clock: Clock, scratch: Path
    ) -> None:
        self._invoke = invoke
        self._engine = engine
        self._objects = objects
        self._clock = clock
        self._scratch = scratch

    def work(self, context: Context, run: Run, halt: Halt) -> dict[str, Any]:
        """Compute and store. Raises TaskFailed, Halted."""
        running = Running()
        halt.when_asked(running.stop)
        staging = Staging(self._objects, self._scratch)
        try:
            return self._work(context, run, _Session(self, context, run, staging, running))
        except QueryCancelled:
            raise Halted from None
        except QueryFailure as failure:
            raise TaskFailed(staging.by_url(failure.reason)) from None
        finally:
            staging.close()

    def _work(self, context: Context, run: Run, session: _Session) -> dict[str, Any]:
        share = run.body.get("SampleSize", 100.0)
        parts = list(session.sampled(share) if share < 100 else session.whole())
        now = self._clock.now()
        for part in parts:
            session.running.check()
            session.store(part, now)
        return {"Rows": parts[0].rows, "Partitions": len(parts) - 1}

    def session(self, plan: Plan, staging: Staging, running: Running) -> Any:
        """A locked connection over the plan's relations."""
        return self._engine.session(plan, staging.directory, running)

    def catalog(self, catalog_id: str) -> Catalog:
        """The catalog's operations, in the catalog of the run."""
        return Catalog(lambda c, service, operation, request: self._invoke(
            c, service, operation, {"CatalogId": catalog_id, **request}
        ))  # fmt: skip


class _Session:
    """One run's view of its table."""

    def __init__(
        self, owner: ColumnStatistics, context: Context, run: Run, staging: Staging, running: Running
    ) -> None:
        self._owner = owner
        self._context = context
        self._staging = staging
        self.running = running
        self._database, self._name = run.body["DatabaseName"], run.body["TableName"]
        self._catalog = owner.catalog(run.body["CatalogID"])
        self._table = self._catalog.call(context, "GetTable", DatabaseName=self._database, Name=self._name)[
            "Table"
        ]
        self._types = column_types(self._table)
        self._columns = [self._column(name) for name in run.body["ColumnNameList"]]
        self._keys = [key["Name"].lower() for key in self._table.get("PartitionKeys") or ()]

    def _column(self, name: str) -> _Column:
        hive = self._types.get(name)
        kind = statistics_type(hive) if hive else None
        if hive is None or kind is None:
            raise TaskFailed(f"Column {name} is no longer in table {self._name}, or has another type")
        return _Column(name=name, hive=hive.strip().lower(), type=kind)

    # -- reading ---------------------------------------------------------------------------------------

    def _connected(self) -> Any:
        """A fresh connection in which ``t`` is the table; an Iceberg table's rows come once only."""
        wanted = frozenset((*(column.name for column in self._columns), *self._keys))
        reference = Reference(
            node=exp.Table(),
            database=self._database,
            name=self._name,
            catalog="awsdatacatalog",
            predicates=(),
            columns=wanted,
            as_of=None,
        )
        made = relation(self._context, self._catalog, self._staging, self._table, reference)
        missing = [column.name for column in self._columns if column.name not in made.columns]
        if missing:
            raise TaskFailed(f"The table's data has no column {missing[0]}")
        return self._owner.session(
            Plan(sql="", names=[], types=[], steps=[("t", made)]), self._staging, self.running
        )

    def whole(self) -> Iterator[_Part]:
        """The table, then its partitions."""
        values = self._partition_values()
        keys = self._keys if values else []
        parts = self._pass(keys, values, approximate=True)
        if parts[0].rows <= EXACT_ROWS and any(c.type in _COUNTED for c in self._columns):
            exact = {part.values: part.found for part in self._pass(keys, values, approximate=False)}
            parts = [
                _Part(values=p.values, rows=p.rows, found={**p.found, **exact.get(p.values, {})})
                for p in parts
            ]
        yield from parts

    def _pass(
        self, keys: list[str], values: Mapping[tuple[Any, ...], tuple[str, ...]], *, approximate: bool
    ) -> list[_Part]:
        aggregates = list(_selected(self._columns, approximate=approximate))
        sets = f" GROUP BY GROUPING SETS ((), ({', '.join(map(quote, keys))}))" if keys else ""
        whole = f"grouping({quote(keys[0])})" if keys else "1"
        picked = ", ".join([whole, *map(quote, keys), "count(*)", *(sql for _, sql in aggregates)])
        with self._connected() as connection:
            lines = connection.execute(f"SELECT {picked} FROM t{sets}").fetchall()
        parts = []
        for line in lines:
            key = tuple(line[1 : 1 + len(keys)])
            if not line[0] and key not in values:
                continue
            count, *found = line[1 + len(keys) :]
            parts.append(
                _Part(
                    values=None if line[0] else values[key],
                    rows=count,
                    found=dict(zip((a for a, _ in aggregates), found, strict=True)),
                )
            )
        return sorted(parts, key=lambda p: (p.values is not None, p.values or ()))

    def _partition_values(self) -> dict[tuple[Any, ...], tuple[str, ...]]:
        """The partitions' values in the catalog's text, by what they are as values of the keys' types.

        Two partitions that are the same value (1 and 01) cannot be told apart in the data: neither is there.
        """
        if not self._keys or is_iceberg(self._table):
            return {}
        listed = [p["Values"] for p in self._catalog.partitions(self._context, self._database, self._name)]
        if not listed or len(listed) > MOST_PARTITIONS:
            return {}
        types = [hive_to_duckdb(self._types[key]) for key in self._keys]
        rows = ", ".join(f"({', '.join(map(literal, values))})" for values in listed)
        casts = ", ".join(
            f"CAST(NULLIF(v{i}, '__HIVE_DEFAULT_PARTITION__') AS {kind})" for i, kind in enumerate(types)
        )
        names = ", ".join(f"v{i}" for i in range(len(types)))
        with self._owner.session(Plan(sql="", names=[], types=[]), self._staging, self.running) as connection:
            typed = connection.execute(f"SELECT {casts} FROM (VALUES {rows}) p({names})").fetchall()
        found: dict[tuple[Any, ...], tuple[str, ...] | None] = {}
        for key, values in zip(typed, listed, strict=True):
            found[tuple(key)] = None if tuple(key) in found else tuple(values)
        return {key: values for key, values in found.items() if values is not None}

    def sampled(self, share: float) -> Iterator[_Part]:
        """The table as a sample of its rows tells it."""
        with self._connected() as connection:
            total = connection.execute("SELECT count(*) FROM t").fetchone()[0]
        if total <= SMALLEST_SAMPLED:
            yield from self.whole()
            return
        aggregates = list(_selected(self._columns, approximate=True))
        with self._connected() as connection:
            sample = f"(SELECT * FROM t) USING SAMPLE {share} PERCENT (bernoulli, {_SEED})"
            connection.execute(f"CREATE TEMP TABLE s AS SELECT * FROM {sample}")
            line = connection.execute(
                f"SELECT count(*), {', '.join(sql for _, sql in aggregates)} FROM s"
            ).fetchone()
            rows = line[0]
            found = dict(zip((a for a, _ in aggregates), line[1:], strict=True))
            for column in self._columns if rows else ():
                if column.type in _COUNTED:
                    found[column.name, "distinct"] = _distinct_of_sample(connection, column, rows, total)
        if not rows:
            yield from self.whole()
            return
        for column in self._columns:
            for name in ("some", "trues", "falses"):
                if (column.name, name) in found:
                    found[column.name, name] = round(found[column.name, name] * total / rows)
        yield _Part(values=None, rows=total, found=found)

    # -- storing ---------------------------------------------------------------------------------------

    def store(self, part: _Part, now: datetime) -> None:
        """Hand the statistics to the catalog. Raises TaskFailed for those that it does not take."""
        listed = [
            {
                "ColumnName": column.name,
                "ColumnType": self._types[column.name],
                "AnalyzedTime": now,
                "StatisticsData": _data(column, part),
            }
            for column in self._columns
        ]
        place: dict[str, Any] = {"DatabaseName": self._database, "TableName": self._name}
        operation = "UpdateColumnStatisticsForTable"
        if part.values is not None:
            operation = "UpdateColumnStatisticsForPartition"
            place["PartitionValues"] = list(part.values)
        for start in range(0, len(listed), _AT_ONCE):
            some = listed[start : start + _AT_ONCE]
            answer = self._catalog.call(self._context, operation, ColumnStatisticsList=some, **place)
            for error in answer.get("Errors") or ():
                name, why = error["ColumnStatistics"]["ColumnName"], error["Error"]["ErrorMessage"]
                raise TaskFailed(f"Statistics of column {name} were not stored: {why}")


def _selected(columns: Sequence[_Column], *, approximate: bool) -> Iterator[tuple[tuple[str, str], str]]:
    """(column, aggregate) and its SQL: all of them with approximate distinct values, or these alone and exact."""
    for column in columns:
        if approximate:
            yield (column.name, "some"), f"count({quote(column.name)})"
            for name, sql in _AGGREGATES[column.type].items():
                yield (column.name, name), sql.format(c=column.value)
        if column.type in _COUNTED:
            counted = (
                f"approx_count_distinct({column.value})" if approximate else f"count(DISTINCT {column.value})"
            )
            yield (column.name, "distinct"), counted


def _distinct_of_sample(connection: Any, column: _Column, rows: int, total: int) -> int:
    """GEE: values seen once stand for sqrt(total / rows) others, values seen more often for themselves."""
    once, several = connection.execute(
        f"SELECT count_if(n = 1), count_if(n > 1) FROM (SELECT count(*) n FROM s "
        f"WHERE {quote(column.name)} IS NOT NULL GROUP BY {column.value})"
    ).fetchone()
    return min(total, round(math.sqrt(total / rows) * int(once)) + int(several))


def _data(column: _Column, part: _Part) -> dict[str, Any]:
    """ColumnStatisticsData."""

    def of(name: str) -> Any:
        return part.found.get((column.name, name))

    data: dict[str, Any] = {"NumberOfNulls": max(0, part.rows - of("some"))}
    if column.type in _COUNTED:
        # An estimate may be more than there are.
        data["NumberOfDistinctValues"] = min(of("distinct"), of("some"))
    match column.type:
        case "BOOLEAN":
            data |= {"NumberOfTrues": of("trues") or 0, "NumberOfFalses": of("falses") or 0}
        case "STRING" | "BINARY":
            data |= {"MaximumLength": of("longest") or 0, "AverageLength": float(of("length") or 0.0)}
        case _:
            limits = {"MinimumValue": of("low"), "MaximumValue": of("high")}
            data |= {
                member: _limit(column.type, value) for member, value in limits.items() if value is not None
            }
    return {"Type": column.type, f"{column.type.capitalize()}ColumnStatisticsData": data}


def _limit(kind: str, value: Any) -> Any:
    """A smallest or largest value as the API has it."""
    if kind == "DECIMAL":
        sign, digits, exponent = Decimal(value).as_tuple()
        unscaled = int("".join(map(str, digits))) * (-1 if sign else 1)
        scale = -int(exponent)
        return {
            "UnscaledValue": unscaled.to_bytes(unscaled.bit_length() // 8 + 1, "big", signed=True),
            "Scale": scale,
        }
    if kind == "DATE":
        assert isinstance(value, date)
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return float(value) if kind == "DOUBLE" else int(value)

"""UPDATE, DELETE and MERGE on Hudi tables of the catalog: rows that the engine computes, by an upsert or a delete."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from awsglue._runtime.delta import rowlevel
from awsglue._runtime.delta.statements import held
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.hudi import lake, options, writing
from awsglue._runtime.hudi.catalog import location
from awsglue._runtime.hudi.lake import Slice, Table
from awsglue._runtime.hudi.options import ORDERED, WRITE, Asked
from awsglue._runtime.hudi.rows import IS_DELETED
from awsglue._runtime.hudi.writing import Plan


@dataclass(frozen=True, kw_only=True)
class HudiPlace:
    """A Hudi table that a statement names: its entry of the catalog."""

    row: dict[str, Any]


class HudiStatements:
    """Carries out statements that change rows of Hudi tables for one session."""

    def __init__(self, services: Any, statements: Any) -> None:
        self._services = services
        self._statements = statements

    def _change(self, place: HudiPlace, compute: Any, operation: str, payload: str = "") -> Any:
        """Commit the rows of `compute(the table's rows, table)` by this operation; computed anew for every attempt."""
        table = lake.opened(self._services.storage, location(place.row))
        if not table.config.record_keys:
            raise EngineRefused("changing rows of a Hudi table without a primary key")
        asked = self._asked(table, payload)

        def plan(now: Table, slices: list[Slice], instant: str) -> Plan:
            with self._services.passing():
                whole = self._services.frame(lake.scan(self._services, now)).drop(*lake.META)
                batch = writing.batch(self._services, compute(whole, now))
            # The mark of rows to be deleted is no column of the table.
            schema = type(batch.struct)([item for item in batch.struct.fields if item.name != IS_DELETED])
            batch = replace(batch, struct=schema) if IS_DELETED not in whole.columns else batch
            return writing.planned(now, asked, batch, operation, slices, instant)

        outcome = writing.change(self._services, table, plan, operation, asked)
        self._services.tables.hudi.follow(place.row, table.path, outcome)
        return self._statements.nothing()

    def _asked(self, table: Table, payload: str) -> Asked:
        given = {WRITE + "precombine.field": table.config.precombine, **self._services.tables.hudi.settings()}
        if payload:
            given[WRITE + "payload.class"] = payload
        asked = options.parse(given, [])
        # Rows of the table itself never lack a column; those of a statement have exactly its columns.
        return replace(asked, given={**asked.given, "hoodie.write.set.null.for.missing.columns": "true"})

    def delete(self, place: HudiPlace, alias: str, condition: str) -> Any:
        """DELETE FROM."""
        name = alias.strip("`")
        return self._change(
            place,
            lambda whole, table: whole.alias(name).filter(rowlevel.holds(condition)).select(f"`{name}`.*"),
            "delete",
        )

    def update(self, place: HudiPlace, alias: str, condition: str, changes: list[tuple[str, str]]) -> Any:
        """UPDATE … SET."""
        from pyspark.sql import functions as fn

        name = alias.strip("`")

        def compute(whole: Any, table: Table) -> Any:
            schema = whole.schema
            values = rowlevel.resolved(schema, dict(changes))
            _refuse_keys(table, values)
            part = whole.alias(name).filter(rowlevel.holds(condition))
            made = rowlevel.typed(part, schema, values)
            columns = [
                made.get(item.name, fn.col(f"`{name}`.`{item.name}`")).alias(item.name)
                for item in schema.fields
            ]
            return part.select(*columns)

        return self._change(place, compute, "upsert")

    def merge(
        self, place: HudiPlace, alias: str, source: str, source_alias: str, condition: str, clauses: list[Any]
    ) -> Any:
        """MERGE INTO. Raises AnalysisException unless the condition names every record key."""
        frame = held(self._services, self._statements.query(f"SELECT * FROM {source}"))
        own = rowlevel.clauses(clauses)
        if any(one.kind == "unsourced" for one in own):
            raise EngineRefused("WHEN NOT MATCHED BY SOURCE on a Hudi table")
        names = alias.strip("`"), source_alias.strip("`")
        table = lake.opened(self._services.storage, location(place.row))
        _check_condition(table, names[0], condition)

        def compute(whole: Any, now: Table) -> Any:
            return _merged(whole, now, names, frame, condition, own, moves=self._asked(now, "").global_index)

        # MERGE keeps a stored row whose precombine value is larger than the new one's.
        return self._change(place, compute, "upsert", ORDERED if table.config.precombine else "")


def _merged(
    whole: Any,
    table: Table,
    names: tuple[str, str],
    source: Any,
    condition: str,
    clauses: list[rowlevel.Clause],
    *,
    moves: bool,
) -> Any:
    """The rows that a MERGE writes, those that it deletes marked.

    Raises EngineRefused for one that moves rows to another partition, unless the index is a global one (`moves`):
    the row would be in both.
    """
    from pyspark.sql import functions as fn

    alias, source_alias = names
    schema = whole.schema
    for clause in clauses:
        if clause.kind == "matched" and not clause.star:
            _refuse_partitions(table, rowlevel.resolved(schema, clause.assignments))
    right = source.alias(source_alias)
    left = whole.withColumn(rowlevel.HERE, fn.lit(True)).alias(alias)
    joined = right.join(left, fn.expr(condition), "left")
    here = fn.col(f"`{alias}`.`{rowlevel.HERE}`")
    where = {"matched": here.isNotNull(), "inserted": here.isNull()}
    action = fn.lit(None).cast("int")
    for number, clause in reversed(list(enumerate(clauses, 1))):
        action = fn.when(where[clause.kind] & rowlevel.holds(clause.condition), fn.lit(number)).otherwise(
            action
        )
    assigned = [
        rowlevel.typed(joined, schema, rowlevel.assignments(schema, clause, source_alias))
        if clause.action != "delete"
        else {}
        for clause in clauses
    ]
    columns = []
    partitions = table.config.partition_fields if not moves and any(one.star for one in clauses) else []
    for item in schema.fields:
        value = rowlevel.chosen(item, alias, action, clauses, assigned)
        columns.append(value.alias(item.name))
        if item.name in partitions:
            stays = value.eqNullSafe(fn.col(f"`{alias}`.`{item.name}`"))
            if not joined.filter(where["matched"] & action.isNotNull() & ~stays).isEmpty():
                raise EngineRefused(
                    f"MERGE that assigns another {item.name}, of the partition of a Hudi table",
                    "SET hoodie.index.type = GLOBAL_SIMPLE moves rows",
                )
    gone = [number for number, clause in enumerate(clauses, 1) if clause.action == "delete"]
    if gone:
        columns.append(action.isin(*gone).alias(IS_DELETED))
    return joined.filter(action.isNotNull()).select(*columns)


def _refuse_keys(table: Table, values: dict[str, Any]) -> None:
    keys = sorted({*table.config.record_keys, *table.config.partition_fields} & set(values))
    if keys:
        raise EngineRefused(f"assigning to {', '.join(keys)}, of the key or the partition of a Hudi table")


def _refuse_partitions(table: Table, values: dict[str, Any]) -> None:
    keys = sorted(set(table.config.partition_fields) & set(values))
    if keys:
        raise EngineRefused(f"assigning to {', '.join(keys)}, of the partition of a Hudi table")


def _check_condition(table: Table, alias: str, condition: str) -> None:
    from pyspark.errors import AnalysisException

    for key in table.config.record_keys:
        own = rf"`?{re.escape(alias)}`?\.`?{re.escape(key)}`?(?!\w)"
        if not re.search(rf"{own}\s*=|=\s*{own}", condition, re.IGNORECASE):
            raise AnalysisException(
                "Hudi tables with record key are required to match on all record key columns. Column: "
                f"'{key}' not found"
            )

"""SQL statements on Delta tables: row changes, history, upkeep. A table is of the catalog, or ``delta.`path` ``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from awsglue._runtime import engine
from awsglue._runtime.delta import lake, rowlevel, upkeep, writing
from awsglue._runtime.delta.catalog import is_delta, location
from awsglue._runtime.failures import EngineRefused


@dataclass(frozen=True, kw_only=True)
class Place:
    """A Delta table that a statement names; `row` is its entry of the catalog, if it has one."""

    path: str
    row: dict[str, Any] | None = None


def place(tables: Any, parts: list[str]) -> Place | None:
    """The Delta table that these parts name; None for a table that is none. Raises AnalysisException."""
    if len(parts) == 2 and parts[0].lower() == "delta" and "/" in parts[1]:
        return Place(path=parts[1])
    name = tables.name(parts)
    row = tables.glue.table(name.database, name.table)
    return Place(path=location(row), row=row) if row is not None and is_delta(row) else None


class DeltaStatements:
    """Carries out statements on Delta tables for one session."""

    def __init__(self, services: Any, statements: Any) -> None:
        self._services = services
        self._statements = statements

    def _change(self, target: Place, compute: Any, operation: str, **more: Any) -> Any:
        writing.change(self._services, lambda: lake.open_table(target.path), compute, operation, **more)
        return self._statements.nothing()

    def delete(self, target: Place, alias: str, condition: str) -> Any:
        """DELETE FROM."""
        name = alias.strip("`")
        return self._change(
            target,
            lambda table: rowlevel.delete(self._services, table, name, condition),
            "DELETE",
            predicate=condition,
        )

    def update(self, target: Place, alias: str, condition: str, changes: list[tuple[str, str]]) -> Any:
        """UPDATE … SET."""
        name = alias.strip("`")
        return self._change(
            target,
            lambda table: rowlevel.update(self._services, table, name, condition, dict(changes)),
            "UPDATE",
            predicate=condition,
        )

    def merge(
        self, target: Place, alias: str, source: str, source_alias: str, condition: str, clauses: list[Any]
    ) -> Any:
        """MERGE INTO."""
        own = rowlevel.clauses(clauses)
        names = alias.strip("`"), source_alias.strip("`")
        with self._services.passing():
            frame = held(self._services, self._statements.query(f"SELECT * FROM {source}"))
            return self._change(
                target,
                lambda table: rowlevel.merge(
                    self._services, table, names[0], frame, names[1], condition, own
                ),
                "MERGE",
                predicate=condition,
            )

    # history and upkeep
    def describe(self, cutter: Any) -> Any:
        """DESCRIBE HISTORY t [LIMIT n]; DESCRIBE DETAIL t."""
        kind = "HISTORY" if cutter.take("HISTORY") else "DETAIL"
        if kind == "DETAIL":
            cutter.need("DETAIL")
        target = self._place(cutter)
        table = lake.open_table(target.path)
        if kind == "DETAIL":
            return upkeep.detail(self._services, table)
        limit = int(cutter.rest()) if cutter.take("LIMIT") else None
        return upkeep.history(self._services, table, limit)

    def optimize(self, cutter: Any) -> Any:
        """OPTIMIZE t [ZORDER BY (columns)]."""
        from awsglue._runtime.sql.tokens import split_commas

        cutter.need("OPTIMIZE")
        target = self._place(cutter)
        if cutter.peek("WHERE"):
            raise EngineRefused("OPTIMIZE … WHERE")
        columns = split_commas(cutter.brackets()) if cutter.take("ZORDER", "BY") else []
        return upkeep.optimize(
            self._services, lake.open_table(target.path), [one.strip("`") for one in columns]
        )

    def vacuum(self, cutter: Any) -> Any:
        """VACUUM t [RETAIN n HOURS] [DRY RUN]."""
        cutter.need("VACUUM")
        target = self._place(cutter)
        hours = None
        if cutter.take("RETAIN"):
            hours = float(cutter.until(("HOURS",)))
            cutter.need("HOURS")
        dry = cutter.take("DRY", "RUN")
        found = upkeep.vacuum(self._services, lake.open_table(target.path), hours, dry_run=dry)
        rows = [(path,) for path in found] if dry else [(target.path,)]
        return self._statements.result(rows, "path string")

    def restore(self, cutter: Any) -> Any:
        """RESTORE [TABLE] t TO VERSION AS OF n | TIMESTAMP AS OF 'text'."""
        cutter.need("RESTORE")
        cutter.take("TABLE")
        target = self._place(cutter)
        cutter.need("TO")
        table = lake.open_table(target.path)
        if cutter.take("VERSION", "AS", "OF"):
            version = int(cutter.rest())
        else:
            cutter.need("TIMESTAMP", "AS", "OF")
            version = lake.version_at(table, cutter.rest().strip("'\""))
        engine.mark_written()
        table.restore(version)
        if target.row is not None:
            self._services.tables.delta.refresh(target.row)
        return self._statements.nothing()

    def _place(self, cutter: Any) -> Place:
        from pyspark.errors import AnalysisException

        tables = self._services.tables
        parts = cutter.name()
        target = place(tables, parts)
        if target is None:
            if tables.glue.table(tables.name(parts).database, tables.name(parts).table) is None:
                from awsglue._runtime.catalog.glue import table_not_found

                raise table_not_found(tables.name(parts).shown)
            raise AnalysisException(f"[DELTA_MISSING_DELTA_TABLE] {'.'.join(parts)} is not a Delta table.")
        return target


def held(services: Any, frame: Any) -> Any:
    """The frame's rows as they are now: a change may be computed several times from one and the same source."""
    struct, batches = services.rows(frame)
    return services.from_batches(struct, batches)

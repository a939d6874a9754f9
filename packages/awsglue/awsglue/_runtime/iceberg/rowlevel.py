"""DELETE, UPDATE and MERGE on Iceberg tables by copy-on-write: only data files with rows that change are written anew.

Each function computes from one loaded table what `writing.replace_files` commits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from awsglue._runtime.io.storage import shown

FILE = "__mastic_file"
TARGET = "__mastic_target"
Change = tuple[list[Any], Iterator[Any]]


@dataclass(frozen=True, kw_only=True)
class Clause:
    """One WHEN of a MERGE. `kind` is matched, inserted (not matched) or unsourced (not matched by source)."""

    kind: str
    condition: str = ""
    action: str = ""
    assignments: list[tuple[str, str]] = field(default_factory=list)
    star: bool = False


class RowLevel:
    """Row-level changes of one session."""

    def __init__(self, services: Any) -> None:
        self._services = services

    def _query(self, text: str, target: Any) -> Any:
        return self._services.statements.query(text, views=[(TARGET, target)])

    def _target(self, catalog: Any, table: Any, only: set[str] | None = None) -> tuple[Any, dict[str, Any]]:
        """(rows with their file's name, {file name: data file})."""
        from dataclasses import replace

        scan = catalog.scan(table)
        tasks = {shown(task.file.file_path): task.file for task in table.scan().plan_files()}
        if only is not None:
            scan = replace(
                scan, files=[file for file in scan.files if shown(file.path) in only], id=scan.id + "-part"
            )
            scan._spool = ""
        return self._services.frame_with_file(scan, FILE), tasks

    def _touched(self, text: str, target: Any) -> set[str]:
        return {row[0] for row in self._query(text, target).collect()}

    def delete(self, catalog: Any, table: Any, alias: str, condition: str) -> Change:
        """Rows for which the condition is true go."""
        target, files = self._target(catalog, table)
        if not condition:
            return list(files.values()), iter(())
        touched = self._touched(f"SELECT DISTINCT {FILE} FROM {TARGET} AS {alias} WHERE {condition}", target)
        kept, _ = self._target(catalog, table, touched)
        names = self._names(table)
        rows = (
            self._query(
                f"SELECT {names} FROM {TARGET} AS {alias} WHERE NOT coalesce(({condition}), false)", kept
            )
            if touched
            else None
        )
        return [files[name] for name in touched], self._rows(rows)

    def update(
        self, catalog: Any, table: Any, alias: str, condition: str, changes: list[tuple[str, str]]
    ) -> Change:
        """Rows for which the condition is true get new values."""
        target, files = self._target(catalog, table)
        condition = condition or "true"
        touched = self._touched(f"SELECT DISTINCT {FILE} FROM {TARGET} AS {alias} WHERE {condition}", target)
        if not touched:
            return [], iter(())
        kept, _ = self._target(catalog, table, touched)
        new = {_column(name, alias).lower(): value for name, value in changes}
        _check_columns(table, new)
        columns = []
        for item in self._struct(table).fields:
            quoted = f"{alias}.`{item.name}`"
            value = new.get(item.name.lower())
            if value is not None:
                cast = f"CAST(({value}) AS {item.dataType.simpleString()})"
                quoted = f"CASE WHEN coalesce(({condition}), false) THEN {cast} ELSE {quoted} END"
            columns.append(f"{quoted} AS `{item.name}`")
        rows = self._query(f"SELECT {', '.join(columns)} FROM {TARGET} AS {alias}", kept)
        return [files[name] for name in touched], self._rows(rows)

    def merge(
        self,
        catalog: Any,
        table: Any,
        alias: str,
        source: str,
        source_alias: str,
        condition: str,
        clauses: list[Clause],
    ) -> Change:
        """MERGE INTO. Raises SparkRuntimeException when a target row meets several source rows."""
        target, files = self._target(catalog, table)
        matching = f"{TARGET} AS {alias} JOIN (SELECT * FROM {source}) AS {source_alias} ON {condition}"
        touched = set(files)
        if not any(clause.kind == "unsourced" for clause in clauses):
            matched = [clause for clause in clauses if clause.kind == "matched"]
            touched = (
                self._touched(f"SELECT DISTINCT {alias}.{FILE} FROM {matching}", target) if matched else set()
            )
            if not matched:
                # Inserts only: nothing is rewritten, but all rows decide what is new.
                return [], self._rows(
                    self._inserts(table, target, alias, source, source_alias, condition, clauses)
                )
        kept, _ = self._target(catalog, table, touched)
        self._check_cardinality(kept, alias, source, source_alias, condition, clauses)
        rows = self._query(self._merge_query(table, alias, source, source_alias, condition, clauses), kept)
        return [files[name] for name in touched], self._rows(rows)

    def _inserts(
        self,
        table: Any,
        target: Any,
        alias: str,
        source: str,
        source_alias: str,
        condition: str,
        clauses: list[Clause],
    ) -> Any:
        columns = self._insert_columns(table, source_alias, clauses)
        wanted = " OR ".join(f"coalesce(({clause.condition or 'true'}), false)" for clause in clauses)
        return self._query(
            f"SELECT {', '.join(columns)} FROM (SELECT * FROM {source}) AS {source_alias} LEFT ANTI JOIN "
            f"{TARGET} AS {alias} ON {condition} WHERE {wanted}",
            target,
        )

    def _insert_columns(self, table: Any, source_alias: str, clauses: list[Clause]) -> list[str]:
        columns = []
        for item in self._struct(table).fields:
            cases = []
            for clause in clauses:
                value = _assigned(clause, item.name, source_alias)
                cases.append(
                    f"WHEN coalesce(({clause.condition or 'true'}), false) THEN "
                    f"CAST({value or 'NULL'} AS {item.dataType.simpleString()})"
                )
            columns.append(f"CASE {' '.join(cases)} END AS `{item.name}`")
        return columns

    def _check_cardinality(
        self, target: Any, alias: str, source: str, source_alias: str, condition: str, clauses: list[Clause]
    ) -> None:
        matched = [clause for clause in clauses if clause.kind == "matched"]
        if not matched or (len(matched) == 1 and matched[0].action == "delete" and not matched[0].condition):
            return
        acts = " OR ".join(f"coalesce(({clause.condition or 'true'}), false)" for clause in matched)
        numbered = f"(SELECT *, monotonically_increasing_id() AS __mastic_row FROM {TARGET}) AS {alias}"
        several = self._query(
            f"SELECT 1 FROM {numbered} JOIN (SELECT * FROM {source}) AS {source_alias} ON {condition} WHERE {acts} "
            f"GROUP BY {alias}.__mastic_row HAVING count(*) > 1 LIMIT 1",
            target,
        ).collect()
        if several:
            from pyspark.errors import SparkRuntimeException

            raise SparkRuntimeException(
                "[MERGE_CARDINALITY_VIOLATION] The ON search condition of the MERGE statement matched a single row "
                "from "
                "the target table with multiple rows of the source table.\nThis could result in the target row being "
                "operated on more than once with an update or delete operation and is not allowed."
            )

    def _merge_query(
        self, table: Any, alias: str, source: str, source_alias: str, condition: str, clauses: list[Clause]
    ) -> str:
        here = {
            "matched": f"{alias}.__mastic_t AND {source_alias}.__mastic_s",
            "inserted": f"{alias}.__mastic_t IS NULL",
            "unsourced": f"{source_alias}.__mastic_s IS NULL",
        }
        cases = [
            f"WHEN {here[clause.kind]} AND coalesce(({clause.condition or 'true'}), false) THEN {number}"
            for number, clause in enumerate(clauses, 1)
        ]
        action = f"CASE {' '.join(cases)} WHEN {alias}.__mastic_t THEN 0 ELSE -1 END"
        gone = [str(number) for number, clause in enumerate(clauses, 1) if clause.action == "delete"]
        columns = []
        for item in self._struct(table).fields:
            kind = item.dataType.simpleString()
            values = []
            for number, clause in enumerate(clauses, 1):
                value = _assigned(clause, item.name, source_alias)
                if clause.action == "insert":
                    value = value or "NULL"
                if value:
                    values.append(f"WHEN {action} = {number} THEN CAST(({value}) AS {kind})")
            old = f"{alias}.`{item.name}`"
            columns.append(
                f"CASE {' '.join(values)} ELSE {old} END AS `{item.name}`"
                if values
                else f"{old} AS `{item.name}`"
            )
        for clause in clauses:
            _check_columns(table, {_column(name, alias).lower(): value for name, value in clause.assignments})
        return (
            f"SELECT {', '.join(columns)} FROM (SELECT *, true AS __mastic_t FROM {TARGET}) AS {alias} FULL OUTER JOIN "
            f"(SELECT *, true AS __mastic_s FROM {source}) AS {source_alias} ON {condition} "
            f"WHERE {action} NOT IN ({', '.join(['-1', *gone])})"
        )

    def _struct(self, table: Any) -> Any:
        from awsglue._runtime.iceberg.types import spark_struct

        return spark_struct(table.schema())

    def _names(self, table: Any) -> str:
        return ", ".join(f"`{item.name}`" for item in self._struct(table).fields)

    def _rows(self, frame: Any) -> Iterator[Any]:
        return iter(()) if frame is None else self._services.rows(frame)[1]


def without(services: Any, catalog: Any, table: Any, condition: Any) -> Change:
    """df.writeTo().overwrite(condition): rows that meet a DataFrame condition go."""
    from pyspark.sql import functions as fn

    level = RowLevel(services)
    target, files = level._target(catalog, table)
    condition = fn.col(condition) if isinstance(condition, str) else condition
    touched = {row[0] for row in target.filter(condition).select(FILE).distinct().collect()}
    kept, _ = level._target(catalog, table, touched)
    rows = kept.filter(~fn.coalesce(condition, fn.lit(False))).drop(FILE) if touched else None
    return [files[name] for name in touched], level._rows(rows)


def _column(name: str, alias: str) -> str:
    from awsglue._runtime.catalog.names import split_identifier

    return split_identifier(name)[-1]


def _assigned(clause: Clause, column: str, source_alias: str) -> str:
    """The expression a clause gives a column, "" for none."""
    if clause.action == "delete":
        return ""
    if clause.star:
        return f"{source_alias}.`{column}`"
    for name, value in clause.assignments:
        if _column(name, "").lower() == column.lower():
            return value
    return ""


def _check_columns(table: Any, assignments: dict[str, str]) -> None:
    from pyspark.errors import AnalysisException

    known = {item.name.lower() for item in table.schema().fields}
    for name in assignments:
        if name not in known:
            raise AnalysisException(
                f"[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column or function parameter with name `{name}` cannot be "
                f"resolved. Did you mean one of the following? [{', '.join(sorted(known))}]."
            )

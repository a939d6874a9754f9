"""INSERT, MERGE, UPDATE, DELETE, TRUNCATE and CALL."""

from __future__ import annotations

from typing import Any

from awsglue._runtime import engine
from awsglue._runtime.catalog.glue import table_not_found
from awsglue._runtime.catalog.tables import by_position, is_iceberg
from awsglue._runtime.delta.catalog import is_delta
from awsglue._runtime.delta.statements import DeltaStatements, Place, place
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.hudi.catalog import is_hudi
from awsglue._runtime.hudi.statements import HudiPlace, HudiStatements
from awsglue._runtime.iceberg.rowlevel import Clause, RowLevel
from awsglue._runtime.sql.tokens import Cutter, split_assignment, split_commas

_QUERY = (("SELECT",), ("WITH",), ("VALUES",), ("TABLE",), ("FROM",), ("(", "SELECT"), ("(", "WITH"))


class Dml:
    """Row changes of one session."""

    def __init__(self, services: Any, statements: Any) -> None:
        self._services = services
        self._statements = statements
        self._tables = services.tables
        self._delta = DeltaStatements(services, statements)
        self._hudi = HudiStatements(services, statements)

    # INSERT
    def insert(self, cutter: Cutter) -> Any:
        """INSERT INTO | OVERWRITE [TABLE] t [PARTITION (…)] [(columns) | BY NAME] query."""
        cutter.need("INSERT")
        overwrite = cutter.take("OVERWRITE")
        if (overwrite and cutter.peek("DIRECTORY")) or cutter.peek("LOCAL"):
            raise EngineRefused("INSERT OVERWRITE DIRECTORY")
        if not overwrite:
            cutter.need("INTO")
        cutter.take("TABLE")
        parts = cutter.name()
        if len(parts) == 2 and parts[0].lower() == "delta" and "/" in parts[1]:
            raise EngineRefused("INSERT INTO delta.`path`", "write with df.write.format('delta')")
        name = self._tables.name(parts)
        static: dict[str, str | None] = {}
        if cutter.take("PARTITION"):
            static = _partition_values(cutter.brackets())
        if cutter.take("IF", "NOT", "EXISTS"):
            raise EngineRefused("INSERT … IF NOT EXISTS")
        by_name = cutter.take("BY", "NAME")
        columns = None
        if cutter.peek("(") and not any(cutter.peek(*start) for start in _QUERY):
            columns = [piece.strip("`") for piece in split_commas(cutter.brackets())]
        if cutter.peek("REPLACE", "WHERE"):
            raise EngineRefused("INSERT … REPLACE WHERE")
        frame = self._statements.query(cutter.rest())
        row = self._tables.glue.table(name.database, name.table)
        if row is None:
            raise table_not_found(name.shown)
        frame = self._fitted(frame, self._columns(name, row), static, columns, by_name, name.shown)
        self._write(name, row, frame, overwrite, static)
        return self._statements.nothing()

    def _columns(self, name: Any, row: dict[str, Any]) -> Any:
        """StructType of the columns that a statement may write."""
        if is_hudi(row) or is_delta(row):
            return self._tables.keeper(row).columns(row)
        return self._tables.table_frame(name).schema

    def _fitted(
        self,
        frame: Any,
        struct: Any,
        static: dict[str, str | None],
        columns: list[str] | None,
        by_name: bool,
        shown: str,
    ) -> Any:
        """The query's rows under the table's column names, with static partition values and missing columns added."""
        from pyspark.sql import functions as fn

        given = {key.lower(): value for key, value in static.items() if value is not None}
        open_columns = [item for item in struct.fields if item.name.lower() not in given]
        if columns is not None:
            frame = by_position(frame, columns, shown)
            named = {item.lower() for item in columns}
            for item in open_columns:
                if item.name.lower() not in named:
                    frame = frame.withColumn(item.name, fn.lit(None).cast(item.dataType))
        elif not by_name:
            frame = by_position(frame, [item.name for item in open_columns], shown)
        for item in struct.fields:
            if item.name.lower() in given:
                frame = frame.withColumn(
                    item.name, fn.expr(str(given[item.name.lower()])).cast(item.dataType)
                )
        return frame

    def _write(self, name: Any, row: Any, frame: Any, overwrite: bool, static: dict[str, str | None]) -> None:
        from awsglue._runtime.iceberg import writes
        from awsglue._runtime.iceberg.requests import TableWrite

        dynamic = self._services.conf.get("spark.sql.sources.partitionOverwriteMode", "").lower() == "dynamic"
        if not is_iceberg(row):
            self._tables.keeper(row).insert(row, frame, overwrite=overwrite, static=static, dynamic=dynamic)
            return
        action, condition = "append", None
        if overwrite:
            action = "overwritePartitions" if dynamic else "overwriteAll"
            fixed = {key: value for key, value in static.items() if value is not None}
            if fixed and not dynamic:
                from pyspark.sql import functions as fn

                action = "overwrite"
                for key, value in fixed.items():
                    one = fn.col(f"`{key}`") == fn.expr(value)
                    condition = one if condition is None else condition & one
        writes.run(
            self._tables,
            self._services,
            name,
            TableWrite(action=action, table=name.shown, frame=frame, condition=condition),
        )

    # row-level changes
    def _change(self, name: Any, compute: Any) -> Any:
        """Commit what `compute(catalog, table)` says, on an Iceberg table. Raises AnalysisException for others."""
        from pyspark.errors import AnalysisException

        from awsglue._runtime.iceberg import writing

        row = self._tables.glue.table(name.database, name.table)
        if row is None:
            raise table_not_found(name.shown)
        if not is_iceberg(row):
            raise AnalysisException(
                f"[UNSUPPORTED_FEATURE.TABLE_OPERATION] The feature is not supported: Table {name.shown} does not "
                "support row-level operations. Please check the current catalog and namespace to make sure the "
                "qualified table name is expected, and also check the catalog implementation."
            )
        catalog = self._tables.iceberg(name.catalog)
        engine.mark_written()
        writing.replace_files(lambda: catalog.load(name), lambda table: compute(catalog, table))
        return self._statements.nothing()

    def delete(self, cutter: Cutter) -> Any:
        """DELETE FROM t [AS] alias [WHERE condition]."""
        cutter.need("DELETE")
        cutter.need("FROM")
        name, alias = self._target(cutter)
        condition = cutter.rest() if cutter.take("WHERE") else ""
        if isinstance(name, Place | HudiPlace):
            return self._keeper(name).delete(name, alias, condition)
        level = RowLevel(self._services)
        return self._change(name, lambda catalog, table: level.delete(catalog, table, alias, condition))

    def update(self, cutter: Cutter) -> Any:
        """UPDATE t [AS] alias SET column = expression, … [WHERE condition]."""
        cutter.need("UPDATE")
        name, alias = self._target(cutter)
        cutter.need("SET")
        changes = [split_assignment(piece) for piece in split_commas(cutter.until(("WHERE",)))]
        condition = cutter.rest() if cutter.take("WHERE") else ""
        if isinstance(name, Place | HudiPlace):
            return self._keeper(name).update(name, alias, condition, changes)
        level = RowLevel(self._services)
        return self._change(
            name, lambda catalog, table: level.update(catalog, table, alias, condition, changes)
        )

    def merge(self, cutter: Cutter) -> Any:
        """MERGE INTO t USING source ON condition WHEN …."""
        cutter.need("MERGE")
        cutter.need("INTO")
        name, alias = self._target(cutter)
        cutter.need("USING")
        if cutter.peek("("):
            source, own = f"({cutter.brackets()})", "__mastic_input"
        else:
            parts = cutter.name()
            source, own = ".".join(f"`{part}`" for part in parts), f"`{parts[-1]}`"
        source_alias = self._alias(cutter, own)
        cutter.need("ON")
        condition = cutter.until(("WHEN", "MATCHED"), ("WHEN", "NOT", "MATCHED"))
        clauses = []
        while not cutter.done:
            clauses.append(_clause(cutter))
        if isinstance(name, Place | HudiPlace):
            return self._keeper(name).merge(name, alias, source, source_alias, condition, clauses)
        # `__mastic_source` reads the source's own rows whatever the session calls it.
        level = RowLevel(self._services)
        return self._change(
            name,
            lambda catalog, table: level.merge(
                catalog, table, alias, source, source_alias, condition, clauses
            ),
        )

    def _target(self, cutter: Cutter) -> tuple[Any, str]:
        """(the table, its alias): a place when Delta or Hudi keeps the table, else its name."""
        parts = cutter.name()
        target = place(self._tables, parts) or self._hudi_place(parts) or self._tables.name(parts)
        return target, self._alias(cutter, f"`{parts[-1]}`")

    def _hudi_place(self, parts: list[str]) -> HudiPlace | None:
        name = self._tables.name(parts)
        row = self._tables.glue.table(name.database, name.table)
        return HudiPlace(row=row) if row is not None and is_hudi(row) else None

    def _keeper(self, target: Place | HudiPlace) -> Any:
        return self._hudi if isinstance(target, HudiPlace) else self._delta

    def _alias(self, cutter: Cutter, default: str) -> str:
        if cutter.take("AS") or (
            not cutter.done and cutter.words[cutter.at].text not in ("SET", "WHERE", "USING", "ON", "WHEN")
        ):
            return f"`{cutter.name()[0]}`"
        return default

    def truncate(self, cutter: Cutter) -> Any:
        """TRUNCATE TABLE t."""
        cutter.need("TRUNCATE")
        cutter.need("TABLE")
        parts = cutter.name()
        if not cutter.done:
            raise EngineRefused("TRUNCATE TABLE … PARTITION")
        target = place(self._tables, parts) or self._hudi_place(parts)
        if target is not None:
            return self._keeper(target).delete(target, "t", "")
        name = self._tables.name(parts)
        row = self._tables.glue.table(name.database, name.table)
        if row is not None and not is_iceberg(row):
            engine.mark_written()
            self._tables.hive.truncate(row)
            return self._statements.nothing()
        level = RowLevel(self._services)
        return self._change(name, lambda catalog, table: level.delete(catalog, table, "t", ""))

    def call(self, cutter: Cutter) -> Any:
        """CALL catalog.system.procedure(…)."""
        cutter.need("CALL")
        parts = cutter.name()
        from awsglue._runtime.iceberg import procedures

        rows, schema = procedures.call(self._tables, parts, cutter.brackets(), self._services.conf)
        return self._statements.result(rows, schema)


def _partition_values(text: str) -> dict[str, str | None]:
    values: dict[str, str | None] = {}
    for piece in split_commas(text):
        if "=" in piece:
            key, value = split_assignment(piece)
            values[key.strip("`")] = value
        else:
            values[piece.strip("`")] = None
    return values


def _clause(cutter: Cutter) -> Clause:
    """One WHEN of a MERGE."""
    cutter.need("WHEN")
    negated = cutter.take("NOT")
    cutter.need("MATCHED")
    kind = "inserted" if negated else "matched"
    if cutter.take("BY", "SOURCE"):
        kind = "unsourced"
    else:
        cutter.take("BY", "TARGET")
    condition = cutter.until(("THEN",)) if cutter.take("AND") else ""
    cutter.need("THEN")
    if cutter.take("DELETE"):
        return Clause(kind=kind, condition=condition, action="delete")
    if cutter.take("UPDATE"):
        cutter.need("SET")
        if cutter.take("*"):
            return Clause(kind=kind, condition=condition, action="update", star=True)
        text = cutter.until(("WHEN", "MATCHED"), ("WHEN", "NOT", "MATCHED"))
        return Clause(
            kind=kind,
            condition=condition,
            action="update",
            assignments=[split_assignment(piece) for piece in split_commas(text)],
        )
    cutter.need("INSERT")
    if cutter.take("*"):
        return Clause(kind=kind, condition=condition, action="insert", star=True)
    columns = split_commas(cutter.brackets())
    cutter.need("VALUES")
    values = split_commas(cutter.brackets())
    if len(columns) != len(values):
        raise cutter.error(f"{len(columns)} values")
    return Clause(
        kind=kind, condition=condition, action="insert", assignments=list(zip(columns, values, strict=True))
    )

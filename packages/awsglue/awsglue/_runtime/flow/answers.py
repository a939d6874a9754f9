"""Whole statements of `spark.sql` whose rows are collected, answered by DuckDB over local Parquet files.

Owns the session's connection to DuckDB and what is known of its statements: their query, until it is asked for. A
statement is offered after the engine has analysed it, and is taken only when each of its columns has the type that the
analysis says. When DuckDB cannot answer (a number leaves its type, a file is not as it was), the engine does.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from awsglue._runtime.flow.scopes import Query, Source
from awsglue._runtime.flow.selects import Compiler
from awsglue._runtime.flow.values import Unknown

# With less to read the engine is as quick.
LEAST_BYTES = 8 << 20
MOST_FILES = 64
KEPT = 256
_KINDS = {"int": "int32", "bigint": "int64", "date": "date32[day]", "boolean": "bool"}
# The functions that are known here, as a text may call them.
_CALLED = frozenset(
    {"substring", "substr", "year", "month", "day", "dayofmonth", "count", "sum", "avg", "mean", "min", "max"}
)
_TEXTS = ("string", "large_string", "string_view")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A statement's query, where its tables are, and the StructType of its rows."""

    query: Query
    sources: list[tuple[Source, Any]]
    schema: Any


class Answers:
    """The statements of one session that DuckDB may answer."""

    def __init__(self, services: Any) -> None:
        self._services = services
        self._known: dict[str, Answer] = {}
        self._replaced = False
        self._lock = threading.Lock()

    def replaced(self, name: str) -> None:
        """Hear that the script has given a name to a function of its own."""
        self._replaced = self._replaced or name.lower() in _CALLED

    def offer(
        self, key: str, parsed: Any, text: str, tables: dict[tuple[str, ...], Any], schema: Any
    ) -> None:
        """Take a statement (parsed, over these DataFrames), if it is one of those that are known to be exact."""
        scans = {parts: self._scan(frame) for parts, frame in tables.items()}
        if "\\" in text or self._differs() or not scans or None in scans.values():
            return
        if sum(file.size for scan in scans.values() for file in scan.files) < LEAST_BYTES:
            return
        if not all(scan.readable_natively() for scan in scans.values()):
            return
        compiler = Compiler(
            {
                parts: [(item.name.lower(), item.dataType.simpleString()) for item in scan.schema.fields]
                for parts, scan in scans.items()
            }
        )
        try:
            query = compiler.statement(parsed)
        except Unknown:
            return
        if [kind for _, kind in query.fields] != [item.dataType.simpleString() for item in schema.fields]:
            return
        sources = [(source, scans[source.parts]) for source in compiler.sources]
        with self._lock:
            while len(self._known) >= KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[key] = Answer(query=query, sources=sources, schema=schema)

    def table(self, plan: Any) -> tuple[Any, Any] | None:
        """(Arrow table, StructType) of a plan that is one of the statements; None when the engine is to answer."""
        relation, names = plan.root, None
        if relation.HasField("to_df"):
            relation, names = relation.to_df.input, list(relation.to_df.column_names)
        if relation.HasField("with_relations"):
            # The frames that the text names: by names that no other text has.
            relation = relation.with_relations.root
        if not relation.HasField("sql"):
            return None
        answer = self._known.get(relation.sql.query)
        if answer is None or self._differs():
            return None
        if names is not None and len(names) != len(answer.schema.fields):
            # The engine says what is wrong with it.
            return None
        made = self._run(answer)
        if made is None:
            return None
        return _named(made, answer.schema, names)

    def _run(self, answer: Answer) -> Any:
        import duckdb

        views = [_view(place, *source) for place, source in enumerate(answer.sources)]
        if None in views:
            return None
        try:
            # A connection takes longer to make than most queries over little; views are a cursor's own.
            with self._lock:
                cursor = self._connection.cursor()
            try:
                for view in views:
                    cursor.execute(view)
                return cursor.sql(answer.query.text()).to_arrow_table()
            finally:
                cursor.close()
        except duckdb.Error:
            return None

    @cached_property
    def _connection(self) -> Any:
        from awsglue._runtime.flow.queries import Engine
        from awsglue._runtime.sail.server import memory_limit

        state = self._services.state
        return Engine(
            scratch=self._services.scratch,
            threads=state.cores or os.cpu_count() or 1,
            memory=memory_limit(state.memory_mb),
            alone=False,
        ).connection()

    def _differs(self) -> bool:
        """Whether statements mean something else in this session now."""
        ansi = self._services.conf.get("spark.sql.ansi.enabled", "false").lower() == "true"
        return self._replaced or ansi

    def _scan(self, frame: Any) -> Any:
        """The scan behind a DataFrame, when it is nothing else, of local Parquet files without partitions."""
        from awsglue._runtime.io.storage import split
        from awsglue._runtime.sail.plans import ScanPlan

        scan = frame._plan.scan if isinstance(frame._plan, ScanPlan) else None
        if scan is None or scan.format != "parquet" or scan.partition_schema.fields:
            return None
        # DuckDB would take these signs in a path for a pattern.
        local = all(split(file.path)[0] == "file" and not set("*?[") & set(file.path) for file in scan.files)
        return scan if local and 0 < len(scan.files) <= MOST_FILES else None


def _view(place: int, source: Source, scan: Any) -> str | None:
    """The statement that makes a table's columns known; None when a file has them otherwise than the table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from awsglue._runtime.io.storage import split

    wanted = [(at, scan.schema.fields[at]) for at in sorted(source.used)]
    paths = ["/" + split(file.path)[2].lstrip("/") for file in scan.files]
    for path in paths:
        try:
            found = pq.read_schema(path)
        except (OSError, pa.ArrowInvalid):
            return None
        lower = [name.lower() for name in found.names]
        for _, item in wanted:
            if lower.count(item.name.lower()) != 1 or item.name not in found.names:
                return None
            if not _is_kind(str(found.field(item.name).type), item.dataType.simpleString()):
                return None
    columns = [_quoted(item.name, '"') + f" AS c{at}" for at, item in wanted] or ["1 AS none"]
    files = ", ".join(_quoted(path, "'") for path in paths)
    rows = f"read_parquet([{files}], hive_partitioning = false)"
    return f"CREATE TEMP VIEW s{place} AS SELECT {', '.join(columns)} FROM {rows}"


def _is_kind(arrow: str, kind: str) -> bool:
    if kind == "string":
        return arrow in _TEXTS
    if kind.startswith("decimal"):
        return arrow.replace(" ", "") == kind.replace("decimal", "decimal128")
    return _KINDS.get(kind) == arrow


def _quoted(text: str, sign: str) -> str:
    return sign + text.replace(sign, sign * 2) + sign


def _named(table: Any, schema: Any, names: list[str] | None) -> tuple[Any, Any]:
    """The rows in the types of the schema, under these names."""
    import pyarrow as pa
    from pyspark.sql.types import StructField, StructType

    from awsglue._runtime.io.arrow_types import arrow_type

    fields = [
        StructField(name, item.dataType, item.nullable)
        for name, item in zip(names or schema.names, schema.fields, strict=True)
    ]
    columns = [
        column.cast(arrow_type(item.dataType)) for column, item in zip(table.columns, fields, strict=True)
    ]
    target = pa.schema([pa.field(item.name, arrow_type(item.dataType)) for item in fields])
    return pa.Table.from_arrays(columns, schema=target), StructType(fields)

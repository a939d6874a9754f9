"""Whole statements of `spark.sql`, answered by DuckDB over Parquet files.

Owns the session's connection to DuckDB and what is known of its statements: their query, until it is asked for. A
statement is offered after the engine has analysed it, and is taken only when each of its columns has the type that the
analysis says. When DuckDB cannot answer (a number leaves its type, a file is not as it was), the engine does: so all
rows are there before the first is given out.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from awsglue._runtime.flow.asked import Asked, asked, regrouped
from awsglue._runtime.flow.files import Files
from awsglue._runtime.flow.scopes import Query, Source
from awsglue._runtime.flow.selects import Compiler
from awsglue._runtime.flow.values import Unknown
from awsglue._runtime.sail.server import DUCKDB, OBJECTS, memory_limit

# With less to read the engine is as quick.
LEAST_BYTES = 8 << 20
KEPT = 256
# Rows that show() may ask for, and their bytes: they are sent to the engine, which prints them.
MOST_SHOWN = 10_000
MOST_SENT = 1 << 20
# The functions that are known here, as a text may call them.
_CALLED = frozenset(
    {"substring", "substr", "year", "month", "day", "dayofmonth", "count", "sum", "avg", "mean", "min", "max"}
)
_LOG = logging.getLogger(__name__)


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
        self._files = Files(services.storage, memory_limit(services.state.memory_mb, OBJECTS))
        self._asks_objects = False
        self.given = 0

    def tell(self) -> None:
        """Log how many statements have been answered here; once, when the script is done."""
        _LOG.info("statements answered whole by DuckDB: %d", self.given)

    def replaced(self, name: str) -> None:
        """Hear that the script has given a name to a function of its own."""
        self._replaced = self._replaced or name.lower() in _CALLED

    def offer(
        self, key: str, parsed: Any, text: str, tables: dict[tuple[str, ...], Any], schema: Any
    ) -> None:
        """Take a statement (parsed, over these DataFrames), if it is one of those that are known to be exact."""
        scans = {parts: self._files.scan(frame) for parts, frame in tables.items()}
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
        """(Arrow table, StructType) of a plan that asks no more than a statement; None when the engine is to answer."""
        wanted = asked(plan.root)
        answer = self._answer(wanted)
        if wanted is None or answer is None:
            return None
        if wanted.counted:
            return self._number(answer, wanted)
        made = self._run(answer, answer.query.text(wanted.most))
        return None if made is None else _named(made, answer.schema, wanted.names)

    def shown(self, plan: Any) -> Any:
        """The plan of a show() over the rows of a statement, which are in it; None when it is for the engine alone."""
        from pyspark.sql.connect import proto

        from awsglue._runtime.client import plans

        printed = plan.root.show_string
        wanted = asked(printed.input)
        answer = self._answer(wanted)
        if wanted is None or answer is None or wanted.counted or printed.num_rows >= MOST_SHOWN:
            return None
        # One more tells that there are more.
        most = max(printed.num_rows, 0) + 1
        rows = self._run(answer, answer.query.text(most if wanted.most is None else min(most, wanted.most)))
        if rows is None or rows.nbytes > MOST_SENT:
            return None
        # Columns may have one name.
        places = [f"c{place}" for place in range(len(answer.schema.fields))]
        table, struct = _named(rows, answer.schema, places)
        made = proto.Plan()
        made.CopyFrom(plan)
        below = made.root.show_string.input
        below.Clear()
        below.to_df.input.CopyFrom(plans.rows_relation(table, struct))
        below.to_df.column_names.extend(wanted.names or answer.schema.names)
        return made

    def rows(self, plan: Any, schema: Any) -> Iterator[Any] | None:
        """Record batches in this schema for a writer; None when the engine is to make them."""
        from awsglue._runtime.flow.held import Held
        from awsglue._runtime.io.arrow_types import arrow_schema

        wanted = asked(regrouped(plan.root))
        answer = self._answer(wanted)
        if (
            wanted is None
            or answer is None
            or wanted.counted
            or len(answer.schema.fields) != len(schema.fields)
        ):
            return None
        held = Held(arrow_schema(schema), self._services.scratch)
        made = self._run(answer, answer.query.text(wanted.most), held.fill)
        if made is None:
            held.drop()
            return None
        return held.taken()

    def _answer(self, wanted: Asked | None) -> Answer | None:
        """What is known of the statement that a plan asks for."""
        answer = self._known.get(wanted.text) if wanted is not None else None
        if wanted is None or answer is None or self._differs():
            return None
        if wanted.names is not None and len(wanted.names) != len(answer.schema.fields):
            # The engine says what is wrong with it.
            return None
        return answer

    def _number(self, answer: Answer, wanted: Asked) -> tuple[Any, Any] | None:
        """How many rows there are, as count() is told."""
        import pyarrow as pa
        from pyspark.sql.types import LongType, StructField, StructType

        made = self._run(answer, answer.query.counted(wanted.most))
        if made is None:
            return None
        table = pa.table([made.column(0).cast(pa.int64())], names=["count(1)"])
        return table, StructType([StructField("count(1)", LongType(), False)])

    def _run(self, answer: Answer, text: str, take: Callable[[Any], Any] | None = None) -> Any:
        """What is taken (a table, if nothing else is said) of a query; None when DuckDB cannot answer it."""
        import duckdb

        views = []
        for place, source in enumerate(answer.sources):
            view = self._files.view(place, *source)
            if view is None:
                return None
            views.append(view)
        # A connection takes longer to make than most queries over little; views are a cursor's own.
        with self._lock:
            cursor = self._connection.cursor()
            if any(self._files.remote(scan) for _, scan in answer.sources):
                self._know_objects()
        believed = False
        try:
            for view in views:
                cursor.execute(view.sql)
            rows = cursor.sql(text)
            made = take(rows) if take is not None else rows.to_arrow_table()
            believed = all(map(self._files.unchanged, views))
            if not believed:
                _LOG.debug("a statement is left to the engine: its files have changed meanwhile")
        except (duckdb.Error, OSError) as error:
            _LOG.debug("a statement is left to the engine: %s", error)
        finally:
            cursor.close()
            if not believed:
                for view in views:
                    self._files.forget(view)
        if not believed:
            return None
        with self._lock:
            self.given += 1
            if self.given == 1:
                atexit.register(self.tell)
        _LOG.debug("a statement answered whole by DuckDB: %s", text)
        return made

    @cached_property
    def _connection(self) -> Any:
        from awsglue._runtime.flow.queries import Engine

        state = self._services.state
        return Engine(
            scratch=self._services.scratch,
            threads=state.cores or os.cpu_count() or 1,
            memory=memory_limit(state.memory_mb, DUCKDB),
            alone=False,
        ).connection()

    def _know_objects(self) -> None:
        """Tell DuckDB how to ask for objects. That takes time, and few sessions need it."""
        if not self._asks_objects:
            self._connection.register_filesystem(self._files.filesystem())
            self._asks_objects = True

    def _differs(self) -> bool:
        """Whether statements mean something else in this session now."""
        ansi = self._services.conf.get("spark.sql.ansi.enabled", "false").lower() == "true"
        return self._replaced or ansi


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

"""What one session of the embedded engine offers behind the public classes: reads, tables, SQL, rows as Arrow.

Owns the session's scans and its services.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from functools import cached_property
from typing import Any

from awsglue._runtime.failures import EngineRefused, PlanTooDeep
from awsglue._runtime.io.reading import Reading
from awsglue._runtime.io.scan import Scan, memory
from awsglue._runtime.io.storage import Storage, tidy

TYPES_KEPT = 512
HUDI = ("hudi", "org.apache.hudi")


class Services:
    """The collaborators of one session."""

    def __init__(self, server: Any, session: Any, state: Any, scratch: str) -> None:
        self.server = server
        self.session = session
        self.conf: dict[str, str] = state.conf
        self.state = state
        self.scratch = scratch
        self.storage = Storage()
        self.reading = Reading(self.storage, scratch)
        self.scans: dict[str, Scan] = {}
        # Plan -> types: analysis of a chain of relations asks the same of each at every step.
        self._types: dict[bytes, list[Any] | None] = {}
        # Plans of this thread that are sent as they are, for they have been rewritten.
        self.sending = threading.local()

    @cached_property
    def tables(self) -> Any:
        from awsglue._runtime.catalog.tables import Tables

        return Tables(self)

    @cached_property
    def statements(self) -> Any:
        from awsglue._runtime.sql.statements import Statements

        return Statements(self)

    @cached_property
    def answers(self) -> Any:
        from awsglue._runtime.flow.answers import Answers

        return Answers(self)

    # frames in and out
    def frame(self, scan: Scan) -> Any:
        """A DataFrame over this scan."""
        from pyspark.sql.connect.dataframe import DataFrame

        from awsglue._runtime.client.plans import ScanPlan

        self.scans[scan.id] = scan
        return DataFrame(ScanPlan(scan), self.session)

    def rows(self, frame: Any) -> tuple[Any, Iterator[Any]]:
        """(StructType, record batches in that schema) of a DataFrame."""
        schema = frame.schema
        plan = frame._plan.to_proto(self.session.client)
        return schema, self._made(plan, schema)

    def _made(self, plan: Any, schema: Any) -> Iterator[Any]:
        """The rows of a plan, from whatever makes them best; nothing is done before they are asked for."""
        from awsglue._runtime.flow.running import pipeline

        yield from (
            self.answers.rows(plan, schema) or pipeline(self, plan, schema) or self._produced(plan, schema)
        )

    def _produced(self, plan: Any, schema: Any) -> Iterator[Any]:
        """The rows of a plan as the engine produces them, in this schema."""
        import pyarrow as pa

        from awsglue._runtime.io.arrow_types import arrow_schema, conform

        target = arrow_schema(schema)
        for item in self.session.client.to_table_as_iterator(plan, {}):
            if isinstance(item, pa.RecordBatch):
                yield conform(item, target)
            elif isinstance(item, pa.Table):
                for batch in item.to_batches():
                    yield conform(batch, target)

    def schema_of(self, relation: Any) -> Any:
        """StructType of a relation (not yet rewritten); None when the engine cannot tell."""
        from pyspark.errors import PySparkException
        from pyspark.sql.connect import proto

        plan = proto.Plan()
        plan.root.CopyFrom(relation)
        try:
            return self.session.client._analyze(method="schema", plan=plan).schema
        except PlanTooDeep:
            raise
        except (PySparkException, EngineRefused):
            return None

    def engine_rows(self, relation: Any) -> tuple[Any, Iterator[Any]]:
        """(StructType, record batches) of a relation that the engine computes."""
        from pyspark.sql.connect import proto

        plan = proto.Plan()
        plan.root.CopyFrom(relation)
        schema = self.schema_of(relation)
        return schema, self._produced(plan, schema)

    def from_batches(self, schema: Any, batches: Iterator[Any]) -> Any:
        """A DataFrame of these record batches; spooled, so that it can be read any number of times."""
        scan = memory(schema, batches, self.scratch)
        # The batches come only once: all that may be asked for is written now.
        scan.spool(hidden=True)
        return self.frame(scan)

    def passing(self) -> Any:
        """Frames that are made meanwhile are of no use afterwards. (Scans of this engine are seldom spooled.)"""
        return nullcontext()

    def knows(self, kind: str) -> bool:
        """Whether the engine itself reads and writes tables of this format. (All formats of this engine are ours.)"""
        return False

    def alias_of(self, frame: Any) -> str:
        """The alias that a DataFrame was given last, or "" for none."""
        alias = getattr(frame._plan, "_alias", None)
        return str(alias) if isinstance(alias, str) else ""

    # readers
    def load(self, format_name: str | None, path: Any, options: dict[str, str], schema: str | None) -> Any:
        """`spark.read…load(path)`."""
        name = (format_name or self.conf.get("spark.sql.sources.default", "parquet")).lower()
        paths = [path] if isinstance(path, str) else list(path or ())
        option_path = next((options.pop(key) for key in list(options) if key.lower() == "path"), None)
        if not paths and option_path:
            paths = [option_path]
        if name == "iceberg":
            return self.tables.load_iceberg(paths[0], options)
        if name == "delta":
            from awsglue._runtime.delta import catalog as delta

            return delta.frame(self, str(paths[0] if paths else ""), options)
        if name in HUDI:
            from awsglue._runtime.hudi import lake as hudi

            if schema:
                raise EngineRefused("a schema given to the reader of a Hudi table")
            return hudi.frame(self, str(paths[0] if paths else ""), options)
        if not paths:
            from pyspark.errors import AnalysisException

            raise AnalysisException(
                f"[UNABLE_TO_INFER_SCHEMA] Unable to infer schema for {name.upper()}. "
                "It must be specified manually."
            )
        scan = self.reading.scan(name, [str(item) for item in paths], options, self.struct(schema), self.conf)
        return self.frame(scan)

    def json_lines(self, lines: list[str], options: dict[str, str], schema: str | None) -> Any:
        """`spark.read.json(rdd of strings)`: through a file in the scratch folder."""
        import os
        import uuid

        path = os.path.join(self.scratch, f"lines-{uuid.uuid4().hex}.json")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(line.replace("\r", " ").replace("\n", " ") + "\n" for line in lines)
        return self.load("json", path, options, schema)

    def struct(self, schema: str | None) -> Any:
        """StructType of a schema given as JSON or DDL text."""
        from pyspark.sql.types import StructType

        if not schema:
            return None
        if schema.lstrip().startswith("{"):
            return StructType.fromJson(json.loads(schema))
        return self.parse_ddl(schema)

    def save(self, request: Any, path: str | None) -> Any:
        """`df.write…save(path)`."""
        from awsglue._runtime.io.saving import refuse_reading_own_target

        lower = {key.lower(): value for key, value in request.options.items()}
        target = path or lower.get("path")
        if request.format in ("iceberg",):
            return self.tables.save_as_table(str(target), request)
        if request.format == "noop":
            return self._to_nowhere(request)
        if not target:
            from pyspark.errors import IllegalArgumentException

            raise IllegalArgumentException("Expected exactly one path to be specified, but got: ")
        target = tidy(str(target))
        if request.format == "delta":
            from awsglue._runtime.delta import saving

            saving.save(self, target, request)
            return None
        if request.format in HUDI:
            from awsglue._runtime.hudi import saving as hudi_saving

            hudi_saving.save(self, target, request)
            return None
        if request.mode == "overwrite":
            refuse_reading_own_target(self.roots(request.frame), target)
        struct, batches = self.rows(request.frame)
        return self.saving.save(request, target, struct, batches)

    def _to_nowhere(self, request: Any) -> None:
        """Make all rows, and keep none."""
        if request.mode not in ("append", "overwrite"):
            from pyspark.errors import AnalysisException

            mode = "Ignore" if request.mode == "ignore" else "ErrorIfExists"
            raise AnalysisException(
                f"TableProvider implementation noop cannot be written with {mode} mode, please use Append or "
                "Overwrite modes instead."
            )
        for _ in self.rows(request.frame)[1]:
            pass

    @cached_property
    def saving(self) -> Any:
        from awsglue._runtime.io.saving import Saving

        return Saving(self.storage, self.scratch, self.conf)

    def table(self, name: str, options: dict[str, str] | None = None) -> Any:
        """`spark.table(name)`: a temporary view, or a table of a catalog."""
        return self.tables.frame(name, options or {})

    def sql(self, text: str, args: Any, views: list[Any]) -> Any:
        """`spark.sql(text)`."""
        return self.statements.run(text, args, views)

    def query(
        self,
        text: str,
        found: list[tuple[str, Any]],
        args: Any,
        unchanged: str | None = None,
        qualifiers: frozenset[str] = frozenset(),
    ) -> Any:
        """A DataFrame for a query text over these named DataFrames. Raises AnalysisException.

        Columns have the names that Spark gives them for the `unchanged` text; `qualifiers` may stand before columns.
        """
        from pyspark.sql.connect import functions as fn
        from pyspark.sql.connect.dataframe import DataFrame
        from pyspark.sql.connect.plan import SQL, SubqueryAlias

        from awsglue._runtime.exact import call_texts, select_lists

        named = {key: fn.lit(value) for key, value in args.items()} if isinstance(args, dict) else {}
        positional = [fn.lit(value) for value in args or ()] if not isinstance(args, dict) else []
        unchanged = text if unchanged is None else unchanged
        views = [SubqueryAlias(frame._plan, name) for name, frame in found]
        text = call_texts.rewritten(text, [frame for _, frame in found])
        made = select_lists.with_aliases(text, unchanged, qualifiers)
        frame = DataFrame(SQL(made, positional, named, views), self.session)
        columns = frame.columns  # Spark analyses at once; so do we
        items = select_lists.shown(unchanged, qualifiers)
        names = (
            select_lists.names(items, columns)
            if items
            else self._engine_names(unchanged, text, columns, views)
        )
        return frame if names == columns else frame.toDF(*names)

    def analysed(self, frame: Any, parsed: Any, text: str, tables: dict[tuple[str, ...], Any]) -> None:
        """Hear of a query: its DataFrame, and its statement over these tables and no others, without arguments."""
        from pyspark.sql.connect.plan import SQL

        plan = frame._plan if isinstance(frame._plan, SQL) else frame._plan._child
        if isinstance(plan, SQL):
            self.answers.offer(plan._query, parsed, text, tables, frame.schema)

    def _engine_names(self, unchanged: str, text: str, columns: list[str], views: list[Any]) -> list[str]:
        """The names that the engine gives the columns of the unchanged text. Raises EngineRefused."""
        from pyspark.sql.connect.plan import SQL

        if unchanged == text:
            return columns
        names = self.names_of(SQL(unchanged, [], {}, views).to_proto(self.session.client).root)
        if names is None or len(names) != len(columns):
            raise EngineRefused("this statement's columns without names", "give them names with AS")
        return names

    def native_view(self, parts: list[str]) -> bool:
        """Whether the engine itself knows a temporary view of this name. (All views of this engine are ours.)"""
        return False

    def types_of(self, child: Any, expressions: list[Any]) -> list[Any] | None:
        """The Spark types of expressions over a relation (not yet rewritten); None when they cannot be told."""
        from pyspark.errors import PySparkException
        from pyspark.sql.connect import proto

        from awsglue._runtime.client import plans

        plan = proto.Plan()
        plan.root.CopyFrom(
            plans.project(
                child,
                [
                    plans.aliased(expression, f"c{position}")
                    for position, expression in enumerate(expressions)
                ],
            )
        )
        key = plan.SerializeToString(deterministic=True)
        if key not in self._types:
            if len(self._types) >= TYPES_KEPT:
                self._types.pop(next(iter(self._types)))
            try:
                schema = self.session.client._analyze(method="schema", plan=plan).schema
                self._types[key] = [item.dataType for item in schema.fields]
            except PlanTooDeep:
                raise
            except (PySparkException, EngineRefused):
                # The plan itself will fail and say why.
                self._types[key] = None
        return self._types[key]

    def names_of(self, relation: Any) -> list[str] | None:
        """The names of the columns of a relation (only those below it are rewritten); None when they cannot be told."""
        from pyspark.errors import PySparkException
        from pyspark.sql.connect import proto

        from awsglue._runtime.sail.rewrite import Rewriter

        plan = proto.Plan()
        plan.root.CopyFrom(relation)
        rewriter = Rewriter(self.scans, analysis=True, types_of=self.types_of, names_of=self.names_of)
        rewriter.below(plan.root)
        try:
            client = self.session.client
            return list(client._mastic_analyze(method="schema", plan=plan).schema.names)
        except (PySparkException, EngineRefused):
            return None

    def executed_schema(self, plan: Any, analysed: Any) -> Any:
        """The schema that rows of this (already rewritten, empty) plan really have."""
        from pyspark.errors import PySparkException
        from pyspark.sql.connect import proto

        limited = proto.Plan()
        limited.root.limit.input.CopyFrom(plan.root)
        limited.root.limit.limit = 0
        self.sending.rewritten = True
        try:
            for item in self.session.client.to_table_as_iterator(limited, {}):
                if not hasattr(item, "num_rows"):
                    return item
        except PlanTooDeep:
            raise
        except (PySparkException, EngineRefused):
            return analysed
        finally:
            self.sending.rewritten = False
        return analysed

    def prove(
        self, text: str, parsed: Any, frames: list[Any], tables: dict[str, set[str]] | None = None
    ) -> list[tuple[int, int, str]]:
        """Changes that a query text needs to give Spark's answer here. Raises EngineRefused."""
        from awsglue._runtime.exact.sql_proof import check, names_current_database

        if names_current_database(text):
            self.check_current_database()
        return check(text, parsed, frames, tables)

    def check_current_database(self) -> None:
        """The engine's own idea of where it is stays at the default; ours may have moved. Raises EngineRefused."""
        if (self.tables.catalog, self.tables.database) != ("spark_catalog", "default"):
            raise EngineRefused(
                "current_database() or current_catalog() after USE", "use spark.catalog instead"
            )

    def view_names(self) -> list[str]:
        """Names of the session's temporary views."""
        return [name for name in self.tables.views if "." not in name]

    def frame_with_file(self, scan: Scan, column: str) -> Any:
        """A DataFrame over a scan, with each row's file in one more column."""
        from pyspark.sql import functions as fn

        return self.frame(scan).withColumn(column, fn.input_file_name())

    def fallback(self, text: str) -> Any:
        """A statement that neither we nor the engine serve."""
        raise EngineRefused(f"SQL statement {text.strip().split(chr(10))[0][:80]!r}")

    def parse_ddl(self, text: str) -> Any:
        """StructType of a DDL text."""
        return self.session._parse_ddl(text)

    def explain(self, frame: Any) -> str:
        return str(frame._explain_string())

    def input_files(self, frame: Any) -> list[str]:
        """The files behind a DataFrame, as Spark prints them."""
        from awsglue._runtime.io.storage import shown

        return sorted({shown(file.path) for scan in self._scans_of(frame) for file in scan.files})

    def roots(self, frame: Any) -> list[str]:
        """The paths that a DataFrame reads."""
        return [root for scan in self._scans_of(frame) for root in scan.roots]

    def keep(self, frame: Any) -> None:
        """A frame is persisted: what it reads is read before its files are deleted."""
        from awsglue._runtime.client.vanishing import keep

        keep(self._scans_of(frame))

    def _scans_of(self, frame: Any) -> list[Scan]:
        from awsglue._runtime.client.plans import scan_ids

        return [self.scans[identity] for identity in scan_ids(frame._plan.to_proto(self.session.client))]

"""What a session of classic Spark offers behind the public classes. Files are Spark's own business; tables are ours."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from awsglue._frames.encoding import quote
from awsglue._runtime.classic.handed import ParquetSettings, Settings
from awsglue._runtime.io.reading import Reading
from awsglue._runtime.io.scan import FILE_NAME, Scan
from awsglue._runtime.io.storage import Storage


class Services:
    """The collaborators of one session (the same surface as the embedded engine's)."""

    def __init__(self, session: Any, state: Any, scratch: str) -> None:
        self.session = session
        self.state = state
        self.conf: dict[str, str] = state.conf
        self.scratch = scratch
        self.storage = Storage()
        self.reading = Reading(self.storage, scratch)
        self._local = threading.local()
        self._as_they_are = ParquetSettings()

    @cached_property
    def tables(self) -> Any:
        from awsglue._runtime.catalog.tables import Tables

        return Tables(self)

    @cached_property
    def statements(self) -> Any:
        from awsglue._runtime.sql.statements import Statements

        return Statements(self)

    @cached_property
    def saving(self) -> Any:
        from awsglue._runtime.io.saving import Saving

        return Saving(self.storage, self.scratch, self.conf)

    def frame(self, scan: Scan) -> Any:
        """A DataFrame over a scan, by way of its spool."""
        spooled = self._spooled(scan, scan.spool(), scan.schema)
        return spooled.select(*[quote(item.name) for item in scan.schema.fields])

    def frame_with_file(self, scan: Scan, column: str) -> Any:
        """A DataFrame over a scan, with each row's file in one more column."""
        from pyspark.sql import functions as fn

        spooled = self._spooled(scan, scan.spool(hidden=True))
        names = [fn.col(quote(item.name)) for item in scan.schema.fields]
        return spooled.select(*names, fn.col(FILE_NAME).alias(column))

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Frames that are made meanwhile, by this thread, are of no use afterwards: their spools go.

        A stream may change a table with every batch, for days.
        """
        outer = getattr(self._local, "passing", None)
        self._local.passing = made = []
        try:
            yield
        finally:
            self._local.passing = outer
            for scan in made:
                scan.forget()

    def _spooled(self, scan: Scan, path: str, schema: Any = None) -> Any:
        if getattr(self._local, "passing", None) is not None:
            self._local.passing.append(scan)
        # Arrow writes the days of the calendar of today, however long ago they were.
        reader = self.session.read.options(datetimeRebaseMode="CORRECTED", int96RebaseMode="CORRECTED")
        return (reader.schema(schema) if schema is not None else reader).parquet(f"file://{path}")

    def from_batches(self, schema: Any, batches: Iterator[Any]) -> Any:
        """A DataFrame of these record batches; spooled, so that it can be read any number of times."""
        from awsglue._runtime.io.scan import memory

        scan = memory(schema, batches, self.scratch)
        scan.spool()
        return self.frame(scan)

    def knows(self, kind: str) -> bool:
        """Whether Spark itself reads and writes tables of this format: with jars that the operator supplies."""
        from awsglue._runtime.classic import lakes

        return lakes.loaded(self.session, kind)

    def alias_of(self, frame: Any) -> str:
        """The alias that a DataFrame was given last, or "" for none."""
        plan = frame._jdf.queryExecution().logical()
        return str(plan.alias()) if str(plan.getClass().getSimpleName()) == "SubqueryAlias" else ""

    def rows(self, frame: Any) -> tuple[Any, Iterator[Any]]:
        """(StructType, record batches) of a DataFrame: written to the scratch folder by Spark, then streamed."""
        schema = frame.schema
        folder = os.path.join(self.scratch, f"rows-{uuid.uuid4().hex}")
        with self._as_they_are.within(*self._settings(frame)):
            frame.write.mode("overwrite").parquet(f"file://{folder}")

        def produce() -> Iterator[Any]:
            import shutil

            import pyarrow.parquet as pq

            from awsglue._runtime.io.arrow_types import arrow_schema, conform

            target = arrow_schema(schema)
            for name in sorted(os.listdir(folder)):
                if name.startswith("part-"):
                    opened = pq.ParquetFile(os.path.join(folder, name), coerce_int96_timestamp_unit="us")
                    for batch in opened.iter_batches():
                        yield conform(batch, target)
            shutil.rmtree(folder)

        return schema, produce()

    def _settings(self, frame: Any) -> tuple[Any, Settings]:
        """(what tells a frame's session from others, its settings)."""
        conf = frame._jdf.sparkSession().sessionState().conf()
        return conf.hashCode(), Settings(
            get=conf.settings().get, set=conf.setConfString, unset=conf.unsetConf
        )

    def query(
        self,
        text: str,
        found: list[tuple[str, Any]],
        args: Any,
        unchanged: str | None = None,
        qualifiers: frozenset[str] = frozenset(),
    ) -> Any:
        """A DataFrame for a query text over these named DataFrames. Raises AnalysisException."""
        for name, frame in found:
            frame.createOrReplaceTempView(name)
        try:
            return self.session._mastic_sql(text, args=args) if args else self.session._mastic_sql(text)
        finally:
            # The query has been analysed: it holds the plans, not the names.
            for name, _ in found:
                self.session._jsparkSession.catalog().dropTempView(name)

    def analysed(self, frame: Any, parsed: Any, text: str, tables: dict[tuple[str, ...], Any]) -> None:
        """Hear of a query: nothing is to be done, Spark answers."""

    def native_view(self, parts: list[str]) -> bool:
        """Whether Spark itself knows a temporary view of this name."""
        if len(parts) == 2 and parts[0].lower() == "global_temp":
            return True
        if len(parts) != 1:
            return False
        catalog = self.session._jsparkSession.sessionState().catalog()
        return bool(catalog.getTempView(parts[0]).isDefined())

    def prove(
        self, text: str, parsed: Any, frames: list[Any], known: Any = None
    ) -> list[tuple[int, int, str]]:
        """Spark's answer is Spark's."""
        return []

    def view_names(self) -> list[str]:
        """Names of the session's temporary views."""
        found = self.session._jsparkSession.catalog().listTables().collect()
        return [item.name() for item in found if item.isTemporary()]

    def parse_ddl(self, text: str) -> Any:
        """StructType of a DDL text."""
        from pyspark.sql.types import _parse_datatype_string

        return _parse_datatype_string(text)

    def explain(self, frame: Any) -> str:
        return str(frame._sc._jvm.PythonSQLUtils.explainString(frame._jdf.queryExecution(), "simple"))

    def table(self, name: str, options: dict[str, str] | None = None) -> Any:
        """`spark.table(name)`."""
        from awsglue._runtime.catalog.names import split_identifier

        if self.native_view(split_identifier(name)):
            return self.session._mastic_table(name)
        return self.tables.frame(name, options or {})

    def load(self, format_name: str | None, path: Any, options: dict[str, str], schema: str | None) -> Any:
        """Files named in SQL (parquet.`path`)."""
        reader = self.session.read.format(format_name or "parquet").options(**options)
        return (reader.schema(schema) if schema else reader).load(path)

    def sql(self, text: str, args: Any, views: list[Any]) -> Any:
        """`spark.sql(text)`."""
        return self.statements.run(text, args, views)

    def fallback(self, text: str) -> Any:
        """A statement we leave to Spark."""
        return self.session._mastic_sql(text)

"""What a session on a Spark Connect server offers behind the public classes: Spark's files and answers, our tables."""

from __future__ import annotations

import os
import uuid
from functools import cached_property
from typing import Any

from awsglue._runtime.classic.handed import Settings
from awsglue._runtime.classic.services import Services as SparkServices


class Services(SparkServices):
    """As with Spark in this process, but by the client's plans: there is no JVM to ask."""

    def query(
        self,
        text: str,
        found: list[tuple[str, Any]],
        args: Any,
        unchanged: str | None = None,
        qualifiers: frozenset[str] = frozenset(),
    ) -> Any:
        """A DataFrame for a query text over these named DataFrames, which travel with it. Raises AnalysisException."""
        from pyspark.sql.connect import functions as fn
        from pyspark.sql.connect.dataframe import DataFrame
        from pyspark.sql.connect.plan import SQL, SubqueryAlias

        named = {key: fn.lit(value) for key, value in args.items()} if isinstance(args, dict) else {}
        positional = [fn.lit(value) for value in args or ()] if not isinstance(args, dict) else []
        views = [SubqueryAlias(frame._plan, name) for name, frame in found]
        frame = DataFrame(SQL(text, positional, named, views), self.session)
        frame.schema  # noqa: B018 - Spark analyses at once; so do we
        return frame

    def knows(self, kind: str) -> bool:
        """Whether the server itself reads tables of this format: the jars are the server's affair."""
        from pyspark.errors import PySparkException

        if kind not in self._known:
            try:
                self.session.read.format(kind)._mastic_load(f"file://{self.scratch}/no-table").schema  # noqa: B018
            except PySparkException as error:
                self._known[kind] = "DATA_SOURCE_NOT_FOUND" not in str(error)
            else:
                self._known[kind] = True
        return self._known[kind]

    @cached_property
    def _known(self) -> dict[str, bool]:
        return {}

    def _settings(self, frame: Any) -> tuple[Any, Settings]:
        """(what tells a frame's session from others, its settings)."""
        conf = frame.sparkSession.conf
        return frame.sparkSession.session_id, Settings(
            get=lambda key: conf._mastic_get(key, None), set=conf._mastic_set, unset=conf._mastic_unset
        )

    def alias_of(self, frame: Any) -> str:
        """The alias that a DataFrame was given last, or "" for none."""
        alias = getattr(frame._plan, "_alias", None)
        return str(alias) if isinstance(alias, str) else ""

    def native_view(self, parts: list[str]) -> bool:
        """Whether the server itself knows a temporary view of this name. (All views of a run are ours.)"""
        return False

    def view_names(self) -> list[str]:
        """Names of the session's temporary views."""
        return [name for name in self.tables.views if "." not in name]

    def parse_ddl(self, text: str) -> Any:
        """StructType of a DDL text."""
        return self.session._parse_ddl(text)

    def explain(self, frame: Any) -> str:
        return str(frame._explain_string())

    def table(self, name: str, options: dict[str, str] | None = None) -> Any:
        """`spark.table(name)`: a temporary view, or a table of a catalog."""
        return self.tables.frame(name, options or {})

    def json_lines(self, lines: list[str], reader: Any) -> Any:
        """`spark.read.json(rdd of strings)`: through a file in the scratch folder."""
        path = os.path.join(self.scratch, f"lines-{uuid.uuid4().hex}.json")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(line.replace("\r", " ").replace("\n", " ") + "\n" for line in lines)
        return reader.json(f"file://{path}")

"""`spark.sql`: tells statements apart. Queries go to the engine, our tables in place; the rest is done here."""

from __future__ import annotations

import re
from itertools import count
from typing import Any

from awsglue._runtime.sql import sources

_MULTI_DIALECT = re.compile(
    r"\s*CREATE\s+(?P<replace>OR\s+REPLACE\s+)?PROTECTED\s+MULTI\s+DIALECT\s+VIEW\s+(?P<exists>IF\s+NOT\s+EXISTS\s+)?"
    r"(?P<name>[`\w.]+)\s*(?:SECURITY\s+DEFINER\s+)?(?P<json>SHOW\s+VIEW\s+JSON\s+)?AS\s+(?P<query>.*)",
    re.IGNORECASE | re.DOTALL,
)
_ADD_DIALECT = re.compile(
    r"\s*ALTER\s+VIEW\s+(?P<name>[`\w.]+)\s+(?P<force>FORCE\s+)?(?P<action>ADD|UPDATE)\s+DIALECT\s+AS\s+(?P<query>.*)",
    re.IGNORECASE | re.DOTALL,
)
_DROP_DIALECT = re.compile(
    r"\s*ALTER\s+VIEW\s+(?P<name>[`\w.]+)\s+(?P<action>DROP)\s+DIALECT\s*", re.IGNORECASE
)
_QUERY_START = re.compile(
    r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*\(*\s*(SELECT|WITH|VALUES|FROM|TABLE)\b", re.IGNORECASE | re.DOTALL
)


class Statements:
    """Runs SQL texts for one session."""

    def __init__(self, services: Any) -> None:
        self._services = services
        self._numbers = count()

    def run(self, text: str, args: Any, views: list[tuple[str, Any]]) -> Any:
        """A DataFrame: the query's rows, or the command's result (already done)."""
        text = text.strip().rstrip(";").strip()
        for pattern, method in (
            (_MULTI_DIALECT, "multi_dialect"),
            (_ADD_DIALECT, "dialect"),
            (_DROP_DIALECT, "dialect"),
        ):
            match = pattern.fullmatch(text)
            if match:
                from awsglue._runtime.sql.views import Views

                return getattr(Views(self._services, self), method)(match)
        if _QUERY_START.match(text):
            parsed = sources.parse(text)
            if len(parsed) != 1:
                from pyspark.errors import ParseException

                raise ParseException(
                    f"[PARSE_SYNTAX_ERROR] Syntax error: one statement expected, {len(parsed)} found."
                )
            return self.query(text, parsed[0], args, views)
        if args:
            from awsglue._runtime.sql.arguments import inlined

            text = inlined(text, args)
        if views:
            return self._with_views(text, views)
        return self._command(text)

    def _command(self, text: str) -> Any:
        from awsglue._runtime.sql.commands import Commands

        return Commands(self._services, self).run(text)

    def _with_views(self, text: str, views: list[Any]) -> Any:
        """A command that mentions DataFrames (`spark.sql("INSERT … {df}", df=df)`): views for as long as it runs."""
        held = self._services.tables.views
        names = {name.lower(): frame for name, frame in views}
        held.update(names)
        try:
            return self._command(text)
        finally:
            for name in names:
                held.pop(name, None)

    def query(self, text: str, parsed: Any = None, args: Any = None, views: Any = ()) -> Any:
        """A DataFrame for a query text. Raises AnalysisException for unknown tables and columns."""
        parsed = parsed if parsed is not None else sources.parse(text)[0]
        given = {name.lower() for name, _ in views}
        replacements = []
        found = list(views)
        read: dict[tuple[str, ...], Any] = {}
        whole = not (views or args)
        tables: set[tuple[str, str]] = set()
        for reference in sources.references(parsed, text):
            if len(reference.parts) == 1 and reference.parts[0].lower() in given:
                continue
            if self._services.native_view(reference.parts):
                continue
            frame = self._frame(reference)
            if self._services.tables.view(reference.parts) is None:
                parts = [self._services.tables.database, *reference.parts]
                tables.add((parts[-2].lower(), parts[-1].lower()))
            name = f"__mastic_source_{next(self._numbers)}"
            found.append((name, frame))
            whole &= reference.version is None
            read[tuple(part.lower() for part in reference.parts)] = frame
            alias = "" if reference.aliased else f" AS `{reference.parts[-1]}`"
            start, end = sources.cover_backticks(text, reference.start, reference.end)
            replacements.append((start, end, name + alias))
        replacements += self._qualified_columns(parsed, text, tables)
        unchanged = sources.replace(text, replacements)
        known = {parts[-1]: {name.lower() for name in frame.columns} for parts, frame in read.items()}
        replacements += self._services.prove(text, parsed, [frame for _, frame in found], known)
        frame = self._services.query(
            sources.replace(text, replacements), found, args, unchanged, sources.qualifiers(parsed)
        )
        if whole:
            self._services.analysed(frame, parsed, text, read)
        return frame

    def _frame(self, reference: sources.Reference) -> Any:
        tables = self._services.tables
        view = tables.view(reference.parts)
        if view is not None:
            return view
        options: dict[str, str] = {}
        if reference.version is not None:
            kind = "versionAsOf" if "VERSION" in str(reference.version.this).upper() else "timestampAsOf"
            options[kind] = self._constant(reference.version.expression)
        if len(reference.parts) == 2 and reference.parts[0].lower() in (
            "parquet",
            "csv",
            "json",
            "text",
            "orc",
            "delta",
            "hudi",
        ):
            return self._services.load(reference.parts[0], reference.parts[1], options, None)
        return tables.table_frame(tables.name(reference.parts), options)

    def _constant(self, expression: Any) -> str:
        from sqlglot import exp

        if isinstance(expression, exp.Literal):
            return str(expression.this)
        row = self._services.query(f"SELECT CAST({expression.sql('spark')} AS STRING)", [], None).collect()[0]
        return str(row[0])

    def _qualified_columns(
        self, parsed: Any, text: str, tables: set[tuple[str, str]]
    ) -> list[sources.Replacement]:
        """`db.t.column` can only be `t.column` once the table has become a source of ours.

        What only looks like it is a member of a struct: `column.member.member`.
        """
        from sqlglot import exp

        out = []
        for column in parsed.find_all(exp.Column):
            database, table = column.args.get("db"), column.args.get("table")
            if database is None or table is None or "start" not in table.meta:
                continue
            if (database.name.lower(), table.name.lower()) not in tables:
                continue
            first = column.args.get("catalog") or database
            start, _ = sources.cover_backticks(text, first.meta["start"], first.meta["end"] + 1)
            end, _ = sources.cover_backticks(text, table.meta["start"], table.meta["end"] + 1)
            out.append((start, end, ""))
        return out

    def view_frame(self, name: Any, row: dict[str, Any]) -> Any:
        """A DataFrame for a view of the catalog. Raises AnalysisException for one in another dialect."""
        from awsglue._runtime.sql.views import Views

        return Views(self._services, self).frame(name, row)

    def result(self, rows: list[tuple[Any, ...]], schema: str) -> Any:
        """A command's result as a DataFrame."""
        return self._services.session.createDataFrame(rows, schema)

    def nothing(self) -> Any:
        from pyspark.sql.types import StructType

        return self._services.session.createDataFrame([], StructType([]))

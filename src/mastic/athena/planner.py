"""Plans a query: every mention of a table becomes a relation, every view its query. Owns a planning connection.

Names and types are checked on empty tables in a DuckDB that can reach nothing. The query itself runs in a
second one, which can open exactly the files of this query and is locked before the user's text reaches it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import duckdb
from sqlglot import exp

from mastic.athena.catalog import Catalog, is_iceberg, is_view
from mastic.athena.failures import QueryFailure
from mastic.athena.information_schema import information_relation
from mastic.athena.relations import Relation, columns_of, relation
from mastic.athena.session import CATALOGS
from mastic.athena.staging import Staging
from mastic.athena.statements import parse
from mastic.athena.translate import Reference, name_columns, output_names, references, to_duckdb
from mastic.athena.types import quote
from mastic.athena.views import text_of
from mastic.context import Context
from mastic.errors import ServiceError

_DEEPEST_VIEW = 16


@dataclass(kw_only=True)
class Plan:
    """What to run: ``steps`` make the relations in order, ``sql`` is the query over them."""

    sql: str
    names: list[str]
    types: list[str]
    steps: list[tuple[str, Relation]] = field(default_factory=list)
    tables: list[tuple[str, str]] = field(default_factory=list)


class Planner:
    """Plans the queries of one statement."""

    def __init__(
        self,
        context: Context,
        catalog: Catalog,
        staging: Staging,
        own: Mapping[str, Callable[[Reference], Relation]] | None = None,
    ) -> None:
        """``own`` are relations that are not the catalog's, by the name that stands for each in the tree."""
        self._own = own or {}
        self._context = context
        self._catalog = catalog
        self._staging = staging
        self._steps: list[tuple[str, Relation]] = []
        self._tables: list[tuple[str, str]] = []
        self._numbers = count()
        self._checker = duckdb.connect(config={"enable_external_access": "false", "threads": "1"})
        self._checker.execute("SET python_enable_replacements = false")
        self._checker.execute("SET TimeZone = 'UTC'")

    def close(self) -> None:
        """Give the planning connection back."""
        self._checker.close()

    def plan(self, tree: exp.Expr, database: str, dialect: str = "trino") -> Plan:
        """Raises QueryFailure for what does not exist, does not fit, or is not done here."""
        name_columns(tree)
        written = output_names(tree)
        sql = self._translate(tree, database, dialect, ())
        try:
            described = self._checker.execute(f"DESCRIBE {sql}").fetchall()
        except duckdb.Error as error:
            raise failure_of(error) from error
        names = [str(row[0]) for row in described]
        if written is not None and len(written) == len(names):
            names = [w or n for w, n in zip(written, names, strict=True)]
        return Plan(
            sql=sql,
            names=names,
            types=[str(row[1]) for row in described],
            steps=self._steps,
            tables=self._tables,
        )

    def _translate(self, tree: exp.Expr, database: str, dialect: str, within: tuple[str, ...]) -> str:
        name_columns(tree)
        schema: dict[str, Any] = {}
        for reference in list(references(tree, database)):
            name = f"r{next(self._numbers)}"
            made = self._relation(reference, within)
            schema[name] = made.columns
            self._declare(name, made)
            _point_at(reference.node, name)
        for column in tree.find_all(exp.Column):
            column.set("db", None)
            column.set("catalog", None)
        return to_duckdb(tree, schema, "", dialect)

    def _relation(self, reference: Reference, within: tuple[str, ...]) -> Relation:
        if reference.name in self._own:
            return self._own[reference.name](reference)
        if reference.database == "information_schema":
            return information_relation(self._context, self._catalog, reference.name)
        if reference.catalog not in CATALOGS:
            raise QueryFailure(
                f"CATALOG_NOT_FOUND: {reference.place}Catalog '{reference.catalog}' does not exist"
            )
        name, _, metadata = reference.name.partition("$")
        table = self._catalog.need_table(self._context, reference.database, name, reference.place)
        self._tables.append((reference.database, name))
        if metadata and is_iceberg(table):
            from mastic.athena.iceberg import metadata_relation

            return metadata_relation(self._staging, table, metadata)
        if is_view(table):
            return self._view(table, within)
        return relation(self._context, self._catalog, self._staging, table, reference)

    def _view(self, table: dict[str, Any], within: tuple[str, ...]) -> Relation:
        qualified = f"{table['DatabaseName']}.{table['Name']}"
        if qualified in within or len(within) >= _DEEPEST_VIEW:
            raise QueryFailure(f"VIEW_IS_RECURSIVE: View '{qualified}' refers to itself")
        view = text_of(table)
        try:
            tree = parse(view.sql, view.dialect)
        except ServiceError as error:
            raise QueryFailure(f"INVALID_VIEW: View '{qualified}': {error.message}") from None
        try:
            sql = self._translate(tree, view.database, view.dialect, (*within, qualified))
            described = self._checker.execute(f"DESCRIBE {sql}").fetchall()
        except duckdb.Error as error:
            raise QueryFailure(f"INVALID_VIEW: View '{qualified}': {failure_of(error).reason}") from error
        columns = {str(row[0]).lower(): str(row[1]) for row in described}
        declared = list(columns_of(table)) if (table.get("StorageDescriptor") or {}).get("Columns") else []
        if declared and declared != list(columns):
            raise QueryFailure(
                f"VIEW_IS_STALE: View '{qualified}' is stale or in invalid state: its query gives the columns "
                f"{list(columns)}, it was created with {declared}; it must be re-created"
            )
        return Relation(columns=columns, sql=sql)

    def _declare(self, name: str, made: Relation) -> None:
        columns = ", ".join(f"{quote(c)} {t}" for c, t in made.columns.items())
        self._checker.execute(f"CREATE TABLE {name} ({columns})")
        self._steps.append((name, made))


def _point_at(node: exp.Table, name: str) -> None:
    """Let a mention name the relation, under the alias that the query knows it by."""
    alias = node.alias_or_name.partition("$")[0] if not node.alias else node.alias
    if not node.args.get("alias"):
        node.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    node.set("this", exp.to_identifier(name))
    for part in ("db", "catalog", "when", "version"):
        node.set(part, None)


_OWN_CODES = {"INVALID_CAST_ARGUMENT: ": 1302, "INVALID_FUNCTION_ARGUMENT: ": 1302, "NOT_SUPPORTED: ": 1006}


def failure_of(error: duckdb.Error) -> QueryFailure:
    """Athena's word for what the engine complains about, without the engine's file names."""
    text = str(error).split("\n\nLINE ")[0].split("\nLINE ")[0].strip()
    text = text.split("Error: ", 1)[-1]
    match error:
        case duckdb.InterruptException():
            return QueryFailure("Query was cancelled", category=2)
        case duckdb.OutOfMemoryException():
            return QueryFailure(f"EXCEEDED_LOCAL_MEMORY_LIMIT: {text}", category=2, kind=1202)
        case duckdb.ConversionException():
            return QueryFailure(f"INVALID_CAST_ARGUMENT: {text}", kind=1302)
        case duckdb.BinderException() | duckdb.CatalogException():
            code = "FUNCTION_NOT_FOUND" if "function" in text.lower() else "TYPE_MISMATCH"
            return QueryFailure(f"{code}: {text}", kind=1103)
        case duckdb.ParserException():
            return QueryFailure(f"SYNTAX_ERROR: {text}", kind=1100)
        case duckdb.PermissionException():
            return QueryFailure("PERMISSION_DENIED: queries reach catalog tables only", kind=1301)
    if "Division by zero" in text:
        return QueryFailure("DIVISION_BY_ZERO: Division by zero", kind=1303)
    for code, kind in _OWN_CODES.items():
        # What a translated function says by itself: see casts and functions.
        if code in text:
            return QueryFailure(text[text.index(code) :], kind=kind)
    return QueryFailure(f"GENERIC_USER_ERROR: {text}", kind=1000)

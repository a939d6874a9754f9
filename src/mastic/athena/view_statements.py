"""Statements about views: created, replaced, shown, given dialects. Owns no state."""

from __future__ import annotations

import json
from typing import Any

from sqlglot import exp

from mastic.athena import views
from mastic.athena.catalog import is_view
from mastic.athena.definitions import TABLE_INPUT
from mastic.athena.failures import QueryFailure
from mastic.athena.planner import Planner
from mastic.athena.session import Handler, Lines, Session, named, table_of, tree_of
from mastic.athena.statements import Statement, parse
from mastic.athena.types import duckdb_to_hive, duckdb_to_trino


def _create_view(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    tree = tree_of(statement)
    target = tree.this
    aliases = [c.name.lower() for c in target.expressions] if isinstance(target, exp.Schema) else []
    database, name = named(target.this if isinstance(target, exp.Schema) else target, session)
    sql = tree.expression.sql(dialect="trino")
    columns = _columns_of_query(session, sql, aliases)
    if aliases:
        listed = ", ".join(f'"{a}"' for a in aliases)
        sql = f"SELECT * FROM ({sql}) AS v({listed})"
    given = views.presto_table_input(name, sql, session.database, columns)
    _store_view(session, database, name, given, replace=bool(tree.args.get("replace")))
    return [], []


def _columns_of_query(session: Session, sql: str, aliases: list[str]) -> list[tuple[str, str, str]]:
    """(name, Hive type, Trino type) of a query's output. Raises QueryFailure for a query that cannot run."""
    planner = Planner(session.context, session.catalog, session.staging)
    try:
        plan = planner.plan(parse(sql), session.database)
    finally:
        planner.close()
    if aliases and len(aliases) != len(plan.names):
        raise QueryFailure(f"MISMATCHED_COLUMN_ALIASES: {len(aliases)} names for {len(plan.names)} columns")
    found = aliases or [n.lower() for n in plan.names]
    doubled = {n for n in found if found.count(n) > 1}
    if doubled:
        raise QueryFailure(f"DUPLICATE_COLUMN_NAME: Column name '{min(doubled)}' specified more than once")
    return [(n, duckdb_to_hive(t), duckdb_to_trino(t)) for n, t in zip(found, plan.types, strict=True)]


def _store_view(session: Session, database: str, name: str, given: dict[str, Any], *, replace: bool) -> None:
    existing = session.catalog.table(session.context, database, name)
    if existing is None:
        session.catalog.need_database(session.context, database)
        session.catalog.call(session.context, "CreateTable", DatabaseName=database, TableInput=given)
    elif not is_view(existing):
        raise QueryFailure(f"TABLE_ALREADY_EXISTS: '{database}.{name}' is a table, not a view")
    elif not replace:
        raise QueryFailure(
            f"ALREADY_EXISTS: View already exists: 'awsdatacatalog.{database}.{name}'", kind=1102
        )
    else:
        session.catalog.call(session.context, "UpdateTable", DatabaseName=database, TableInput=given)


def _show_create_view(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    table = table_of(session, statement)
    if not is_view(table):
        raise QueryFailure("FAILED: SemanticException it is a table: use SHOW CREATE TABLE")
    text = f"CREATE VIEW {table['DatabaseName']}.{table['Name']} AS\n{views.text_of(table).sql}"
    return ["create view"], [[line] for line in text.split("\n")]


def _create_multi_dialect(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    database, name = session.resolve(statement.words["name"])
    sql = statement.words["query"]
    columns = _columns_of_query(session, sql, [])
    given: dict[str, Any] = {
        "Name": name,
        "TableType": "VIRTUAL_VIEW",
        "StorageDescriptor": {"Columns": [{"Name": n, "Type": hive} for n, hive, _ in columns]},
        "ViewDefinition": {
            "IsProtected": True,
            "Definer": session.context.principal_arn,
            "Representations": [views.representation(sql)],
        },
    }
    if "json" in statement.words:
        return ["view"], [[json.dumps(given)]]
    _store_view(session, database, name, given, replace="replace" in statement.words)
    return [], []


_UPDATE_ACTIONS = {"ADD": "ADD", "UPDATE": "REPLACE", "DROP": "DROP"}


def _alter_view(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    database, name = session.resolve(statement.words["name"])
    table = session.catalog.need_table(session.context, database, name)
    action, sql = statement.words["action"].upper(), statement.words.get("query", "")
    if sql:
        columns = [n for n, _, _ in _columns_of_query(session, sql, [])]
        declared = [c["Name"].lower() for c in (table.get("StorageDescriptor") or {}).get("Columns", ())]
        if declared and declared != columns and "force" not in statement.words:
            raise QueryFailure(f"FAILED: the dialect gives the columns {columns}, the view has {declared}")
    given = {k: v for k, v in table.items() if k in TABLE_INPUT}
    given["ViewDefinition"] = {"Representations": [views.representation(sql or "SELECT 1")]}
    session.catalog.call(
        session.context,
        "UpdateTable",
        DatabaseName=database,
        TableInput=given,
        ViewUpdateAction=_UPDATE_ACTIONS[action],
        **({"Force": True} if "force" in statement.words else {}),
    )
    return [], []


VIEW_HANDLERS: dict[str, Handler] = {
    "CREATE_VIEW": _create_view,
    "SHOW_CREATE_VIEW": _show_create_view,
    "CREATE_PROTECTED_MULTI_DIALECT_VIEW": _create_multi_dialect,
    "ALTER_VIEW_DIALECT": _alter_view,
}

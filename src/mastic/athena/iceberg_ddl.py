"""CREATE TABLE and ALTER TABLE of Iceberg tables. Owns no state.

The metadata file is written first; the change of the catalog that points at it, and the note that the statement was
done, are one transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from mastic.athena.definitions import column_of_node, hive_type, parameters_of
from mastic.athena.failures import QueryFailure, not_supported
from mastic.athena.iceberg_commits import OVERTAKEN, Commits
from mastic.athena.iceberg_definitions import Definition, table_properties, transforms_of
from mastic.athena.iceberg_writes import IcebergWriter
from mastic.athena.session import Session, named, tree_of
from mastic.athena.statements import Statement
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.glue.catalog.attempts import Overtaken, again

_MOST_COMMITS = 50
Noting = Callable[[], AbstractContextManager[None]]
# Context, database and name of the table, those that it is to have, and the version that is to be renamed.
Rename = Callable[[Context, tuple[str, str], tuple[str, str], int], bool]


@dataclass(frozen=True, kw_only=True)
class IcebergDdl:
    """Does the statements."""

    writer: IcebergWriter
    rename: Rename

    def run(self, session: Session, statement: Statement, noting: Noting) -> None:
        """Raises QueryFailure."""
        tree = tree_of(statement)
        with self.writer.commits(session, noting=noting) as commits:
            if statement.substatement == "CREATE_TABLE":
                self._create(commits, tree)
                return
            where = named(tree.this, session)
            actions = tree.args["actions"]
            if len(actions) == 1 and isinstance(actions[0], exp.AlterRename):
                self._rename(commits, where, named(actions[0].this, session))
                return
            again(_MOST_COMMITS, lambda: _alter(commits, where, actions), OVERTAKEN)

    def _create(self, commits: Commits, tree: exp.Expr) -> None:
        from mastic.glue.catalog.iceberg_columns import schema_of

        session = commits.session
        entry, given, columns = _definition(tree, session.database)
        named(tree.this.this, session)
        session.catalog.need_database(session.context, entry["DatabaseName"])
        try:
            schema = schema_of(columns)
        except ValueError as error:
            raise QueryFailure(f"NOT_SUPPORTED: {error}", kind=1006) from None
        try:
            commits.create(entry, given.metadata(schema))
        except ServiceError as error:
            if error.code != "AlreadyExistsException":
                raise
            if not tree.args.get("exists"):
                raise QueryFailure(
                    f"FAILED: Execution Error, return code 1. {error.code}: {error.message}", kind=1102
                ) from error

    def _rename(self, commits: Commits, where: tuple[str, str], to: tuple[str, str]) -> None:
        session = commits.session

        def attempt() -> None:
            table = session.catalog.need_table(session.context, *where)
            session.catalog.need_database(session.context, to[0])
            with commits.noting():
                if not self.rename(session.context, where, to, int(table["VersionId"])):
                    raise Overtaken

        try:
            again(_MOST_COMMITS, attempt, OVERTAKEN)
        except ServiceError as error:
            if error.code != "AlreadyExistsException":
                raise
            raise QueryFailure(
                f"TABLE_ALREADY_EXISTS: Target table '{to[0]}.{to[1]}' already exists", kind=1102
            ) from error


def _definition(tree: exp.Expr, database: str) -> tuple[dict[str, Any], Definition, list[dict[str, str]]]:
    """The catalog's entry, what Iceberg is to be told, and the columns."""
    schema = tree.this
    if not isinstance(schema, exp.Schema):
        raise QueryFailure("SYNTAX_ERROR: CREATE TABLE needs columns")
    found = {type(p): p for p in tree.args["properties"].expressions}
    if exp.ExternalProperty in found:
        raise QueryFailure("FAILED: SemanticException: CREATE EXTERNAL TABLE is not for Iceberg tables")
    where = found.get(exp.LocationProperty)
    if where is None:
        raise QueryFailure("FAILED: SemanticException: CREATE TABLE of an Iceberg table needs a LOCATION")
    partitioned = found.get(exp.PartitionedByProperty)
    given = Definition(
        location=where.this.name,
        partitioning=transforms_of(partitioned.this.expressions) if partitioned is not None else [],
        properties=table_properties(parameters_of(tree)),
    )
    entry: dict[str, Any] = {
        "DatabaseName": schema.this.text("db").lower() or database,
        "Name": schema.this.name.lower(),
        "TableType": "EXTERNAL_TABLE",
    }
    if exp.SchemaCommentProperty in found:
        entry["Description"] = found[exp.SchemaCommentProperty].this.name
    return entry, given, [column_of_node(c) for c in schema.expressions]


def _alter(commits: Commits, where: tuple[str, str], actions: list[exp.Expr]) -> None:
    from pyiceberg.exceptions import ValidationError
    from pyiceberg.table.update import update_table_metadata

    target = commits.open(*where)
    transaction = target.table.transaction()
    try:
        for action in actions:
            _applied(transaction, action)
    except (ValueError, ValidationError) as error:
        raise QueryFailure(f"FAILED: {error}", kind=1100) from error
    if transaction._updates:
        changed = update_table_metadata(
            target.metadata, transaction._updates, metadata_location=target.location
        )
        commits.update(target, changed)


def _applied(transaction: Any, action: exp.Expr) -> None:
    match action:
        case exp.Schema():
            for column in action.expressions:
                _add(transaction, column)
        case exp.ColumnDef():
            _add(transaction, action)
        case exp.Drop() if action.args.get("kind") == "COLUMN":
            with transaction.update_schema(case_sensitive=False) as update:
                for column in action.args["tables"]:
                    _check_unused(transaction.table_metadata, column.name)
                    update.delete_column(column.name)
        case exp.AlterColumn() if not action.args.get("drop"):
            _change(transaction, action)
        case exp.AlterSet() if action.args.get("location") is None:
            pairs = {p.this.name: p.args["value"].name for p in action.find_all(exp.Property)}
            transaction.set_properties(table_properties(pairs))
        case _:
            raise not_supported(f"ALTER TABLE … {action.sql(dialect='hive')} of Iceberg tables")


def _check_unused(metadata: Any, column: str) -> None:
    """A column that rows are partitioned or sorted by stays: the table could not be read without it."""
    found = [field.field_id for field in metadata.schema().fields if field.name.lower() == column.lower()]
    uses = [(spec.fields, "partitioning") for spec in metadata.specs().values()]
    uses += [(order.fields, "sort order") for order in metadata.sort_orders]
    for fields, use in uses:
        if any(field.source_id in found for field in fields):
            raise ValueError(f"Cannot drop column {column}: the table has it in a {use}")


def _add(transaction: Any, node: exp.Expr) -> None:
    column = column_of_node(node)
    with transaction.update_schema(case_sensitive=False) as update:
        update.add_column(column["Name"], _type(column["Type"]), doc=column.get("Comment"))


def _change(transaction: Any, action: exp.Expr) -> None:
    name, renamed, kind = action.this.name, action.args.get("rename_to"), action.args.get("dtype")
    # The parser says False where there is none.
    comment = action.args.get("comment") or None
    with transaction.update_schema(case_sensitive=False) as update:
        if kind is not None or comment is not None:
            update.update_column(
                name,
                field_type=_type(hive_type(kind)) if kind is not None else None,
                doc=comment.name if comment is not None else None,
            )
    if renamed is not None and renamed.name.lower() != name.lower():
        with transaction.update_schema(case_sensitive=False) as update:
            update.rename_column(name, renamed.name.lower())


def _type(text: str) -> Any:
    """Iceberg's type of a Hive type. Raises ValueError."""
    from mastic.glue.catalog.iceberg_columns import schema_of

    return schema_of([{"Name": "c", "Type": text}]).fields[0].field_type

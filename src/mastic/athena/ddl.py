"""Statements about the catalog: databases, tables, partitions, and what SHOW and DESCRIBE print.

Each function does one statement through Glue's operations and returns the lines of its text result. Owns no
state.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from sqlglot import exp

from mastic.athena.catalog import is_iceberg, is_view
from mastic.athena.definitions import (
    alter_table,
    create_table_text,
    location_of,
    parameters_of,
    partition_specs,
    properties,
    table_input,
)
from mastic.athena.failures import QueryFailure, not_supported
from mastic.athena.relations import parse_partition_path, partition_path
from mastic.athena.session import Handler, Lines, Session, named, table_of, tree_of
from mastic.athena.statements import Statement, names
from mastic.athena.view_statements import VIEW_HANDLERS
from mastic.errors import ServiceError


def run(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    """Column names and lines of the statement's result. Raises QueryFailure."""
    handler = _HANDLERS.get(statement.substatement)
    if handler is None:
        raise not_supported(statement.substatement.replace("_", " "))
    try:
        return handler(session, statement)
    except ServiceError as error:
        raise _failure(error) from error


def of_iceberg(session: Session, statement: Statement) -> bool:
    """Whether the statement makes or alters an Iceberg table, which is not done here."""
    match statement.substatement:
        case "CREATE_TABLE":
            return parameters_of(tree_of(statement)).get("table_type", "").upper() == "ICEBERG"
        case "ALTER_TABLE" if isinstance(statement.tree, exp.Alter):
            return is_iceberg(
                session.catalog.need_table(session.context, *named(statement.tree.this, session))
            )
    return False


def _failure(error: ServiceError) -> QueryFailure:
    match error.code:
        case "AlreadyExistsException":
            return QueryFailure(
                f"FAILED: Execution Error, return code 1. {error.code}: {error.message}", kind=1102
            )
        case "EntityNotFoundException":
            return QueryFailure(f"FAILED: SemanticException {error.message}", kind=1100)
    return QueryFailure(f"FAILED: {error.code}: {error.message}")


# -- databases -------------------------------------------------------------------------------------


def _create_database(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    words = statement.words
    given: dict[str, Any] = {"Name": names(words["name"])[-1]}
    if "comment" in words:
        given["Description"] = words["comment"].replace("''", "'")
    if "location" in words:
        given["LocationUri"] = words["location"]
    if "properties" in words:
        given["Parameters"] = properties(words["properties"])
    try:
        session.catalog.call(session.context, "CreateDatabase", DatabaseInput=given)
    except ServiceError as error:
        if error.code != "AlreadyExistsException" or "exists" not in words:
            raise
    return [], []


def _drop_database(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    tree = tree_of(statement)
    name = tree.args["tables"][0].name.lower()
    if not tree.args.get("cascade") and any(session.catalog.tables(session.context, name)):
        raise QueryFailure(
            f"FAILED: Execution Error: Database {name} is not empty. One or more tables exist. Use CASCADE to drop them"
        )
    try:
        session.catalog.call(session.context, "DeleteDatabase", Name=name)
    except ServiceError as error:
        if error.code != "EntityNotFoundException" or not tree.args.get("exists"):
            raise
    return [], []


def _show_databases(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    found = [d["Name"] for d in session.catalog.databases(session.context)]
    return ["database_name"], _filtered(found, statement)


# -- tables ----------------------------------------------------------------------------------------


def _create_table(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    tree = tree_of(statement)
    database, given = table_input(tree, session.database)
    named(tree.this.this, session)
    try:
        session.catalog.call(session.context, "CreateTable", DatabaseName=database, TableInput=given)
    except ServiceError as error:
        if error.code != "AlreadyExistsException" or not tree.args.get("exists"):
            raise
    return [], []


def _drop_table(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    tree = tree_of(statement)
    database, name = named(tree.args["tables"][0], session)
    table = session.catalog.table(session.context, database, name)
    wants_view = statement.substatement == "DROP_VIEW"
    if table is None:
        if tree.args.get("exists"):
            return [], []
        raise QueryFailure(
            f"FAILED: SemanticException [Error 10001]: Table not found {database}.{name}", kind=1100
        )
    if is_view(table) != wants_view:
        kind = "a view: use DROP VIEW" if is_view(table) else "a table: use DROP TABLE"
        raise QueryFailure(f"FAILED: SemanticException {database}.{name} is {kind}")
    session.catalog.call(session.context, "DeleteTable", DatabaseName=database, Name=name)
    if is_iceberg(table):
        session.staging.delete_location((table.get("StorageDescriptor") or {}).get("Location") or "")
    return [], []


def _show_tables(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    database = names(statement.words["name"])[-1] if "name" in statement.words else session.database
    session.catalog.need_database(session.context, database)
    wants_views = statement.substatement == "SHOW_VIEWS"
    found = [
        t["Name"] for t in session.catalog.tables(session.context, database) if is_view(t) or not wants_views
    ]
    return ["views" if wants_views else "tab_name"], _filtered(found, statement)


def _filtered(found: list[str], statement: Statement) -> Lines:
    pattern = statement.words.get("like")
    if pattern is not None:
        # Hive's LIKE here is a list of alternatives with stars; SQL's % is understood as well.
        alternatives = pattern.replace("%", "*").split("|")
        found = [n for n in found if any(fnmatchcase(n, a.lower()) for a in alternatives)]
    return [[n] for n in found]


def _show_columns(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    table = table_of(session, statement)
    return ["field"], [[c["Name"].ljust(20)] for c in _all_columns(table)]


def _describe(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    table = table_of(session, statement)
    lines: Lines = [_described(c) for c in _data_columns(table)]
    keys = table.get("PartitionKeys") or ()
    if keys:
        lines += [_described(c) for c in keys]
        lines += [["", None, None], ["# Partition Information", None, None]]
        lines += [["# col_name".ljust(24), "data_type".ljust(20), "comment"], ["", None, None]]
        lines += [_described(c) for c in keys]
    return ["col_name", "data_type", "comment"], lines


def _described(column: dict[str, Any]) -> list[str | None]:
    return [
        column["Name"].ljust(20),
        (column.get("Type") or "").ljust(20),
        (column.get("Comment") or "").ljust(20),
    ]


def _data_columns(table: dict[str, Any]) -> list[dict[str, Any]]:
    """The columns beside the partition keys; an Iceberg table's entry also has those that it had before."""
    listed = (table.get("StorageDescriptor") or {}).get("Columns", ())
    return [c for c in listed if (c.get("Parameters") or {}).get("iceberg.field.current") != "false"]


def _all_columns(table: dict[str, Any]) -> list[dict[str, Any]]:
    return [*_data_columns(table), *(table.get("PartitionKeys") or ())]


def _show_properties(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    parameters = table_of(session, statement).get("Parameters") or {}
    key = statement.words.get("key")
    if key is not None:
        if key not in parameters:
            raise QueryFailure(f"FAILED: the table has no property {key}")
        return ["prpt_name", "prpt_value"], [[parameters[key]]]
    return ["prpt_name", "prpt_value"], [[k, v] for k, v in sorted(parameters.items())]


def _show_create_table(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    table = table_of(session, statement)
    if is_view(table):
        raise QueryFailure("FAILED: SemanticException it is a view: use SHOW CREATE VIEW")
    return ["createtab_stmt"], [[line] for line in create_table_text(table).split("\n")]


# -- partitions ------------------------------------------------------------------------------------


def _show_partitions(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    table = table_of(session, statement)
    keys = [k["Name"] for k in table.get("PartitionKeys") or ()]
    if not keys:
        raise QueryFailure(f"FAILED: SemanticException Table {table['Name']} is not a partitioned table")
    found = session.catalog.partitions(session.context, table["DatabaseName"], table["Name"])
    return ["partition"], [[partition_path(keys, p["Values"])] for p in found]


def _alter_table(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    tree = tree_of(statement)
    if not isinstance(tree, exp.Alter):
        raise not_supported("this form of ALTER TABLE")
    database, name = named(tree.this, session)
    table = session.catalog.need_table(session.context, database, name)
    given = alter_table(table, tree.args["actions"])
    session.catalog.call(session.context, "UpdateTable", DatabaseName=database, TableInput=given)
    return [], []


def _add_partitions(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    table = table_of(session, statement)
    descriptor = table["StorageDescriptor"]
    keys = [k["Name"].lower() for k in table.get("PartitionKeys") or ()]
    entries = []
    specs = partition_specs(statement.words["partitions"], keys)
    if "exists" not in statement.words:
        for values in _existing(session, table, [values for values, _ in specs]):
            raise QueryFailure(
                f"FAILED: AlreadyExistsException: Partition already exists: {values}", kind=1102
            )
    for values, location in specs:
        where = location or location_of(descriptor["Location"], keys, values)
        entries.append({"Values": values, "StorageDescriptor": {**descriptor, "Location": where}})
    answer = session.catalog.call(
        session.context,
        "BatchCreatePartition",
        DatabaseName=table["DatabaseName"],
        TableName=table["Name"],
        PartitionInputList=entries,
    )
    _raise_first(answer, ignoring="AlreadyExistsException" if "exists" in statement.words else "")
    return [], []


def _drop_partitions(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    table = table_of(session, statement)
    keys = [k["Name"].lower() for k in table.get("PartitionKeys") or ()]
    specs = partition_specs(statement.words["partitions"], keys)
    if "exists" not in statement.words:
        present = _existing(session, table, [values for values, _ in specs])
        for values, _ in specs:
            if values not in present:
                raise QueryFailure(f"FAILED: SemanticException Partition not found: {values}", kind=1100)
    answer = session.catalog.call(
        session.context,
        "BatchDeletePartition",
        DatabaseName=table["DatabaseName"],
        TableName=table["Name"],
        PartitionsToDelete=[{"Values": values} for values, _ in specs],
    )
    _raise_first(answer, ignoring="EntityNotFoundException" if "exists" in statement.words else "")
    return [], []


def _existing(session: Session, table: dict[str, Any], wanted: list[list[str]]) -> list[list[str]]:
    """Which of these partitions there are.

    Asked before anything is changed: a statement that cannot do all does nothing, so that whoever finds its effect
    after a crash knows that it was the whole.
    """
    found: list[list[str]] = []
    for i in range(0, len(wanted), 1000):
        answer = session.catalog.call(
            session.context,
            "BatchGetPartition",
            DatabaseName=table["DatabaseName"],
            TableName=table["Name"],
            PartitionsToGet=[{"Values": values} for values in wanted[i : i + 1000]],
        )
        found += [one["Values"] for one in answer.get("Partitions") or ()]
    return found


def _rename_partition(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    table = table_of(session, statement)
    keys = [k["Name"].lower() for k in table.get("PartitionKeys") or ()]
    (old, _), (new, _) = (partition_specs(statement.words[w], keys)[0] for w in ("partitions", "to"))
    where = {"DatabaseName": table["DatabaseName"], "TableName": table["Name"]}
    found = session.catalog.call(session.context, "GetPartition", PartitionValues=old, **where)["Partition"]
    given = {k: v for k, v in found.items() if k in ("StorageDescriptor", "Parameters", "LastAccessTime")}
    session.catalog.call(
        session.context,
        "UpdatePartition",
        PartitionValueList=old,
        PartitionInput={**given, "Values": new},
        **where,
    )
    return [], []


def _raise_first(answer: dict[str, Any], *, ignoring: str) -> None:
    for error in answer.get("Errors") or ():
        detail = error.get("ErrorDetail") or {}
        if detail.get("ErrorCode") != ignoring:
            raise QueryFailure(f"FAILED: {detail.get('ErrorCode')}: {detail.get('ErrorMessage')}")


def _repair(session: Session, statement: Statement) -> tuple[list[str], Lines]:
    table = table_of(session, statement)
    keys = [k["Name"].lower() for k in table.get("PartitionKeys") or ()]
    if not keys:
        raise QueryFailure(f"FAILED: SemanticException Table {table['Name']} is not a partitioned table")
    database, name = table["DatabaseName"], table["Name"]
    descriptor = table["StorageDescriptor"]
    location = descriptor["Location"].rstrip("/") + "/"
    known = {tuple(p["Values"]) for p in session.catalog.partitions(session.context, database, name)}
    prefix = location.split("://", 1)[1].partition("/")[2]
    missing: dict[tuple[str, ...], str] = {}
    for info in session.staging.list(location):
        relative = info.key[len(prefix) :]
        values = parse_partition_path(relative.rpartition("/")[0], keys)
        if values is not None and tuple(values) not in known:
            folder = "/".join(relative.split("/")[: len(keys)])
            missing.setdefault(tuple(values), location + folder + "/")
    entries: list[dict[str, Any]] = [
        {"Values": list(values), "StorageDescriptor": {**descriptor, "Location": where}}
        for values, where in sorted(missing.items())
    ]
    for i in range(0, len(entries), 100):
        answer = session.catalog.call(
            session.context,
            "BatchCreatePartition",
            DatabaseName=database,
            TableName=name,
            PartitionInputList=entries[i : i + 100],
        )
        # Somebody else may have added the same partition meanwhile; any other refusal is a failure.
        _raise_first(answer, ignoring="AlreadyExistsException")
    paths = [partition_path(keys, e["Values"]) for e in entries]
    lines: Lines = []
    if paths:
        lines.append(["Partitions not in metastore:\t" + "\t".join(f"{name}:{p}" for p in paths)])
        lines += [[f"Repair: Added partition to metastore {name}:{p}"] for p in paths]
    return ["result"], lines


_HANDLERS: dict[str, Handler] = {
    "CREATE_DATABASE": _create_database,
    "DROP_DATABASE": _drop_database,
    "SHOW_DATABASES": _show_databases,
    "CREATE_TABLE": _create_table,
    "DROP_TABLE": _drop_table,
    "DROP_VIEW": _drop_table,
    "SHOW_TABLES": _show_tables,
    "SHOW_VIEWS": _show_tables,
    "SHOW_COLUMNS": _show_columns,
    "DESCRIBE_TABLE": _describe,
    "SHOW_TBLPROPERTIES": _show_properties,
    "SHOW_CREATE_TABLE": _show_create_table,
    "SHOW_PARTITIONS": _show_partitions,
    "ALTER_TABLE": _alter_table,
    "ALTER_TABLE_ADD_PARTITION": _add_partitions,
    "ALTER_TABLE_DROP_PARTITION": _drop_partitions,
    "ALTER_TABLE_RENAME_PARTITION": _rename_partition,
    "MSCK_REPAIR_TABLE": _repair,
    **VIEW_HANDLERS,
}

"""ALTER TABLE on Iceberg tables."""

from __future__ import annotations

from itertools import count
from typing import Any

from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.iceberg import partitioning, versions
from awsglue._runtime.iceberg.types import iceberg_type
from awsglue._runtime.sql.tokens import Cutter, split_commas


def alter(tables: Any, services: Any, name: Any, cutter: Cutter) -> None:
    """Carry out what follows ALTER TABLE t. Raises AnalysisException for what the schema forbids."""
    from pyiceberg.exceptions import ValidationError
    from pyspark.errors import AnalysisException

    catalog = tables.iceberg(name.catalog)
    table = catalog.load(name)
    try:
        if cutter.take("ADD", "PARTITION", "FIELD"):
            _add_field(table, cutter)
        elif cutter.take("DROP", "PARTITION", "FIELD"):
            _drop_field(table, cutter)
        elif cutter.take("ADD", "COLUMNS") or cutter.take("ADD", "COLUMN"):
            _add(table, services, cutter)
        elif cutter.take("DROP", "COLUMNS") or cutter.take("DROP", "COLUMN"):
            _drop(table, cutter)
        elif cutter.take("RENAME", "COLUMN"):
            old = cutter.name()
            cutter.need("TO")
            new = cutter.name()[-1]
            with table.update_schema(case_sensitive=False) as update:
                update.rename_column(tuple(old), new)
        elif cutter.take("RENAME", "TO"):
            target = tables.name(cutter.name())
            catalog.pyiceberg.rename_table((name.database, name.table), (target.database, target.table))
        elif cutter.take("ALTER", "COLUMN") or cutter.take("CHANGE", "COLUMN"):
            _column(table, services, cutter)
        elif cutter.take("SET", "TBLPROPERTIES"):
            from awsglue._runtime.sql.ddl import _properties

            properties = _properties(cutter.brackets())
            version = versions.wanted(properties)
            with table.transaction() as transaction:
                if version is not None:
                    transaction.upgrade_table_version(version)  # type: ignore[arg-type]
                transaction.set_properties(
                    {key: value for key, value in properties.items() if key != versions.KEY}
                )
        elif cutter.take("UNSET", "TBLPROPERTIES"):
            cutter.take("IF", "EXISTS")
            keys = [piece.strip("'\"`") for piece in split_commas(cutter.brackets())]
            with table.transaction() as transaction:
                transaction.remove_properties(*[key for key in keys if key in table.properties])
        else:
            raise EngineRefused(f"ALTER TABLE {cutter.rest()[:60]!r} on an Iceberg table")
    except (ValueError, ValidationError) as error:
        raise AnalysisException(str(error)) from None


def _columns(services: Any, text: str) -> Any:
    return services.parse_ddl(text)


def _add(table: Any, services: Any, cutter: Cutter) -> None:
    text = cutter.brackets() if cutter.peek("(") else cutter.rest()
    position = ""
    for word in (" FIRST", " AFTER "):
        at = text.upper().rfind(word)
        if at > 0:
            text, position = text[:at], text[at:].strip()
    with table.update_schema(case_sensitive=False) as update:
        for piece in split_commas(text):
            versions.refuse_defaults(piece)
            path, _, rest = piece.partition(" ")
            parts = path.replace("`", "").split(".")
            item = _columns(services, f"`{parts[-1]}` {rest}").fields[0]
            doc = (item.metadata or {}).get("comment")
            update.add_column(tuple(parts), iceberg_type(item.dataType, count(1)), doc=doc)
            if position.upper() == "FIRST":
                update.move_first(tuple(parts))
            elif position:
                update.move_after(tuple(parts), tuple(position.split()[1].strip("`").split(".")))


def _drop(table: Any, cutter: Cutter) -> None:
    cutter.take("IF", "EXISTS")
    text = cutter.brackets() if cutter.peek("(") else cutter.rest()
    with table.update_schema(case_sensitive=False) as update:
        for piece in split_commas(text):
            update.delete_column(tuple(piece.replace("`", "").split(".")))


def _column(table: Any, services: Any, cutter: Cutter) -> None:
    path = tuple(cutter.name())
    with table.update_schema(case_sensitive=False) as update:
        if cutter.take("TYPE"):
            kind = _columns(services, f"c {cutter.rest()}").fields[0].dataType
            update.update_column(path, iceberg_type(kind, count(1)))
        elif cutter.take("COMMENT"):
            update.update_column(path, doc=cutter.rest().strip("'\""))
        elif cutter.take("DROP", "NOT", "NULL"):
            update.make_column_optional(path)
        elif cutter.take("FIRST"):
            update.move_first(path)
        elif cutter.take("AFTER"):
            update.move_after(path, tuple(cutter.name()))
        else:
            raise EngineRefused(f"ALTER COLUMN {cutter.rest()[:60]!r}")


def _field(text: str) -> Any:
    import sqlglot

    return partitioning.from_sql(sqlglot.parse_one(text, read="spark"))


def _add_field(table: Any, cutter: Cutter) -> None:
    text = cutter.until(("AS",))
    alias = cutter.name()[0] if cutter.take("AS") else None
    field = _field(text)
    made = partitioning.spec(table.schema(), [field]).fields[0]
    with table.update_spec(case_sensitive=False) as update:
        update.add_field(field.column, made.transform, alias or made.name)


def _drop_field(table: Any, cutter: Cutter) -> None:
    text = cutter.rest()
    names = {item.name for item in table.spec().fields}
    name = text.strip("`")
    if name not in names:
        wanted = partitioning.spec(table.schema(), [_field(text)]).fields[0]
        name = next(
            item.name
            for item in table.spec().fields
            if item.source_id == wanted.source_id and str(item.transform) == str(wanted.transform)
        )
    with table.update_spec() as update:
        update.remove_field(name)

"""ALTER TABLE on Delta tables."""

from __future__ import annotations

from typing import Any

from awsglue._runtime.catalog.glue import table_input
from awsglue._runtime.delta import lake
from awsglue._runtime.delta.catalog import location
from awsglue._runtime.failures import EngineRefused


def alter(tables: Any, services: Any, row: dict[str, Any], cutter: Any) -> None:
    """What follows ALTER TABLE t. Raises EngineRefused for forms not served."""
    table = lake.open_table(location(row))
    if cutter.take("SET", "TBLPROPERTIES"):
        _set(tables, table, row, cutter)
        return
    if cutter.take("ADD", "COLUMNS") or cutter.take("ADD", "COLUMN"):
        from deltalake import Schema

        text = cutter.brackets() if cutter.peek("(") else cutter.rest()
        if any(word in f" {text.upper()} " for word in (" AFTER ", " FIRST ")):
            raise EngineRefused("ALTER TABLE … ADD COLUMNS at a position of a Delta table")
        table.alter.add_columns(Schema.from_json(services.parse_ddl(text).json()).fields)
        tables.delta.refresh(row)
        return
    if cutter.take("ADD", "CONSTRAINT"):
        name = cutter.name()[-1]
        cutter.need("CHECK")
        table.alter.add_constraint({name: cutter.brackets()})
        return
    if cutter.take("DROP", "CONSTRAINT"):
        quiet = cutter.take("IF", "EXISTS")
        table.alter.drop_constraint(cutter.name()[-1], raise_if_not_exists=not quiet)
        return
    raise EngineRefused(f"ALTER TABLE {cutter.rest()[:60]!r} on a Delta table")


def _set(tables: Any, table: Any, row: dict[str, Any], cutter: Any) -> None:
    """Properties named delta.* are the table's, others the catalog's."""
    from awsglue._runtime.sql.ddl import _properties

    given = _properties(cutter.brackets())
    own = {key: value for key, value in given.items() if key.startswith("delta.")}
    if own:
        table.alter.set_table_properties(own)
    rest = {key: value for key, value in given.items() if key not in own}
    if rest:
        definition = table_input(row)
        definition["Parameters"] = {**definition.get("Parameters", {}), **rest}
        tables.glue.client.update_table(DatabaseName=row["DatabaseName"], TableInput=definition)

"""Views in the catalog: Presto's encoded form, Hive's plain form, and multi-dialect views.

Pure functions over the catalog's table shape; owns no state.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from mastic.athena.failures import QueryFailure

_PREFIX, _SUFFIX = "/* Presto View: ", " */"
ATHENA_VERSION = "3"


@dataclass(frozen=True, kw_only=True)
class ViewText:
    """A view's query: its SQL, the dialect (sqlglot's name) and the database its bare names live in."""

    sql: str
    dialect: str
    database: str


def text_of(table: dict[str, Any]) -> ViewText:
    """The query that Athena runs for a view. Raises QueryFailure when the view has none that it can run."""
    database, name = table["DatabaseName"], table["Name"]
    representations = (table.get("ViewDefinition") or {}).get("Representations") or ()
    if representations:
        return _multi_dialect(representations, database, name)
    original = table.get("ViewOriginalText") or ""
    if original.startswith(_PREFIX):
        view = decode(original)
        return ViewText(sql=view["originalSql"], dialect="trino", database=view.get("schema") or database)
    text = table.get("ViewExpandedText") or original
    if not text:
        raise QueryFailure(f"INVALID_VIEW: View '{database}.{name}' has no text")
    return ViewText(sql=text, dialect="spark", database=database)


def _multi_dialect(representations: Any, database: str, name: str) -> ViewText:
    for representation in representations:
        if representation.get("Dialect") == "ATHENA":
            if representation.get("IsStale"):
                raise QueryFailure(
                    f"VIEW_IS_STALE: the ATHENA dialect of view '{database}.{name}' is stale; update it"
                )
            sql = representation.get("ViewExpandedText") or representation.get("ViewOriginalText") or ""
            return ViewText(sql=sql, dialect="trino", database=database)
    dialects = ", ".join(r.get("Dialect", "?") for r in representations)
    raise QueryFailure(
        f"INVALID_VIEW: View '{database}.{name}' has no ATHENA dialect (it has {dialects}); add one with "
        f"ALTER VIEW {name} ADD DIALECT AS …"
    )


def decode(original: str) -> dict[str, Any]:
    """The JSON inside a Presto view's text."""
    found: dict[str, Any] = json.loads(base64.b64decode(original[len(_PREFIX) : -len(_SUFFIX)]))
    return found


def encode(sql: str, database: str, columns: list[tuple[str, str]]) -> str:
    """A Presto view's text. ``columns`` are (name, Trino type)."""
    view = {
        "originalSql": sql,
        "catalog": "awsdatacatalog",
        "schema": database,
        "columns": [{"name": name, "type": type} for name, type in columns],
        "runAsInvoker": False,
        "properties": {},
    }
    return _PREFIX + base64.b64encode(json.dumps(view).encode()).decode() + _SUFFIX


def presto_table_input(
    name: str, sql: str, database: str, columns: list[tuple[str, str, str]]
) -> dict[str, Any]:
    """The TableInput of a Presto view. ``columns`` are (name, Hive type, Trino type)."""
    return {
        "Name": name,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "ViewOriginalText": encode(sql, database, [(n, trino) for n, _, trino in columns]),
        "ViewExpandedText": "/* Presto View */",
        "StorageDescriptor": {
            "Columns": [{"Name": n, "Type": hive} for n, hive, _ in columns],
            "Location": "",
            "SerdeInfo": {},
        },
        "PartitionKeys": [],
    }


def representation(sql: str) -> dict[str, Any]:
    """Athena's entry in a multi-dialect view."""
    return {
        "Dialect": "ATHENA",
        "DialectVersion": ATHENA_VERSION,
        "ViewOriginalText": sql,
        "ViewExpandedText": sql,
    }

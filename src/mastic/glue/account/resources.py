"""Which resources of the catalog a request is about, as policies name them. Pure rules.

A request needs leave for the resource and for all that holds it: the catalog, then the database, then the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CATALOG = frozenset(
    {
        "CreateCatalog",
        "GetCatalog",
        "GetCatalogs",
        "UpdateCatalog",
        "DeleteCatalog",
        "ImportCatalogToGlue",
        "GetCatalogImportStatus",
        "GetDataCatalogEncryptionSettings",
        "PutDataCatalogEncryptionSettings",
        "GetResourcePolicy",
        "GetResourcePolicies",
        "PutResourcePolicy",
        "DeleteResourcePolicy",
    }
)
_CONNECTION = frozenset({"GetConnection", "UpdateConnection"})


def paths(operation: str, request: Mapping[str, Any]) -> list[str] | None:
    """What an ARN says behind the account, for every resource concerned; None for operations that are not of the
    catalog. A list of many ends in ``*``."""
    found = _below(operation, request)
    if found is None:
        return ["catalog"] if operation in _CATALOG else None
    every = ["catalog"]
    for path in found:
        kind, _, rest = path.partition("/")
        database = rest.partition("/")[0]
        if kind in ("table", "userDefinedFunction") and f"database/{database}" not in every:
            every.append(f"database/{database}")
        every.append(path)
    return every


def table_name(request: Mapping[str, Any]) -> str:
    """The table that a request names, or nothing."""
    given = request.get("TableName") or request.get("Name") or (request.get("TableInput") or {}).get("Name")
    return str(given or "")


def catalog_path(request: Mapping[str, Any]) -> str:
    """The catalog below the account's own that a request names, or nothing."""
    given = str(request.get("CatalogId") or request.get("CatalogID") or "")
    account, separator, path = given.partition(":")
    if separator:
        return path.strip("/").lower()
    return "" if len(account) == 12 and account.isdecimal() else account.strip("/").lower()


def _below(operation: str, request: Mapping[str, Any]) -> list[str] | None:
    if "DatabaseName" in request and not operation.endswith("Crawler"):
        return _in_database(operation, request)
    if operation == "BatchGetTableOptimizer":
        return [f"table/{e['databaseName'].lower()}/{e['tableName'].lower()}" for e in request["Entries"]]
    if operation == "CreateDatabase":
        return [f"database/{request['DatabaseInput']['Name'].lower()}"]
    if operation in ("GetDatabase", "UpdateDatabase", "DeleteDatabase"):
        return [f"database/{request['Name'].lower()}"]
    return _connections(operation, request) or {
        "GetDatabases": ["database/*"],
        "SearchTables": ["table/*"],
        "GetUserDefinedFunctions": ["userDefinedFunction/*"],
    }.get(operation)


def _in_database(operation: str, request: Mapping[str, Any]) -> list[str] | None:
    database = request["DatabaseName"].lower()
    if "UserDefinedFunction" in operation:
        name = request.get("FunctionName") or (request.get("FunctionInput") or {}).get("FunctionName") or "*"
        return [f"userDefinedFunction/{database}/{name.lower()}"]
    if operation == "BatchDeleteTable":
        return [f"table/{database}/{name.lower()}" for name in request["TablesToDelete"]]
    if operation == "GetTables":
        return [f"table/{database}/*"]
    return [f"table/{database}/{(table_name(request) or '*').lower()}"]


def _connections(operation: str, request: Mapping[str, Any]) -> list[str] | None:
    if operation == "CreateConnection":
        return [f"connection/{request['ConnectionInput']['Name']}"]
    if operation in _CONNECTION:
        return [f"connection/{request['Name']}"]
    if operation == "GetConnections":
        return ["connection/*"]
    if operation == "BatchDeleteConnection":
        return [f"connection/{name}" for name in request["ConnectionNameList"]]
    if "ConnectionName" in request:
        return [f"connection/{request['ConnectionName']}"]
    return None

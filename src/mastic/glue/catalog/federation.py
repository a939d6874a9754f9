"""Catalogs that stand for an Iceberg REST catalog outside.

Databases and tables are read there when they are asked for; nothing is written. Owns no state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from mastic.context import Context
from mastic.errors import invalid_input, not_found
from mastic.glue.catalog.iceberg_metadata import parsed, table_input
from mastic.glue.catalog.lookup import Federated
from mastic.glue.catalog.patterns import Pattern
from mastic.glue.catalog.remote_catalogs import Missing, Remote, RemoteCatalog, failed
from mastic.glue.catalog.shapes import TABLE, descriptor
from mastic.glue.pages import Pager

# What such a connection's type ends with: plain, or with a vendor's name before it.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CONNECTION_TYPE = "ICEBERGRESTCATALOG"
PAGE = 100
AT_ONCE = 8

# The connection's name and the identifier of the outside catalog → how it is reached.
Reach = Callable[[Context, str, str], Remote]


class Federation:
    """Answers for the handlers what a local catalog would. ``outside`` is the catalog that a call was about."""

    def __init__(self, *, reach: Reach, pager: Pager) -> None:
        self._reach = reach
        self._pager = pager

    def check(self, context: Context, given: dict[str, Any]) -> None:
        """Refuse a FederatedCatalog that could never be read. Nothing is asked outside."""
        if not given.get("ConnectionName"):
            raise invalid_input("FederatedCatalog needs a ConnectionName")
        self._reach(context, given["ConnectionName"], given.get("Identifier", ""))

    def get_database(self, context: Context, outside: Federated, name: str) -> dict[str, Any]:
        """Raises EntityNotFoundException, FederationSourceException."""
        with self._open(context, outside) as remote:
            own = _folded(remote.namespaces(), name)
            if own is None:
                raise not_found(f"Database {name} not found.")
            return {"Database": _database(outside, own, remote.namespace(own))}

    def get_databases(self, context: Context, outside: Federated, request: dict[str, Any]) -> dict[str, Any]:
        """By name."""
        count, bound = request.get("MaxResults", PAGE), f"federated:{outside.catalog.key}"
        after = self._pager.read(request.get("NextToken"), "GetDatabases", bound) or ""
        with self._open(context, outside) as remote:
            names = _after(remote.namespaces(), after)
            if "NAME" in (request.get("AttributesToGet") or ()):
                found = [{"Name": name.lower()} for name in names[:count]]
            else:
                found = _each(names[:count], lambda name: _database(outside, name, remote.namespace(name)))
        token = self._pager.token(names, count, str.lower, "GetDatabases", bound)
        return {"DatabaseList": found, "NextToken": token}

    def get_table(self, context: Context, outside: Federated, name: str) -> dict[str, Any]:
        """Raises EntityNotFoundException, FederationSourceException."""
        with self._open(context, outside) as remote:
            database = self._database(remote, outside)
            own = _folded(remote.tables(database), name)
            if own is None:
                raise not_found(f"Table {name} not found.")
            return {"Table": _table(outside, database, own, remote.table(database, own))}

    def get_tables(self, context: Context, outside: Federated, request: dict[str, Any]) -> dict[str, Any]:
        """By name; Expression is a regular expression for the whole name."""
        count = request.get("MaxResults", PAGE)
        bound = f"federated:{outside.catalog.key}:{outside.database}:{request.get('Expression', '')}"
        after = self._pager.read(request.get("NextToken"), "GetTables", bound) or ""
        with self._open(context, outside) as remote:
            database = self._database(remote, outside)
            names = _after(remote.tables(database), after)
            if request.get("Expression"):
                wanted = set(Pattern(request["Expression"]).matching([name.lower() for name in names]))
                names = [name for name in names if name.lower() in wanted]
            found = _each(
                names[:count], lambda name: _table(outside, database, name, remote.table(database, name))
            )
        token = self._pager.token(names, count, str.lower, "GetTables", bound)
        return {"TableList": found, "NextToken": token}

    @contextmanager
    def _open(self, context: Context, outside: Federated) -> Iterator[RemoteCatalog]:
        given = outside.federated
        settings = self._reach(context, given.get("ConnectionName", ""), given.get("Identifier", ""))
        try:
            remote = RemoteCatalog(settings)
        except Missing:
            named = given.get("Identifier", "")
            raise failed(settings.url, f"it has no catalog {named!r} or speaks no Iceberg REST") from None
        try:
            yield remote
        except Missing as gone:
            # It was listed a moment ago.
            raise not_found(f"{gone} is no longer there.") from None
        finally:
            remote.close()

    @staticmethod
    def _database(remote: RemoteCatalog, outside: Federated) -> str:
        own = _folded(remote.namespaces(), outside.database)
        if own is None:
            raise not_found(f"Database {outside.database} not found.")
        return own


def _each(names: Sequence[str], load: Callable[[str], dict[str, Any]]) -> list[dict[str, Any]]:
    """What ``load`` makes of every name; a name that is gone meanwhile is left out."""

    def one(name: str) -> dict[str, Any] | None:
        try:
            return load(name)
        except Missing:
            return None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [found for found in pool.map(one, names) if found is not None]


def _folded(names: Sequence[str], wanted: str) -> str | None:
    """The name as it is written there. Of two that differ in case only, an exact one is meant, else the first."""
    same = sorted(name for name in names if name.lower() == wanted.lower())
    return wanted if wanted in same else next(iter(same), None)


def _after(names: Sequence[str], after: str) -> list[str]:
    """Those behind ``after`` in the order of the folded names; one for each folded name."""
    first = {name.lower(): name for name in sorted(names, reverse=True)}
    return [first[folded] for folded in sorted(first) if folded > after]


def _database(outside: Federated, name: str, properties: dict[str, str]) -> dict[str, Any]:
    members = {"Description": properties.pop("comment", ""), "LocationUri": properties.pop("location", "")}
    return {
        "Name": name.lower(),
        **{member: value for member, value in members.items() if value},
        "Parameters": properties,
        "CatalogId": outside.catalog.id,
        "FederatedDatabase": {"Identifier": name, "ConnectionName": outside.federated["ConnectionName"]},
    }


def _table(
    outside: Federated, database: str, name: str, loaded: tuple[str, dict[str, Any]]
) -> dict[str, Any]:
    location, document = loaded
    metadata = parsed(document, location)
    body = table_input(name.lower(), metadata, location, {}, previous=None)
    try:
        changed = _EPOCH + timedelta(milliseconds=metadata.last_updated_ms or 0)
    except OverflowError:
        raise failed(location, f"the time of its last change is {metadata.last_updated_ms}") from None
    return {
        **TABLE,
        **body,
        "DatabaseName": database.lower(),
        "CatalogId": outside.catalog.id,
        "UpdateTime": changed,
        "IsRegisteredWithLakeFormation": False,
        "StorageDescriptor": descriptor(body["StorageDescriptor"]),
        "FederatedTable": {
            "Identifier": name,
            "DatabaseIdentifier": database,
            "ConnectionName": outside.federated["ConnectionName"],
        },
    }

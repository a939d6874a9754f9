"""SearchTables: tables of all databases by words and properties. Changes nothing.

A word matches where it begins a word of a table's texts; text in double quotes must be there as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from mastic.context import Context
from mastic.errors import invalid_input
from mastic.glue.catalog import lookup, shapes
from mastic.glue.catalog.lookup import Place
from mastic.glue.pages import Pager
from mastic.store import catalog_databases, catalog_tables
from mastic.store.catalog_tables import TableRow
from mastic.store.engine import Store

PAGE = 100
CHUNK = 500
TIMES = {"CreateTime": "created", "UpdateTime": "updated"}
_WORDS = re.compile(r"[^\s\-,:#_./]+")
_SEARCH = re.compile(r'"([^"]*)"|(\S+)')


class TableSearch:
    """The handler of SearchTables."""

    def __init__(self, *, store: Store, pager: Pager) -> None:
        self._store = store
        self._pager = pager

    def search_tables(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """By database and name, or as SortCriteria says."""
        count = request.get("MaxResults", PAGE)
        if request.get("ResourceShareType") in ("FOREIGN", "FEDERATED"):
            # Nothing is shared with an account from outside, and what is federated is listed where it is.
            return {"TableList": []}
        bound = repr([request.get("SearchText"), request.get("Filters"), request.get("SortCriteria")])
        after = self._pager.read(request.get("NextToken"), "SearchTables", context.scope + bound)
        order = (request.get("SortCriteria") or [None])[0]
        with self._store.read() as tx:
            catalog = lookup.catalog(tx, context, request)
            found = self._found(tx, catalog, request)
            if order is None:
                found = self._after(found, after)
                page = [one for one, _ in zip(found, range(count + 1), strict=False)]
            else:
                backwards = order.get("Sort") == "DESC"
                key = order.get("FieldName", "Name")
                every = sorted(found, key=lambda one: (_sortable(one, key), *_place(one)), reverse=backwards)
                start = 0 if after is None else after
                page = every[start : start + count + 1]
        position = (lambda one: _place(one)) if order is None else (lambda _: (after or 0) + count)
        token = self._pager.token(page, count, position, "SearchTables", context.scope + bound)
        status = request.get("IncludeStatusDetails", False)
        tables = [shapes.table(place, row, status=status) for place, row in page[:count]]
        return {"TableList": tables, "NextToken": token}

    @staticmethod
    def _after(
        found: Iterator[tuple[Place, TableRow]], after: list[str] | None
    ) -> Iterator[tuple[Place, TableRow]]:
        return (one for one in found if after is None or _place(one) > after)

    @staticmethod
    def _found(
        tx: Connection, catalog: lookup.Catalog, request: dict[str, Any]
    ) -> Iterator[tuple[Place, TableRow]]:
        words = _wanted(request.get("SearchText", ""))
        filters = request.get("Filters") or []
        database = ""
        while some := catalog_databases.page(tx, catalog.key, database, CHUNK):
            for one in some:
                place = Place(catalog=catalog, database_id=one.id, database=one.name)
                name = ""
                while rows := catalog_tables.page(tx, one.id, name, CHUNK):
                    for row in rows:
                        if _speaks_of(place, row, words) and all(_satisfies(place, row, f) for f in filters):
                            yield place, row
                    name = rows[-1].name
            database = some[-1].name


def _place(one: tuple[Place, TableRow]) -> list[str]:
    return [one[0].database, one[1].name]


def _wanted(text: str) -> tuple[list[str], list[str]]:
    """Exact texts, and words."""
    exact, words = [], []
    for quoted, word in _SEARCH.findall(text.lower()):
        if quoted:
            exact.append(quoted)
        else:
            words += _WORDS.findall(word)
    return exact, words


def _speaks_of(place: Place, row: TableRow, wanted: tuple[list[str], list[str]]) -> bool:
    exact, words = wanted
    if not exact and not words:
        return True
    texts = [text.lower() for text in _texts(place, row)]
    if not all(any(one in text for text in texts) for one in exact):
        return False
    known = {word for text in texts for word in _WORDS.findall(text)}
    return all(any(one.startswith(word) for one in known) for word in words)


def _texts(place: Place, row: TableRow) -> Iterator[str]:
    yield place.database
    yield row.name
    for member in ("Description", "Owner", "TableType"):
        if row.body.get(member):
            yield row.body[member]
    for key, value in (row.body.get("Parameters") or {}).items():
        yield key
        yield value
    for column in (row.body.get("StorageDescriptor") or {}).get("Columns") or []:
        yield column["Name"]
        if column.get("Comment"):
            yield column["Comment"]


def _property(place: Place, row: TableRow, key: str) -> Any:
    """A property by the name that filters and sorting give it."""
    if key in TIMES:
        return getattr(row, TIMES[key])
    match key:
        case "Name":
            return row.name
        case "DatabaseName":
            return place.database
        case "Description" | "Owner" | "TableType":
            return row.body.get(key)
        case "Classification":
            return (row.body.get("Parameters") or {}).get("classification")
    return (row.body.get("Parameters") or {}).get(key)


def _satisfies(place: Place, row: TableRow, wanted: dict[str, str]) -> bool:
    key, value = wanted.get("Key", ""), wanted.get("Value", "")
    found = _property(place, row, key)
    if key in TIMES:
        moment = _moment(value)
        match wanted.get("Comparator", "EQUALS"):
            case "EQUALS":
                return bool(found == moment)
            case "GREATER_THAN":
                return bool(found > moment)
            case "GREATER_THAN_EQUALS":
                return bool(found >= moment)
            case "LESS_THAN":
                return bool(found < moment)
        return bool(found <= moment)
    return found is not None and value.lower() in {found.lower(), *_WORDS.findall(found.lower())}


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            return datetime.fromtimestamp(float(text), UTC)
        except (ValueError, OverflowError, OSError):
            raise invalid_input(f"'{text}' is not a time") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment


def _sortable(one: tuple[Place, TableRow], key: str) -> str:
    found = _property(*one, key)
    return "" if found is None else found.isoformat() if isinstance(found, datetime) else str(found)

"""Table versions: get, list, delete. State: ``catalog_table_versions``."""

from __future__ import annotations

from typing import Any

from mastic.context import Context
from mastic.errors import ServiceError, invalid_input, not_found
from mastic.glue.catalog import lookup, shapes
from mastic.glue.pages import Pager
from mastic.store import catalog_tables
from mastic.store.catalog_tables import TableRow
from mastic.store.engine import Store

PAGE = 100
# Larger than any version.
NEWEST = 2**31 - 1


class TableVersions:
    """The handlers."""

    def __init__(self, *, store: Store, pager: Pager) -> None:
        self._store = store
        self._pager = pager

    def get_table_version(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The version, by default the current one. Raises EntityNotFoundException."""
        with self._store.read() as tx:
            place, row = lookup.table(tx, context, request)
            number = _number(request["VersionId"]) if "VersionId" in request else row.version
            found = catalog_tables.version(tx, row, number)
        if found is None:
            raise not_found("Version not found.")
        return {"TableVersion": shapes.version(place, found)}

    def get_table_versions(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Newest first."""
        count = request.get("MaxResults", PAGE)
        with self._store.read() as tx:
            place, row = lookup.table(tx, context, request)
            before = self._pager.read(request.get("NextToken"), "GetTableVersions", str(row.id))
            limit = NEWEST if before is None else before
            found = catalog_tables.versions_before(tx, row, limit, count + 1)
        token = self._pager.token(found, count, lambda v: v.version, "GetTableVersions", str(row.id))
        return {"TableVersions": [shapes.version(place, one) for one in found[:count]], "NextToken": token}

    def delete_table_version(self, context: Context, request: dict[str, Any]) -> None:
        """Deletes an archived version. Raises EntityNotFoundException."""
        number = _number(request["VersionId"])
        with self._store.write(opens=context.scope) as tx:
            _, row = lookup.table(tx, context, request, hold="change")
            if number == row.version:
                raise _current()
            if not catalog_tables.remove_versions(tx, row.id, [number]):
                raise not_found("Version not found.")

    def batch_delete_table_version(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Deletes those that can be, and lists the others."""
        with self._store.write(opens=context.scope) as tx:
            _, row = lookup.table(tx, context, request, hold="change")
            numbers = {given: int(given) for given in request["VersionIds"] if given.isdecimal()}
            archived = {number for number in numbers.values() if number != row.version}
            gone = catalog_tables.remove_versions(tx, row.id, sorted(n for n in archived if n < NEWEST))
        errors = []
        for given in request["VersionIds"]:
            if numbers.get(given) not in gone:
                errors.append(_failure(row, given, numbers.get(given)))
        return {"Errors": errors}


def _failure(row: TableRow, given: str, number: int | None) -> dict[str, Any]:
    if number == row.version:
        error = _current()
    elif number is None:
        error = invalid_input(f"Version Id {given} is not an integer.")
    else:
        error = not_found("Version not found.")
    detail = {"ErrorCode": error.code, "ErrorMessage": error.message}
    return {"TableName": row.name, "VersionId": given, "ErrorDetail": detail}


def _number(given: str) -> int:
    if not (given.isascii() and given.isdecimal()):
        raise invalid_input(f"Version Id {given} is not an integer.")
    number = int(given[:20])
    return min(number, NEWEST)


def _current() -> ServiceError:
    return invalid_input("The current version of a table cannot be deleted")

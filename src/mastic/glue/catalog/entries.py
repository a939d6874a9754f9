"""Catalog entries that point at metadata files: found, swapped many at once, renamed and dropped.

For doors that speak Iceberg rather than Glue. Every change names the version of the entry that it was made
from, so that no writer of any door loses another's change. State: ``catalog_tables``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import already_exists, invalid_input
from mastic.glue.catalog import lookup
from mastic.glue.catalog.attempts import Overtaken
from mastic.glue.catalog.events import Events
from mastic.glue.catalog.lookup import Place
from mastic.glue.catalog.sweeping import Sweeper
from mastic.store import catalog_databases, catalog_tables, sealing, tags
from mastic.store.catalog_tables import TableRow
from mastic.store.engine import Duplicate, Stale, Store

PAGE = 200


class Lost(Overtaken):
    """An entry has changed since it was read; nothing was done."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Swap:
    """An entry's next body. ``seen`` is the entry it was made from, None to create it."""

    database: str
    name: str
    body: dict[str, Any]
    seen: TableRow | None


class Entries:
    """Works on the tables of one catalog, by its CatalogId. Raises EntityNotFoundException for databases."""

    def __init__(self, *, store: Store, clock: Clock, events: Events, sweeper: Sweeper) -> None:
        self._store = store
        self._clock = clock
        self._events = events
        self._sweeper = sweeper

    def location(self, context: Context, catalog: str, database: str) -> str | None:
        """The LocationUri of a database."""
        with self._store.read() as tx:
            place = _place(tx, context, catalog, database)
            found = catalog_databases.find(tx, place.catalog.key, place.database)
        return None if found is None else found.body.get("LocationUri")

    def find(self, context: Context, catalog: str, database: str, name: str) -> TableRow | None:
        """The entry, or None when the database has none of that name. Resource links lead to their targets."""
        with self._store.read() as tx:
            for _ in range(lookup.MOST_LINKS):
                place = _place(tx, context, catalog, database)
                row = catalog_tables.find(tx, place.database_id, lookup.fold(name))
                target = row.body.get("TargetTable") if row is not None else None
                if not target or not target.get("Name") or not target.get("DatabaseName"):
                    return row
                context = lookup.there(lookup.in_scope(context, place.catalog.scope), target)
                catalog = target.get("CatalogId") or context.account_id
                database, name = target["DatabaseName"], target["Name"]
        raise invalid_input(f"Table {name} is a resource link to itself")

    def names(
        self,
        context: Context,
        catalog: str,
        database: str,
        *,
        wanted: Callable[[dict[str, Any]], bool],
        after: str = "",
        count: int | None = None,
    ) -> list[str]:
        """The names of the entries whose body is ``wanted``, in order; all of them, or up to ``count``."""
        found: list[str] = []
        with self._store.read() as tx:
            place = _place(tx, context, catalog, database)
            while count is None or len(found) < count:
                rows = catalog_tables.page(tx, place.database_id, after, PAGE)
                found += [row.name for row in rows if wanted(row.body)]
                if len(rows) < PAGE:
                    break
                after = rows[-1].name
        return found if count is None else found[:count]

    def swap(self, context: Context, catalog: str, swaps: Sequence[Swap]) -> None:
        """Make all of the swaps, or none.

        Raises Lost, AlreadyExistsException for an entry that is to be created and exists.
        """
        now = self._clock.now()
        new = [one for one in swaps if one.seen is None]
        try:
            with self._store.write(catalog=context.scope) as tx:
                # In one order for all writers, by whatever links they came: two that need each other's rows would
                # wait for ever.
                places = [(_place(tx, context, catalog, one.database, hold=True), one) for one in new]
                for place, one in sorted(places, key=lambda p: (p[0].database_id, lookup.fold(p[1].name))):
                    self._add(tx, context, place, one, now)
                changes = [(one.seen, one.body) for one in swaps if one.seen is not None]
                for seen, body in sorted(changes, key=lambda change: change[0].id):
                    self._change(tx, context, seen, body, now)
        except Stale:
            raise Lost from None
        except Duplicate:
            raise already_exists("Table already exists.") from None

    def _add(self, tx: Connection, context: Context, place: Place, one: Swap, now: datetime) -> None:
        sealing.belongs(tx, place.catalog.scope)
        name = lookup.fold(one.name)
        catalog_tables.add(
            tx,
            database_id=place.database_id,
            name=name,
            body=one.body,
            created=now,
            created_by=context.principal_arn,
        )
        there = lookup.in_scope(context, place.catalog.scope)
        self._events.database(tx, there, now, "CreateTable", place.database, [name])

    def _change(
        self, tx: Connection, context: Context, seen: TableRow, body: dict[str, Any], now: datetime
    ) -> None:
        home = catalog_databases.holding(tx, seen.database_id)
        if home is None:
            raise Stale(f"the database of table {seen.name}")
        there = lookup.in_scope(context, lookup.scope_of(home.catalog))
        sealing.belongs(tx, there.scope)
        # As Iceberg's own clients do, no version is archived: the metadata files are the history.
        catalog_tables.change(tx, seen, body, now=now, archive=False)
        self._events.table(tx, there, now, "UpdateTable", home.name, seen.name)

    def drop(
        self,
        context: Context,
        catalog: str,
        database: str,
        name: str,
        *,
        wanted: Callable[[dict[str, Any]], bool],
        also: Callable[[Connection, TableRow], None] | None = None,
    ) -> bool:
        """Delete the entry if its body is ``wanted``; ``also`` runs in the same transaction."""
        now = self._clock.now()
        with self._store.write(opens=context.scope) as tx:
            place = _place(tx, context, catalog, database)
            row = catalog_tables.find_to_change(tx, place.database_id, lookup.fold(name))
            if row is None or not wanted(row.body):
                return False
            gone = catalog_tables.remove(tx, place.database_id, [row.name])
            self._sweeper.tables_deleted(tx, list(gone.values()))
            tags.delete_arn(tx, place.catalog.scope, _arn(place, row.name))
            self._events.database(tx, context, now, "DeleteTable", place.database, [row.name])
            if also is not None:
                also(tx, row)
        return True

    def rename(
        self,
        context: Context,
        catalog: str,
        source: tuple[str, str],
        target: tuple[str, str],
        *,
        wanted: Callable[[dict[str, Any]], bool],
        version: int | None = None,
    ) -> bool:
        """Give the entry ``(database, name)`` another database or name; its versions and tags go with it.

        False when there is no such entry. Raises Lost, also when its version is not the one named;
        AlreadyExistsException.
        """
        now = self._clock.now()
        try:
            with self._store.write(catalog=context.scope) as tx:
                old = _place(tx, context, catalog, source[0])
                row = catalog_tables.find_to_change(tx, old.database_id, lookup.fold(source[1]))
                if row is None or not wanted(row.body):
                    return False
                if version not in (None, row.version):
                    raise Lost
                new, name = _place(tx, context, catalog, target[0], hold=True), lookup.fold(target[1])
                body = {**row.body, "Name": target[1]}
                catalog_tables.rename(tx, row, new.database_id, name, body, now)
                before, after = _arn(old, row.name), _arn(new, name)
                if before != after:
                    moved = tags.get(tx, old.catalog.scope, before)
                    tags.delete_arn(tx, old.catalog.scope, before)
                    tags.put(tx, new.catalog.scope, after, moved)
                self._events.database(tx, context, now, "DeleteTable", old.database, [row.name])
                self._events.database(tx, context, now, "CreateTable", new.database, [name])
        except Stale:
            raise Lost from None
        except Duplicate:
            raise already_exists("Table already exists.") from None
        return True


def _place(tx: Connection, context: Context, catalog: str, database: str, *, hold: bool = False) -> Place:
    return lookup.linked_place(tx, context, {"CatalogId": catalog, "DatabaseName": database}, hold=hold)


def _arn(place: Place, name: str) -> str:
    return lookup.resource_arn("table", place.catalog, place.database, name)

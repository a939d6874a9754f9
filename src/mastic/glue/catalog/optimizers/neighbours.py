"""Other tables of the catalogs whose files may lie where a table's do. Owns no state."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mastic.glue.catalog.iceberg_metadata import metadata_location
from mastic.glue.catalog.optimizers import reachable
from mastic.store import catalog_upkeep
from mastic.store.catalog_upkeep import Located
from mastic.store.engine import Store

_NAMED = 5


def overlapping(store: Store, table_id: int, places: Collection[tuple[str, str]]) -> str:
    """The names of tables that lie, or whose metadata lies, within one of the places or around it; "" for none."""
    return _names(
        one
        for one in _others(store, table_id)
        if any(
            bucket == mine[0] and (theirs.startswith(mine[1]) or (theirs and mine[1].startswith(theirs)))
            for bucket, theirs in _places(one)
            for mine in places
        )
    )


def sharing(store: Store, table_id: int, places: Collection[tuple[str, str]]) -> str:
    """The names of Iceberg tables at the very same place, as when one table is registered twice; "" for none."""
    return _names(
        one
        for one in _others(store, table_id)
        if metadata_location(one.row.body) is not None and not set(_places(one)).isdisjoint(places)
    )


def _others(store: Store, table_id: int) -> Iterator[Located]:
    with store.read() as tx:
        yield from catalog_upkeep.others(tx, table_id)


def _places(other: Located) -> list[tuple[str, str]]:
    """Where a table and its metadata are, as (bucket, prefix); without the slash when it is a whole bucket."""
    body = other.row.body
    found = []
    for location in ((body.get("StorageDescriptor") or {}).get("Location"), metadata_location(body)):
        try:
            bucket, key = reachable.place(location or "")
        except ValueError:
            continue
        found.append((bucket, key.rstrip("/") + "/" if key else ""))
    return found


def _names(found: Iterator[Located]) -> str:
    names = sorted(f"{one.database}.{one.row.name}" for one in found)
    return ", ".join(names[:_NAMED]) + (" …" if len(names) > _NAMED else "")

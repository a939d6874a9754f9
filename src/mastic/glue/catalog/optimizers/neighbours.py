"""Other tables of the catalogs whose files, or whose partitions' files, may lie where a table's do. Owns no state."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from mastic.glue.catalog.iceberg_metadata import metadata_location
from mastic.glue.catalog.optimizers import reachable
from mastic.store import catalog_upkeep
from mastic.store.catalog_upkeep import Located
from mastic.store.engine import Store

_NAMED = 5


Place = tuple[str, str]


def overlapping(store: Store, table_id: int, places: Collection[Place]) -> str:
    """The names of tables that lie, or whose metadata or partitions lie, within one of the places or around it.

    "" for none.
    """
    found = {
        _name(one)
        for one in _others(store, table_id)
        if any(_overlap(theirs, places) for theirs in _places(one))
    }
    urls = [f"{scheme}://{bucket}/{prefix}" for bucket, prefix in places for scheme in ("s3", "s3a", "s3n")]
    with store.read() as tx:
        for database, table, location in catalog_upkeep.partitions_near(tx, table_id, urls):
            if any(_overlap(theirs, places) for theirs in _located(location)):
                found.add(f"{database}.{table}")
    return _told(found)


def _overlap(theirs: Place, places: Collection[Place]) -> bool:
    """A whole bucket is around everything in it: that says nothing."""
    bucket, prefix = theirs
    return any(
        bucket == mine[0] and (prefix.startswith(mine[1]) or (prefix and mine[1].startswith(prefix)))
        for mine in places
    )


def sharing(store: Store, table_id: int, places: Collection[Place]) -> str:
    """The names of Iceberg tables at the very same place, as when one table is registered twice; "" for none."""
    return _told(
        _name(one)
        for one in _others(store, table_id)
        if metadata_location(one.row.body) is not None and not set(_places(one)).isdisjoint(places)
    )


def _others(store: Store, table_id: int) -> Iterator[Located]:
    with store.read() as tx:
        yield from catalog_upkeep.others(tx, table_id)


def _places(other: Located) -> list[Place]:
    """Where a table and its metadata are."""
    body = other.row.body
    return _located((body.get("StorageDescriptor") or {}).get("Location"), metadata_location(body))


def _located(*locations: str | None) -> list[Place]:
    """As (bucket, prefix); without the slash when it is a whole bucket."""
    found = []
    for location in locations:
        try:
            bucket, key = reachable.place(location or "")
        except ValueError:
            continue
        found.append((bucket, key.rstrip("/") + "/" if key else ""))
    return found


def _name(one: Located) -> str:
    return f"{one.database}.{one.row.name}"


def _told(found: Iterable[str]) -> str:
    names = sorted(found)
    return ", ".join(names[:_NAMED]) + (" …" if len(names) > _NAMED else "")

"""Partition indexes of tables. State: documents of the kind ``partition_index``.

The store keeps every partition key sorted by its type, so that an index is of use from the moment it is
created. What creating one does is to look for values that the keys' types cannot read: there it fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError, already_exists, invalid_input, not_found
from mastic.glue.catalog import lookup, rekeying
from mastic.glue.pages import Pager
from mastic.store import catalog_scans, documents
from mastic.store.catalog_conditions import IsNull
from mastic.store.catalog_partitions import SEARCHABLE_KEYS
from mastic.store.catalog_scans import Search
from mastic.store.engine import Store

KIND = "partition_index"
MOST = 3
NAMED_FAILURES = 10
PAGE = 100


class PartitionIndexes:
    """The handlers."""

    def __init__(self, *, store: Store, clock: Clock, pager: Pager) -> None:
        self._store = store
        self._clock = clock
        self._pager = pager

    def create_partition_index(self, context: Context, request: dict[str, Any]) -> None:
        """Raises AlreadyExistsException, ResourceNumberLimitExceededException."""
        with self._store.write(opens=context.scope) as tx:
            _, row = lookup.table(tx, context, request, hold="change")
            add(tx, row.id, row.body, [request["PartitionIndex"]], self._clock)

    def get_partition_indexes(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """By name."""
        with self._store.read() as tx:
            _, row = lookup.table(tx, context, request)
            after = self._pager.read(request.get("NextToken"), "GetPartitionIndexes", str(row.id)) or ""
            found = documents.page(tx, _scope(row.id), KIND, after, PAGE)
        return {"PartitionIndexDescriptorList": [one.body for one in found]}

    def delete_partition_index(self, context: Context, request: dict[str, Any]) -> None:
        """Raises EntityNotFoundException."""
        with self._store.write(opens=context.scope) as tx:
            _, row = lookup.table(tx, context, request, hold="change")
            if not documents.remove(tx, _scope(row.id), KIND, request["IndexName"]):
                raise not_found(f"Index {request['IndexName']} not found.")


def add(
    tx: Connection, table_id: int, body: dict[str, Any], given: Sequence[dict[str, Any]], clock: Clock
) -> None:
    """Give a table, whose TableInput is ``body``, more indexes."""
    present = {one.name for one in documents.page(tx, _scope(table_id), KIND, "", MOST + 1)}
    for index in given:
        name = index["IndexName"]
        if name in present:
            raise already_exists(f"Index {name} already exists.")
        present.add(name)
        if len(present) > MOST:
            raise ServiceError(
                "ResourceNumberLimitExceededException", f"A table has at most {MOST} partition indexes"
            )
        keys = _keys(body, index["Keys"])
        failures = _unreadable(tx, table_id, body, [number for number, _ in keys])
        descriptor = {
            "IndexName": name,
            "Keys": [{"Name": key["Name"], "Type": key.get("Type") or "string"} for _, key in keys],
            "IndexStatus": "FAILED" if failures else "ACTIVE",
        }
        if failures:
            errored = {"Code": "INVALID_PARTITION_TYPE_DATA_ERROR", "Partitions": failures}
            descriptor["BackfillErrors"] = [errored]
        documents.add(tx, _scope(table_id), KIND, name, descriptor, clock.now())


def has_any(tx: Connection, table_id: int) -> bool:
    """Whether the table has an index: its expressions are then typed strictly."""
    return documents.has_any(tx, _scope(table_id), KIND)


def _keys(body: dict[str, Any], names: Sequence[str]) -> list[tuple[int, dict[str, Any]]]:
    known = {key["Name"].lower(): (n, key) for n, key in enumerate(body.get("PartitionKeys") or [])}
    found = []
    for name in names:
        if name.lower() not in known:
            raise invalid_input(f"Index key {name} is not a partition key of the table")
        found.append(known[name.lower()])
    if len({number for number, _ in found}) < len(found):
        raise invalid_input("Duplicate keys in a partition index")
    return found


def _unreadable(
    tx: Connection, table_id: int, body: dict[str, Any], numbers: Sequence[int]
) -> list[dict[str, Any]]:
    """Partitions with a value that one of the keys' types cannot read; the first few."""
    found = []
    for number in numbers:
        if number >= SEARCHABLE_KEYS:
            raise invalid_input(f"Only the first {SEARCHABLE_KEYS} partition keys can be indexed")
        search = Search(table_id=table_id, keys=len(body["PartitionKeys"]), condition=IsNull(number))
        rows = catalog_scans.page(tx, search, None, NAMED_FAILURES)
        found += [{"Values": rekeying.values(tx, row)} for row in rows]
    return found[:NAMED_FAILURES]


def _scope(table_id: int) -> str:
    return f"table:{table_id}"

"""Partitions: create, get, list by expression, update, delete, singly and in batches.

State: ``catalog_partitions``, ``catalog_descriptors``. What is in a row, ``partition_rows`` knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError, already_exists, invalid_input, not_found
from mastic.glue.catalog import lookup, partition_rows
from mastic.glue.catalog.events import Events
from mastic.glue.catalog.partition_rows import Coder
from mastic.store import catalog_partitions, catalog_statistics
from mastic.store.catalog_partitions import NewPartitions
from mastic.store.engine import Duplicate, Store

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MISMATCH = "The number of partition keys do not match the number of partition values"


class Partitions:
    """The handlers that change partitions."""

    def __init__(self, *, store: Store, clock: Clock, events: Events) -> None:
        self._store = store
        self._clock = clock
        self._events = events

    # -- create --------------------------------------------------------------------------------------

    def create_partition(self, context: Context, request: dict[str, Any]) -> None:
        """Raises AlreadyExistsException."""
        if self._create(context, request, [request["PartitionInput"]], "CreatePartition"):
            raise already_exists("Partition already exists.")

    def batch_create_partition(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Creates those that do not exist, and lists the others."""
        given = request["PartitionInputList"]
        there = self._create(context, request, given, "BatchCreatePartition")
        error = already_exists("Partition already exists.")
        return {"Errors": [_item(given[n].get("Values", []), error) for n in there]}

    def _create(
        self, context: Context, request: dict[str, Any], given: list[dict[str, Any]], change: str
    ) -> list[int]:
        """Returns which of ``given``, by position, could not be created because they are there."""
        now = self._clock.now()
        with self._store.write(catalog=context.scope) as tx:
            place, row = lookup.table(tx, context, request, hold="fill")
            coder = Coder(row.body)
            values = [one.get("Values", ()) for one in given]
            if {*map(len, values)} - {coder.keys}:
                raise invalid_input(MISMATCH)
            new = coder.encode(values, given, micros(now))
            there = _there(new, catalog_partitions.add(tx, row.id, new))
            if len(there) < len(given):
                created = (values[n] for n in sorted({*range(len(given))} - {*there}))
                self._events.table(tx, context, now, change, place.database, row.name, created)
        return there

    # -- update --------------------------------------------------------------------------------------

    def update_partition(self, context: Context, request: dict[str, Any]) -> None:
        """Replaces a partition, its values too if they differ. Raises EntityNotFoundException."""
        errors = self._update(context, request, [request], "UpdatePartition")
        if errors:
            raise errors[0][1]

    def batch_update_partition(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Replaces those that exist, and lists the others."""
        errors = self._update(context, request, request["Entries"], "BatchUpdatePartition")
        return {
            "Errors": [
                {"PartitionValueList": values, "ErrorDetail": _detail(error)} for values, error in errors
            ]
        }

    def _update(
        self, context: Context, request: dict[str, Any], entries: Sequence[dict[str, Any]], change: str
    ) -> list[tuple[list[str], ServiceError]]:
        now = self._clock.now()
        errors: list[tuple[list[str], ServiceError]] = []
        done: list[list[str]] = []
        try:
            with self._store.write(catalog=context.scope) as tx:
                place, row = lookup.table(tx, context, request, hold=_hold(entries))
                coder = Coder(row.body)
                for entry in entries:
                    old = entry["PartitionValueList"]
                    error = self._update_one(tx, row.id, coder, old, entry["PartitionInput"], now)
                    if error is not None:
                        errors.append((old, error))
                    else:
                        done.append(old)
                if done:
                    self._events.table(tx, context, now, change, place.database, row.name, done)
        except Duplicate:
            # Somebody else created the new name between our look and our write.
            raise already_exists("Partition already exists.") from None
        return errors

    @staticmethod
    def _update_one(
        tx: Connection, table_id: int, coder: Coder, old: list[str], given: dict[str, Any], now: datetime
    ) -> ServiceError | None:
        values = given.get("Values") or old
        if len(old) != coder.keys or len(values) != coder.keys:
            return invalid_input(MISMATCH)
        key = coder.key(old)
        new = coder.encode([values], [given], micros(now))
        if new.keys != [key] and catalog_partitions.find(tx, table_id, new.keys[0]) is not None:
            return already_exists("Partition already exists.")
        if not catalog_partitions.replace(tx, table_id, key, new):
            return not_found("Cannot find partition.")
        return None

    # -- delete --------------------------------------------------------------------------------------

    def delete_partition(self, context: Context, request: dict[str, Any]) -> None:
        """Raises EntityNotFoundException."""
        errors = self._delete(context, request, [request["PartitionValues"]], "DeletePartition")
        if errors:
            raise errors[0][1]

    def batch_delete_partition(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Deletes those that exist, and lists the others."""
        wanted = [one["Values"] for one in request["PartitionsToDelete"]]
        errors = self._delete(context, request, wanted, "BatchDeletePartition")
        return {"Errors": [_item(values, error) for values, error in errors]}

    def _delete(
        self, context: Context, request: dict[str, Any], wanted: list[list[str]], change: str
    ) -> list[tuple[list[str], ServiceError]]:
        now = self._clock.now()
        errors: list[tuple[list[str], ServiceError]] = []
        with self._store.write(opens=context.scope) as tx:
            # The database deletes several in an order of its own.
            hold = "fill" if len(wanted) == 1 else "change"
            place, row = lookup.table(tx, context, request, hold=hold)
            coder = Coder(row.body)
            keys: dict[str, list[str]] = {}
            for values in wanted:
                if len(values) != coder.keys:
                    errors.append((values, invalid_input(MISMATCH)))
                else:
                    keys[coder.key(values)] = values
            gone = catalog_partitions.remove(tx, row.id, list(keys)) if keys else {}
            errors += [(v, not_found("Cannot find partition.")) for key, v in keys.items() if key not in gone]
            if gone:
                catalog_statistics.remove_partitions(tx, row.id, gone.values())
                values_gone = [keys[key] for key in gone]
                self._events.table(tx, context, now, change, place.database, row.name, values_gone)
        return errors

    # -- get by values -------------------------------------------------------------------------------

    def get_partition(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises EntityNotFoundException."""
        with self._store.read() as tx:
            place, row = lookup.table(tx, context, request)
            coder = Coder(row.body)
            found = catalog_partitions.find(tx, row.id, coder.key(_values(coder, request["PartitionValues"])))
            if found is None:
                raise not_found("Cannot find partition.")
            return {"Partition": partition_rows.shapes(tx, place, row, [found])[0]}

    def batch_get_partition(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Those that exist, each once, in the order asked for."""
        with self._store.read() as tx:
            place, row = lookup.table(tx, context, request)
            coder = Coder(row.body)
            keys = [coder.key(_values(coder, one["Values"])) for one in request["PartitionsToGet"]]
            found = catalog_partitions.find_many(tx, row.id, list(dict.fromkeys(keys)))
            rows = [found[key] for key in dict.fromkeys(keys) if key in found]
            return {"Partitions": partition_rows.shapes(tx, place, row, rows), "UnprocessedKeys": []}


def micros(moment: datetime) -> int:
    """Microseconds since 1970, as rows of partitions keep them."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _hold(entries: Sequence[dict[str, Any]]) -> str:
    """How an update holds its table. What touches several rows in the order of the request, or a row and then the key
    of another, could wait for somebody who waits for it: it goes alone."""
    first = entries[0]
    values = first["PartitionInput"].get("Values") or first["PartitionValueList"]
    return "fill" if len(entries) == 1 and values == first["PartitionValueList"] else "change"


def _there(new: NewPartitions, added: set[str] | None) -> list[int]:
    """Positions of those that were not added; of equal keys the first one was."""
    if added is None:
        return []
    first = {key: number for number, key in reversed(list(enumerate(new.keys)))}
    created = {first[key] for key in added}
    return [number for number in range(len(new.keys)) if number not in created]


def _values(coder: Coder, values: list[str] | None) -> list[str]:
    if values is None or len(values) != coder.keys:
        raise invalid_input(MISMATCH)
    return values


def _detail(error: ServiceError) -> dict[str, str]:
    return {"ErrorCode": error.code, "ErrorMessage": error.message}


def _item(values: list[str], error: ServiceError) -> dict[str, Any]:
    return {"PartitionValues": values, "ErrorDetail": _detail(error)}

"""Partitions: add, alter, rename, drop. Owns no state."""

from __future__ import annotations

from typing import Any

from mastic.errors import ServiceError
from mastic.glue.hive import inputs
from mastic.glue.hive.calls import Calls, place
from mastic.glue.hive.data import Data, is_managed
from mastic.glue.hive.failures import Failure, invalid_object, invalid_operation, meta, no_such
from mastic.glue.hive.partitions import PartitionsOf
from mastic.glue.hive.shapes import Shapes, partition_location

# As many as the Glue API takes in one call.
CREATED, DELETED, UPDATED = 100, 25, 100


class PartitionChanges:
    """The methods."""

    def __init__(self, *, calls: Calls, shapes: Shapes, data: Data, definition: Any) -> None:
        self._calls = calls
        self._shapes = shapes
        self._data = data
        self._types = definition

    # -- add -----------------------------------------------------------------------------------------

    def add_partition(self, given: Any) -> Any:
        """Raises AlreadyExistsException."""
        where = place(given.dbName, given.catName)
        return self._add(self._of(where, given.tableName), [given], skip_existing=False)[0]

    def add_partition_with_environment_context(self, given: Any, context: Any) -> Any:
        """Like ``add_partition``."""
        return self.add_partition(given)

    def add_partitions(self, given: list[Any]) -> int:
        """All or none. Raises AlreadyExistsException."""
        if not given:
            return 0
        of = self._of(place(given[0].dbName, given[0].catName), given[0].tableName)
        return len(self._add(of, given, skip_existing=False))

    def add_partitions_req(self, request: Any) -> Any:
        """All or none, or with ``ifNotExists`` those that are missing."""
        of = self._of(place(request.dbName, request.catName), request.tblName)
        added = self._add(of, request.parts or [], skip_existing=bool(request.ifNotExists))
        needed = request.needResult is not False
        return self._types.AddPartitionsResult(partitions=added if needed else None)

    def append_partition(self, database: str, table: str, values: list[str]) -> Any:
        """A partition like its table. Raises AlreadyExistsException."""
        of = self._of(place(database), table)
        return self._append(of, values)

    def append_partition_by_name(self, database: str, table: str, name: str) -> Any:
        """A partition like its table. Raises AlreadyExistsException."""
        of = self._of(place(database), table)
        return self._append(of, of.values_of(name))

    def _append(self, of: PartitionsOf, values: list[str]) -> Any:
        return self._create(of, [{"Values": list(values or [])}], skip_existing=False)[0]

    def _add(self, of: PartitionsOf, given: list[Any], *, skip_existing: bool) -> list[Any]:
        return self._create(of, [inputs.partition(one) for one in given], skip_existing=skip_existing)

    def _create(self, of: PartitionsOf, bodies: list[dict[str, Any]], *, skip_existing: bool) -> list[Any]:
        """The partitions that were created, as they are now."""
        if not of.keys:
            raise invalid_object(f"Table {of.table['Name']} is not partitioned")
        for body in bodies:
            if len(body["Values"]) != len(of.keys):
                raise invalid_object(
                    f"Table {of.table['Name']} has {len(of.keys)} partition keys: {body['Values']}"
                )
            self._complete(of, body)
        if len({tuple(body["Values"]) for body in bodies}) < len(bodies):
            raise meta("Duplicate partitions in one call")
        present = {tuple(one["Values"]) for one in of.with_values([body["Values"] for body in bodies])}
        if present and not skip_existing:
            raise Failure("AlreadyExistsException", f"Partition already exists: {of.name_of(min(present))}")
        missing = [body for body in bodies if tuple(body["Values"]) not in present]
        created = self._create_missing(of, missing, skip_existing=skip_existing)
        return [self._shapes.partition(one, of.table) for one in of.with_values(created)]

    def _create_missing(
        self, of: PartitionsOf, bodies: list[dict[str, Any]], *, skip_existing: bool
    ) -> list[list[str]]:
        created: list[list[str]] = []
        for start in range(0, len(bodies), CREATED):
            some = bodies[start : start + CREATED]
            errors = self._calls("BatchCreatePartition", PartitionInputList=some, **of.within)["Errors"]
            failed = {tuple(one["PartitionValues"]) for one in errors}
            created += [body["Values"] for body in some if tuple(body["Values"]) not in failed]
            if failed and not skip_existing:
                # Somebody else made one of them in between: all or none.
                self._delete(of, created)
                raise Failure(
                    "AlreadyExistsException", f"Partition already exists: {of.name_of(min(failed))}"
                )
        return created

    def _complete(self, of: PartitionsOf, body: dict[str, Any]) -> None:
        descriptor = body.get("StorageDescriptor")
        if descriptor is None:
            table = of.table.get("StorageDescriptor") or {}
            descriptor = body["StorageDescriptor"] = {m: v for m, v in table.items() if m != "Location"}
        if not descriptor.get("Location"):
            location = partition_location(of.table, body["Values"])
            if location is not None:
                descriptor["Location"] = location

    # -- alter ---------------------------------------------------------------------------------------

    def alter_partition(self, database: str, table: str, new: Any) -> None:
        """Replaces a partition. Raises InvalidOperationException."""
        self._alter(database, table, [new])

    def alter_partition_with_environment_context(
        self, database: str, table: str, new: Any, context: Any
    ) -> None:
        """Like ``alter_partition``."""
        self._alter(database, table, [new])

    def alter_partitions(self, database: str, table: str, new: list[Any]) -> None:
        """Replaces partitions. Raises InvalidOperationException."""
        self._alter(database, table, new or [])

    def alter_partitions_with_environment_context(
        self, database: str, table: str, new: list[Any], context: Any
    ) -> None:
        """Like ``alter_partitions``."""
        self._alter(database, table, new or [])

    def rename_partition(self, database: str, table: str, values: list[str], new: Any) -> None:
        """Gives a partition other values; the data of a managed table at its own place goes with it.

        Raises InvalidOperationException.
        """
        of = self._of(place(database), table)
        old = next(of.with_values([values]), None)
        if old is None:
            raise invalid_operation(f"Partition {values} of {of.table['Name']} does not exist")
        body = inputs.partition(new)
        self._complete(of, body)
        source = self._shapes.partition(old, of.table).sd.location
        moved, copied = None, list[str]()
        if (
            is_managed(of.table)
            and body["Values"] != values
            and source == partition_location(of.table, values)
        ):
            moved = partition_location(of.table, body["Values"])
        if moved is not None:
            copied = self._data.copy(source, moved)
            body["StorageDescriptor"]["Location"] = moved
        try:
            self._calls("UpdatePartition", PartitionValueList=values, PartitionInput=body, **of.within)
        except ServiceError as error:
            if moved is not None:
                self._data.delete_copied(moved, copied)
            raise invalid_operation(error.message) from error
        if moved is not None:
            self._data.delete_copied(source, copied)

    def _alter(self, database: str, table: str, new: list[Any]) -> None:
        of = self._of(place(database), table)
        bodies = [inputs.partition(one) for one in new]
        for body in bodies:
            self._complete(of, body)
        found = {tuple(one["Values"]) for one in of.with_values([body["Values"] for body in bodies])}
        for body in bodies:
            if tuple(body["Values"]) not in found:
                raise invalid_operation(f"Partition {body['Values']} of {of.table['Name']} does not exist")
        for start in range(0, len(bodies), UPDATED):
            entries = [
                {"PartitionValueList": body["Values"], "PartitionInput": body}
                for body in bodies[start : start + UPDATED]
            ]
            errors = self._calls("BatchUpdatePartition", Entries=entries, **of.within)["Errors"]
            if errors:
                raise invalid_operation(errors[0]["ErrorDetail"]["ErrorMessage"])

    # -- drop ----------------------------------------------------------------------------------------

    def drop_partition(self, database: str, table: str, values: list[str], delete_data: bool) -> bool:
        """With the data of a managed table if ``delete_data``. Raises NoSuchObjectException."""
        self._drop(self._of(place(database), table), [values or []], bool(delete_data), if_exists=False)
        return True

    def drop_partition_with_environment_context(
        self, database: str, table: str, values: list[str], delete_data: bool, context: Any
    ) -> bool:
        """Like ``drop_partition``."""
        return self.drop_partition(database, table, values, delete_data)

    def drop_partition_by_name(self, database: str, table: str, name: str, delete_data: bool) -> bool:
        """Like ``drop_partition``."""
        of = self._of(place(database), table)
        self._drop(of, [of.values_of(name)], bool(delete_data), if_exists=False)
        return True

    def drop_partition_by_name_with_environment_context(
        self, database: str, table: str, name: str, delete_data: bool, context: Any
    ) -> bool:
        """Like ``drop_partition``."""
        return self.drop_partition_by_name(database, table, name, delete_data)

    def drop_partitions_req(self, request: Any) -> Any:
        """Several, by their names. Raises NoSuchObjectException."""
        of = self._of(place(request.dbName, request.catName), request.tblName)
        if request.parts is None or request.parts.names is None:
            raise meta("Partitions are dropped by name: a serialized expression cannot be read here")
        wanted = [of.values_of(name) for name in request.parts.names]
        # Clients that say nothing mean yes.
        dropped = self._drop(of, wanted, request.deleteData is True, if_exists=request.ifExists is not False)
        return self._types.DropPartitionsResult(
            partitions=dropped if request.needResult is not False else None
        )

    def _drop(
        self, of: PartitionsOf, wanted: list[list[str]], delete_data: bool, *, if_exists: bool
    ) -> list[Any]:
        found = [self._shapes.partition(one, of.table) for one in of.with_values(wanted)]
        if len(found) < len(wanted) and not if_exists:
            raise no_such(f"Partition does not exist: {wanted}")
        doomed = [one.sd.location for one in found] if delete_data and is_managed(of.table) else []
        for location in doomed:
            self._data.check(location)
        self._delete(of, [one.values for one in found])
        for location in doomed:
            self._data.delete(location)
        return found

    def _delete(self, of: PartitionsOf, wanted: list[list[str]]) -> None:
        for start in range(0, len(wanted), DELETED):
            some = [{"Values": values} for values in wanted[start : start + DELETED]]
            # One that is gone already is no loss.
            self._calls("BatchDeletePartition", PartitionsToDelete=some, **of.within)

    def _of(self, where: dict[str, Any], table: str) -> PartitionsOf:
        return PartitionsOf(self._calls, where, table)

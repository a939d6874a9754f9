"""ALTER TABLE as the Metastore does it: a whole new definition over the old one, another name, another place.

Every change names the version of the table that it was made from, so that a writer of any other door is never
overwritten unseen. Owns no state.
"""

from __future__ import annotations

from typing import Any

from mastic.errors import ServiceError
from mastic.glue.catalog.attempts import again
from mastic.glue.catalog.entries import Entries, Lost
from mastic.glue.hive import inputs
from mastic.glue.hive.calls import Calls, catalog_of, place
from mastic.glue.hive.data import Data, is_iceberg, is_managed
from mastic.glue.hive.failures import Failure, invalid_operation, meta
from mastic.glue.hive.shapes import Shapes, partition_location

# Somebody else got in between so many times.
TRIES = 10
EXPECTED_KEY, EXPECTED_VALUE = "expected_parameter_key", "expected_parameter_value"
POINTER, FORMER_POINTER = "metadata_location", "previous_metadata_location"
# Members of a TableInput that clients of the Metastore neither see nor change.
_KEPT = ("ViewDefinition", "LastAnalyzedTime", "FederatedTable")
_PARTITION = ("Values", "LastAccessTime", "Parameters", "LastAnalyzedTime")
BATCH = 100


class Alterations:
    """Changes tables."""

    def __init__(self, *, calls: Calls, shapes: Shapes, data: Data, entries: Entries) -> None:
        self._calls = calls
        self._shapes = shapes
        self._data = data
        self._entries = entries

    def alter(
        self, where: dict[str, Any], name: str, new: Any, *, properties: dict[str, str] | None = None
    ) -> None:
        """Make ``new`` the definition of a table.

        Raises InvalidOperationException for a table that is not there, MetaException when the table is no longer what
        the client saw.
        """
        properties = properties or {}
        target = {**where, **place(new.dbName or where["DatabaseName"], new.catName)}

        def attempt() -> None:
            old = self._current(where, name)
            if "TargetTable" in old:
                raise invalid_operation(f"{name} is a resource link: alter the table that it leads to")
            self._compare(old, new, properties)
            if self._is_renamed(where, old, target, new):
                self._rename(where, old, target, new)
            else:
                self._update(where, old, self._body(old, new))

        again(TRIES, attempt, meta(f"Table {name} is being changed by others all the time: try again"))
        if properties.get("CASCADE", "").lower() == "true":
            self._cascade(target, new)

    # -- what the client saw -------------------------------------------------------------------------

    @staticmethod
    def _compare(old: dict[str, Any], new: Any, properties: dict[str, str]) -> None:
        """Raise a MetaException when the table has moved on since the client read it."""
        parameters = old.get("Parameters") or {}
        key = properties.get(EXPECTED_KEY)
        if key:
            expected = properties.get(EXPECTED_VALUE)
            if parameters.get(key) != expected:
                raise _modified(key, parameters.get(key), expected)
        after = new.parameters or {}
        if parameters.get("table_type", "").lower() != "iceberg" or POINTER not in after:
            return
        # Clients of Iceberg that do not say what they expect say what they started from.
        now, former = parameters.get(POINTER), after.get(FORMER_POINTER)
        if after[POINTER] != now and former != now:
            raise _modified(POINTER, now, former)

    def _current(self, where: dict[str, Any], name: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._calls("GetTable", Name=name, **where)["Table"]
        except ServiceError as error:
            if error.code == "EntityNotFoundException":
                raise invalid_operation(f"Table {where['DatabaseName']}.{name} does not exist") from None
            raise
        return found

    # -- one update ----------------------------------------------------------------------------------

    @staticmethod
    def _body(old: dict[str, Any], new: Any) -> dict[str, Any]:
        body = inputs.table(new)
        if "StorageDescriptor" in body and "StorageDescriptor" in old:
            kept = old["StorageDescriptor"]
            body["StorageDescriptor"] = {
                **{m: kept[m] for m in ("AdditionalLocations", "SchemaReference") if m in kept},
                **body["StorageDescriptor"],
            }
        return {**{member: old[member] for member in _KEPT if member in old}, **body, "Name": old["Name"]}

    def _update(self, where: dict[str, Any], old: dict[str, Any], body: dict[str, Any]) -> None:
        # As Iceberg's own clients do, no version is archived: the metadata files are the history.
        iceberg = body["Parameters"].get("table_type", "").lower() == "iceberg"
        given = {"VersionId": old["VersionId"], "SkipArchive": iceberg, **where}
        try:
            self._calls("UpdateTable", TableInput=body, **given)
        except ServiceError as error:
            if error.code == "ConcurrentModificationException":
                raise Lost from None
            raise

    # -- another name --------------------------------------------------------------------------------

    @staticmethod
    def _is_renamed(where: dict[str, Any], old: dict[str, Any], target: dict[str, Any], new: Any) -> bool:
        name = (new.tableName or old["Name"]).lower()
        return bool(name != old["Name"] or target["DatabaseName"].lower() != where["DatabaseName"].lower())

    def _rename(self, where: dict[str, Any], old: dict[str, Any], target: dict[str, Any], new: Any) -> None:
        """The data of a managed table at its own place goes with it: copied before the change, deleted after it."""
        if catalog_of(where) != catalog_of(target):
            raise invalid_operation("A table cannot be moved to another catalog")
        if new.sd is None:
            raise invalid_operation("A table needs a storage descriptor")
        self._body(old, new)
        source: str = (old.get("StorageDescriptor") or {}).get("Location") or ""
        moved: str | None = None
        copied: list[str] = []
        if is_managed(old) and not is_iceberg(old) and source and new.sd.location == source:
            moved = self._place_of(where, old["Name"], target, new.tableName.lower(), source)
        if moved is not None:
            copied = self._data.copy(source, moved)
            new.sd.location = moved
        catalog = where.get("CatalogId") or self._calls.context("RenameTable").account_id
        try:
            done = self._entries.rename(
                self._calls.context("RenameTable"),
                catalog,
                (where["DatabaseName"], old["Name"]),
                (target["DatabaseName"], new.tableName),
                wanted=lambda body: True,
                version=int(old["VersionId"]),
            )
            if not done:
                raise invalid_operation(f"Table {where['DatabaseName']}.{old['Name']} does not exist")
        except (Lost, ServiceError, Failure):
            # Nothing was renamed: the data stays where it was.
            if moved is not None:
                new.sd.location = source
                self._data.delete_copied(moved, copied)
            raise
        renamed = self._settle(target, new, version=int(old["VersionId"]) + 1)
        if moved is not None:
            self._move_partitions(target, renamed, source, moved)
            self._data.delete_copied(source, copied)

    def _settle(self, where: dict[str, Any], new: Any, *, version: int) -> dict[str, Any]:
        """Give a table that has its new name, and is still as the renaming left it, the rest of its new definition."""
        renamed = self._current(where, new.tableName)
        try:
            self._update(where, {**renamed, "VersionId": str(version)}, self._body(renamed, new))
        except Lost:
            raise meta(
                f"Table {new.tableName} was renamed, and changed by somebody else at once: its definition is theirs"
            ) from None
        return renamed

    def _place_of(
        self, where: dict[str, Any], name: str, target: dict[str, Any], new_name: str, source: str
    ) -> str | None:
        """Where the data of a renamed table belongs; None when it was never at the default place."""

        def default(database: dict[str, Any], table: str) -> str:
            found = self._calls("GetDatabase", Name=database["DatabaseName"], **catalog_of(database))[
                "Database"
            ]
            return f"{self._shapes.database(found).locationUri.rstrip('/')}/{table}"

        return default(target, new_name) if source.rstrip("/") == default(where, name) else None

    def _move_partitions(self, where: dict[str, Any], table: dict[str, Any], source: str, moved: str) -> None:
        if not table.get("PartitionKeys"):
            return
        below = source.rstrip("/") + "/"

        def changed(partition: dict[str, Any]) -> dict[str, Any] | None:
            descriptor = partition.get("StorageDescriptor") or {}
            location = descriptor.get("Location") or partition_location(table, partition["Values"]) or ""
            if not location.startswith(below):
                return None
            return {**descriptor, "Location": f"{moved.rstrip('/')}/{location[len(below) :]}"}

        self._change_partitions(where, table["Name"], changed)

    # -- partitions ----------------------------------------------------------------------------------

    def _cascade(self, where: dict[str, Any], new: Any) -> None:
        columns = inputs.columns(new.sd.cols) if new.sd is not None else []

        def changed(partition: dict[str, Any]) -> dict[str, Any] | None:
            descriptor = partition.get("StorageDescriptor")
            return None if descriptor is None else {**descriptor, "Columns": columns}

        self._change_partitions(where, new.tableName, changed)

    def _change_partitions(self, where: dict[str, Any], name: str, changed: Any) -> None:
        entries: list[dict[str, Any]] = []
        for one in self._calls.pages("GetPartitions", "Partitions", TableName=name, **where):
            descriptor = changed(one)
            if descriptor is not None:
                kept = {m: one[m] for m in _PARTITION if m in one}
                body = {**kept, "StorageDescriptor": descriptor}
                entries.append({"PartitionValueList": one["Values"], "PartitionInput": body})
        for start in range(0, len(entries), BATCH):
            some = entries[start : start + BATCH]
            errors = self._calls("BatchUpdatePartition", TableName=name, Entries=some, **where)["Errors"]
            # One that has been deleted meanwhile needs no change.
            failed = [e for e in errors if e["ErrorDetail"]["ErrorCode"] != "EntityNotFoundException"]
            if failed:
                raise meta(f"Partitions were not changed: {failed[0]['ErrorDetail']['ErrorMessage']}")


def _modified(key: str, found: str | None, expected: str | None) -> Exception:
    # Clients of Iceberg look for this very text to know that they lost a race.
    return meta(
        f"The table has been modified. The parameter value for key '{key}' is '{found}'. "
        f"The expected was value was '{expected}'"
    )

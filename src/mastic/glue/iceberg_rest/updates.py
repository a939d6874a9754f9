"""Requirements and updates of a commit, applied to table metadata. Pure: owns no state.

PyIceberg checks the requirements and applies the updates. What a server has to do before is done here: give new
schemas, specs and sort orders an id that is free, find again those that are there already, resolve "the last
added", and pass over removals of what is not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mastic.glue.iceberg_rest.failures import bad_request, commit_failed, understanding

if TYPE_CHECKING:
    from pyiceberg.table.metadata import TableMetadata
    from pyiceberg.table.update import TableRequirement, TableUpdate

LAST_ADDED = -1


def read_requirements(given: list[Any]) -> list[TableRequirement]:
    """The requirements of a commit. Raises BadRequestException."""
    from pydantic import TypeAdapter
    from pyiceberg.table.update import TableRequirement

    with understanding("requirements"):
        return TypeAdapter(list[TableRequirement]).validate_python(given)


def read_updates(given: list[Any]) -> list[TableUpdate]:
    """The updates of a commit. Raises BadRequestException."""
    from pydantic import TypeAdapter
    from pyiceberg.table.update import TableUpdate

    with understanding("updates"):
        return TypeAdapter(list[TableUpdate]).validate_python(given)


def creates(requirements: Sequence[TableRequirement]) -> bool:
    """Whether the commit makes the table."""
    return any(requirement.type == "assert-create" for requirement in requirements)


def check(requirements: Sequence[TableRequirement], base: TableMetadata | None) -> None:
    """Raises CommitFailedException for the first requirement that does not hold."""
    from pyiceberg.exceptions import CommitFailedException

    for requirement in requirements:
        try:
            requirement.validate(base)
        except CommitFailedException as error:
            raise commit_failed(str(error)) from None


def applied(
    base: TableMetadata | None, updates: Sequence[TableUpdate], location: str | None
) -> TableMetadata:
    """The metadata after the updates. ``location`` is where ``base`` is, for the log of earlier metadata.

    Raises BadRequestException for updates that cannot be applied, CommitFailedException for a snapshot that
    another writer has overtaken.
    """
    from pyiceberg.table.update import update_table_metadata

    with understanding("update"):
        start = base if base is not None else _nothing(updates)
        adapted = tuple(_Adapter(start, new=base is None).adapt(updates))
        if not adapted:
            return start
        # Values are copied unchecked by the updates: the whole is validated again at the end.
        return update_table_metadata(start, adapted, enforce_validation=True, metadata_location=location)


def _nothing(updates: Sequence[TableUpdate]) -> TableMetadata:
    """What a new table's first updates are applied to."""
    from pyiceberg.partitioning import PARTITION_FIELD_ID_START, UNPARTITIONED_PARTITION_SPEC
    from pyiceberg.table.metadata import TableMetadataV1, TableMetadataV2
    from pyiceberg.table.sorting import UNSORTED_SORT_ORDER

    given = {update.action for update in updates}
    for needed in ("add-schema", "set-current-schema", "set-location"):
        if needed not in given:
            raise bad_request(f"A new table needs the update {needed}")
    version = next((u.format_version for u in updates if u.action == "upgrade-format-version"), 2)
    if version not in (1, 2):
        raise bad_request(f"Unsupported table format version: {version}")
    kind = TableMetadataV1 if version == 1 else TableMetadataV2
    return kind.model_construct(
        location="",
        format_version=version,
        last_column_id=0,
        # Readers other than PyIceberg insist on one.
        last_partition_id=PARTITION_FIELD_ID_START - 1,
        last_sequence_number=0,
        last_updated_ms=0,
        current_schema_id=LAST_ADDED,
        schemas=[],
        partition_specs=[] if "add-spec" in given else [UNPARTITIONED_PARTITION_SPEC],
        default_spec_id=LAST_ADDED if "set-default-spec" in given else 0,
        sort_orders=[] if "add-sort-order" in given else [UNSORTED_SORT_ORDER],
        default_sort_order_id=LAST_ADDED if "set-default-sort-order" in given else 0,
        properties={},
        snapshots=[],
        snapshot_log=[],
        metadata_log=[],
        statistics=[],
        partition_statistics=[],
        refs={},
        current_snapshot_id=None,
    )


class _Adapter:
    """Walks through the updates of one commit, with what the table has at each step."""

    def __init__(self, base: TableMetadata, *, new: bool) -> None:
        self._base = base
        self._new = new
        self._schemas = {schema.schema_id: schema for schema in base.schemas}
        self._specs = {spec.spec_id: spec for spec in base.partition_specs}
        self._orders = {order.order_id: order for order in base.sort_orders}
        self._snapshots = {snapshot.snapshot_id for snapshot in base.snapshots}
        self._statistics = {one.snapshot_id for one in base.statistics}
        self._partition_statistics = {one.snapshot_id for one in base.partition_statistics}
        self._properties = set(base.properties)
        self._last: dict[str, int] = {}

    def adapt(self, updates: Sequence[TableUpdate]) -> Iterator[TableUpdate]:
        for update in updates:
            found = self._adapted(update)
            if found is not None:
                yield found

    def _adapted(self, update: Any) -> Any:
        match update.action:
            case "assign-uuid":
                if not self._new and update.uuid != self._base.table_uuid:
                    raise bad_request("The UUID of a table cannot be changed")
            case "add-schema" | "add-spec" | "add-sort-order":
                return self._added(update)
            case "set-current-schema":
                return self._chosen(update, "schema", "schema_id")
            case "set-default-spec":
                return self._chosen(update, "spec", "spec_id")
            case "set-default-sort-order":
                return self._chosen(update, "sort order", "sort_order_id")
            case "set-location":
                return update.model_copy(update={"location": update.location.rstrip("/")})
            case "set-properties":
                self._properties |= set(update.updates)
            case "add-snapshot":
                self._check_snapshot(update.snapshot)
            case "set-statistics":
                self._statistics.add(update.statistics.snapshot_id)
            case "set-partition-statistics":
                self._partition_statistics.add(update.partition_statistics.snapshot_id)
            case _:
                return self._removal(update)
        return update

    def _added(self, update: Any) -> Any:
        """The update with a free id, or None when the table has the same already."""
        known: dict[int, Any]
        if update.action == "add-schema":
            kind, member, attribute, known = "schema", "schema_", "schema_id", self._schemas
            update.schema_.check_format_version_compatibility(self._base.format_version)
        elif update.action == "add-spec":
            kind, member, attribute, known = "spec", "spec", "spec_id", self._specs
        else:
            kind, member, attribute, known = "sort order", "sort_order", "order_id", self._orders
        one = getattr(update, member)
        same = next((i for i, other in known.items() if _content(other) == _content(one)), None)
        if same is not None:
            self._last[kind] = same
            return None
        number = getattr(one, attribute)
        if number in known or number < 0:
            number = max(known, default=-1) + 1
            one = one.model_copy(update={attribute: number})
        known[number] = one
        self._last[kind] = number
        return update.model_copy(update={member: one})

    def _chosen(self, update: Any, kind: str, attribute: str) -> Any:
        if getattr(update, attribute) != LAST_ADDED:
            return update
        if kind not in self._last:
            raise bad_request(f"There is no last added {kind}: none was added")
        return update.model_copy(update={attribute: self._last[kind]})

    def _check_snapshot(self, snapshot: Any) -> None:
        number, last = snapshot.sequence_number, getattr(self._base, "last_sequence_number", 0)
        if (
            self._base.format_version > 1
            and number is not None
            and number <= last
            and snapshot.parent_snapshot_id is not None
        ):
            # Another branch was committed to meanwhile: the client can take a later number.
            raise commit_failed(f"Snapshot {snapshot.snapshot_id} has sequence number {number}, after {last}")
        self._snapshots.add(snapshot.snapshot_id)

    def _removal(self, update: Any) -> Any:
        """A removal cut down to what is there; None when nothing is left of it."""
        match update.action:
            case "remove-properties":
                kept = [name for name in update.removals if name in self._properties]
                self._properties -= set(kept)
                return update.model_copy(update={"removals": kept}) if kept else None
            case "remove-snapshots":
                found = [one for one in update.snapshot_ids if one in self._snapshots]
                return update.model_copy(update={"snapshot_ids": found}) if found else None
            case "remove-schemas":
                found = [one for one in update.schema_ids if one in self._schemas]
                return update.model_copy(update={"schema_ids": found}) if found else None
            case "remove-partition-specs":
                found = [one for one in update.spec_ids if one in self._specs]
                return update.model_copy(update={"spec_ids": found}) if found else None
            case "remove-statistics":
                return update if update.snapshot_id in self._statistics else None
            case "remove-partition-statistics":
                return update if update.snapshot_id in self._partition_statistics else None
        return update


def _content(one: Any) -> Any:
    """A schema, spec or sort order without its id."""
    if hasattr(one, "identifier_field_ids"):
        return one.as_struct(), sorted(one.identifier_field_ids)
    return one.fields

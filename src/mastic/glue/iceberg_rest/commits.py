"""Commits: requirements checked, updates applied, new metadata written, and the pointers swapped in one
transaction, whether of one table or of many. State: the metadata files and ``catalog_tables``.

The swap names the version of the entry that the metadata was read from. A writer of any door that came first
makes the server begin again from what is there now; only requirements that no longer hold fail the commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mastic.errors import ServiceError
from mastic.glue.catalog.attempts import again
from mastic.glue.catalog.entries import Entries, Lost, Swap
from mastic.glue.catalog.iceberg_metadata import (
    MetadataFiles,
    document_of,
    following,
    metadata_location,
    table_input,
)
from mastic.glue.iceberg_rest import updates as rules
from mastic.glue.iceberg_rest.calls import Call, Reply, identifier, list_of, new_name
from mastic.glue.iceberg_rest.failures import (
    Failure,
    already_exists,
    bad_request,
    commit_failed,
    no_such_namespace,
    no_such_table,
)
from mastic.glue.iceberg_rest.listings import Listings, checked
from mastic.glue.iceberg_rest.tables import described

if TYPE_CHECKING:
    from pyiceberg.table.metadata import TableMetadata
    from pyiceberg.table.update import TableRequirement, TableUpdate

ATTEMPTS = 20
MOST_TABLES = 100


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a commit asks of one table."""

    namespace: str
    name: str
    requirements: Sequence[TableRequirement]
    updates: Sequence[TableUpdate]


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A table as it will be. ``swap`` is None when the commit changes nothing."""

    metadata: TableMetadata
    location: str
    swap: Swap | None


class Commits:
    """The handlers."""

    def __init__(self, *, entries: Entries, files: MetadataFiles, listings: Listings) -> None:
        self._entries = entries
        self._files = files
        self._listings = listings

    def commit_table(self, call: Call) -> Reply:
        """Raises NoSuchTableException, CommitFailedException, BadRequestException."""
        document = call.document
        path = (call.namespace, call.labels["table"])
        if document.get("identifier") is not None:
            named = identifier(document, "identifier")
            if [part.lower() for part in named] != [part.lower() for part in path]:
                raise bad_request(f"The identifier {'.'.join(named)} is not the table of the path")
        planned = self._commit(call, [_change(document, path)])[0]
        return Reply(
            document={"metadata-location": planned.location, "metadata": document_of(planned.metadata)}
        )

    def commit_transaction(self, call: Call) -> Reply:
        """All of the tables, or none. Raises as ``commit_table``."""
        changes = []
        for one in list_of(call.document, "table-changes"):
            if not isinstance(one, dict):
                raise bad_request("table-changes must be a list of objects")
            changes.append(_change(one, identifier(one, "identifier")))
        if not changes or len(changes) > MOST_TABLES:
            raise bad_request(f"A transaction changes 1 to {MOST_TABLES} tables, not {len(changes)}")
        tables = {(change.namespace.lower(), change.name.lower()) for change in changes}
        if len(tables) < len(changes):
            raise bad_request("A transaction names every table once")
        self._commit(call, changes)
        return Reply(status=204)

    def _commit(self, call: Call, changes: Sequence[Change]) -> list[Planned]:
        slow = commit_failed("Other writers were faster every time; try again")
        return again(ATTEMPTS, lambda: self._attempt(call, changes), slow)

    def _attempt(self, call: Call, changes: Sequence[Change]) -> list[Planned]:
        planned = self._plan(call, changes)
        swaps = [one.swap for one in planned if one.swap is not None]
        if not swaps:
            return planned
        try:
            self._entries.swap(call.context, call.catalog, swaps)
        except Lost:
            self._discard(planned)
            raise
        except ServiceError as error:
            # Refused as a whole. (Any other exception leaves it open whether the swap has happened.)
            self._discard(planned)
            raise _refused(error, changes) from None
        return planned

    def _plan(self, call: Call, changes: Sequence[Change]) -> list[Planned]:
        planned: list[Planned] = []
        try:
            for change in changes:
                planned.append(self._plan_one(call, change))
        except (Failure, ServiceError):
            self._discard(planned)
            raise
        return planned

    def _plan_one(self, call: Call, change: Change) -> Planned:
        creates = rules.creates(change.requirements)
        missing = None if creates else no_such_table
        seen = self._listings.find(call, change.namespace, change.name, missing=missing)
        current = metadata_location(seen.body) if seen is not None else None
        if current is None and not creates:
            raise no_such_table(change.namespace, change.name)
        if current is None and seen is not None:
            raise already_exists(f"{change.namespace}.{change.name}")
        base = self._files.table(current) if current is not None else None
        rules.check(change.requirements, base)
        metadata = rules.applied(base, change.updates, current)
        if base is not None and current is not None and metadata is base:
            return Planned(metadata=base, location=current, swap=None)
        return self._written(change, metadata, current, seen)

    def _written(self, change: Change, metadata: TableMetadata, current: str | None, seen: Any) -> Planned:
        checked(metadata.location)
        name = seen.body["Name"] if seen is not None else new_name(change.name, "table")
        location = self._files.store(
            document_of(metadata),
            base=metadata.location,
            number=following(current) if current is not None else 0,
        )
        kept = {k: v for k, v in seen.body.items() if k != "Description"} if seen is not None else {}
        body = table_input(
            name, metadata, location, {**kept, **described(metadata.properties)}, previous=current
        )
        swap = Swap(database=change.namespace, name=change.name, body=body, seen=seen)
        return Planned(metadata=metadata, location=location, swap=swap)

    def _discard(self, planned: Sequence[Planned]) -> None:
        """Nothing points at these files, and nothing will."""
        for one in planned:
            if one.swap is not None:
                self._files.discard(one.location)


def _change(document: dict[str, Any], table: tuple[str, str]) -> Change:
    return Change(
        namespace=table[0],
        name=table[1],
        requirements=rules.read_requirements(list_of(document, "requirements")),
        updates=rules.read_updates(list_of(document, "updates")),
    )


def _refused(error: ServiceError, changes: Sequence[Change]) -> Failure | ServiceError:
    if error.code == "AlreadyExistsException":
        # Another client made the table between our look and the swap.
        return commit_failed("Requirement failed: the table was created by another writer")
    if error.code == "EntityNotFoundException":
        return no_such_namespace(", ".join(sorted({change.namespace for change in changes})))
    return error

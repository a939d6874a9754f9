"""Tables of the REST catalog: list, create, load, register, rename, drop. State: ``catalog_tables``.

They are the Glue tables whose ``table_type`` is ICEBERG; other tables are not seen here.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import structlog

from mastic.errors import ServiceError
from mastic.glue.catalog.entries import Entries, Lost, Swap
from mastic.glue.catalog.iceberg_metadata import (
    MetadataFiles,
    document_of,
    metadata_location,
    parsed,
    table_input,
)
from mastic.glue.iceberg_rest.calls import (
    Call,
    Reply,
    flag,
    identifier,
    new_name,
    object_of,
    text,
    texts,
)
from mastic.glue.iceberg_rest.configuration import Configuration
from mastic.glue.iceberg_rest.failures import (
    already_exists,
    bad_request,
    commit_failed,
    no_such_namespace,
    no_such_table,
    understanding,
)
from mastic.glue.iceberg_rest.listings import Listings
from mastic.glue.iceberg_rest.purging import Purges
from mastic.store.catalog_tables import TableRow

if TYPE_CHECKING:
    from pyiceberg.table.metadata import TableMetadata

LONGEST_REPORT = 16 * 1024


def is_table(body: dict[str, Any]) -> bool:
    """Whether an entry is an Iceberg table."""
    return metadata_location(body) is not None


class Tables:
    """The handlers."""

    def __init__(
        self,
        *,
        entries: Entries,
        files: MetadataFiles,
        listings: Listings,
        configuration: Configuration,
        purges: Purges,
    ) -> None:
        self._entries = entries
        self._files = files
        self._listings = listings
        self._configuration = configuration
        self._purges = purges
        self._log = structlog.get_logger("mastic.iceberg")

    def list_tables(self, call: Call) -> Reply:
        """By name. Raises NoSuchNamespaceException."""
        return self._listings.answer(call, "ListTables", is_table)

    # -- create --------------------------------------------------------------------------------------

    def create_table(self, call: Call) -> Reply:
        """Makes it, or with ``stage-create`` answers what a commit will make.

        Raises NoSuchNamespaceException, AlreadyExistsException.
        """
        namespace, document = call.namespace, call.document
        name = new_name(text(document, "name"), "table")
        base = self._listings.place(call, namespace, name, document.get("location"))
        if self._find(call, namespace, name) is not None:
            raise already_exists(f"Table {namespace}.{name}")
        metadata = _new(document, base)
        if flag(document, "stage-create"):
            return Reply(document=self._loaded(call, document_of(metadata), None))
        location = self._files.store(document_of(metadata), base=metadata.location, number=0)
        self._create(call, namespace, name, metadata, location, written=True)
        return Reply(document=self._loaded(call, document_of(metadata), location))

    def register_table(self, call: Call) -> Reply:
        """Puts a table into the catalog whose metadata is there already; ``overwrite`` over one of that name."""
        namespace, document = call.namespace, call.document
        name = new_name(text(document, "name"), "table")
        location = text(document, "metadata-location")
        seen = self._find(call, namespace, name)
        raw = self._files.load(location)
        metadata = parsed(raw, location)
        if seen is None:
            self._create(call, namespace, name, metadata, location, written=False)
        elif flag(document, "overwrite") and is_table(seen.body):
            body = table_input(
                seen.body["Name"], metadata, location, seen.body, previous=metadata_location(seen.body)
            )
            try:
                swap = Swap(database=namespace, name=name, body=body, seen=seen)
                self._entries.swap(call.context, call.catalog, [swap])
            except Lost:
                raise commit_failed(f"Table {namespace}.{name} is being changed by another writer") from None
        else:
            raise already_exists(f"Table {namespace}.{name}")
        return Reply(document=self._loaded(call, raw, location))

    def _create(
        self, call: Call, namespace: str, name: str, metadata: TableMetadata, location: str, *, written: bool
    ) -> None:
        body = table_input(name, metadata, location, described(metadata.properties), previous=None)
        try:
            swap = Swap(database=namespace, name=name, body=body, seen=None)
            self._entries.swap(call.context, call.catalog, [swap])
        except ServiceError as error:
            if written:
                self._files.discard(location)
            if error.code == "AlreadyExistsException":
                raise already_exists(f"Table {namespace}.{name}") from None
            if error.code == "EntityNotFoundException":
                raise no_such_namespace(namespace) from None
            raise

    # -- load ----------------------------------------------------------------------------------------

    def load_table(self, call: Call) -> Reply:
        """The whole metadata, or with ``snapshots=refs`` only the snapshots that a branch or tag names.

        Raises NoSuchTableException. Answers 304 to an ETag that is still right.
        """
        location = self._location(call)
        which = call.query.get("snapshots", "all")
        if which not in ("all", "refs"):
            raise bad_request(f"snapshots must be all or refs, not {which!r}")
        # Metadata files never change, so that the name of one stands for what it says.
        tag = f'"{hashlib.sha256(f"{which} {location}".encode()).hexdigest()[:32]}"'
        given = (call.context.http.headers if call.context.http else {}).get("if-none-match", "")
        if tag in [one.strip().removeprefix("W/") for one in given.split(",")]:
            return Reply(status=304, headers={"ETag": tag})
        document = self._files.load(location)
        if which == "refs":
            document = _referenced(document)
        return Reply(document=self._loaded(call, document, location), headers={"ETag": tag})

    def table_exists(self, call: Call) -> Reply:
        """204, or 404."""
        self._location(call)
        return Reply(status=204)

    def load_credentials(self, call: Call) -> Reply:
        """How to reach the table's files. Raises NoSuchTableException."""
        location = self._location(call)
        return Reply(document={"storage-credentials": self._credentials(call, location)})

    def report_metrics(self, call: Call) -> Reply:
        """Takes a client's scan or commit report into the log."""
        self._location(call)
        report = call.document
        kind = report.get("report-type")
        if kind not in ("scan-report", "commit-report"):
            raise bad_request("report-type must be scan-report or commit-report")
        # A report is as long as its sender likes: only one of a usual size is written down whole.
        metrics = report.get("metrics") if len(call.body) <= LONGEST_REPORT else None
        self._log.info(
            "iceberg metrics",
            report=kind,
            namespace=call.namespace,
            table=call.labels["table"],
            metrics=metrics,
        )
        return Reply(status=204)

    # -- rename, drop --------------------------------------------------------------------------------

    def rename_table(self, call: Call) -> Reply:
        """To another name or namespace; its files stay where they are.

        Raises NoSuchTableException, NoSuchNamespaceException, AlreadyExistsException.
        """
        document = call.document
        source, target = identifier(document, "source"), identifier(document, "destination")
        new_name(target[1], "table")
        if self._find(call, *source) is None:
            raise no_such_table(*source)
        if not self._listings.rename(call, source, target, is_table):
            raise no_such_table(*source)
        return Reply(status=204)

    def drop_table(self, call: Call) -> Reply:
        """With ``purgeRequested`` its files go as well, soon after. Raises NoSuchTableException."""
        namespace, name = call.namespace, call.labels["table"]
        wanted = call.query.get("purgeRequested", "false").lower()
        if wanted not in ("true", "false"):
            raise bad_request(f"purgeRequested must be true or false, not {wanted!r}")
        also = self._purges.order if wanted == "true" else None
        self._listings.namespace_of(call, namespace)
        if not self._entries.drop(call.context, call.catalog, namespace, name, wanted=is_table, also=also):
            raise no_such_table(namespace, name)
        return Reply(status=204)

    # -- shared --------------------------------------------------------------------------------------

    def _find(self, call: Call, namespace: str, name: str) -> TableRow | None:
        return self._listings.find(call, namespace, name)

    def _location(self, call: Call) -> str:
        """Where the metadata of the table in the path is."""
        # A namespace that is not there has no tables: clients look for t.snapshots in a namespace t this way.
        row = self._listings.find(call, call.namespace, call.labels["table"], missing=no_such_table)
        location = metadata_location(row.body) if row is not None else None
        if location is None:
            raise no_such_table(call.namespace, call.labels["table"])
        return location

    def _loaded(self, call: Call, document: dict[str, Any], location: str | None) -> dict[str, Any]:
        result: dict[str, Any] = {
            "metadata": document,
            "config": self._configuration.of_tables(call),
            "storage-credentials": self._credentials(call, str(document.get("location", ""))),
        }
        return {"metadata-location": location, **result} if location is not None else result

    def _credentials(self, call: Call, location: str) -> list[dict[str, Any]]:
        bucket = "/".join(location.split("/")[:3])
        if not bucket.startswith("s3"):
            return []
        return [{"prefix": f"{bucket}/", "config": self._configuration.of_tables(call)}]


def described(properties: dict[str, str]) -> dict[str, Any]:
    """What of a table's properties Glue has a member for."""
    comment = properties.get("comment")
    return {"Description": comment[:2048]} if comment else {}


def _new(document: dict[str, Any], base: str) -> TableMetadata:
    from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.table.metadata import new_table_metadata
    from pyiceberg.table.sorting import UNSORTED_SORT_ORDER, SortOrder

    spec, order = object_of(document, "partition-spec"), object_of(document, "write-order")
    properties = texts(document, "properties")
    if properties.get("format-version", "2") not in ("1", "2"):
        # As AWS's endpoint has it. Tables of version 3 that are there can be read.
        raise bad_request(f"Unsupported table format version: {properties['format-version'][:20]}")
    with understanding("table"):
        schema = Schema.model_validate({"type": "struct", **object_of(document, "schema")})
        metadata = new_table_metadata(
            schema=schema,
            partition_spec=PartitionSpec.model_validate(spec) if spec else UNPARTITIONED_PARTITION_SPEC,
            sort_order=SortOrder.model_validate(order) if order else UNSORTED_SORT_ORDER,
            location=base,
            properties=properties,
        )
        metadata.spec().check_compatible(metadata.schema())
        metadata.sort_order().check_compatible(metadata.schema())
        return metadata


def _referenced(document: dict[str, Any]) -> dict[str, Any]:
    refs = document.get("refs") or {}
    named = {ref.get("snapshot-id") for ref in refs.values() if isinstance(ref, dict)}
    named.add(document.get("current-snapshot-id"))
    snapshots = [one for one in document.get("snapshots") or [] if one.get("snapshot-id") in named]
    return {**document, "snapshots": snapshots}

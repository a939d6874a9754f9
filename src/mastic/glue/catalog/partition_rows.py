"""Between a PartitionInput, a row of the store and a Partition. Owns no state."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection

from mastic.glue.catalog import partition_keys, rekeying
from mastic.glue.catalog.lookup import Place
from mastic.glue.catalog.shapes import DESCRIPTOR
from mastic.store import catalog_partitions, sealing
from mastic.store.catalog_partitions import Descriptor, NewPartitions
from mastic.store.catalog_tables import TableRow
from mastic.store.schema import dumps
from mastic.wire.dispatch import AsIs

_DIGEST = 16


class Coder:
    """Encodes the partitions of one table. ``body`` is its TableInput."""

    def __init__(self, body: dict[str, Any]) -> None:
        families = rekeying.families(body)
        self.keys = len(families)
        self._encoder = partition_keys.Encoder(families)
        # Partitions written together mostly have one descriptor: its text is made once.
        self._last: tuple[dict[str, Any], Descriptor] | None = None

    def key(self, values: Sequence[str]) -> str:
        """The key of the partition that has these values, as many as the table has keys."""
        if len(values) != self.keys:
            # Such a partition cannot exist; no key looks like this one.
            return "\x02"
        (key,), _ = self._encoder.encode([values])
        return key

    def encode(
        self, values: Sequence[Sequence[str]], given: Sequence[dict[str, Any]], created: int
    ) -> NewPartitions:
        """PartitionInputs as the store takes them, with their values, as many as the table has keys."""
        keys, parts = self._encoder.encode(values)
        descriptors: list[Descriptor | None] = []
        documents = []
        for some, one in zip(values, given, strict=True):
            document = {**one, "Values": some}
            shared = document.pop("StorageDescriptor", None)
            descriptor = None
            if shared is not None:
                shared = {**shared}
                if "Location" in shared:
                    # No PartitionInput has a member of this name.
                    document["Location"] = shared.pop("Location")
                descriptor = self._shared(shared)
            descriptors.append(descriptor)
            documents.append(dumps(document))
        return NewPartitions(keys, parts, descriptors, documents, created)

    def _shared(self, shared: dict[str, Any]) -> Descriptor:
        """A descriptor without its location."""
        if self._last is None or self._last[0] != shared:
            text = dumps(shared)
            digest = hashlib.blake2b(text.encode(), digest_size=_DIGEST).digest()
            self._last = (shared, Descriptor(digest, text))
        return self._last[1]


def shapes(
    tx: Connection, place: Place, table: TableRow, rows: Sequence[Any], *, without_columns: bool = False
) -> list[dict[str, Any]]:
    """Rows as clients see them."""
    ids = {row.descriptor for row in rows if row.descriptor is not None}
    shared = {
        which: AsIs(DESCRIPTOR | orjson.loads(text))
        for which, text in catalog_partitions.descriptor_bodies(tx, ids).items()
    }
    if without_columns:
        for descriptor in shared.values():
            descriptor.pop("Columns", None)
    found = []
    read = sealing.opener(tx)
    for row in rows:
        out = orjson.loads(read(row.document) or "")
        location = out.pop("Location", None)
        out["DatabaseName"] = place.database
        out["TableName"] = table.name
        out["CreationTime"] = row.created // 1000 / 1000
        out["CatalogId"] = place.catalog.id
        if row.descriptor is not None:
            descriptor = shared[row.descriptor]
            out["StorageDescriptor"] = descriptor if location is None else AsIs(descriptor, Location=location)
        found.append(out)
    return found

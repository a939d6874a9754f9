"""Between a PartitionInput, a row of the store and a Partition. Owns no state."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection

from mastic.glue.catalog import partition_keys, rekeying
from mastic.glue.catalog.lookup import Place
from mastic.glue.catalog.shapes import DESCRIPTOR
from mastic.store import catalog_partitions, sealing
from mastic.store.catalog_partitions import SLOTS, NewPartition
from mastic.store.catalog_tables import TableRow
from mastic.store.schema import dumps
from mastic.wire.dispatch import AsIs

_DIGEST = 16
_APART = frozenset({"Values", "StorageDescriptor"})


class Coder:
    """Encodes the partitions of one table. ``body`` is its TableInput."""

    def __init__(self, body: dict[str, Any]) -> None:
        families = rekeying.families(body)
        self.keys = len(families)
        self._encoder = partition_keys.Encoder(families)
        # Partitions written together mostly have one descriptor: its text is made once.
        self._last: tuple[dict[str, Any], str, bytes] | None = None

    def key(self, values: Sequence[str]) -> str:
        """The key of the partition that has these values, as many as the table has keys."""
        if len(values) != self.keys:
            # Such a partition cannot exist; no key looks like this one.
            return "\x02"
        return self._encoder.encode(values).key

    def encode(self, values: Sequence[str], given: dict[str, Any], created: int) -> NewPartition:
        """The row of a PartitionInput."""
        key, parts = self._encoder.encode(values)
        digest = text = location = None
        if "StorageDescriptor" in given:
            shared = dict(given["StorageDescriptor"])
            location = shared.pop("Location", None)
            if location is not None and "\x00" in location:
                # No text column takes NUL; the shared part is JSON and may hold it.
                shared["Location"], location = location, None
            text, digest = self._shared(shared)
        body = None
        if len(given) > 2 or not given.keys() <= _APART:
            body = dumps({m: v for m, v in given.items() if m not in _APART})
        return NewPartition(
            key,
            parts,
            slot=zlib.crc32(key.encode()) % SLOTS,
            values=orjson.dumps(values).decode(),
            digest=digest,
            location=location,
            body=body,
            created=created,
            descriptor=text,
        )

    def _shared(self, shared: dict[str, Any]) -> tuple[str, bytes]:
        """The text and digest of a descriptor without its location."""
        if self._last is None or self._last[0] != shared:
            text = dumps(shared)
            digest = hashlib.blake2b(text.encode(), digest_size=_DIGEST).digest()
            self._last = (shared, text, digest)
        return self._last[1], self._last[2]


def shapes(
    tx: Connection, place: Place, table: TableRow, rows: Sequence[Any], *, without_columns: bool = False
) -> list[dict[str, Any]]:
    """Rows as clients see them."""
    digests = {bytes(row.descriptor) for row in rows if row.descriptor is not None}
    shared = {
        digest: AsIs(DESCRIPTOR | orjson.loads(text))
        for digest, text in catalog_partitions.descriptor_bodies(tx, table.id, digests).items()
    }
    if without_columns:
        for descriptor in shared.values():
            descriptor.pop("Columns", None)
    found = []
    read = sealing.opener(tx)
    for row in rows:
        out = orjson.loads(read(row.body) or "") if row.body else {}
        out["Values"] = orjson.loads(row.values)
        out["DatabaseName"] = place.database
        out["TableName"] = table.name
        out["CreationTime"] = row.created // 1000 / 1000
        out["CatalogId"] = place.catalog.id
        if row.descriptor is not None:
            descriptor = shared[bytes(row.descriptor)]
            out["StorageDescriptor"] = (
                descriptor if row.location is None else AsIs(descriptor, Location=read(row.location))
            )
        found.append(out)
    return found

"""Gives a table's partitions new encodings when an update changes the types of its partition keys.

Owns no state of its own: the encodings are columns of ``catalog_partitions``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection

from mastic.glue.catalog import partition_keys
from mastic.store import catalog_partitions, sealing

CHUNK = 2000


def families(body: dict[str, Any], count: int | None = None) -> list[str | None]:
    """The families of a table's key types; ``count`` pads or cuts the list, as values may outnumber keys."""
    found = [partition_keys.family(key.get("Type") or "string") for key in body.get("PartitionKeys") or []]
    if count is None:
        return found
    return (found + [None] * count)[:count]


def if_types_differ(tx: Connection, table_id: int, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Re-encode every partition if the key types of ``old`` and ``new`` differ."""
    if families(old) == families(new) or not catalog_partitions.any_of(tx, table_id):
        return
    after = 0
    while True:
        rows = catalog_partitions.after_id(tx, table_id, after, CHUNK)
        catalog_partitions.rekey(tx, table_id, _encoded(tx, rows, new))
        if len(rows) < CHUNK:
            return
        after = rows[-1].id


def values(tx: Connection, row: Any) -> list[str]:
    """The values of a partition, by its row."""
    given: list[str] = orjson.loads(sealing.opener(tx)(row.document) or "")["Values"]
    return given


def _encoded(
    tx: Connection, rows: Sequence[Any], body: dict[str, Any]
) -> list[tuple[int, str, Sequence[str | None]]]:
    encoded: list[tuple[int, str, Sequence[str | None]]] = []
    for row in rows:
        given = values(tx, row)
        (key,), parts = partition_keys.Encoder(families(body, len(given))).encode([given])
        encoded.append((row.id, key, [part for (part,) in parts]))
    return encoded

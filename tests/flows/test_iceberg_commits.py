"""Commits to one Iceberg table through two doors, while the server is killed under them."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from botocore.exceptions import BotoCoreError
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import CommitFailedException, ServerError

if TYPE_CHECKING:
    from tests.conftest import Server

SCHEMA = pa.schema([("n", pa.int64())])
EACH = 4
RETRIES = {
    "commit.retry.num-retries": "20",
    "commit.retry.min-wait-ms": "20",
    "commit.retry.max-wait-ms": "300",
}

# What the clients' HTTP stacks say of a server that is away.
DOWN = (OSError, BotoCoreError, ServerError)


def _door(server: Server, kind: str) -> Any:
    keys = {"s3.access-key-id": "test", "s3.secret-access-key": "test"}
    if kind == "rest":
        return RestCatalog("rest", uri=f"{server.endpoint}/iceberg", **keys)
    return GlueCatalog(
        "glue",
        **keys,
        **{
            "glue.endpoint": server.endpoint, "glue.region": "us-east-1", "glue.access-key-id": "test",
            "glue.secret-access-key": "test", "s3.endpoint": server.endpoint,
            "s3.region": "us-east-1",
        },
    )  # fmt: skip


class Writer(threading.Thread):
    """Appends its numbers one by one; ``known`` are those whose append was answered with success."""

    def __init__(self, server: Server, kind: str, first: int) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.kind = kind
        self.wanted = range(first, first + EACH)
        self.known: set[int] = set()
        self.tried: set[int] = set()
        self.failures = 0
        self.last: BaseException | None = None

    def run(self) -> None:
        for number in self.wanted:
            row = pa.table({"n": [number]})
            while number not in self.known:
                try:
                    table = _door(self.server, self.kind).load_table(("ns", "t"))
                    if number in table.scan().to_arrow()["n"].to_pylist():
                        # The answer was lost, not the append.
                        self.known.add(number)
                        break
                    self.tried.add(number)
                    table.append(row)
                    self.known.add(number)
                except CommitFailedException:
                    self.failures += 1
                except DOWN as error:
                    self.failures += 1
                    self.last = error
                    time.sleep(0.2)


def test_every_answered_append_survives_kills(own_server: Server) -> None:
    own_server.client("s3").create_bucket(Bucket="kept")
    catalog = _door(own_server, "rest")
    catalog.create_namespace("ns", {"location": "s3://kept/w"})
    catalog.create_table(("ns", "t"), SCHEMA, properties=RETRIES)
    writers = [Writer(own_server, kind, 100 * i) for i, kind in enumerate(("rest", "glue"))]
    for writer in writers:
        writer.start()
    for share in (0.25, 0.6):
        while sum(len(writer.known) for writer in writers) < share * EACH * len(writers):
            assert any(writer.is_alive() for writer in writers), [writer.last for writer in writers]
            time.sleep(0.05)
        met = sum(writer.failures for writer in writers)
        own_server.kill()
        # Not before a writer has noticed: none can go on without the server.
        while any(writer.is_alive() for writer in writers) and sum(w.failures for w in writers) == met:
            time.sleep(0.05)
        own_server.restart()
    for writer in writers:
        writer.join(timeout=300)
        assert not writer.is_alive(), writer.last
    assert sum(writer.failures for writer in writers) > 0, "the kills met nobody"
    table = _door(own_server, "glue").load_table(("ns", "t"))
    rows = sorted(table.scan().to_arrow()["n"].to_pylist())
    # Each number once: what was answered is there, and nothing that was tried again is there twice.
    assert rows == sorted(number for writer in writers for number in writer.wanted)
    by_rest = _door(own_server, "rest").load_table(("ns", "t"))
    assert by_rest.metadata_location == table.metadata_location
    for entry in table.metadata.metadata_log:
        assert entry.metadata_file.startswith("s3://kept/w/t/metadata/")
    assert table.metadata.snapshots[-1].sequence_number == len(table.snapshots())

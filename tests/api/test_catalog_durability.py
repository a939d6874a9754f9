"""What the catalog has answered survives kill -9, in the midst of writers that do not stop."""

from __future__ import annotations

import threading
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.conftest import Server

WRITERS = 4
ROUNDS = 3
ANSWERS = 60  # at least, before each kill
COLUMNS = [{"Name": f"c{n}", "Type": "string"} for n in range(4)]


class Writer(threading.Thread):
    """Creates tables, each with two partitions and a second version, and notes what was answered."""

    def __init__(self, server: Server, number: int, heard: threading.Semaphore) -> None:
        super().__init__()
        self.glue = server.client("glue", connect_timeout=120, read_timeout=120)
        self.number = number
        self.heard = heard
        self.created: list[str] = []
        self.updated: list[str] = []
        self.partitions: list[tuple[str, str]] = []
        self.deleted: list[str] = []

    def run(self) -> None:
        count = 0
        try:
            while True:
                count += 1
                self._one(f"w{self.number}_{count}")
        except (BotoCoreError, ClientError):
            return  # the server is gone

    def _one(self, name: str) -> None:
        table: dict[str, Any] = {
            "Name": name,
            "PartitionKeys": [{"Name": "day", "Type": "string"}],
            "StorageDescriptor": {"Columns": COLUMNS},
        }
        self.glue.create_table(DatabaseName="d", TableInput=table)
        self._note(self.created, name)
        for day in ("a", "b"):
            one = {"Values": [day], "StorageDescriptor": {"Columns": COLUMNS, "Location": f"s3://b/{day}"}}
            self.glue.batch_create_partition(DatabaseName="d", TableName=name, PartitionInputList=[one])
            self._note(self.partitions, (name, day))
        self.glue.update_table(DatabaseName="d", TableInput={**table, "Description": "second"})
        self._note(self.updated, name)
        if name.endswith("5"):
            self.deleted.append(name)  # from here on, it may be gone
            self.glue.delete_table(DatabaseName="d", Name=name)
            self._note([], name)

    def _note(self, answered: list[Any], what: Any) -> None:
        answered.append(what)
        self.heard.release()


def test_every_answered_change_survives_kill_9(own_server: Server) -> None:
    for round_ in range(ROUNDS):
        glue = own_server.client("glue")
        if round_ == 0:
            glue.create_database(DatabaseInput={"Name": "d"})
        heard = threading.Semaphore(0)
        writers = [Writer(own_server, round_ * WRITERS + n, heard) for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        for _ in range(ANSWERS):
            assert heard.acquire(timeout=300)
        own_server.kill()
        for writer in writers:
            writer.join(300)
            assert not writer.is_alive()
        own_server.restart()
        _all_there(own_server.client("glue"), writers)


def _all_there(glue: Any, writers: list[Writer]) -> None:
    pages = glue.get_paginator("get_tables").paginate(DatabaseName="d")
    tables = {table["Name"]: table for page in pages for table in page["TableList"]}
    answered = 0
    for writer in writers:
        gone = set(writer.deleted)
        for name in writer.created:
            assert name in tables or name in gone
        for name in writer.updated:
            assert name in gone or (tables[name]["Description"], tables[name]["VersionId"]) == ("second", "1")
        for name, day in writer.partitions:
            if name not in gone:
                found = glue.get_partition(DatabaseName="d", TableName=name, PartitionValues=[day])
                assert found["Partition"]["StorageDescriptor"]["Columns"] == COLUMNS
        # All but the last were answered: those stay away.
        for name in writer.deleted[:-1]:
            assert name not in tables
        answered += len(writer.created)
    assert answered

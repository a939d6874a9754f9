"""The catalog over HTTP with boto3: what survives a kill, a restart, and a hostile caller."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError

if TYPE_CHECKING:
    from tests.conftest import Server

KEYS = [{"Name": "dt", "Type": "date"}, {"Name": "hour", "Type": "int"}]


def test_every_answered_write_survives_kill(own_server: Server) -> None:
    glue = own_server.client("glue")
    glue.create_database(DatabaseInput={"Name": "db"})
    answered: list[str] = []
    started = threading.Event()

    def create(worker: int) -> None:
        client = own_server.client("glue")
        for n in range(10_000):
            name = f"t{worker}_{n}"
            try:
                client.create_table(DatabaseName="db", TableInput={"Name": name})
            except (HTTPClientError, ClientError):
                return
            answered.append(name)
            if len(answered) > 60:
                started.set()

    threads = [threading.Thread(target=create, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    assert started.wait(300)
    own_server.kill()
    for thread in threads:
        thread.join()
    glue = own_server.restart().client("glue")
    pages = glue.get_paginator("get_tables").paginate(DatabaseName="db")
    found = {table["Name"] for page in pages for table in page["TableList"]}
    assert set(answered) <= found
    # At most the calls under way when the server died may have been done without an answer.
    assert len(found - set(answered)) <= 4


def test_a_token_survives_a_restart(own_server: Server) -> None:
    glue = own_server.client("glue")
    glue.create_database(DatabaseInput={"Name": "db"})
    glue.create_table(DatabaseName="db", TableInput={"Name": "t", "PartitionKeys": KEYS})
    items = [{"Values": ["2024-01-01", str(n)]} for n in range(20)]
    glue.batch_create_partition(DatabaseName="db", TableName="t", PartitionInputList=items)
    wanted: dict[str, Any] = {
        "DatabaseName": "db",
        "TableName": "t",
        "Expression": "hour >= 5",
        "MaxResults": 10,
    }
    first = glue.get_partitions(**wanted)
    own_server.stop()
    glue = own_server.restart().client("glue")
    rest = glue.get_partitions(**wanted, NextToken=first["NextToken"])
    hours = [int(p["Values"][1]) for reply in (first, rest) for p in reply["Partitions"]]
    assert sorted(hours) == list(range(5, 20))


def test_types_and_times_over_the_wire(server: Server, name: str) -> None:
    glue = server.client("glue")
    glue.create_database(DatabaseInput={"Name": name})
    given = {
        "Name": "T",
        "LastAccessTime": 1700000000.5,
        "Retention": 3,
        "StorageDescriptor": {
            "Columns": [{"Name": "A", "Type": "int", "Comment": "", "Parameters": {"x": "y"}}],
            "SortColumns": [{"Column": "A", "SortOrder": 1}],
            "SkewedInfo": {"SkewedColumnNames": ["A"]},
        },
    }
    glue.create_table(DatabaseName=name, TableInput=given)
    found = glue.get_table(DatabaseName=name, Name="t")["Table"]
    assert found["LastAccessTime"].timestamp() == 1700000000.5
    assert found["StorageDescriptor"].items() >= given["StorageDescriptor"].items()
    assert found["Retention"] == 3
    one = {
        "Values": ["2024-01-01", "1"],
        "LastAccessTime": 1700000000.25,
        "StorageDescriptor": {"Columns": []},
    }
    glue.create_table(DatabaseName=name, TableInput={"Name": "p", "PartitionKeys": KEYS})
    glue.create_partition(DatabaseName=name, TableName="p", PartitionInput=one)
    partition = glue.get_partition(DatabaseName=name, TableName="p", PartitionValues=one["Values"])[
        "Partition"
    ]
    assert partition["LastAccessTime"].timestamp() == 1700000000.25
    assert partition["StorageDescriptor"]["Columns"] == []


@pytest.mark.parametrize(
    ("operation", "request_", "code"),
    [
        ("get_table", {"DatabaseName": "x" * 256, "Name": "t"}, None),
        ("get_tables", {"DatabaseName": "none", "Expression": "((a+)+)+$"}, "EntityNotFoundException"),
        ("get_tables", {"DatabaseName": "none", "NextToken": "☃"}, "EntityNotFoundException"),
        ("get_databases", {"NextToken": "AAAA"}, "InvalidInputException"),
        ("get_database", {"Name": "none"}, "EntityNotFoundException"),
        ("create_table", {"DatabaseName": "none", "TableInput": {"Name": "t"}}, "EntityNotFoundException"),
    ],
)
def test_wrong_calls_are_answered(
    server: Server, operation: str, request_: dict[str, Any], code: str | None
) -> None:
    with pytest.raises(ClientError) as raised:
        getattr(server.client("glue", parameter_validation=False), operation)(**request_)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert code in (None, raised.value.response["Error"]["Code"])

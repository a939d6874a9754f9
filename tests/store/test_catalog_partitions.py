"""Partitions and their expressions on both databases."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from mastic.errors import ServiceError
from mastic.glue.catalog import partition_keys

if TYPE_CHECKING:
    from tests.store.conftest import Catalog

KEYS = [{"Name": "dt", "Type": "date"}, {"Name": "Hour", "Type": "int"}, {"Name": "region", "Type": "string"}]
NULL_HOUR = "2024-01-11 __HIVE_DEFAULT_PARTITION__ us"
ALL_ROWS = ["2024-01-02 1 eu", "2024-01-02 11 us", "2024-01-09 -3 us", "2024-01-10 10 EU", NULL_HOUR]
AT = {"DatabaseName": "db", "TableName": "t"}


def make(catalog: Catalog, keys: list[dict[str, str]], values: list[list[str]] | None = None) -> None:
    catalog("CreateDatabase", DatabaseInput={"Name": "db"})
    catalog("CreateTable", DatabaseName="db", TableInput={"Name": "t", "PartitionKeys": keys})
    for start in range(0, len(values or []), 100):
        some = [{"Values": v} for v in (values or [])[start : start + 100]]
        assert catalog("BatchCreatePartition", **AT, PartitionInputList=some) == {"Errors": []}


def values(catalog: Catalog, expression: str | None = None, **more: Any) -> list[tuple[str, ...]]:
    request = {**AT, **more} | ({"Expression": expression} if expression is not None else {})
    return [tuple(p["Values"]) for p in catalog.pages("GetPartitions", "Partitions", **request)]


def test_a_partition_is_as_it_was_given(catalog: Catalog) -> None:
    make(catalog, KEYS[2:])
    descriptor = {
        "Columns": [{"Name": "a", "Type": "int"}],
        "Location": "s3://b/ü=1/",
        "SerdeInfo": {"SerializationLibrary": "x", "Parameters": {}},
        "BucketColumns": [],
    }
    given = {"Values": ["a/b %20'"], "StorageDescriptor": descriptor, "Parameters": {"k": ""}}
    catalog("CreatePartition", **AT, PartitionInput=given)
    found = catalog("GetPartition", **AT, PartitionValues=["a/b %20'"])["Partition"]
    assert found["Values"] == ["a/b %20'"]
    assert found["Parameters"] == {"k": ""}
    assert descriptor.items() <= found["StorageDescriptor"].items()
    assert found["CreationTime"] == catalog.clock.now().timestamp()
    assert (found["DatabaseName"], found["TableName"], found["CatalogId"]) == ("db", "t", "123456789012")
    assert "LastAccessTime" not in found
    without = catalog("GetPartitions", **AT, ExcludeColumnSchema=True)["Partitions"][0]
    assert "Columns" not in without["StorageDescriptor"]
    assert "Location" in without["StorageDescriptor"]


def test_the_number_of_values_must_fit(catalog: Catalog) -> None:
    make(catalog, KEYS)
    text = "The number of partition keys do not match the number of partition values"
    for operation, request in (
        ("CreatePartition", {"PartitionInput": {"Values": ["1"]}}),
        ("BatchCreatePartition", {"PartitionInputList": [{"Values": ["1"]}]}),
        ("GetPartition", {"PartitionValues": ["1"]}),
        ("DeletePartition", {"PartitionValues": ["1"]}),
    ):
        error = catalog.refusal(operation, **AT, **request)
        assert (error.code, error.message) == ("InvalidInputException", text)


def test_batches_answer_for_each_item(catalog: Catalog) -> None:
    make(catalog, KEYS[2:], [["a"]])
    items = [{"Values": [v]} for v in ("a", "b", "b", "c")]
    reply = catalog("BatchCreatePartition", **AT, PartitionInputList=items)
    assert [(e["PartitionValues"], e["ErrorDetail"]["ErrorCode"]) for e in reply["Errors"]] == [
        (["a"], "AlreadyExistsException"),
        (["b"], "AlreadyExistsException"),
    ]
    assert catalog.refusal("CreatePartition", **AT, PartitionInput={"Values": ["c"]}).code == (
        "AlreadyExistsException"
    )
    wanted = [{"Values": [v]} for v in ("c", "x", "a", "c")]
    reply = catalog("BatchGetPartition", **AT, PartitionsToGet=wanted)
    assert [p["Values"] for p in reply["Partitions"]] == [["c"], ["a"]]
    assert reply["UnprocessedKeys"] == []
    entries = [
        {"PartitionValueList": [old], "PartitionInput": {"Values": [new], "Parameters": {"x": "y"}}}
        for old, new in (("a", "a2"), ("b", "c"), ("no", "no"))
    ]
    reply = catalog("BatchUpdatePartition", **AT, Entries=entries)
    assert [(e["PartitionValueList"], e["ErrorDetail"]["ErrorCode"]) for e in reply["Errors"]] == [
        (["b"], "AlreadyExistsException"),
        (["no"], "EntityNotFoundException"),
    ]
    reply = catalog("BatchDeletePartition", **AT, PartitionsToDelete=[{"Values": ["a"]}, {"Values": ["a2"]}])
    assert [e["PartitionValues"] for e in reply["Errors"]] == [["a"]]
    assert values(catalog) == [("b",), ("c",)]


def test_partitions_of_a_table_without_keys_need_no_values(catalog: Catalog) -> None:
    make(catalog, [])
    reply = catalog("BatchCreatePartition", **AT, PartitionInputList=[{"Parameters": {"n": n}} for n in "12"])
    assert [(e["PartitionValues"], e["ErrorDetail"]["ErrorCode"]) for e in reply["Errors"]] == [
        ([], "AlreadyExistsException")
    ]


def test_a_partition_is_renamed_by_update(catalog: Catalog) -> None:
    make(catalog, KEYS[2:], [["a"], ["b"]])
    created = catalog.clock.now().timestamp()
    catalog.clock.advance(hours=1)
    catalog("UpdatePartition", **AT, PartitionValueList=["a"], PartitionInput={"Values": ["z"]})
    assert catalog("GetPartition", **AT, PartitionValues=["z"])["Partition"]["CreationTime"] == created
    error = catalog.refusal(
        "UpdatePartition", **AT, PartitionValueList=["z"], PartitionInput={"Values": ["b"]}
    )
    assert error.code == "AlreadyExistsException"
    error = catalog.refusal(
        "UpdatePartition", **AT, PartitionValueList=["a"], PartitionInput={"Values": ["a"]}
    )
    assert error.code == "EntityNotFoundException"


def test_one_of_two_creators_wins(catalog: Catalog) -> None:
    make(catalog, KEYS[2:])
    items = [{"Values": [f"{n:03d}"]} for n in range(100)]
    replies: list[Any] = []
    threads = [
        threading.Thread(
            target=lambda: replies.append(catalog("BatchCreatePartition", **AT, PartitionInputList=items))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(100 - len(reply["Errors"]) for reply in replies) == 100
    assert len(values(catalog)) == 100


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("dt = '2024-01-02'", ["2024-01-02 1 eu", "2024-01-02 11 us"]),
        ("dt = '2024-01-02' AND hour = 11", ["2024-01-02 11 us"]),
        ("dt='2024-01-02'AND hour='11'", ["2024-01-02 11 us"]),
        ("HOUR > 9", ["2024-01-02 11 us", "2024-01-10 10 EU"]),
        ("9 < hour", ["2024-01-02 11 us", "2024-01-10 10 EU"]),
        ("hour >= 10 AND hour <= 10", ["2024-01-10 10 EU"]),
        ("hour BETWEEN -5 AND 1", ["2024-01-02 1 eu", "2024-01-09 -3 us"]),
        ("hour NOT BETWEEN -5 AND 1", ["2024-01-02 11 us", "2024-01-10 10 EU"]),
        ("hour IN (1, 10)", ["2024-01-02 1 eu", "2024-01-10 10 EU"]),
        ("hour NOT IN (1, 10)", ["2024-01-02 11 us", "2024-01-09 -3 us"]),
        ("dt > DATE '2024-01-09'", ["2024-01-10 10 EU", NULL_HOUR]),
        ("dt <> '2024-01-02'", ["2024-01-09 -3 us", "2024-01-10 10 EU", NULL_HOUR]),
        ("dt != '2024-01-09' OR hour = -3", ALL_ROWS),
        ("region LIKE 'e%'", ["2024-01-02 1 eu"]),
        ("region LIKE '_U'", ["2024-01-10 10 EU"]),
        ("region NOT LIKE '%s'", ["2024-01-02 1 eu", "2024-01-10 10 EU"]),
        ("region LIKE '!_U' ESCAPE '!'", []),
        ("region LIKE 'e\\_%' ESCAPE '\\' OR region LIKE '_U' ESCAPE '|'", ["2024-01-10 10 EU"]),
        ("NOT (region = 'us' OR hour = 1)", ["2024-01-10 10 EU"]),
        ("NOT NOT region = 'EU'", ["2024-01-10 10 EU"]),
        ("`dt` = '2024-01-10' and \"region\" = 'EU'", ["2024-01-10 10 EU"]),
        ("hour IS NULL", [NULL_HOUR]),
        ("hour IS NOT NULL AND region = 'us'", ["2024-01-02 11 us", "2024-01-09 -3 us"]),
        ("region in ('EU','eu') and dt < '2024-01-05'", ["2024-01-02 1 eu"]),
        ("dt = '2024-01-02' and region = 'nowhere'", []),
        ("hour > 3 and hour < 2", []),
        ("(hour) = ((11)) (OR) ((region)) = ('EU')", ["2024-01-02 11 us", "2024-01-10 10 EU"]),
        ("((1)) = (hour) (AND) (not (hour) is null)", ["2024-01-02 1 eu"]),
        ("", ALL_ROWS),
    ],
)
def test_expressions(catalog: Catalog, expression: str, wanted: list[str]) -> None:
    make(catalog, KEYS, [row.split(" ") for row in ALL_ROWS])
    assert sorted(" ".join(v) for v in values(catalog, expression)) == sorted(wanted)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("nope = 1", "Invalid partition expression!"),
        ("hour = 'x'", '"x" is not an integer.'),
        ("hour = 1.5", '"1.5" is not an integer.'),
        ("dt = '2024-13-01'", '"2024-13-01" is not a date.'),
        ("dt = 20240101", "quote the value"),
        ("hour LIKE '1%'", "Integral data type doesn't support operation 'LIKE'"),
        ("region LIKE 'e!u%' ESCAPE '!'", "stands only before"),
        ("region LIKE 'e%' ESCAPE '%'", "Unsupported expression"),
        ("region LIKE 'e%' ESCAPE 'ab'", "Unsupported expression"),
        ("dt LIKE '2024%'", "Date data type doesn't support operation 'LIKE'"),
        ("hour =", "at its end"),
        ("hour = 1 region = 'x'", "at 'region', character 10"),
        ("hour = 1;", "at ';'"),
        ("(hour = 1", "at its end"),
        ("hour IN ()", "at ')'"),
        ("substr(region, 1) = 'e'", "functions cannot be used"),
        ("hour = hour", "at 'hour'"),
        ("region = 'open", "at '''"),
        ("(" * 300 + "hour=1" + ")" * 300, "nested deeper"),
        ("price > 3", "Unknown type : 'double'"),
    ],
)
def test_wrong_expressions_say_why(catalog: Catalog, expression: str, reason: str) -> None:
    make(catalog, [*KEYS, {"Name": "price", "Type": "double"}])
    error = catalog.refusal("GetPartitions", **AT, Expression=expression)
    assert error.code == "InvalidInputException"
    assert reason in error.message


def test_pages_are_whole_and_disjoint_for_every_index(catalog: Catalog) -> None:
    rows = [
        [f"2024-01-{d:02d}", str(h), r] for d in range(1, 11) for h in range(0, 24, 2) for r in ("eu", "us")
    ]
    make(catalog, KEYS, rows)
    for expression in (
        None,
        "hour > 3",
        "region = 'us'",
        "hour in (2,4,6) and region='eu'",
        "dt <> '2024-01-05'",
    ):
        found = values(catalog, expression, MaxResults=7)
        assert len(found) == len(set(found))
        assert sorted(found) == sorted(values(catalog, expression))
    assert len(values(catalog, "hour > 3")) == 200


def test_segments_are_disjoint_and_complete(catalog: Catalog) -> None:
    rows = [[f"v{n}"] for n in range(300)]
    make(catalog, KEYS[2:], rows)
    for total in (1, 2, 3, 7, 10):
        slices = [
            values(catalog, Segment={"SegmentNumber": n, "TotalSegments": total}, MaxResults=50)
            for n in range(total)
        ]
        assert sorted(v for one in slices for v in one) == sorted(tuple(row) for row in rows)
        assert all(slices)
    error = catalog.refusal("GetPartitions", **AT, Segment={"SegmentNumber": 2, "TotalSegments": 2})
    assert error.code == "InvalidInputException"


def test_equal_numbers_may_be_different_partitions(catalog: Catalog) -> None:
    make(catalog, KEYS[1:], [["1", "x"], ["01", "x"], ["+1", "x"], ["2", "x"]])
    assert sorted(values(catalog, "hour = 1 and region = 'x'")) == [("+1", "x"), ("01", "x"), ("1", "x")]
    catalog("DeletePartition", **AT, PartitionValues=["01", "x"])
    assert sorted(values(catalog, "hour = 1")) == [("+1", "x"), ("1", "x")]


def test_another_key_type_sorts_the_partitions_anew(catalog: Catalog) -> None:
    make(catalog, [{"Name": "n", "Type": "string"}], [["9"], ["10"], ["x"]])
    assert values(catalog, "n > '5'") == [("9",), ("x",)]
    changed = {"Name": "t", "PartitionKeys": [{"Name": "n", "Type": "bigint"}]}
    catalog("UpdateTable", DatabaseName="db", TableInput=changed)
    assert values(catalog, "n > 5") == [("9",), ("10",)]
    assert values(catalog, "n is null") == [("x",)]
    assert catalog("GetPartition", **AT, PartitionValues=["10"])["Partition"]["Values"] == ["10"]


def test_a_key_of_one_type_may_be_that_of_another_partition_in_another(catalog: Catalog) -> None:
    texts = ["1", "2", *(str(partition_keys.encode_value("integer", text)) for text in "12")]
    for given in (texts, texts[::-1]):
        make(catalog, [{"Name": "n", "Type": "string"}], [[text] for text in given])
        for kind in ("int", "string", "int"):
            changed = {"Name": "t", "PartitionKeys": [{"Name": "n", "Type": kind}]}
            catalog("UpdateTable", DatabaseName="db", TableInput=changed)
            assert sorted(values(catalog)) == sorted((text,) for text in texts)
            assert values(catalog, "n = 1" if kind == "int" else "n = '1'") == [("1",)]
        catalog("DeleteDatabase", Name="db")


def test_values_may_be_long_or_strange(catalog: Catalog) -> None:
    strange = [
        " ",
        "a\x00b",
        "a\x01b",
        "a\x02b",
        "é",
        "\U0001f600",
        "%",
        "_",
        "'",
        "x" * 1024,
        "x" * 1023 + "y",
    ]
    make(catalog, KEYS[2:], [[value] for value in strange])
    for value in strange:
        assert catalog("GetPartition", **AT, PartitionValues=[value])["Partition"]["Values"] == [value]
        if value.isprintable() and len(value) < 100:
            quoted = value.replace("'", "''")
            assert values(catalog, f"region = '{quoted}'") == [(value,)]
    many = [{"Name": f"k{n}", "Type": "string"} for n in range(8)]
    catalog("CreateTable", DatabaseName="db", TableInput={"Name": "wide", "PartitionKeys": many})
    long = ["€" * 1000 + str(n) for n in range(8)]
    at = {"DatabaseName": "db", "TableName": "wide"}
    catalog("CreatePartition", **at, PartitionInput={"Values": long})
    assert catalog("GetPartition", **at, PartitionValues=long)["Partition"]["Values"] == long


def test_a_token_goes_on_in_another_server(catalog: Catalog) -> None:
    make(catalog, KEYS, [["2024-01-01", str(n), "eu"] for n in range(30)])
    first = catalog("GetPartitions", **AT, Expression="region = 'eu'", MaxResults=20)
    again = type(catalog)(catalog.store)
    rest = again(
        "GetPartitions", **AT, Expression="region = 'eu'", MaxResults=20, NextToken=first["NextToken"]
    )
    assert len(rest["Partitions"]) == 10
    assert not rest.get("NextToken")
    with pytest.raises(ServiceError):
        again("GetPartitions", **AT, Expression="region = 'us'", NextToken=first["NextToken"])

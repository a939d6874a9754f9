"""Column statistics task runs: really computed, stored where clients read them, by order and by schedule."""

from __future__ import annotations

import io
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from pyiceberg.catalog.glue import GlueCatalog

if TYPE_CHECKING:
    from tests.conftest import Server

ROLE = "arn:aws:iam::123456789012:role/stats"
PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"},
}
CSV = {
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        "Parameters": {"field.delim": ","},
    },
}
JSON = {**CSV, "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"}}
COLUMNS = [
    ("id", "bigint"),
    ("flag", "boolean"),
    ("day", "date"),
    ("price", "decimal(10,2)"),
    ("ratio", "double"),
    ("word", "string"),
    ("raw", "binary"),
    ("seen", "timestamp"),
    ("tags", "array<string>"),
]
ROWS = pa.table(
    {
        "id": pa.array([1, 2, 3, 3, None], pa.int64()),
        "flag": pa.array([True, False, True, None, True]),
        "day": pa.array([date(2024, 1, 1), date(2024, 1, 2), None, None, date(2023, 5, 5)]),
        "price": pa.array(
            [Decimal("-1.50"), Decimal("2.25"), None, None, Decimal("2.25")], pa.decimal128(10, 2)
        ),
        "ratio": pa.array([0.5, float("nan"), -2.0, None, 7.0]),
        "word": pa.array(["a", "bbb", "", None, "a"]),
        "raw": pa.array([b"\x00\x01", b"", None, b"abcd", b""]),
        "seen": pa.array(
            [datetime(2024, 1, 1, 12), None, None, None, datetime(2024, 1, 2)], pa.timestamp("us")
        ),
        "tags": pa.array([["x"], [], None, ["y", "z"], []]),
    }
)


def parquet(rows: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(rows, sink)
    return sink.getvalue()


def make_table(server: Server, name: str, files: dict[str, bytes], **table: Any) -> Any:
    """A database and bucket ``name`` with the table ``t`` over these files."""
    glue, s3 = server.client("glue"), server.client("s3")
    s3.create_bucket(Bucket=name)
    for key, data in files.items():
        s3.put_object(Bucket=name, Key=key, Body=data)
    glue.create_database(DatabaseInput={"Name": name})
    descriptor = {"Location": f"s3://{name}/t/", **table.pop("StorageDescriptor")}
    glue.create_table(
        DatabaseName=name,
        TableInput={"Name": "t", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": descriptor, **table},
    )
    return glue


def columns(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Type": kind} for name, kind in pairs]


def finished(glue: Any, run: str) -> dict[str, Any]:
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        found: dict[str, Any] = glue.get_column_statistics_task_run(ColumnStatisticsTaskRunId=run)[
            "ColumnStatisticsTaskRun"
        ]
        if found["Status"] not in ("STARTING", "RUNNING"):
            return found
        time.sleep(0.05)
    raise AssertionError(f"run {run} does not end")


def run_statistics(glue: Any, name: str, **more: Any) -> dict[str, Any]:
    run = glue.start_column_statistics_task_run(DatabaseName=name, TableName="t", Role=ROLE, **more)
    return finished(glue, run["ColumnStatisticsTaskRunId"])


def statistics(
    glue: Any, name: str, *names: str, values: list[str] | None = None
) -> dict[str, dict[str, Any]]:
    """The data by column, without the type's wrapping; what is missing is not there."""
    call = (
        glue.get_column_statistics_for_table if values is None else glue.get_column_statistics_for_partition
    )
    place = {} if values is None else {"PartitionValues": values}
    listed = call(DatabaseName=name, TableName="t", ColumnNames=list(names), **place)["ColumnStatisticsList"]
    return {
        one["ColumnName"]: next(v for k, v in one["StatisticsData"].items() if k != "Type") for one in listed
    }


def test_every_type_of_column_gets_its_statistics(server: Server, name: str) -> None:
    glue = make_table(
        server, name, {"t/a": parquet(ROWS)}, StorageDescriptor={**PARQUET, "Columns": columns(*COLUMNS)}
    )
    run = run_statistics(glue, name)
    assert run["Status"] == "SUCCEEDED", run
    assert run["ColumnNameList"] == [c for c, _ in COLUMNS if c != "tags"]
    assert run["Role"] == ROLE
    assert run["StartTime"] <= run["EndTime"]
    found = statistics(glue, name, *(c for c, _ in COLUMNS))
    assert "tags" not in found
    assert found["id"] == {
        "MinimumValue": 1, "MaximumValue": 3, "NumberOfNulls": 1, "NumberOfDistinctValues": 3,
    }  # fmt: skip
    assert found["flag"] == {"NumberOfTrues": 3, "NumberOfFalses": 1, "NumberOfNulls": 1}
    day = found["day"]
    assert (day["NumberOfNulls"], day["NumberOfDistinctValues"]) == (2, 3)
    assert day["MinimumValue"].astimezone(UTC) == datetime(2023, 5, 5, tzinfo=UTC)
    assert day["MaximumValue"].astimezone(UTC) == datetime(2024, 1, 2, tzinfo=UTC)
    assert found["price"] == {
        "MinimumValue": {"UnscaledValue": (-150).to_bytes(2, "big", signed=True), "Scale": 2},
        "MaximumValue": {"UnscaledValue": (225).to_bytes(2, "big", signed=True), "Scale": 2},
        "NumberOfNulls": 2,
        "NumberOfDistinctValues": 2,
    }
    assert found["ratio"] == {
        "MinimumValue": -2.0, "MaximumValue": 7.0, "NumberOfNulls": 1, "NumberOfDistinctValues": 4,
    }  # fmt: skip
    assert found["word"] == {
        "MaximumLength": 3, "AverageLength": 1.25, "NumberOfNulls": 1, "NumberOfDistinctValues": 3,
    }  # fmt: skip
    assert found["raw"] == {"MaximumLength": 4, "AverageLength": 1.5, "NumberOfNulls": 1}
    noon = int(datetime(2024, 1, 1, 12, tzinfo=UTC).timestamp())
    assert (found["seen"]["MinimumValue"], found["seen"]["NumberOfNulls"]) == (noon, 3)


@pytest.mark.parametrize(
    ("descriptor", "data"),
    [(CSV, b"1,x\n2,yy\n\\N,x\n"), (JSON, b'{"n":1,"w":"x"}\n{"n":2,"w":"yy"}\n{"w":"x"}\n')],
    ids=["csv", "json"],
)
def test_text_tables(server: Server, name: str, descriptor: dict[str, Any], data: bytes) -> None:
    glue = make_table(
        server,
        name,
        {"t/a": data},
        StorageDescriptor={**descriptor, "Columns": columns(("n", "int"), ("w", "string"))},
    )
    run = run_statistics(glue, name, ColumnNameList=["W", "n"])
    assert run["Status"] == "SUCCEEDED", run
    found = statistics(glue, name, "n", "w")
    assert (found["n"]["MaximumValue"], found["n"]["NumberOfNulls"]) == (2, 1)
    assert (found["w"]["MaximumLength"], found["w"]["NumberOfDistinctValues"]) == (2, 2)


def test_partitions_have_statistics_of_their_own(server: Server, name: str) -> None:
    files = {f"t/y={y}/a": parquet(pa.table({"n": list(range(y - 2000))})) for y in (2003, 2005)}
    glue = make_table(
        server,
        name,
        files,
        StorageDescriptor={**PARQUET, "Columns": columns(("n", "bigint"))},
        PartitionKeys=columns(("y", "int")),
    )
    descriptor = {**PARQUET, "Columns": columns(("n", "bigint"))}
    for value, year in (("2003", 2003), ("02005", 2005)):
        location = f"s3://{name}/t/y={year}/"
        glue.create_partition(
            DatabaseName=name,
            TableName="t",
            PartitionInput={"Values": [value], "StorageDescriptor": {**descriptor, "Location": location}},
        )
    assert run_statistics(glue, name)["Status"] == "SUCCEEDED"
    whole = statistics(glue, name, "n", "y")
    assert (whole["n"]["MaximumValue"], whole["n"]["NumberOfDistinctValues"]) == (4, 5)
    assert (whole["y"]["MinimumValue"], whole["y"]["MaximumValue"]) == (2003, 2005)
    assert statistics(glue, name, "n", values=["2003"])["n"]["MaximumValue"] == 2
    assert statistics(glue, name, "n", values=["02005"])["n"]["MaximumValue"] == 4


def test_an_iceberg_table(server: Server, name: str) -> None:
    server.client("s3").create_bucket(Bucket=name)
    glue = server.client("glue")
    glue.create_database(DatabaseInput={"Name": name})
    access = {
        "access-key-id": "test", "secret-access-key": "test", "region": "us-east-1", "endpoint": server.endpoint,
    }  # fmt: skip
    catalog = GlueCatalog("g", **{f"{s}.{k}": v for s in ("glue", "s3") for k, v in access.items()})
    rows = pa.table({"a": [1, 2, 2], "B": ["x", None, "yyyy"]})
    table = catalog.create_table((name, "t"), rows.schema, location=f"s3://{name}/t")
    table.append(rows)
    table.append(rows)
    table.delete("a = 1")
    run = run_statistics(glue, name)
    assert run["Status"] == "SUCCEEDED", run
    found = statistics(glue, name, "a", "b")
    assert found["a"] == {
        "MinimumValue": 2, "MaximumValue": 2, "NumberOfNulls": 0, "NumberOfDistinctValues": 1,
    }  # fmt: skip
    assert (found["b"]["NumberOfNulls"], found["b"]["MaximumLength"]) == (2, 4)


def test_a_sample_of_a_large_table_is_scaled_up(server: Server, name: str) -> None:
    count = 400_000
    rows = pa.table(
        {
            "unique": pa.array(range(count), pa.int64()),
            "few": pa.array([i % 7 for i in range(count)], pa.int64()),
            "half": pa.array([None if i % 2 else True for i in range(count)]),
        }
    )
    glue = make_table(
        server,
        name,
        {"t/a": parquet(rows)},
        StorageDescriptor={
            **PARQUET,
            "Columns": columns(("unique", "bigint"), ("few", "bigint"), ("half", "boolean")),
        },
    )
    run = run_statistics(glue, name, SampleSize=10.0)
    assert run["Status"] == "SUCCEEDED", run
    assert run["SampleSize"] == 10.0
    found = statistics(glue, name, "unique", "few", "half")
    assert found["few"]["NumberOfDistinctValues"] == 7
    assert found["half"]["NumberOfNulls"] == pytest.approx(count / 2, rel=0.1)
    # The estimator is within the square root of the sampling rate, and better than counting the sample.
    assert count / 4 < found["unique"]["NumberOfDistinctValues"] <= count


def test_what_cannot_be_read_fails_with_the_reason(server: Server, name: str) -> None:
    glue = make_table(
        server,
        name,
        {"t/a": b"not a parquet file"},
        StorageDescriptor={**PARQUET, "Columns": columns(("n", "bigint"))},
    )
    run = run_statistics(glue, name)
    assert run["Status"] == "FAILED"
    assert f"'s3://{name}/t/a'" in run["ErrorMessage"]
    assert statistics(glue, name, "n") == {}
    listed = glue.get_column_statistics_task_runs(DatabaseName=name, TableName="t")[
        "ColumnStatisticsTaskRuns"
    ]
    assert [one["ColumnStatisticsTaskRunId"] for one in listed] == [run["ColumnStatisticsTaskRunId"]]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"ColumnNameList": ["nope"]}, "InvalidInputException"),
        ({"ColumnNameList": ["tags"]}, "InvalidInputException"),
        ({"SampleSize": 0.0}, "InvalidInputException"),
        ({"SecurityConfiguration": "nope"}, "EntityNotFoundException"),
        ({"TableName": "nope"}, "EntityNotFoundException"),
    ],
)
def test_refusals(server: Server, name: str, given: dict[str, Any], code: str) -> None:
    glue = make_table(server, name, {}, StorageDescriptor={**PARQUET, "Columns": columns(*COLUMNS)})
    with pytest.raises(ClientError) as refused:
        glue.start_column_statistics_task_run(
            **{"DatabaseName": name, "TableName": "t", "Role": ROLE, **given}
        )
    assert refused.value.response["Error"]["Code"] == code


def test_one_run_at_a_time_which_can_be_stopped(server: Server, name: str) -> None:
    wide = [(f"c{i}", "string") for i in range(60)]
    line = ",".join(f"value {i}" for i in range(60)).encode() + b"\n"
    glue = make_table(
        server, name, {"t/a": line * 60_000}, StorageDescriptor={**CSV, "Columns": columns(*wide)}
    )
    place = {"DatabaseName": name, "TableName": "t"}
    refused, ended = 0, {"Status": "none"}
    for _ in range(20):  # on a busy machine a run may be over before the next call comes
        run = glue.start_column_statistics_task_run(**place, Role=ROLE)["ColumnStatisticsTaskRunId"]
        try:
            run = glue.start_column_statistics_task_run(**place, Role=ROLE)["ColumnStatisticsTaskRunId"]
        except glue.exceptions.ColumnStatisticsTaskRunningException:
            refused += 1
        try:
            glue.stop_column_statistics_task_run(**place)
        except glue.exceptions.ColumnStatisticsTaskNotRunningException:
            continue
        ended = finished(glue, run)
        if refused and ended["Status"] == "STOPPED":
            break
    assert (refused > 0, ended["Status"]) == (True, "STOPPED"), ended
    with pytest.raises(glue.exceptions.ColumnStatisticsTaskNotRunningException):
        glue.stop_column_statistics_task_run(**place)
    again = glue.start_column_statistics_task_run(**place, Role=ROLE)["ColumnStatisticsTaskRunId"]
    assert finished(glue, again)["Status"] == "SUCCEEDED"


def test_a_run_whose_server_is_killed_is_taken_up_again(own_server: Server, name: str) -> None:
    wide = [(f"c{i}", "string") for i in range(60)]
    line = ",".join(f"value {i}" for i in range(60)).encode() + b"\n"
    glue = make_table(
        own_server, name, {"t/a": line * 30_000}, StorageDescriptor={**CSV, "Columns": columns(*wide)}
    )
    run = glue.start_column_statistics_task_run(DatabaseName=name, TableName="t", Role=ROLE)
    own_server.kill()
    own_server.restart()
    ended = finished(glue, run["ColumnStatisticsTaskRunId"])
    assert ended["Status"] == "SUCCEEDED", ended
    assert statistics(glue, name, "c0")["c0"]["NumberOfDistinctValues"] == 1


def test_runs_are_listed_in_pages(server: Server, name: str) -> None:
    glue = make_table(
        server, name, {"t/a": b"1\n"}, StorageDescriptor={**CSV, "Columns": columns(("n", "int"))}
    )
    made = [run_statistics(glue, name)["ColumnStatisticsTaskRunId"] for _ in range(3)]
    place = {"DatabaseName": name, "TableName": "t", "MaxResults": 2}
    first = glue.get_column_statistics_task_runs(**place)
    second = glue.get_column_statistics_task_runs(**place, NextToken=first["NextToken"])
    seen = [
        run["ColumnStatisticsTaskRunId"]
        for page in (first, second)
        for run in page["ColumnStatisticsTaskRuns"]
    ]
    assert seen == made[::-1]
    assert "NextToken" not in second
    assert set(made) <= set(
        glue.list_column_statistics_task_runs(MaxResults=1000)["ColumnStatisticsTaskRunIds"]
    )


def test_settings_are_kept_changed_and_deleted(server: Server, name: str) -> None:
    glue = make_table(
        server, name, {}, StorageDescriptor={**CSV, "Columns": columns(("n", "int"), ("w", "string"))}
    )
    place = {"DatabaseName": name, "TableName": "t"}
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_column_statistics_task_settings(**place)
    with pytest.raises(glue.exceptions.InvalidInputException):
        glue.create_column_statistics_task_settings(**place, Role=ROLE, Schedule="cron(* * * * ? *)")
    glue.create_column_statistics_task_settings(
        **place, Role=ROLE, Schedule="cron(0 3 * * ? *)", ColumnNameList=["n"], SampleSize=50.0
    )
    with pytest.raises(glue.exceptions.AlreadyExistsException):
        glue.create_column_statistics_task_settings(**place, Role=ROLE)
    found = glue.get_column_statistics_task_settings(**place)["ColumnStatisticsTaskSettings"]
    assert found["Schedule"] == {"ScheduleExpression": "cron(0 3 * * ? *)", "State": "SCHEDULED"}
    assert (found["ColumnNameList"], found["SampleSize"], found["SettingSource"]) == (["n"], 50.0, "TABLE")
    glue.stop_column_statistics_task_run_schedule(**place)
    found = glue.get_column_statistics_task_settings(**place)["ColumnStatisticsTaskSettings"]
    assert found["Schedule"]["State"] == "NOT_SCHEDULED"
    glue.update_column_statistics_task_settings(**place, ColumnNameList=["n", "w"])
    glue.start_column_statistics_task_run_schedule(**place)
    found = glue.get_column_statistics_task_settings(**place)["ColumnStatisticsTaskSettings"]
    assert (found["Schedule"]["State"], found["ColumnNameList"]) == ("SCHEDULED", ["n", "w"])
    glue.delete_column_statistics_task_settings(**place)
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.delete_column_statistics_task_settings(**place)

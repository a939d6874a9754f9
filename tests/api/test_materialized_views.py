"""Materialized views: tables with a query, whose rows a refresh makes anew as one Iceberg snapshot."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError

from tests.api.test_catalog_statistics import CSV, columns, make_table, parquet
from tests.api.test_table_optimizers import iceberg

if TYPE_CHECKING:
    from tests.conftest import Server

ACCOUNT = "123456789012"
SUMS = "SELECT w, sum(n) AS total, count(*) AS rows FROM t GROUP BY w"


def view(
    server: Server, name: str, text: str = SUMS, dialect: str = "ATHENA", data: bytes = b"1,x\n2,x\n5,y\n"
) -> Any:
    glue = make_table(
        server,
        name,
        {"t/a": data},
        StorageDescriptor={**CSV, "Columns": columns(("n", "int"), ("w", "string"))},
    )
    glue.create_table(
        DatabaseName=name,
        TableInput={
            "Name": "mv",
            "TableType": "MATERIALIZED_VIEW",
            "StorageDescriptor": {"Location": f"s3://{name}/mv/"},
            "ViewDefinition": {
                "Definer": "arn:aws:iam::123456789012:role/definer",
                "Representations": [
                    {
                        "Dialect": dialect,
                        "DialectVersion": "3",
                        "ViewOriginalText": text,
                        "ViewExpandedText": text,
                    }
                ],
            },
        },
    )
    return glue


def place(name: str) -> dict[str, str]:
    return {"CatalogId": ACCOUNT, "DatabaseName": name, "TableName": "mv"}


def refresh(glue: Any, name: str) -> dict[str, Any]:
    run = glue.start_materialized_view_refresh_task_run(**place(name))["MaterializedViewRefreshTaskRunId"]
    return ended(glue, run)


def ended(glue: Any, run: str) -> dict[str, Any]:
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        found: dict[str, Any] = glue.get_materialized_view_refresh_task_run(
            CatalogId=ACCOUNT, MaterializedViewRefreshTaskRunId=run
        )["MaterializedViewRefreshTaskRun"]
        if found["Status"] not in ("STARTING", "RUNNING"):
            return found
        time.sleep(0.05)
    raise AssertionError(f"run {run} does not end")


def rows(server: Server, name: str) -> list[tuple[Any, ...]]:
    found = iceberg(server).load_table((name, "mv")).scan().to_arrow().to_pylist()
    return sorted(tuple(row.values()) for row in found)


def test_a_refresh_makes_the_rows_and_the_next_one_makes_them_anew(server: Server, name: str) -> None:
    glue = view(server, name)
    assert glue.get_table(DatabaseName=name, Name="mv")["Table"]["IsMaterializedView"] is True
    run = refresh(glue, name)
    assert run["Status"] == "SUCCEEDED", run
    assert (run["RefreshType"], run["Role"]) == ("FULL", "arn:aws:iam::123456789012:role/definer")
    assert run["ProcessedBytes"] == 12
    assert rows(server, name) == [("x", 3, 2), ("y", 5, 1)]
    table = glue.get_table(DatabaseName=name, Name="mv")["Table"]
    assert table["TableType"] == "MATERIALIZED_VIEW"
    assert table["IsMaterializedView"] is True
    assert [(c["Name"], c["Type"]) for c in table["StorageDescriptor"]["Columns"]] == [
        ("w", "string"), ("total", "bigint"), ("rows", "bigint"),
    ]  # fmt: skip
    server.client("s3").put_object(Bucket=name, Key="t/b", Body=b"10,z\n")
    assert rows(server, name) == [("x", 3, 2), ("y", 5, 1)]
    assert refresh(glue, name)["Status"] == "SUCCEEDED"
    assert rows(server, name) == [("x", 3, 2), ("y", 5, 1), ("z", 10, 1)]
    assert len(iceberg(server).load_table((name, "mv")).snapshots()) == 2
    listed = glue.list_materialized_view_refresh_task_runs(**place(name))["MaterializedViewRefreshTaskRuns"]
    assert [one["Status"] for one in listed] == ["SUCCEEDED", "SUCCEEDED"]


def test_queries_read_it_as_a_table(server: Server, name: str) -> None:
    glue = view(server, name, "SELECT w FROM t WHERE n > 1", dialect="SPARK")
    assert refresh(glue, name)["Status"] == "SUCCEEDED"
    athena = server.client("athena")
    query = athena.start_query_execution(
        QueryString="SELECT w FROM mv ORDER BY w",
        QueryExecutionContext={"Database": name},
        ResultConfiguration={"OutputLocation": f"s3://{name}/results/"},
    )["QueryExecutionId"]
    deadline = time.monotonic() + 200
    while (
        state := athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]["State"]
    ) in ("QUEUED", "RUNNING"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert state == "SUCCEEDED"
    result = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
    assert [row["Data"][0]["VarCharValue"] for row in result] == ["w", "x", "y"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SELECT nope FROM t", "nope"),
        ("SELECT * FROM absent", "absent"),
        ("SELECT * FROM mv", "mv"),
    ],
)
def test_a_query_that_cannot_run_fails_with_the_reason(
    server: Server, name: str, text: str, reason: str
) -> None:
    glue = view(server, name, text)
    run = refresh(glue, name)
    assert run["Status"] == "FAILED"
    assert reason in run["ErrorMessage"]
    assert "metadata_location" not in glue.get_table(DatabaseName=name, Name="mv")["Table"].get(
        "Parameters", {}
    )


def test_a_changed_query_does_not_fit_the_table(server: Server, name: str) -> None:
    glue = view(server, name)
    assert refresh(glue, name)["Status"] == "SUCCEEDED"
    table = glue.get_table(DatabaseName=name, Name="mv")["Table"]
    kept = ("Name", "TableType", "StorageDescriptor", "Parameters")
    text = {"Dialect": "ATHENA", "DialectVersion": "3", "ViewOriginalText": "SELECT n FROM t"}
    glue.update_table(
        DatabaseName=name,
        TableInput={**{m: table[m] for m in kept}, "ViewDefinition": {"Representations": [text]}},
    )
    run = refresh(glue, name)
    assert run["Status"] == "FAILED"
    assert "n int" in run["ErrorMessage"]
    assert rows(server, name) == [("x", 3, 2), ("y", 5, 1)]


def test_one_refresh_at_a_time_which_can_be_stopped(server: Server, name: str) -> None:
    data = b"".join(b"%d,w%d\n" % (i, i) for i in range(200_000))
    glue = view(
        server, name, "SELECT a.w, count(*) AS c FROM t a JOIN t b ON a.n < b.n GROUP BY a.w", data=data
    )
    run = glue.start_materialized_view_refresh_task_run(**place(name))["MaterializedViewRefreshTaskRunId"]
    with pytest.raises(glue.exceptions.MaterializedViewRefreshTaskRunningException):
        glue.start_materialized_view_refresh_task_run(**place(name))
    glue.stop_materialized_view_refresh_task_run(**place(name))
    assert ended(glue, run)["Status"] == "STOPPED"
    with pytest.raises(glue.exceptions.MaterializedViewRefreshTaskNotRunningException):
        glue.stop_materialized_view_refresh_task_run(**place(name))


def test_only_materialized_views_are_refreshed(server: Server, name: str) -> None:
    glue = make_table(
        server,
        name,
        {"t/a": parquet(pa.table({"n": [1]}))},
        StorageDescriptor={**CSV, "Columns": columns(("n", "int"))},
    )
    with pytest.raises(ClientError) as refused:
        glue.start_materialized_view_refresh_task_run(CatalogId=ACCOUNT, DatabaseName=name, TableName="t")
    assert refused.value.response["Error"]["Code"] == "InvalidInputException"
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_materialized_view_refresh_task_run(
            CatalogId=ACCOUNT, MaterializedViewRefreshTaskRunId="01234567-89ab-4def-8123-456789abcdef"
        )

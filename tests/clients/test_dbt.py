"""dbt with its Athena adapter as its users run it, from an environment of its own (`make clients`)."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, Server

PYTHON = ROOT / ".clients" / "dbt" / "bin" / "python"
HERE = Path(__file__).parent


@pytest.mark.timeout(2400)
@pytest.mark.skipif(not PYTHON.exists(), reason="no environment of dbt: run `make clients`")
def test_a_project_is_built_tested_and_documented(server: Server, name: str, tmp_path: Path) -> None:
    server.client("s3").create_bucket(Bucket=name)
    project = shutil.copytree(HERE / "dbt", tmp_path / "project")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "DBT_"))}
    ran = subprocess.run(
        [str(PYTHON), str(HERE / "dbt_script.py"), str(project)],
        env={
            **kept,
            "DBT_SCHEMA": name,
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        },
        cwd=project,
        capture_output=True,
        text=True,
        timeout=2000,
    )
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-3000:]
    glue = server.client("glue")
    tables = {table["Name"]: table for table in glue.get_tables(DatabaseName=name)["TableList"]}
    # What dbt made on the way is gone again.
    assert set(tables) == {"orders", "stg_orders", "by_customer", "by_day", "ledger"}
    assert tables["stg_orders"]["TableType"] == "VIRTUAL_VIEW"
    partitions = glue.get_partitions(DatabaseName=name, TableName="by_day")["Partitions"]
    assert sorted(partition["Values"] for partition in partitions) == [["2026-01-01"], ["2026-01-02"]]
    assert rows(server, name, "SELECT customer, total, orders FROM by_customer ORDER BY 1") == [
        ["ann", "15.75", "2"],
        ["bob", "20.00", "1"],
    ]
    assert rows(server, name, "SELECT count(*), sum(amount) FROM by_day") == [["3", "35.75"]]
    assert tables["ledger"]["Parameters"]["table_type"] == "ICEBERG"
    assert rows(server, name, "SELECT count(*), sum(amount), count(DISTINCT id) FROM ledger") == [
        ["3", "35.75", "3"]
    ]


def rows(server: Server, database: str, sql: str) -> list[list[str | None]]:
    athena = server.client("athena")
    query = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": database},
        ResultConfiguration={"OutputLocation": f"s3://{database}/results/"},
    )["QueryExecutionId"]
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        status = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
        if status["State"] not in ("QUEUED", "RUNNING"):
            break
        time.sleep(0.1)
    assert status["State"] == "SUCCEEDED", status
    found = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
    return [[cell.get("VarCharValue") for cell in row["Data"]] for row in found[1:]]

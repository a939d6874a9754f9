"""Runs the demo: a server of its own, a deployment, uploads, and the answers of SQL. Owns the server process."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import boto3
from botocore.config import Config as ClientConfig
from rich.console import Console
from rich.table import Table

from mastic import bundled
from mastic.config import load
from mastic.demo import deploy as deployment
from mastic.demo.deploy import Client, Deployment
from mastic.demo.follow import Followed, follow, runs_table
from mastic.errors import Refused
from mastic.executors.runtimes import Runtimes

DATA_DIR = Path("~/.mastic-demo")
_START_SECONDS, _PIPELINE_SECONDS, _QUERY_SECONDS = 30.0, 240.0, 60.0
_ANSWERS = (
    (
        "collections_data_view",
        "SELECT series, count(*) AS reports, count(DISTINCT institution) AS institutions, "
        "max(report_date) AS latest FROM collections_data_view WHERE ingest_ts = '{ingest_ts}' "
        "GROUP BY series ORDER BY series",
    ),
    (
        "fry9c_report_view",
        "SELECT institution, item, amount_usd_thousands FROM fry9c_report_view "
        "WHERE ingest_ts = '{ingest_ts}' AND report_date = date '2025-12-31' AND mdrm_code = 'BHCK2170' "
        "ORDER BY amount_usd_thousands DESC LIMIT 5",
    ),
)


def run(*, console: Console, data_dir: Path | None, port: int | None, keep: bool) -> int:
    """Returns the exit status: 0 only when every stage really succeeded."""
    began = time.monotonic()
    pipeline = bundled.find("pipelines", "pipelines")[0] / "simple-data-hub"
    config = load({"data_dir": data_dir or DATA_DIR.expanduser(), "port": port})
    console.rule("[bold]Mastic: the Simple Data Hub on this machine")
    runtimes = Runtimes(config.runtimes_dir)
    if not runtimes.installed("sail"):
        with console.status("Installing the job runtime (once) …") as status:
            runtimes.install(
                "sail", progress=lambda line: status.update(f"Installing the job runtime (once): {line[:80]}")
            )
    with _server(console, config.data_dir, config.port) as (endpoint, server):
        client = functools.cache(functools.partial(_client, endpoint, config.region))
        steps = time.monotonic()
        for step in deployment.deploy(client, pipeline):
            console.print(f"  [green]✓[/green] {step}", highlight=False)
        place = deployment.place_of(client)
        console.print(f"[dim]deployed in {time.monotonic() - steps:.1f} s[/dim]\n")
        ingest_ts, uploads, rows = _upload(client, console, place, pipeline)
        try:
            followed = follow(client, console, uploads, since=time.time() - 5, timeout=_PIPELINE_SECONDS)
        except TimeoutError as late:
            console.print(f"[bold red]{late}[/bold red]; the server's log: {config.data_dir}/server.log")
            return 1
        if not _report(console, followed):
            return 1
        if not _answer(client, console, place, ingest_ts, rows):
            return 1
        console.print(
            f"\n[bold green]Every stage succeeded[/bold green] in {time.monotonic() - began:.1f} s."
        )
        _go_on(console, config.data_dir, endpoint, config.region, running=keep)
        if keep:
            server.wait()
    return 0


@contextmanager
def _server(console: Console, data_dir: Path, port: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    data_dir.mkdir(parents=True, exist_ok=True)
    endpoint = f"http://127.0.0.1:{port}"
    environ = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    with (data_dir / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "mastic", "up", "--data-dir", str(data_dir), "--port", str(port)],
            stdout=log,
            stderr=log,
            env=environ,
        )
    try:
        _wait_until_up(server, endpoint, data_dir)
        console.print(f"  [green]✓[/green] Mastic answers at {endpoint}", highlight=False)
        yield endpoint, server
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=30)


def _wait_until_up(server: subprocess.Popen[bytes], endpoint: str, data_dir: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise Refused((data_dir / "server.log").read_text().strip().removeprefix("mastic: "))
        try:
            with urlopen(f"{endpoint}/_mastic/health", timeout=1):
                return
        except (URLError, OSError):
            time.sleep(0.05)
    raise Refused(f"the server does not answer at {endpoint}; its log: {data_dir}/server.log")


def _client(endpoint: str, region: str, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=ClientConfig(retries={"total_max_attempts": 1}),
    )


def _upload(
    client: Client, console: Console, place: Deployment, pipeline: Path
) -> tuple[str, list[str], int]:
    """Put the sample files where the pipeline waits for them; returns the timestamp, their URLs and their rows."""
    ingest_ts = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    uploads, rows = [], 0
    for path in sorted((pipeline / "data").glob("*.csv")):
        key = f"{deployment.PREFIX}ingest_ts={ingest_ts}/{path.name}"
        client("s3").upload_file(str(path), place.raw, key)
        lines = path.read_text().count("\n") - 1
        console.print(f"  [green]✓[/green] uploaded s3://{place.raw}/{key} ({lines} rows)", highlight=False)
        uploads.append(f"s3://{place.raw}/{key}")
        rows += lines
    return ingest_ts, uploads, rows


def _report(console: Console, followed: Followed) -> bool:
    console.print(runs_table(followed.runs))
    failed = [r for r in followed.runs if r["JobRunState"] != "SUCCEEDED"]
    for run in failed:
        console.print(
            f"[bold red]{run['JobName']} {run['JobRunState']}[/bold red]: {run.get('ErrorMessage', '')}"
        )
    return not failed


def _answer(client: Client, console: Console, place: Deployment, ingest_ts: str, rows: int) -> bool:
    """Ask the views; the counts must be those of the uploaded files."""
    counted = 0
    for view, sql in _ANSWERS:
        query = sql.format(ingest_ts=ingest_ts)
        console.print(f"\n[bold]athena>[/bold] {query}", highlight=False)
        lines, milliseconds = _query(client, query, place)
        table = Table(caption=f"{view} · {milliseconds} ms", caption_justify="left")
        for name in lines[0]:
            table.add_column(name or "")
        for line in lines[1:]:
            table.add_row(*[v or "" for v in line])
        console.print(table)
        if view == "collections_data_view":
            counted = sum(int(line[1] or 0) for line in lines[1:])
        elif len(lines) < 2:
            console.print(f"[bold red]{view} is empty[/bold red]")
            return False
    if counted != rows:
        console.print(f"[bold red]uploaded {rows} rows, but the view has {counted}[/bold red]")
        return False
    return True


def _query(client: Client, sql: str, place: Deployment) -> tuple[list[list[str | None]], int]:
    athena = client("athena")
    id = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": deployment.DATABASE},
        ResultConfiguration={"OutputLocation": place.athena_output},
    )["QueryExecutionId"]
    deadline = time.monotonic() + _QUERY_SECONDS
    while time.monotonic() < deadline:
        execution = athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]
        match execution["Status"]["State"]:
            case "SUCCEEDED":
                found = athena.get_query_results(QueryExecutionId=id)["ResultSet"]["Rows"]
                lines = [[cell.get("VarCharValue") for cell in row["Data"]] for row in found]
                return lines, execution["Statistics"]["TotalExecutionTimeInMillis"]
            case "FAILED" | "CANCELLED":
                raise Refused(f"the query failed: {execution['Status'].get('StateChangeReason')}")
        time.sleep(0.1)
    raise Refused(f"the query did not end within {_QUERY_SECONDS:.0f} seconds")


def _go_on(console: Console, data_dir: Path, endpoint: str, region: str, *, running: bool) -> None:
    console.print("\nGo on:")
    if not running:
        console.print(f"  mastic up --data-dir {data_dir} &", highlight=False, soft_wrap=True)
    for line in (
        f"export AWS_ENDPOINT_URL={endpoint} AWS_DEFAULT_REGION={region}",
        "export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test",
        f"aws glue get-job-runs --job-name {deployment.INGESTION} --max-results 10",
        f"aws logs tail /aws/lambda/{deployment.FUNCTION} --since 1d",
        f"aws glue get-table --database-name {deployment.DATABASE} --name fry9c_report_view",
    ):
        console.print(f"  {line}", highlight=False, soft_wrap=True)

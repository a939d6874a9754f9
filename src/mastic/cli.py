"""The command line: ``mastic up``, ``demo``, ``doctor``, ``migrate``, ``costs``, ``runtime``. Owns no state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from mastic import __version__
from mastic.config import Config, load
from mastic.errors import Refused
from mastic.terminal import out, refusals

app = typer.Typer(
    name="mastic",
    help="AWS Glue that you can run anywhere.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
DataDir = Annotated[
    Path | None, typer.Option(help="Where all state is kept. [default: ~/.mastic]", show_default=False)
]
Host = Annotated[
    str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]", show_default=False)
]
Port = Annotated[
    int | None,
    typer.Option(help="Port to listen on; 0 takes a free one. [default: 4566]", show_default=False),
]
HivePort = Annotated[
    int | None,
    typer.Option(help="Also answer as a Hive Metastore (Thrift) on this port.", show_default=False),
]
Database = Annotated[
    str | None,
    typer.Option(help="PostgreSQL URL instead of the embedded store.", show_default=False, metavar="URL"),
]


@app.command()
def up(
    data_dir: DataDir = None,
    host: Host = None,
    port: Port = None,
    database_url: Database = None,
    hive_metastore_port: HivePort = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
) -> None:
    """Start the server and keep it running until Ctrl-C."""
    from mastic import serving

    serving.become(
        {
            "data_dir": data_dir,
            "host": host,
            "port": port,
            "database_url": database_url,
            "hive_metastore_port": hive_metastore_port,
            "log_level": log_level,
        }
    )


@app.command()
def migrate(data_dir: DataDir = None, database_url: Database = None) -> None:
    """Bring the database to this version's schema (``up`` does it by itself)."""
    with refusals():
        config = _config(data_dir=data_dir, database_url=database_url)
        from mastic.store import migrate as migrations
        from mastic.store.opening import open_store

        store = open_store(config.store_url)
        before, after = migrations.upgrade(store)
        store.close()
        out.print(
            f"schema {before or 'none'} → {after}" if before != after else f"schema {after}: nothing to do"
        )


@app.command()
def demo(
    data_dir: Annotated[
        Path | None, typer.Option(help="Keep the demo's state here instead of a fresh directory.")
    ] = None,
    port: Port = None,
    keep: Annotated[bool, typer.Option(help="Leave the server running afterwards.")] = False,
) -> None:
    """Run a whole pipeline here: CSV upload, Lambda, ingestion job, trigger, views job, SQL answer."""
    with refusals():
        from mastic.demo import run

        raise typer.Exit(run(console=out, data_dir=data_dir, port=port, keep=keep))


@app.command()
def costs(
    job: Annotated[list[str] | None, typer.Option(help="A job's name; all jobs unless given.")] = None,
    days: Annotated[int, typer.Option(help="Runs of the last so many days.")] = 30,
    endpoint_url: Annotated[
        str, typer.Option(envvar="AWS_ENDPOINT_URL", help="Where Glue's API is.")
    ] = "http://127.0.0.1:4566",
) -> None:
    """Estimate what job runs would have cost on AWS."""
    with refusals():
        _print_costs(endpoint_url, job, days)


def _print_costs(endpoint_url: str, jobs: list[str] | None, days: int) -> None:
    from botocore.config import Config as BotocoreConfig
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.session import Session
    from rich.table import Table

    from mastic.costs import of_all

    session = Session()  # type: ignore[no-untyped-call]
    region = session.get_config_variable("region") or "us-east-1"  # type: ignore[no-untyped-call]
    if session.get_credentials() is None:  # type: ignore[no-untyped-call]
        # A server on loopback takes any.
        session.set_credentials("test", "test")  # type: ignore[no-untyped-call]
    once = BotocoreConfig(retries={"total_max_attempts": 1})  # type: ignore[no-untyped-call]
    glue = session.create_client("glue", endpoint_url=endpoint_url, region_name=region, config=once)
    table = Table("Job", "Runs", "Seconds", "DPU hours", "US dollars")
    total = 0.0
    try:
        for cost in of_all(glue, since=datetime.now(UTC) - timedelta(days=days), jobs=jobs):
            total += cost.dollars
            table.add_row(
                cost.job, str(cost.runs), str(cost.seconds), f"{cost.dpu_hours:.4f}", f"{cost.dollars:.4f}"
            )
    except (BotoCoreError, ClientError) as error:
        raise Refused(f"The runs cannot be asked of {endpoint_url}: {error}") from error
    out.print(table)
    out.print(f"Together {total:.4f} US dollars, at the prices of us-east-1.")


@app.command()
def doctor(data_dir: DataDir = None) -> None:
    """Check this machine: what works, what is missing, and what to do about it."""
    with refusals():
        from mastic.doctor import examine

        raise typer.Exit(examine(_config(data_dir=data_dir), out))


runtime = typer.Typer(help="The environments that jobs run in.", no_args_is_help=True)
app.add_typer(runtime, name="runtime")


@runtime.command("list")
def runtime_list() -> None:
    """Show the runtimes and whether they are installed."""
    with refusals():
        from mastic.executors.runtimes import Runtimes

        runtimes = Runtimes(_config().runtimes_dir)
        for name in runtimes.names():
            out.print(f"{name:12} {'installed' if runtimes.installed(name) else 'not installed'}")


@runtime.command("install")
def runtime_install(name: Annotated[str, typer.Argument(help="sail, spark-3.5, …")]) -> None:
    """Build a runtime: an isolated environment with one engine and the job library."""
    with refusals():
        from mastic.executors.runtimes import Runtimes

        Runtimes(_config().runtimes_dir).install(name, progress=lambda line: out.print(f"[dim]{line}[/dim]"))
        out.print(f"runtime {name} is ready")


@app.callback(invoke_without_command=True)
def _main(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        out.print(f"mastic {__version__}")
        raise typer.Exit()


def _config(**overrides: Any) -> Config:
    return load(overrides)

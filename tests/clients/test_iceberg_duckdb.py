"""DuckDB's Iceberg extension, as users run it, against ``/iceberg``: in a process and with packages of its own."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyiceberg.catalog.rest import RestCatalog

from tests.conftest import RUNTIMES

if TYPE_CHECKING:
    from tests.conftest import Server

# The extension goes with one version of DuckDB, which is not the server's.
VERSION = "1.5.5"
PACKAGES = [
    f"duckdb=={VERSION}",
    f"duckdb-extensions=={VERSION}",
    *(f"duckdb-extension-{name}=={VERSION}" for name in ("avro", "httpfs", "iceberg")),
]
SESSION = """
import json, sys, duckdb
from duckdb_extensions import import_extension
connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
for name in ("avro", "httpfs", "iceberg"):
    import_extension(name)
for name in ("httpfs", "avro", "iceberg"):
    connection.execute(f"LOAD {name}")
answers = []
for statement in json.load(sys.stdin):
    answers.append(connection.execute(statement).fetchall())
print(json.dumps(answers, default=str))
"""


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder with DuckDB and its extensions, installed once."""
    RUNTIMES.mkdir(parents=True, exist_ok=True)
    folder = RUNTIMES / f"test-duckdb-{VERSION}"
    with (RUNTIMES / "test-duckdb.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            fresh = folder.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            command = [sys.executable, "-m", "pip", "install", "-q", "--target", str(fresh), *PACKAGES]
            ran = subprocess.run(command, capture_output=True, text=True, timeout=800)
            if ran.returncode:
                pytest.skip(f"DuckDB's extensions cannot be installed here: {ran.stderr[-500:]}")
            fresh.rename(folder)
    return folder


def _run(packages: Path, home: Path, *statements: str) -> list[list[Any]]:
    ran = subprocess.run(
        [sys.executable, "-c", SESSION],
        input=json.dumps(statements),
        env={**os.environ, "PYTHONPATH": str(packages), "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    found: list[list[Any]] = json.loads(ran.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("mode", ["unsigned", "signed"])
def test_reads_and_writes(server: Server, packages: Path, tmp_path: Path, name: str, mode: str) -> None:
    server.client("s3").create_bucket(Bucket=name)
    catalog = RestCatalog("rest", uri=f"{server.endpoint}/iceberg")
    catalog.create_namespace(name, {"location": f"s3://{name}/w"})
    schema = pa.schema([("a", pa.int64()), ("b", pa.string())])
    catalog.create_table((name, "theirs"), schema).append(pa.table({"a": [1, 2], "b": ["x", "y"]}))
    if mode == "signed":
        # DuckDB takes the signing name and region from the host name.
        endpoint = f"http://glue.us-east-1.localhost:{server.port}/iceberg"
        how = [
            "CREATE SECRET keys (TYPE s3, KEY_ID 'test', SECRET 'test', REGION 'us-east-1')",
            f"ATTACH '123456789012' AS lake (TYPE iceberg, ENDPOINT '{endpoint}', "
            "AUTHORIZATION_TYPE 'sigv4', SECRET keys)",
        ]
    else:
        how = [
            f"ATTACH '123456789012' AS lake (TYPE iceberg, ENDPOINT '{server.endpoint}/iceberg', "
            "AUTHORIZATION_TYPE 'none')"
        ]
    answers = _run(
        packages,
        tmp_path,
        *how,
        f"SELECT sum(a), count(*) FROM lake.{name}.theirs",
        f"CREATE TABLE lake.{name}.ours (a BIGINT, b VARCHAR)",
        f"INSERT INTO lake.{name}.ours SELECT range, 'duck' FROM range(10)",
        f"DELETE FROM lake.{name}.ours WHERE a < 3",
        f"INSERT INTO lake.{name}.theirs VALUES (3, 'duck')",
        f"SELECT sum(a), count(*) FROM lake.{name}.ours",
    )
    assert answers[len(how)] == [[3, 2]]
    assert answers[-1] == [[42, 7]]
    assert catalog.load_table((name, "theirs")).scan().to_arrow()["b"].to_pylist().count("duck") == 1
    assert catalog.load_table((name, "ours")).scan().to_arrow().num_rows == 7
    seen = server.client("glue").get_table(DatabaseName=name, Name="ours")["Table"]
    assert [c["Type"] for c in seen["StorageDescriptor"]["Columns"]] == ["bigint", "string"]
    _run(packages, tmp_path, *how, f"DROP TABLE lake.{name}.ours")
    assert not catalog.table_exists((name, "ours"))

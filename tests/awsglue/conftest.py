"""One suite over every engine.

It runs inside a runtime (an environment with one engine): `pytest tests/awsglue` there. In an environment without an
engine only test_engines.py is collected, which runs the suite in each runtime as a process of its own.

`notimpl("sail", reason)` marks what an engine honestly cannot do: the test must then fail there, or the mark is wrong.
"""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "packages" / "awsglue"
sys.path[:0] = [str(path) for path in (LIBRARY, ROOT) if str(path) not in sys.path]
# Workers of a classic engine are processes of their own and must find the library too.
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(LIBRARY), str(ROOT / "tests" / "awsglue"), os.environ.get("PYTHONPATH", "")]
)
os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
os.environ.setdefault("TZ", "UTC")


import tests.examples  # noqa: E402, F401 - before any test is made
from tests.ports import free_port  # noqa: E402

# An engine reads these when it starts, as in a job; the server itself starts when a test first asks for it.
PORT = free_port()
ENDPOINT = f"http://127.0.0.1:{PORT}"
os.environ.update(
    AWS_ENDPOINT_URL=ENDPOINT,
    AWS_REGION="us-east-1",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY="test",
)

from awsglue._runtime.engine import installed  # noqa: E402

ENGINE = installed()
if not ENGINE:
    collect_ignore_glob = ["test_[!e]*.py", "test_e[!n]*.py"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "notimpl(engine, reason): the engine cannot do this, and says so")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("notimpl"):
            if mark.args[0] == ENGINE:
                item.add_marker(pytest.mark.xfail(reason=mark.args[1], strict=True))


@pytest.fixture(scope="session")
def spark() -> Any:
    """The engine's session, as a job gets it."""
    from awsglue._runtime.engine import get_or_create_session

    return get_or_create_session()


@pytest.fixture
def modern(spark: Any) -> bool:
    """Whether this is Spark 4, whose defaults differ: casts fail at what was null, ancient dates are written."""
    import pyspark

    return ENGINE == "spark" and int(pyspark.__version__.partition(".")[0]) >= 4


@pytest.fixture
def lenient(spark: Any, modern: bool) -> Any:
    """Casts of what is no such value give null, as by Spark's default before 4."""
    if modern:
        spark.conf.set("spark.sql.ansi.enabled", "false")
    yield
    if modern:
        spark.conf.unset("spark.sql.ansi.enabled")


@pytest.fixture
def glue(spark: Any) -> Any:
    """A GlueContext over the session."""
    from awsglue.context import GlueContext

    return GlueContext(spark)


@pytest.fixture
def frame(glue: Any) -> Any:
    """Make a DynamicFrame of rows: frame("a int, b string", [(1, "x")])."""
    from awsglue.dynamicframe import DynamicFrame

    def make(schema: str, rows: list[tuple[Any, ...]], name: str = "frame") -> Any:
        return DynamicFrame.fromDF(glue.spark_session.createDataFrame(rows, schema), glue, name)

    return make


class AnyOrder(list):  # type: ignore[type-arg]
    """Records of which the order does not matter when they are compared."""

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, list)
        rest = list(other)
        for one in self:
            if one not in rest:
                return False
            rest.remove(one)
        return not rest

    __hash__ = None  # type: ignore[assignment]


@pytest.fixture
def records() -> Any:
    """The records of a frame as the user sees them (choices as their values), in any order."""
    from awsglue._frames.display import take

    return lambda dynamic_frame: AnyOrder(take(dynamic_frame._checked(), None))


@pytest.fixture
def json_frame(glue: Any, tmp_path: Path) -> Any:
    """A DynamicFrame of JSON records, with the choices they make."""
    import json

    def make(*values: Any) -> Any:
        folder = tmp_path / f"json{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        (folder / "part.json").write_text("".join(json.dumps(value) + "\n" for value in values))
        return glue.create_dynamic_frame.from_options("s3", {"paths": [f"file://{folder}"]}, format="json")

    return make


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A real Mastic server in the server's own environment; this process's AWS settings point to it already."""
    import subprocess
    import time
    import urllib.request

    python = ROOT / ".venv" / "bin" / "python"
    base = tmp_path_factory.mktemp("server")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "MASTIC_", "PYTHONPATH"))
    }
    with (base / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(python), "-m", "mastic", "up", "--data-dir", str(base / "data"), "--port", str(PORT)],
            env=kept,
            stdout=log,
            stderr=log,
        )
    deadline = time.monotonic() + 300
    while True:
        try:
            with urllib.request.urlopen(f"{ENDPOINT}/_mastic/health", timeout=20):
                break
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((base / "log").read_text()[-4000:]) from None
            time.sleep(0.1)
    yield ENDPOINT
    process.terminate()
    process.wait(timeout=180)


@pytest.fixture
def bucket(server: str) -> str:
    """A bucket of the test's own."""
    import boto3

    name = f"b-{uuid.uuid4().hex[:10]}"
    boto3.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def database(bucket: str) -> str:
    """A database of the catalog, in that bucket."""
    import boto3

    name = f"db_{uuid.uuid4().hex[:10]}"
    boto3.client("glue").create_database(
        DatabaseInput={"Name": name, "LocationUri": f"s3://{bucket}/{name}.db/"}
    )
    return name


@pytest.fixture
def catalog(server: str) -> Any:
    """A Glue client and a database of this test's own: (client, database)."""
    import uuid

    import boto3

    client = boto3.client("glue")
    name = f"db_{uuid.uuid4().hex[:8]}"
    client.create_database(DatabaseInput={"Name": name})
    return client, name

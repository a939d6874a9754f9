"""Fixtures for tests of the API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.api.hive import HiveServer


@pytest.fixture
def glue(server: Any) -> Any:
    return server.client("glue")


@pytest.fixture
def make(server: Any, glue: Any, name: str) -> Callable[..., str]:
    """Make a job of a script; returns its name."""
    server.client("s3").create_bucket(Bucket=name)

    def make(script: str, *, suffix: str = "", command: str = "pythonshell", **more: Any) -> str:
        job = f"{name}{suffix}"
        server.client("s3").put_object(Bucket=name, Key=f"{job}.py", Body=script.encode())
        glue.create_job(
            Name=job,
            Role="arn:aws:iam::123456789012:role/glue",
            Command={"Name": command, "ScriptLocation": f"s3://{name}/{job}.py", "PythonVersion": "3.9"},
            **more,
        )
        return job

    return make


@pytest.fixture(scope="session")
def hive_server(
    store_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HiveServer]:
    """A server with the Hive Metastore's door, and a bucket for its warehouse."""
    from tests.api.hive import HiveServer

    running = HiveServer(tmp_path_factory.mktemp("hive") / "data", store_settings)
    running.start()
    running.client("s3").create_bucket(Bucket="warehouse")
    yield running
    running.stop()

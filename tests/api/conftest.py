"""Fixtures for tests of the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


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

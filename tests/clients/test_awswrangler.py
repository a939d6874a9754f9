"""awswrangler as its users run it: from an environment of its own, because its pyarrow is older than the server's.

`make clients` makes the environment; `make test` does so first.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT, Server

PYTHON = ROOT / ".clients" / "awswrangler" / "bin" / "python"


@pytest.mark.skipif(not PYTHON.exists(), reason="no environment of awswrangler: run `make clients`")
def test_datasets_queries_and_catalog(server: Server, name: str) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    ran = subprocess.run(
        [
            str(PYTHON),
            "-W",
            "error::ResourceWarning",
            str(Path(__file__).with_name("awswrangler_script.py")),
            name,
        ],
        env={
            **kept,
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        },
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr

"""Runs this folder's suite inside each installed runtime; collected where there is no engine itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from awsglue._runtime.engine import installed

FOLDER = Path(__file__).resolve().parent
RUNTIMES = Path(os.environ.get("MASTIC_RUNTIMES_DIR", FOLDER.parents[1] / ".runtimes"))


@pytest.mark.skipif(installed() != "", reason="the suite itself runs in an environment with an engine")
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("runtime", ["sail", "spark-3.5"])
def test_suite_in_runtime(runtime: str, tmp_path: Path) -> None:
    python = RUNTIMES / runtime / "bin" / "python"
    if not python.exists():
        pytest.skip(f"runtime {runtime} is not installed")
    has_pytest = subprocess.run([python, "-c", "import pytest, hypothesis"], capture_output=True, check=False)
    if has_pytest.returncode:
        pytest.fail(f"runtime {runtime} lacks pytest and hypothesis: install them there to test it")
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "PYTEST_", "MASTIC_"))
    }
    clean["MASTIC_RUNTIMES_DIR"] = str(RUNTIMES)
    tests = sorted(str(path) for path in FOLDER.glob("test_*.py") if path.name != "test_engines.py")
    done = subprocess.run(
        [
            python,
            "-m",
            "pytest",
            "-q",
            "-c",
            os.devnull,
            "--rootdir",
            FOLDER,
            "--confcutdir",
            FOLDER,
            "-p",
            "no:cacheprovider",
            "--basetemp",
            tmp_path / "t",
            "-W",
            "ignore",
            "--tb=short",
            *tests,
        ],
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:]

"""Runs this folder's suite inside each installed runtime; collected where there is no engine itself.

A runtime holds what jobs need and no test tools: those come from this environment, behind the runtime's own packages.
"""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from awsglue._runtime.engine import installed

FOLDER = Path(__file__).resolve().parent
RUNTIMES = Path(os.environ.get("MASTIC_RUNTIMES_DIR", FOLDER.parents[1] / ".runtimes"))
TOOLS = (
    "pytest",
    "pluggy",
    "iniconfig",
    "packaging",
    "pygments",
    "hypothesis",
    "sortedcontainers",
    "typing_extensions",
)
# Where one is missing, the tests of its sources are skipped.
DRIVERS = ("psycopg", "psycopg-binary", "pymysql", "openpyxl", "et-xmlfile", "amazon-ion")
START = "import sys; sys.path.append({site!r}); import pytest; sys.exit(pytest.main(sys.argv[1:]))"
# The only reason to skip a test of the embedded engine: a server of somebody else's that a machine may lack.
ABSENT = "is not installed"
# Apache Spark takes a second per query: there the suite's core runs, where the engines could differ.
CORE = ("test_fields.py", "test_choices.py", "test_records.py", "test_sources.py", "test_lakes.py")
# Of the second Spark, what its stricter casts could change.
STRICT = ("test_choices.py",)
# All of the suite in one process would take longer than everything else on the other workers.
PARTS = 4


def tools(folder: Path) -> Path:
    """A folder with links to the test tools alone: more of this environment would change what the runtime is."""
    folder.mkdir()
    present = {distribution.name.lower(): distribution for distribution in importlib.metadata.distributions()}
    for distribution in [present[name] for name in TOOLS] + [
        present[name] for name in DRIVERS if name in present
    ]:
        for top in {
            file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")
        }:
            target = Path(str(distribution.locate_file(top)))
            if target.exists() and not (folder / top).exists():
                (folder / top).symlink_to(target)
    return folder


@pytest.mark.skipif(installed() != "", reason="the suite itself runs in an environment with an engine")
@pytest.mark.timeout(2400)
@pytest.mark.parametrize(
    ("runtime", "part"), [("spark-3.5", 0), *(("sail", part) for part in range(PARTS)), ("spark-4.1", 0)]
)
def test_suite(runtime: str, part: int, tmp_path: Path) -> None:
    python = RUNTIMES / runtime / "bin" / "python"
    if not python.exists():
        pytest.skip(f"runtime {runtime} is not installed")
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "PYTEST_", "MASTIC_"))
    }
    clean["MASTIC_RUNTIMES_DIR"] = str(RUNTIMES)
    every = sorted(path.name for path in FOLDER.glob("test_*.py") if path.name != "test_engines.py")
    core = STRICT if runtime == "spark-4.1" else CORE
    if runtime == "sail":
        chosen: Sequence[str] = every[part::PARTS]
    else:
        chosen = every if os.environ.get("MASTIC_TEST_ALL") else core
    # A file, not -c: a main module without a file makes the Connect client believe that it is its own doctest.
    start = tmp_path / "start.py"
    start.write_text(START.format(site=str(tools(tmp_path / "tools"))))
    options = [
        "-q",
        "-rs",
        "-c",
        os.devnull,
        "--rootdir",
        FOLDER,
        "--confcutdir",
        FOLDER,
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(
        [python, start, *options, "--basetemp", tmp_path / "t", "-W", "ignore", "--tb=short"]
        + [FOLDER / name for name in chosen],
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    skipped = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    assert not [line for line in skipped if runtime == "sail" and not line.endswith(ABSENT)], skipped

"""The Ray cluster of a Ray job: one of its own, on this machine, or one that the operator names.

A script calls `ray.init()` or `ray.init("auto")` and finds it by its environment. The processes of a cluster of its own
carry the run's id like every process of the run, and end with it. Owns that cluster's description.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 120.0  # seconds for a cluster to start
HEAD_SHARE = 0.3  # of the run's memory, for objects
SMALLEST_STORE = 80 * 1024 * 1024
JOB_CONFIG = "RAY_JOB_CONFIG_JSON_ENV_VAR"


class ClusterFailed(Exception):
    """The job's Ray cluster has not started; `str()` is what Ray said."""


@dataclass(kw_only=True)
class ClusterState:
    """What this process's script runs on."""

    description: str = ""


# One process runs one script on one cluster.
STATE = ClusterState()


def prepare(
    arguments: dict[str, str], python_path: list[str], cores: int | None, memory_mb: int | None
) -> None:
    """Start or find the cluster, and leave its address in the environment. Raises ClusterFailed."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # What --working-dir brings is found by the script as by its workers.
    sys.path.insert(1, os.getcwd())
    outside = os.environ.get("MASTIC_RAY_ADDRESS", "")
    if outside:
        # Its machines see nothing of this one: Ray carries modules, working directory and variables there.
        asked = {name.removeprefix("--") for name in arguments}
        told = {name: value for name, value in os.environ.items() if name.startswith("AWS_") or name in asked}
        settings = {"working_dir": _together(python_path), "env_vars": told}
        os.environ[JOB_CONFIG] = json.dumps({"runtime_env": settings})
        os.environ["RAY_ADDRESS"] = outside
        STATE.description = f"the cluster at {outside}"
        return
    # Workers are children of the cluster: they see what it sees.
    path = [*python_path, os.getcwd(), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(part for part in path if part)
    # Ray listens on the machine's own address: whoever does not know this run's word gets nowhere.
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
    os.environ["RAY_ADDRESS"] = _start(arguments, cores or os.cpu_count() or 1, memory_mb or 2048)
    STATE.description = f"a cluster of its own with {cores or os.cpu_count()} processors"


def _together(python_path: list[str]) -> str:
    """One folder with the working directory and the run's modules: where a worker starts, and looks for modules."""
    from awsglue._runtime import engine

    folder = Path(engine.scratch_directory()) / "ray"
    shutil.copytree(os.getcwd(), folder)
    for entry in map(Path, python_path):
        if entry.is_dir():
            shutil.copytree(entry, folder, dirs_exist_ok=True)
        else:
            with zipfile.ZipFile(entry) as opened:
                opened.extractall(folder)
    return str(folder)


def used() -> tuple[str, str]:
    """(engine, reason) for the run's record."""
    if not STATE.description:
        return "", ""
    import importlib.metadata

    return "ray", f"Ray {importlib.metadata.version('ray')}, {STATE.description}"


def _start(arguments: dict[str, str], cores: int, memory_mb: int) -> str:
    folder = os.environ["MASTIC_RAY_DIR"]
    memory = memory_mb * 1024 * 1024
    store = max(int(memory * _share(arguments.get("--object_store_memory_head"))), SMALLEST_STORE)
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--port=0"]
    command += [f"--temp-dir={folder}", "--include-dashboard=false", "--dashboard-agent-listen-port=0"]
    command += ["--disable-usage-stats"]
    command += [f"--num-cpus={cores}", f"--memory={memory}", f"--object-store-memory={store}"]
    with (Path(folder) / "start.log").open("w+b") as said:
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=PATIENCE, check=False
            )
            code = str(done.returncode)
        except subprocess.TimeoutExpired:
            code = f"nothing in {PATIENCE:.0f} seconds"
        said.seek(0)
        text = said.read().decode(errors="replace")
    current = Path(folder) / "ray_current_cluster"
    if not current.exists():
        raise ClusterFailed(
            f"The Ray cluster of the job has not started (ray start ended with {code}): {text[-2000:]}"
        )
    return current.read_text().strip()


def _share(percent: str | None) -> float:
    """A percentage as a fraction. Raises ClusterFailed."""
    if not percent:
        return HEAD_SHARE
    try:
        value = float(percent.removesuffix("%"))
    except ValueError:
        value = 0.0
    if not 0 < value < 100:
        raise ClusterFailed(
            f"--object_store_memory_head is {percent!r}: a percentage between 0 and 100 is wanted"
        )
    return value / 100

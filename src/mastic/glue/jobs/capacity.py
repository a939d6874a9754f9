"""Worker types, DPUs, versions and timeouts: what a definition may ask for and what it gets. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mastic.errors import invalid_input

COMMANDS = ("glueetl", "gluestreaming", "pythonshell", "glueray")
SPARK = ("glueetl", "gluestreaming")
VERSIONS = ("0.9", "1.0", "2.0", "3.0", "4.0", "5.0", "5.1", "6.0")
LONGEST_TIMEOUT = 7 * 24 * 60
PYTHON_SHELL_CAPACITIES = (0.0625, 1.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """What one worker is made of; ``dpu`` in data processing units, ``memory`` in GB.

    ``since`` is the first Glue version that has it, ``least`` how many a job needs: one of them is the driver.
    """

    dpu: float
    vcpus: int
    memory: int
    commands: tuple[str, ...] = SPARK
    since: tuple[int, ...] = (0, 9)
    least: int = 2


WORKERS: dict[str, Worker] = {
    "Standard": Worker(dpu=1, vcpus=4, memory=16, least=1),
    "G.025X": Worker(dpu=0.25, vcpus=2, memory=4, commands=("gluestreaming",), since=(3,)),
    "G.1X": Worker(dpu=1, vcpus=4, memory=16),
    "G.2X": Worker(dpu=2, vcpus=8, memory=32),
    "G.4X": Worker(dpu=4, vcpus=16, memory=64, since=(3,)),
    "G.8X": Worker(dpu=8, vcpus=32, memory=128, since=(3,)),
    "G.12X": Worker(dpu=12, vcpus=48, memory=192, since=(4,)),
    "G.16X": Worker(dpu=16, vcpus=64, memory=256, since=(4,)),
    "R.1X": Worker(dpu=1, vcpus=4, memory=32, since=(4,)),
    "R.2X": Worker(dpu=2, vcpus=8, memory=64, since=(4,)),
    "R.4X": Worker(dpu=4, vcpus=16, memory=128, since=(4,)),
    "R.8X": Worker(dpu=8, vcpus=32, memory=256, since=(4,)),
    "Z.2X": Worker(dpu=2, vcpus=8, memory=64, commands=("glueray",), least=1),
}


def version(text: str | None) -> tuple[int, ...]:
    """A Glue version as numbers; "auto" and none sort behind every number."""
    if not text or text == "auto":
        return (99,)
    if text not in VERSIONS:
        raise invalid_input(f"Glue version {text} is not supported")
    return tuple(int(part) for part in text.split("."))


def resolve(body: Mapping[str, Any]) -> dict[str, Any]:
    """WorkerType, NumberOfWorkers, MaxCapacity and AllocatedCapacity in force; raises InvalidInputException."""
    command = body["Command"]["Name"]
    worker_type, count = body.get("WorkerType"), body.get("NumberOfWorkers")
    capacity = body.get("MaxCapacity")
    if capacity is None and body.get("AllocatedCapacity"):
        capacity = float(body["AllocatedCapacity"])
    if worker_type is not None or count is not None:
        for member, name in (("MaxCapacity", "Max Capacity"), ("AllocatedCapacity", "Allocated Capacity")):
            if body.get(member) is not None:
                raise invalid_input(f"Please do not set {name} if using Worker Type and Number of Workers.")
        return _workers(command, worker_type, count, version(body.get("GlueVersion")))
    if command == "pythonshell":
        capacity = PYTHON_SHELL_CAPACITIES[0] if capacity is None else float(capacity)
        if capacity not in PYTHON_SHELL_CAPACITIES:
            raise invalid_input(
                "The value for Max Capacity for a Python shell job should be either 0.0625 or 1.0."
            )
    elif command == "glueray":
        raise invalid_input("Worker Type and Number of Workers must be set for a Ray job.")
    else:
        capacity = 10.0 if capacity is None else float(capacity)
        if not 2 <= capacity <= 100 or capacity != int(capacity):
            raise invalid_input("The value for Max Capacity should be an integer from 2 to 100.")
    return {"MaxCapacity": capacity, "AllocatedCapacity": int(capacity)}


def _workers(
    command: str, worker_type: str | None, count: int | None, glue: tuple[int, ...]
) -> dict[str, Any]:
    if command == "pythonshell":
        raise invalid_input("Worker Type and Number of Workers are not supported for Python shell jobs.")
    if worker_type is None or count is None:
        raise invalid_input("Worker Type and Number of Workers must be set together.")
    worker = WORKERS.get(worker_type)
    if worker is None or command not in worker.commands:
        raise invalid_input(f"Worker type {worker_type} is not supported for {command} jobs.")
    if glue < worker.since:
        since = ".".join(str(part) for part in (*worker.since, 0)[:2])
        raise invalid_input(
            f"Worker type {worker_type} is only supported for Glue version {since} and later."
        )
    if count < worker.least:
        raise invalid_input(
            f"To use Worker Type {worker_type}, minimum allowed value of Number of Workers is {worker.least}."
        )
    dpus = count * worker.dpu
    return {
        "WorkerType": worker_type,
        "NumberOfWorkers": count,
        "MaxCapacity": float(dpus),
        "AllocatedCapacity": int(dpus),
    }


def default_timeout(command: str, glue_version: str | None) -> int | None:
    """Minutes after which a run times out when nobody said; streaming jobs run without end."""
    if command == "gluestreaming":
        return None
    if command == "pythonshell" or version(glue_version) < (5,):
        return 2880
    return 480


def check_timeout(minutes: int | None) -> None:
    """Raise InvalidInputException beyond seven days."""
    if minutes is not None and minutes > LONGEST_TIMEOUT:
        raise invalid_input(f"Timeout should be at most {LONGEST_TIMEOUT} minutes.")


def check_execution_class(command: str, glue_version: str | None, execution_class: str | None) -> None:
    """FLEX is for batch Spark jobs of Glue 3.0 and later; raises InvalidInputException."""
    if execution_class != "FLEX":
        return
    if command != "glueetl":
        raise invalid_input(f"Execution class FLEX is not supported for {command} jobs.")
    if version(glue_version) < (3,):
        raise invalid_input("Execution class FLEX is only supported for Glue version 3.0 and later.")


def size(body: Mapping[str, Any]) -> tuple[int, int]:
    """(memory in MB, cores) that all workers of a run have together."""
    worker = WORKERS.get(body.get("WorkerType") or "")
    if worker is not None:
        count = int(body["NumberOfWorkers"])
        return worker.memory * 1024 * count, worker.vcpus * count
    dpus = float(body["MaxCapacity"])
    return int(dpus * 16 * 1024), max(1, int(dpus * 4))

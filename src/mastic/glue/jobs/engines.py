"""Which runtime and engine a run's process uses, and why; what of a run's arguments nothing serves. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mastic.errors import ServiceError
from mastic.glue.jobs import arguments, capacity, log_names
from mastic.store.job_runs import JobRun

EMBEDDED_RUNTIME = "sail"
SPARK_RUNTIME = "spark-3.5"
SPARK_4_RUNTIME = "spark-4.1"  # Glue 6.0 and later
RAY_RUNTIME = "ray"
# Spark 4 raises where Spark 3 gave null (ANSI mode), and the embedded engine is proven against Spark 3.5.
SPARK_4 = "Glue {version} has the semantics of Spark 4.1, the embedded engine those of Spark 3.5"

# Nothing of these is done yet: better a run that says so than one that misses what it was promised.
NOT_SERVED = {
    "--class": "a main class, which Scala scripts have,",
    "--enable-lakeformation-fine-grained-access": "access to rows, columns and cells by Lake Formation",
}


class Unprepared(Exception):
    """The run cannot be started; ``str()`` is its ErrorMessage."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """``reason`` is empty where the process itself knows best."""

    runtime: str
    engine: str
    reason: str = ""


def spark_runtime(glue_version: str | None) -> str:
    """The runtime with the Spark whose answers this version of Glue gives."""
    named = bool(glue_version) and glue_version != "auto"
    return SPARK_4_RUNTIME if named and capacity.version(glue_version) >= (6,) else SPARK_RUNTIME


def choose(run: JobRun, forced: str | None, *, default: str, installed: Callable[[str], bool]) -> Choice:
    """What the run's next process uses; ``forced`` after a refusal of the embedded engine. Raises Unprepared."""
    command = run.plan["Command"]["Name"]
    merged: dict[str, str] = run.plan["Arguments"]
    _refuse(run, merged)
    for name in run.plan.get("MissingConnections") or []:
        raise Unprepared(f"Connection {name} of the job not found.")
    if command == "pythonshell":
        return Choice(runtime=EMBEDDED_RUNTIME, engine="auto")
    if command == "glueray":
        return Choice(runtime=RAY_RUNTIME, engine="auto")
    try:
        wanted = forced or arguments.engine(merged, default)
    except ServiceError as error:
        raise Unprepared(error.message) from error
    version = run.body.get("GlueVersion")
    runtime = spark_runtime(version)
    if wanted == "spark":
        return Choice(runtime=runtime, engine="spark")
    needed = needs_spark(merged)
    if needed and wanted == "sail":
        raise Unprepared(f"{needed}, which the engine sail is not: use --engine auto or spark.")
    if runtime == SPARK_4_RUNTIME:
        needed = SPARK_4.format(version=version)
        if wanted == "sail":
            raise Unprepared(f"{needed}: use --engine auto or spark.")
    if needed:
        return Choice(runtime=runtime, engine="spark", reason=needed)
    if wanted == "auto" and not installed(EMBEDDED_RUNTIME) and installed(runtime):
        return Choice(runtime=runtime, engine="spark", reason="the embedded engine is not installed")
    return Choice(runtime=EMBEDDED_RUNTIME, engine=wanted)


def needs_spark(merged: Mapping[str, str]) -> str:
    """Why these arguments need Apache Spark; empty when they do not."""
    for name in ("--extra-jars", "--user-jars-first"):
        if asked(merged, name):
            return f"{name} is for a Java virtual machine"
    driver, executor = (arguments.environment(merged, name) for name in arguments.ENVIRONMENTS)
    if any(driver.get(name, value) != value for name, value in executor.items()):
        return (
            "an environment of the executors other than the driver's is for processes apart from the driver"
        )
    return ""


def asked(merged: Mapping[str, str], name: str) -> bool:
    """Whether something is asked for by this argument: of a switch, "false" asks for nothing."""
    return merged.get(name, "").strip().lower() not in ("", "false")


def _refuse(run: JobRun, merged: Mapping[str, str]) -> None:
    if run.plan["Command"].get("PythonVersion") == "2":
        raise Unprepared("Python 2 is not served: the PythonVersion of the job's command has to be 3 or 3.9.")
    unlogged = log_names.refusal(merged)
    if unlogged:
        raise Unprepared(unlogged)
    if merged.get("--job-language", "python").lower() == "scala":
        raise Unprepared("Scala scripts are not served: --job-language has to be python.")
    for name, what in NOT_SERVED.items():
        if asked(merged, name):
            raise Unprepared(f"{name} was given, but {what} is not served by this version of Mastic.")

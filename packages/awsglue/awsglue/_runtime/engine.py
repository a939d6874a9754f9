"""Which engine serves this process, and its one SparkSession.

Owns the process-wide choice: a runtime holds exactly one engine (the Connect client with Sail, or classic PySpark),
so the choice is made by what is installed and what the order asks; a session is made on first use only.
"""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from awsglue._runtime.throughput import Throughput

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SAIL = "sail"
SPARK = "spark"
# Glue 5.x: what scripts see as spark.version, on either engine.
SPARK_VERSION = "3.5.4"


@dataclass(kw_only=True)
class EngineState:
    """The engine of this process: set once by the launcher (or by the first use), read by everyone else."""

    requested: str = "auto"
    arguments: dict[str, str] = field(default_factory=dict)
    conf: dict[str, str] = field(default_factory=dict)
    memory_mb: int | None = None
    cores: int | None = None
    python_path: list[str] = field(default_factory=list)
    session: Any = None
    reason: str = ""
    wrote: bool = False
    written: Throughput = field(default_factory=Throughput)
    # Ends the process so that another run goes on for it; None where no server would start one.
    leave: Callable[[], NoReturn] | None = None
    leaving: bool = False
    # The streams that this process has, and those of them that rest between two batches.
    streams: set[int] = field(default_factory=set)
    resting: set[int] = field(default_factory=set)
    lock: threading.RLock = field(default_factory=threading.RLock)


# One process runs one script on one engine; this is that process's state, not a cache.
STATE = EngineState()


def installed() -> str:
    """The engine of this runtime: "sail", "spark", or "" when neither is installed."""
    if importlib.util.find_spec("pysail") is not None:
        return SAIL
    if importlib.util.find_spec("py4j") is not None and importlib.util.find_spec("pyspark") is not None:
        return SPARK
    return ""


def configure(
    *,
    requested: str = "auto",
    reason: str = "",
    arguments: dict[str, str] | None = None,
    memory_mb: int | None = None,
    cores: int | None = None,
    python_path: list[str] | None = None,
) -> None:
    """Take what the order says about the engine, before the script starts. Raises EngineMissing."""
    from awsglue._runtime.conf import spark_conf

    STATE.requested = requested or "auto"
    STATE.reason = reason
    STATE.arguments = dict(arguments or {})
    STATE.conf.update(spark_conf(STATE.arguments))
    STATE.memory_mb = memory_mb
    STATE.cores = cores
    STATE.python_path = list(python_path or [])
    name()


class EngineMissing(Exception):
    """This runtime does not hold the engine that was asked for."""


def name() -> str:
    """The engine that serves this process. Raises EngineMissing."""
    found = installed()
    if STATE.requested in ("auto", ""):
        if not found:
            raise EngineMissing(
                "no engine is installed in this runtime: install mastic-awsglue[sail] or [spark35]"
            )
        STATE.reason = STATE.reason or f"{found} is the engine of this runtime"
        return found
    if STATE.requested != found:
        raise EngineMissing(
            f"--engine {STATE.requested} was asked for, but this runtime holds {found or 'no engine'}"
        )
    STATE.reason = STATE.reason or f"--engine {STATE.requested} was asked for"
    return found


def connected() -> bool:
    """Whether Spark is behind a Connect server: then there is no JVM in this runtime's process."""
    from awsglue._runtime.classic import cluster

    return installed() == SPARK and cluster.connected()


def current_session() -> SparkSession | None:
    """The session of this process, or None when nothing has needed one yet."""
    return STATE.session


def get_or_create_session(conf: dict[str, str] | None = None) -> SparkSession:
    """The session of this process, made on first use. `conf` entries are set on it (spark.* keys)."""
    with STATE.lock:
        if conf:
            STATE.conf.update({key: str(value) for key, value in conf.items()})
        if STATE.session is None:
            if name() == SAIL:
                from awsglue._runtime.sail.session import start
            elif connected():
                from awsglue._runtime.connect.session import start  # type: ignore[no-redef]
            else:
                from awsglue._runtime.classic.session import start  # type: ignore[no-redef]
            STATE.session = start(STATE)
        return STATE.session


def services(spark: Any = None) -> Any:
    """What the job library does for a session: this one's, or the run's own (Spark makes one for a stream's batch)."""
    own = getattr(spark, "_mastic", None)
    return own if own is not None else get_or_create_session()._mastic  # type: ignore[attr-defined]


def mark_written() -> None:
    """Something outside this process has changed: a restart on another engine is no longer safe."""
    STATE.wrote = True


def description() -> tuple[str, str]:
    """(engine, reason) for the run's record; ("", reason) when the script never needed one."""
    if STATE.session is None:
        return "", "the script used no engine"
    from awsglue._runtime.classic import cluster

    where = cluster.shown() if name() == SPARK else ""
    return name(), f"{STATE.reason}; on {where}" if where else STATE.reason


def scratch_directory() -> str:
    """A folder of this process for spooled data."""
    import tempfile

    base = os.environ.get("MASTIC_SCRATCH_DIR") or tempfile.gettempdir()
    path = os.path.join(base, f"mastic-job-{os.getpid()}")
    os.makedirs(path, exist_ok=True)
    return path

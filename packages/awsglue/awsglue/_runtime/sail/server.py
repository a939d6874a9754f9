"""The Sail server inside this process. Owns the server object; its settings come from the order and the environment."""

from __future__ import annotations

import os
from typing import Any

from awsglue._runtime.io import access

# Never more than this share of the machine's memory when the order gives no limit.
SHARE = 0.6
# What of the memory for operators is the engine's, what is DuckDB's, which may be at work at the same time, and what
# bytes of objects are kept in.
ENGINE, DUCKDB, OBJECTS = 0.625, 0.3125, 0.0625


def start(memory_mb: int | None, cores: int | None, scratch: str) -> tuple[Any, int]:
    """A running server and its port on loopback."""
    _settings(memory_mb, cores, scratch)
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    address = server.listening_address
    if address is None:
        raise RuntimeError("the embedded engine did not start listening")
    return server, address[1]


def memory_limit(memory_mb: int | None, share: float) -> int:
    """The most bytes that the operators of one engine may hold, of what the process may (None: of the machine's)."""
    limit = memory_mb * 1024 * 1024 // 2 if memory_mb else int(_machine_memory() * SHARE)
    return max(int(limit * share), 128 << 20)


def _settings(memory_mb: int | None, cores: int | None, scratch: str) -> None:
    temporary = os.path.join(scratch, "spill")
    os.makedirs(temporary, exist_ok=True)
    settings = {
        # Unbounded by default, and then it is the kernel that ends the job. A fair pool spills instead.
        "SAIL_RUNTIME__MEMORY_POOL__TYPE": "fair",
        "SAIL_RUNTIME__MEMORY_POOL__FAIR__MAX_SIZE": str(memory_limit(memory_mb, ENGINE)),
        "SAIL_RUNTIME__TEMPORARY_FILES__PATHS": f'["{temporary}"]',
        "SAIL_EXECUTION__CHECKPOINT__PATH": f"file://{scratch}/checkpoints",
        "SAIL_EXECUTION__DEFAULT_PARALLELISM": str(cores or 0),
        # A file rewritten in place by somebody else must be seen as it is now.
        "SAIL_PARQUET__FILE_STATISTICS_CACHE__TYPE": "none",
        "SAIL_PARQUET__FILE_METADATA_CACHE__TYPE": "none",
        "SAIL_SPARK__SESSION_TIMEOUT_SECS": "604800",
    }
    for name, value in settings.items():
        os.environ.setdefault(name, value)
    endpoint = access.s3_endpoint()
    if endpoint.startswith("http://"):
        os.environ.setdefault("AWS_ALLOW_HTTP", "true")
    if region := access.region(""):
        os.environ.setdefault("AWS_REGION", region)
        os.environ.setdefault("AWS_DEFAULT_REGION", region)


def _machine_memory() -> int:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
            text = file.read().strip()
    except OSError:
        return total
    return min(total, int(text)) if text.isdigit() else total

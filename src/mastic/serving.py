"""The process of a server: ``mastic up`` turns into it, and leaves behind what the command line needed.

It is given the settings of the command line as JSON through a pipe: anybody on the machine may read the arguments of
a process, and a database's URL has a password. Owns the process's memory allocator.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from mastic.config import Config, load
from mastic.terminal import err, refusals

# glibc's mallopt: the number of heaps that threads share, and when freed memory at a heap's end is given back.
_ARENA_MAX, _TRIM_THRESHOLD = -8, -1
_HEAPS, _KEPT = 2, 1024 * 1024
_LIBC = ctypes.CDLL(None)
_GLIBC = hasattr(_LIBC, "malloc_trim")


def become(overrides: Mapping[str, Any]) -> NoReturn:
    """Replace this process by a server with these settings. It has its id, its terminal and its signals."""
    told = {name: str(value) for name, value in overrides.items() if value is not None}
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    os.write(writing, json.dumps(told).encode())  # a few lines: far less than a pipe holds
    os.close(writing)
    os.set_inheritable(reading, True)
    # -P: modules come from where they are installed, never from the directory that a user happens to be in.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "mastic.serving", str(reading)])


def given(descriptor: int) -> dict[str, str]:
    """The settings that the command line was given."""
    with os.fdopen(descriptor, "rb") as pipe:
        settings: dict[str, str] = json.load(pipe)
    return settings


def serve(overrides: Mapping[str, Any]) -> None:
    """Start a server and keep it running until it is told to stop."""
    _share_heaps()
    gc.disable()  # next to nothing of what a start makes is garbage: looking for it takes longer
    with refusals():
        config = load(overrides)
        from mastic import app, server

        server.configure_logs(config)
        listener = server.listen(config)
        bound = listener.getsockname()[1]
        host = f"[{config.host}]" if ":" in config.host else config.host
        endpoint = f"http://{host}:{bound}"
        built = app.build(config, endpoint=endpoint)

        def ready() -> None:
            _settle()
            _announce(config, endpoint)

        server.serve(built, listener, ready=ready)
        err.print("[dim]Mastic has stopped; all state is kept in[/dim]", str(config.data_dir))


def _share_heaps() -> None:
    """glibc gives every thread a heap, and each keeps what its thread once needed: with fifty threads that is more
    than all of them need at a time."""
    if _GLIBC:
        _LIBC.mallopt(_ARENA_MAX, _HEAPS)
        _LIBC.mallopt(_TRIM_THRESHOLD, _KEPT)


def _settle() -> None:
    """Give back what only the start needed; what there is now stays, and need not be searched for garbage again."""
    gc.collect()
    gc.freeze()
    gc.enable()
    if _GLIBC:
        _LIBC.malloc_trim(0)


def _announce(config: Config, endpoint: str) -> None:
    err.soft_wrap = True
    err.print(f"[bold green]Mastic is up[/bold green] at [bold]{endpoint}[/bold]   state: {config.data_dir}")
    err.print("Point clients at it:")
    err.print(
        f"  export AWS_ENDPOINT_URL={endpoint} AWS_REGION={config.region} AWS_DEFAULT_REGION={config.region}",
        highlight=False,
    )
    if "s3" in config.endpoints:
        err.print(
            f"  export AWS_ENDPOINT_URL_S3={config.endpoints['s3']}   # objects are there", highlight=False
        )
    if config.access_keys:
        err.print("  with one of the configured access keys (signatures are verified)")
    else:
        err.print(
            "  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test   # any key works on this machine"
        )
    if config.hive_metastore_port:
        place = f"{config.hive_metastore_host}:{config.hive_metastore_port}"
        err.print(f"As a Hive Metastore: thrift://{place}", highlight=False)
    err.print("Then: [italic]aws glue get-databases[/italic]      Stop with Ctrl-C.")


if __name__ == "__main__":
    try:
        serve(given(int(sys.argv[1])))
    except KeyboardInterrupt:
        # Before it listens, or once more while it stops: nobody wants to know where it was.
        raise SystemExit(130) from None

"""What the functions of a server that was killed have left running. Owns no state.

The process of a function dies with its server, for the kernel sees to it; the processes that its handler started do
not. They are known by the directory of libraries, which is a server's own: it stands on the command line of what a
function's process has forked, and in the environment of the programs that it started.
"""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import structlog

log = structlog.get_logger()


def end_strays(libraries: Path) -> None:
    """Kill what belongs to functions of an earlier server with this directory. Before there are new ones."""
    found: list[psutil.Process] = []
    own = os.getpid()
    for process in psutil.process_iter():
        if process.pid != own and _belongs(process, str(libraries)):
            log.warning("function_process_outlived_its_server", pid=process.pid)
            found.append(process)
    for process in found:
        try:
            process.kill()  # it looks again whether this is still the process that was seen
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied as error:
            log.error("function_process_survives", pid=process.pid, reason=str(error))


def _belongs(process: psutil.Process, libraries: str) -> bool:
    try:
        words = process.cmdline()
        if len(words) > 3 and words[3].endswith("function_child.py") and libraries in words[4:]:
            return True
        return bool(process.environ().get("LAMBDA_RUNTIME_DIR") == libraries)
    except psutil.Error:
        return False  # it has just ended, or is somebody else's

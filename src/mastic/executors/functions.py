"""Execution environments of functions: started when wanted, kept warm, ended when idle, changed or at the end.

Owns the processes and the directory of libraries that every function sees.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import structlog

from mastic.executors.function_process import Assignment, FunctionProcess, Invocation, Outcome
from mastic.executors.function_strays import end_strays

log = structlog.get_logger()

# What AWS's Python runtimes have beside the standard library.
LIBRARIES = (
    *("awslambdaric", "simplejson", "snapshot_restore_py"),
    *("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six"),
)
OLDEST_SECONDS = 3600.0


class TooManyEnvironments(Exception):
    """As many calls run as may run at once; ``reserved``: the function's own limit is the one reached."""

    def __init__(self, *, reserved: bool) -> None:
        super().__init__("too many concurrent executions")
        self.reserved = reserved


@dataclass(kw_only=True, slots=True)
class _Environment:
    key: str
    process: FunctionProcess


class FunctionPool:
    """Runs invocations, each in an environment of its function version that nobody else uses meanwhile.

    ``limit`` bounds the environments of all functions; ``idle`` is how long one is kept unused, in seconds;
    ``spare`` is how many unassigned interpreters wait with the usual libraries imported, once there is a function.
    """

    def __init__(self, directory: Path, *, limit: int = 64, idle: float = 600.0, spare: int = 1) -> None:
        self._libraries = directory / "libraries"
        self._limit = limit
        self._idle_seconds = idle
        self._spare = spare
        self._lock = threading.Lock()
        self._idle: dict[str, list[_Environment]] = {}
        self._busy: dict[str, int] = {}
        self._running: set[FunctionProcess] = set()
        self._spares: list[Future[FunctionProcess]] = []
        self._stopping = threading.Event()
        # A child dies with the thread that started it (PR_SET_PDEATHSIG), so one thread that stays starts all.
        self._spawner = ThreadPoolExecutor(1, thread_name_prefix="function-spawner")
        self._reaper = threading.Thread(target=self._reap_forever, name="function-reaper", daemon=True)

    @property
    def limit(self) -> int:
        """How many calls can run at once."""
        return self._limit

    @property
    def libraries(self) -> Path:
        """The directory of the libraries that every function may import."""
        return self._libraries

    def start(self) -> None:
        """Lay out the libraries; nothing runs before ``expect`` or a call."""
        end_strays(self._libraries)
        _link_libraries(self._libraries)
        self._reaper.start()

    def expect(self) -> None:
        """There is a function, which may be called: from now on interpreters are kept ready."""
        self._refill()

    def stop(self) -> None:
        """End every process; calls that run are cut off, which their callers learn by an exception."""
        self._stopping.set()
        with self._lock:
            idle = [e.process for kept in self._idle.values() for e in kept]
            running = list(self._running)
            spares, self._spares = self._spares, []
            self._idle.clear()
        for process in running:
            process.kill()
        for process in idle:
            process.close()
        for future in spares:
            if not future.cancel():
                future.result().close()
        self._spawner.shutdown(wait=True, cancel_futures=True)

    def invoke(
        self,
        key: str,
        call: Invocation,
        assignment: Callable[[], Assignment],
        *,
        most: int | None = None,
    ) -> tuple[Outcome, str]:
        """Run one call in an environment of ``key``; returns its outcome and the environment's log stream.

        ``key`` names function, version and revision; ``assignment`` is asked for a new environment;
        ``most`` is the function's reserved concurrency. Raises TooManyEnvironments.
        """
        function = key.partition("|")[0]
        environment = self._take(key, function, most)
        try:
            if environment is None:
                environment = self._new(key, assignment())
            with self._lock:
                self._running.add(environment.process)
            outcome = environment.process.invoke(call)
            if not outcome.alive and self._stopping.is_set():
                # Cut off by ``stop``: no failure of the function's, so nobody may count it as one.
                raise RuntimeError("the server is stopping, and with it this call")
        except BaseException:
            self._give_back(function, environment, usable=False)
            raise
        self._give_back(function, environment, usable=outcome.alive)
        return outcome, environment.process.log_stream

    def retire(self, function: str) -> None:
        """End the idle environments of a function whose code or settings changed, or that is gone."""
        with self._lock:
            keys = [key for key in self._idle if key.partition("|")[0] == function]
            old = [e for key in keys for e in self._idle.pop(key)]
        for environment in old:
            environment.process.close()

    def processes(self) -> list[int]:
        """The numbers of the processes that belong to functions now."""
        with self._lock:
            idle = [e.process.pid for kept in self._idle.values() for e in kept]
            return idle + [p.pid for p in self._running]

    # -- taking and giving back ----------------------------------------------------------------------

    def _take(self, key: str, function: str, most: int | None) -> _Environment | None:
        """An idle environment, or None and the right to make one."""
        evicted: _Environment | None = None
        try:
            with self._lock:
                busy = self._busy.get(function, 0)
                if most is not None and busy >= most:
                    raise TooManyEnvironments(reserved=True)
                kept = self._idle.get(key)
                if kept:
                    self._busy[function] = busy + 1
                    return kept.pop()
                if sum(self._busy.values()) + sum(map(len, self._idle.values())) >= self._limit:
                    evicted = self._oldest_idle()
                    if evicted is None:
                        raise TooManyEnvironments(reserved=False)
                self._busy[function] = busy + 1
                return None
        finally:
            if evicted is not None:
                evicted.process.close()

    def _oldest_idle(self) -> _Environment | None:
        kept = [(e.process.used, key, e) for key, es in self._idle.items() for e in es]
        if not kept:
            return None
        _, key, oldest = min(kept, key=lambda item: item[0])
        self._idle[key].remove(oldest)
        return oldest

    def _give_back(self, function: str, environment: _Environment | None, *, usable: bool) -> None:
        with self._lock:
            self._busy[function] -= 1
            if not self._busy[function]:
                del self._busy[function]
            if environment is None:
                return
            self._running.discard(environment.process)
            fresh = time.monotonic() - environment.process.assigned_at < OLDEST_SECONDS
            if usable and fresh and not self._stopping.is_set():
                self._idle.setdefault(environment.key, []).append(environment)
                return
        environment.process.close()

    def _new(self, key: str, assignment: Assignment) -> _Environment:
        own = _brings_its_own(assignment)
        process = None if own else self._from_spares()
        if process is None:
            process = self._spawner.submit(self._spawn, not own).result()
        process.assign(assignment)
        return _Environment(key=key, process=process)

    def _spawn(self, preload: bool) -> FunctionProcess:
        return FunctionProcess(libraries=self._libraries, preload=preload)

    def _from_spares(self) -> FunctionProcess | None:
        with self._lock:
            future = self._spares.pop(0) if self._spares else None
        self._refill()
        return future.result() if future else None

    def _refill(self) -> None:
        with self._lock:
            while len(self._spares) < self._spare and not self._stopping.is_set():
                self._spares.append(self._spawner.submit(self._spawn, True))

    def _reap_forever(self) -> None:
        while not self._stopping.wait(min(self._idle_seconds / 4, 15.0)):
            limit = time.monotonic() - self._idle_seconds
            with self._lock:
                old = [e for kept in self._idle.values() for e in kept if e.process.used < limit]
                for key, kept in list(self._idle.items()):
                    left = [e for e in kept if e.process.used >= limit]
                    if left:
                        self._idle[key] = left
                    else:
                        del self._idle[key]
            for environment in old:
                environment.process.close()


def _brings_its_own(assignment: Assignment) -> bool:
    """Whether the function's code or layers hold a copy of a library that is preloaded."""
    return any(
        (Path(place) / name).exists() or (Path(place) / f"{name}.py").exists()
        for place in assignment.path
        for name in LIBRARIES
        if not place.endswith("/libraries")
    )


def _link_libraries(directory: Path) -> None:
    """A directory with links to exactly the packages that functions may import from the server's environment."""
    fresh = directory.with_name(f"{directory.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name in LIBRARIES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            log.warning("function_library_missing", library=name, interpreter=sys.executable)
            continue
        source = Path(spec.origin)
        if source.name == "__init__.py":
            (fresh / name).symlink_to(source.parent)
        else:
            (fresh / source.name).symlink_to(source)
    shutil.rmtree(directory, ignore_errors=True)
    fresh.rename(directory)

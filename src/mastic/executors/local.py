"""Job processes on this machine, each in a session of its own, prepared ahead so that a script starts at once.

A process is started first and told its order later, through its standard input: so its identity is on record
before it does anything, and when the server dies in between, the end of the input ends the process. Output goes
to files, never to pipes, and nothing else ties a job to the server: it outlives it and is found again.

Owns the prepared interpreters and the watch on running ones.
"""

from __future__ import annotations

import errno
import os
import resource
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import structlog

from mastic.executors import processes
from mastic.executors.base import Limits, ProcessId, RuntimeMissing, Usage, Waiting

log = structlog.get_logger()

# All that a job process sees of the server's environment.
INHERITED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "JAVA_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR")
READY = b"ready\n"
POLL = 0.1  # seconds, where the system cannot tell us that a process has ended
IN_USE = 30 * 60.0  # seconds after a run for which an interpreter of its runtime is kept prepared
REFILL_PAUSE = 0.75  # seconds without a start before an interpreter is prepared


@dataclass(kw_only=True)
class Interpreter:
    """A waiting process and its input."""

    process: ProcessId
    popen: subprocess.Popen[bytes]
    chatter: Path
    runtime: str
    warm: bool

    @property
    def ready(self) -> bool:
        """Whether it has imported all that it prepares: it says so in a line."""
        return self.warm and READY in self.chatter.read_bytes()


class LocalExecutor:
    """Runs job processes as children of the server.

    ``host`` is this machine's name on the record of its processes: the same after every restart of the server.
    ``interpreter`` answers where a runtime's Python is, or None. ``warm`` interpreters of each runtime that is
    expected (``expect``), and of those that runs have used lately, wait for work; ``most`` processes run at a time.
    """

    def __init__(
        self,
        *,
        host: str,
        interpreter: Callable[[str], Path | None],
        directory: Path,
        warm: int = 1,
        most: int | None = None,
        extra_env: Mapping[str, str] | None = None,
    ) -> None:
        self.host = host
        self.cores = os.cpu_count() or 1
        # The rest is for the server and the system.
        self.memory_mb = int(psutil.virtual_memory().total * 0.8) // (1024 * 1024)
        self._interpreter = interpreter
        self._directory = directory
        self._warm = warm
        self._expected: set[str] = set()
        self._most = most or max(8, 4 * self.cores)
        self._extra = dict(extra_env or {})
        self._idle: dict[str, list[Interpreter]] = {}
        self._used: dict[str, float] = {}  # when a run last took a process of a runtime
        self._children: dict[ProcessId, Interpreter] = {}
        self._lock = threading.Lock()
        self._refill = threading.Event()
        self._closed = threading.Event()
        self._watch = _ExitWatch()
        self._filler = threading.Thread(target=self._fill, name="interpreters", daemon=True)

    # -- life --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to watch, and to prepare interpreters of what is expected."""
        self._directory.mkdir(parents=True, exist_ok=True)
        for left in self._directory.glob("*.log"):
            left.unlink()
        self._watch.start()
        if self._expected:
            self._refill.set()
        self._filler.start()

    def expect(self, runtime: str) -> None:
        """There are jobs that may run in this runtime: from now on interpreters of it are kept prepared."""
        with self._lock:
            known = runtime in self._expected
            self._expected.add(runtime)
        if not known:
            self._refill.set()

    def stop(self) -> None:
        """Let the prepared interpreters go. Jobs under way are left alone: the next server finds them."""
        self._closed.set()
        self._refill.set()
        if self._filler.is_alive():
            self._filler.join(timeout=10)
        with self._lock:
            idle = [item for items in self._idle.values() for item in items]
            self._idle.clear()
        for item in idle:
            self.discard(item)
        self._watch.stop()

    def places(self) -> int:
        """How many processes may run here at a time."""
        return self._most

    # -- starting ----------------------------------------------------------------------------------

    def take(self, runtime: str, python: Path | None = None) -> Interpreter:
        """A process of this runtime: a prepared one if it is ready, else a new one, which is quicker than waiting."""
        if python is not None:
            return self._spawn(runtime, python, warm=False)
        with self._lock:
            self._used[runtime] = time.monotonic()
            idle = self._idle.get(runtime, [])
            idle[:] = [item for item in idle if item.popen.poll() is None]
            found = next((item for item in idle if item.ready), None)
            if found is not None:
                idle.remove(found)
                return found
        return self._spawn(runtime, self._interpreter(runtime), warm=False)

    def begin(self, waiting: Waiting, order: Path, limits: Limits) -> bool:
        """Tell a process its order."""
        assert isinstance(waiting, Interpreter)
        _limit(waiting.process.pid, limits)
        with self._lock:
            self._children[waiting.process] = waiting
        stdin = waiting.popen.stdin
        assert stdin is not None
        try:
            stdin.write(
                b'{"order": "' + str(order).replace("\\", "\\\\").replace('"', '\\"').encode() + b'"}\n'
            )
            stdin.close()
        except OSError:
            return False
        finally:
            self._refill.set()
        return True

    def discard(self, waiting: Waiting) -> None:
        """Let a process go that has not been told anything."""
        assert isinstance(waiting, Interpreter)
        if waiting.popen.stdin is not None:
            waiting.popen.stdin.close()
        try:
            waiting.popen.wait(timeout=2)
        except subprocess.TimeoutExpired:
            waiting.popen.kill()
            waiting.popen.wait()
        waiting.chatter.unlink(missing_ok=True)

    def _spawn(self, runtime: str, python: Path | None, *, warm: bool) -> Interpreter:
        if python is None:
            raise RuntimeMissing(
                f"The runtime {runtime} is not installed. Install it with: mastic runtime install {runtime}"
            )
        self._directory.mkdir(parents=True, exist_ok=True)
        chatter = self._directory / f"{runtime}-{time.monotonic_ns()}.log"
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        # Workers of AWS Glue are in UTC: rows with times must not depend on where this server runs.
        environment["TZ"] = "UTC"
        environment.update(self._extra)
        if warm:
            environment["MASTIC_WARM"] = "1"
        with chatter.open("wb") as output:
            popen = subprocess.Popen(
                [str(python), "-m", "awsglue._runtime.launch"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd=self._directory,
                env=environment,
                start_new_session=True,
            )
        process = processes.identify(popen.pid)
        assert process is not None  # a child that has not been waited for keeps its number
        return Interpreter(process=process, popen=popen, chatter=chatter, runtime=runtime, warm=warm)

    def _fill(self) -> None:
        while not self._closed.is_set():
            self._refill.wait()
            self._refill.clear()
            # While one job follows another, preparing would only take the processor from them.
            while not self._closed.is_set() and self._refill.wait(REFILL_PAUSE):
                self._refill.clear()
            for runtime in self._likely():
                self._fill_one(runtime)

    def _likely(self) -> list[str]:
        """Runtimes that are expected, and those of recent runs. What nobody has used for long is let go."""
        oldest = time.monotonic() - IN_USE
        with self._lock:
            over = [name for name, used in self._used.items() if used < oldest and name not in self._expected]
            gone = [item for name in over for item in self._idle.pop(name, [])]
            for name in over:
                del self._used[name]
            found = sorted(self._expected | set(self._used))
        for item in gone:
            self.discard(item)
        return found

    def _fill_one(self, runtime: str) -> None:
        while not self._closed.is_set():
            with self._lock:
                idle = self._idle.setdefault(runtime, [])
                idle[:] = [item for item in idle if item.popen.poll() is None]
                missing = self._warm - len(idle)
            if missing <= 0 or self._interpreter(runtime) is None:
                return
            try:
                fresh = self._spawn(runtime, self._interpreter(runtime), warm=True)
            except OSError as error:
                log.warning("interpreter_not_prepared", runtime=runtime, reason=str(error))
                return
            with self._lock:
                self._idle[runtime].append(fresh)

    # -- watching ----------------------------------------------------------------------------------

    def watch(self, process: ProcessId, ended: Callable[[], None]) -> None:
        """Call ``ended`` when the process has ended."""
        self._watch.add(process, ended)

    def alive(self, process: ProcessId) -> bool:
        """Whether this very process still runs."""
        child = self._children.get(process)
        if child is not None:
            return child.popen.poll() is None
        return processes.alive(process)

    def exit_code(self, process: ProcessId) -> int | None:
        """The exit code of a child that has ended."""
        child = self._children.get(process)
        return None if child is None else child.popen.poll()

    def usage(self, process: ProcessId) -> Usage | None:
        """What the process and its descendants use."""
        return processes.usage(process)

    def complaint(self, process: ProcessId) -> str:
        """The end of what a process said before it knew where to write."""
        child = self._children.get(process)
        if child is None or not child.chatter.exists():
            return ""
        return child.chatter.read_text(errors="replace")[-2000:].strip()

    def forget(self, process: ProcessId) -> None:
        """Nothing more will be asked about a process that has ended."""
        with self._lock:
            child = self._children.pop(process, None)
        if child is not None:
            child.popen.poll()
            child.chatter.unlink(missing_ok=True)

    def kill(self, run_id: str, process: ProcessId | None, *, grace: float) -> bool:
        """End every process of the run."""
        return processes.end(run_id, process, grace=grace)


def _limit(pid: int, limits: Limits) -> None:
    """Set what the system enforces, as far as it lets us: a server that was itself started under tighter limits
    passes those on, and the job runs under them.

    A process that is gone by now is noticed when it is told its order.
    """
    try:
        # Only who may do everything can lower a niceness: a server that is nicer than that keeps its jobs so.
        os.setpriority(os.PRIO_PROCESS, pid, max(os.getpriority(os.PRIO_PROCESS, pid), limits.niceness))
    except OSError as error:
        log.warning("job_niceness_not_set", pid=pid, reason=str(error))
    if limits.memory_mb is None or not sys.platform.startswith("linux"):
        return
    # Memory of its own (heap and private pages), not address space: engines map far more than they use.
    # What a prepared interpreter has mapped already (engines, thread stacks) is ours, not the job's.
    size = limits.memory_mb * 1024 * 1024 + _mapped(pid)
    try:
        resource.prlimit(pid, resource.RLIMIT_DATA, (size, size))
    except (OSError, ValueError) as error:
        log.warning("job_memory_not_limited", pid=pid, megabytes=limits.memory_mb, reason=str(error))


def _mapped(pid: int) -> int:
    """Bytes that count against RLIMIT_DATA; 0 for a process that is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    return 0


class _ExitWatch:
    """One thread that learns of the end of any process, child or not."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        self._polled: dict[ProcessId, Callable[[], None]] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="exits", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._closed.set()
        self._nudge()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def add(self, process: ProcessId, ended: Callable[[], None]) -> None:
        """Watch one more."""
        handle: int | None = None
        try:
            handle = os.pidfd_open(process.pid) if hasattr(os, "pidfd_open") else None
            if not processes.alive(process):
                if handle is not None:
                    os.close(handle)
                ended()
                return
            if handle is not None:
                self._selector.register(handle, selectors.EVENT_READ, ended)
        except OSError as error:
            if handle is not None:
                os.close(handle)
            if error.errno == errno.ESRCH:
                ended()
                return
            # No descriptor to be had, or a kernel that forbids the call: that says nothing about the process.
            log.warning("process_end_polled", pid=process.pid, reason=str(error))
            handle = None
        if handle is None:
            with self._lock:
                self._polled[process] = ended
        self._nudge()

    def _nudge(self) -> None:
        try:
            os.write(self._wake_write, b"x")
        except BlockingIOError:
            return  # the pipe is full: the thread is going to look anyway

    def _run(self) -> None:
        while not self._closed.is_set():
            with self._lock:
                polling = bool(self._polled)
            for key, _ in self._selector.select(POLL if polling else None):
                if key.fd == self._wake_read:
                    os.read(self._wake_read, 4096)
                    continue
                self._selector.unregister(key.fd)
                os.close(key.fd)
                key.data()
            self._poll()

    def _poll(self) -> None:
        with self._lock:
            gone = [process for process in self._polled if not processes.alive(process)]
            calls = [self._polled.pop(process) for process in gone]
        for call in calls:
            call()

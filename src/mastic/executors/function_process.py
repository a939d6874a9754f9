"""One execution environment of a function: a process, the socket to it and the pipe from it.

Owned by one thread at a time: the thread that invokes reads the function's output and watches time and memory
itself, so that nothing else runs for an idle function.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import psutil

_LENGTHS = struct.Struct(">II")
CHILD = Path(__file__).with_name("function_child.py")
WATCH_SECONDS = 0.05
INIT_SECONDS = 10.0
LARGEST_RESPONSE = 6_291_556


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """What a process becomes. ``path`` precedes the standard library on ``sys.path``."""

    handler: str
    env: Mapping[str, str]
    cwd: Path
    path: Sequence[str]
    memory_mb: int
    log_stream: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """One call: ``trace`` is the X-Ray header, ``timeout`` in seconds."""

    request_id: str
    payload: bytes
    arn: str
    trace: str
    timeout: float
    client_context: str = ""


@dataclass(kw_only=True, slots=True)
class Outcome:
    """How a call ended. ``lines`` are (epoch ms, text); times in ms; ``alive``: the process can be used again."""

    payload: bytes = b""
    error: str | None = None
    error_type: str = ""
    lines: list[tuple[int, str]] = field(default_factory=list)
    duration_ms: float = 0.0
    init_ms: float | None = None
    memory_mb: int = 0
    timed_out: bool = False
    alive: bool = True


class _Ended(Exception):
    """The process is gone."""


class _TimedOut(Exception):
    """The time is over."""


class _TooMuchMemory(Exception):
    """The process holds more than it may."""


class FunctionProcess:
    """A process that waits for its assignment, then for invocations."""

    def __init__(self, *, libraries: Path, preload: bool) -> None:
        ours, theirs = socket.socketpair()
        output, pipe = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(CHILD), str(theirs.fileno()), str(os.getpid()), str(libraries),
                 "yes" if preload else "no"],
                stdin=subprocess.DEVNULL,
                stdout=pipe,
                stderr=pipe,
                env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "en_US.UTF-8"},
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )  # fmt: skip
        finally:
            theirs.close()
            os.close(pipe)
        os.set_blocking(output, False)
        self._socket = ours
        self._output = output
        self._partial = b""
        self._incoming = bytearray()
        self._memory_mb = 0
        self._lines: list[tuple[int, str]] = []
        self._initialised = False
        self.started = time.monotonic()
        self.used = time.monotonic()
        self.log_stream = ""
        self.assigned_at = 0.0

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def assign(self, assignment: Assignment) -> None:
        """Make it the function's. Once."""
        self._memory_mb = assignment.memory_mb
        self.log_stream = assignment.log_stream
        self.assigned_at = time.monotonic()
        self._send(
            {
                "handler": assignment.handler,
                "env": dict(assignment.env),
                "cwd": str(assignment.cwd),
                "path": list(assignment.path),
                "memory_mb": assignment.memory_mb,
            }
        )

    def invoke(self, call: Invocation) -> Outcome:
        """Run the handler once. Blocks until it has answered, failed, died or run out of time."""
        outcome = Outcome()
        began = time.monotonic()
        try:
            if not self._initialised and not self._initialise(call, outcome):
                return outcome
            began = time.monotonic()
            self._handle(call, outcome, began)
        except _Ended:
            self._died(call, outcome)
        except _TooMuchMemory:
            self.kill()
            self._died(call, outcome)
        except _TimedOut:
            self.kill()
            text = f"Task timed out after {call.timeout:.2f} seconds"
            self._note(outcome, f"{stamp()} {call.request_id} {text}\n")
            self._fail(outcome, "Sandbox.Timedout", f"RequestId: {call.request_id} Error: {text}")
            outcome.timed_out = True
        finally:
            outcome.duration_ms = (time.monotonic() - began) * 1000
            self._collect(final=True)
            outcome.lines, self._lines = self._lines + outcome.lines, []
            outcome.memory_mb = outcome.memory_mb or self._peak_mb()
            self.used = time.monotonic()
            if not outcome.alive:
                self.kill()
        return outcome

    def kill(self) -> None:
        """End the process and all that it started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it ended by itself
        self._process.wait()

    def close(self) -> None:
        """End the process and give everything back."""
        self.kill()
        self._socket.close()
        if self._output >= 0:
            os.close(self._output)
            self._output = -1

    # -- one call ------------------------------------------------------------------------------------

    def _initialise(self, call: Invocation, outcome: Outcome) -> bool:
        began = self.assigned_at
        head, body = self._receive(time.monotonic() + INIT_SECONDS + call.timeout)
        outcome.init_ms = (time.monotonic() - began) * 1000
        if head["type"] == "init_error":
            outcome.payload, outcome.error, outcome.error_type = body, "Unhandled", head["error_type"]
            outcome.alive = False
            return False
        self._initialised = True
        return True

    def _handle(self, call: Invocation, outcome: Outcome, began: float) -> None:
        deadline = began + call.timeout
        if outcome.init_ms is None:
            # The process asked for this call when it had answered the last one.
            self._receive(deadline)
        self._send(
            {
                "request_id": call.request_id,
                "trace": call.trace,
                "arn": call.arn,
                "deadline": int((time.time() + call.timeout) * 1000),
                "client_context": call.client_context or None,
            },
            call.payload,
        )
        head, body = self._receive(deadline)
        if head["type"] == "error":
            outcome.payload, outcome.error = body, "Unhandled"
            outcome.error_type = str(_document(body).get("errorType", ""))
        elif len(body) > LARGEST_RESPONSE:
            self._fail(
                outcome,
                "Function.ResponseSizeTooLarge",
                f"Response payload size exceeded maximum allowed payload size ({LARGEST_RESPONSE} bytes).",
            )
            outcome.alive = True
        else:
            outcome.payload = body

    def _died(self, call: Invocation, outcome: Outcome) -> None:
        outcome.memory_mb = self._peak_mb()
        code = self._process.wait()
        if code < 0:
            reason = f"Runtime exited with error: signal: {_signal_text(-code)}"
        elif code == 0:
            reason = "Runtime exited without providing a reason"
        else:
            reason = f"Runtime exited with error: exit status {code}"
        self._collect(final=True)
        text = f"RequestId: {call.request_id} Error: {reason}"
        self._note(outcome, f"{text}\nRuntime.ExitError\n")
        self._fail(outcome, "Runtime.ExitError", text)

    def _fail(self, outcome: Outcome, error_type: str, message: str) -> None:
        outcome.payload = orjson.dumps({"errorType": error_type, "errorMessage": message})
        outcome.error, outcome.error_type, outcome.alive = "Unhandled", error_type, False

    def _note(self, outcome: Outcome, text: str) -> None:
        outcome.lines.append((now_ms(), text))

    # -- the socket and the pipe ---------------------------------------------------------------------

    def _send(self, head: dict[str, Any], body: bytes = b"") -> None:
        encoded = orjson.dumps(head)
        try:
            self._socket.sendall(_LENGTHS.pack(len(encoded), len(body)) + encoded + body)
        except OSError as error:
            raise _Ended from error

    def _receive(self, deadline: float) -> tuple[dict[str, Any], bytes]:
        """The next frame; meanwhile read the output and watch time and memory."""
        watch_at = time.monotonic() + WATCH_SECONDS
        while True:
            frame = self._frame()
            if frame is not None:
                return frame
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise _TimedOut
            watched: list[Any] = [self._socket, self._output] if self._output >= 0 else [self._socket]
            ready, _, _ = select.select(watched, [], [], min(remaining, WATCH_SECONDS))
            if self._output in ready:
                self._collect()
            if self._socket in ready:
                try:
                    piece = self._socket.recv(1 << 20)
                except OSError:
                    piece = b""
                if not piece:
                    raise _Ended
                self._incoming += piece
            if time.monotonic() >= watch_at:
                if self._resident_mb() > self._memory_mb:
                    raise _TooMuchMemory
                watch_at = time.monotonic() + WATCH_SECONDS

    def _frame(self) -> tuple[dict[str, Any], bytes] | None:
        if len(self._incoming) < _LENGTHS.size:
            return None
        head, body = _LENGTHS.unpack_from(self._incoming)
        end = _LENGTHS.size + head + body
        if len(self._incoming) < end:
            return None
        start = _LENGTHS.size + head
        frame = (orjson.loads(self._incoming[_LENGTHS.size : start]), bytes(self._incoming[start:end]))
        del self._incoming[:end]
        return frame

    def _collect(self, *, final: bool = False) -> None:
        """Take what the function has written; ``final``: an unended line too."""
        while self._output >= 0:
            try:
                piece = os.read(self._output, 1 << 16)
            except BlockingIOError:
                break
            if not piece:
                os.close(self._output)
                self._output = -1
                break
            *lines, self._partial = (self._partial + piece).split(b"\n")
            now = now_ms()
            # The runtime separates the lines of one event, such as a traceback, with carriage returns.
            self._lines += [
                (now, line.decode("utf-8", "replace").replace("\r", "\n") + "\n") for line in lines
            ]
        if final and self._partial:
            self._lines.append((now_ms(), self._partial.decode("utf-8", "replace").replace("\r", "\n")))
            self._partial = b""

    # -- memory --------------------------------------------------------------------------------------

    def _resident_mb(self) -> float:
        try:
            library: Any = psutil
            leader = library.Process(self._process.pid)
            members = [leader, *leader.children(recursive=True)]
            return float(sum(p.memory_info().rss for p in members)) / 1048576
        except psutil.Error:
            return 0.0

    def _peak_mb(self) -> int:
        """The most that the process held, where the system tells; else what it holds."""
        try:
            for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return min(round(int(line.split()[1]) / 1024), self._memory_mb)
        except OSError:
            pass  # not Linux, or the process is gone
        return min(round(self._resident_mb()), self._memory_mb) or self._memory_mb


def now_ms() -> int:
    """The present in epoch milliseconds; log lines carry the machine's time."""
    return time.time_ns() // 1_000_000


def stamp() -> str:
    """The present as Lambda writes it in its own lines."""
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"


def _signal_text(number: int) -> str:
    return {
        signal.SIGKILL: "killed",
        signal.SIGTERM: "terminated",
        signal.SIGSEGV: "segmentation fault",
        signal.SIGABRT: "aborted",
    }.get(signal.Signals(number), signal.Signals(number).name)


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}

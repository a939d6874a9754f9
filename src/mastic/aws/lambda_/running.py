"""Runs a function's version once: environment, credentials, process, log lines. Owns no lasting state."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import orjson

from mastic.aws.lambda_.layers import by_arn
from mastic.aws.lambda_.packages import Packages
from mastic.clock import Clock
from mastic.context import split_scope
from mastic.errors import ServiceError
from mastic.executors.function_process import Assignment, Invocation, Outcome, now_ms, stamp
from mastic.executors.functions import FunctionPool, TooManyEnvironments
from mastic.ids import Ids
from mastic.store.engine import Store
from mastic.store.lambda_ import Version


class LogShipper(Protocol):
    """Takes a function's output to its log stream, soon."""

    def ship(self, scope: str, group: str, stream: str, lines: list[tuple[int, str]]) -> None:
        """Queue ``(epoch ms, text)`` lines."""
        ...


IssueCredentials = Callable[[str, str, str], Mapping[str, str]]
"""``(scope, role_arn, session_name)`` → environment variables with temporary keys of the role."""

Measure = Callable[[str, str, Mapping[str, float]], None]
"""``(scope, function, {metric: value})`` for the namespace AWS/Lambda."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call of a function. ``trace`` is the tracing header that the function's own calls carry."""

    request_id: str
    payload: bytes
    arn: str
    trace: str
    client_context: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """``error`` is None or ``Unhandled``; ``tail`` the text that was logged."""

    payload: bytes
    error: str | None
    error_type: str
    version: str
    tail: str


class Runs:
    """Calls functions. ``endpoint`` is where they reach this server."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        ids: Ids,
        pool: FunctionPool,
        packages: Packages,
        logs: LogShipper,
        credentials: IssueCredentials,
        endpoint: str,
        home: Path,
        measure: Measure | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._pool = pool
        self._packages = packages
        self._logs = logs
        self._credentials = credentials
        self._endpoint = endpoint
        self._home = home
        self._measure = measure

    def run(self, version: Version, call: Call, *, reserved: int | None) -> Result:
        """Call the version once. Raises TooManyRequestsException."""
        key = f"{version.scope}/{version.name}|{version.version}|{version.revision}"
        invocation = Invocation(
            request_id=call.request_id,
            payload=call.payload,
            arn=call.arn,
            trace=call.trace,
            timeout=float(version.body["Timeout"]),
            client_context=call.client_context,
        )
        try:
            outcome, stream = self._pool.invoke(
                key, invocation, lambda: self._assignment(version), most=reserved
            )
        except TooManyEnvironments as error:
            self._count(version, {"Throttles": 1.0})
            raise throttled(reserved=error.reserved) from error
        lines = narrate(version, call.request_id, outcome)
        self._logs.ship(version.scope, version.body["LoggingConfig"]["LogGroup"], stream, lines)
        self._count(
            version,
            {"Invocations": 1.0, "Errors": 1.0 if outcome.error else 0.0, "Duration": outcome.duration_ms},
        )
        return Result(
            payload=outcome.payload,
            error=outcome.error,
            error_type=outcome.error_type,
            version=version.version,
            tail="".join(text for _, text in lines),
        )

    def changed(self, scope: str, name: str) -> None:
        """End the environments of a function that has changed or gone."""
        self._pool.retire(f"{scope}/{name}")

    def _count(self, version: Version, values: Mapping[str, float]) -> None:
        if self._measure is not None:
            self._measure(version.scope, version.name, values)

    def _assignment(self, version: Version) -> Assignment:
        body = version.body
        code = self._packages.unpacked(version.sha)
        path = [str(code)]
        opt: Path | None = None
        if body.get("Layers"):
            with self._store.read() as tx:
                shas = [by_arn(tx, layer["Arn"]).sha for layer in body["Layers"]]
            opt = self._packages.merged(shas)
            path += [str(place) for place in _library_places(opt)]
        stream = f"{self._clock.now():%Y/%m/%d}/[{version.version}]{self._ids.hex(32)}"
        libraries = str(self._pool.libraries)
        return Assignment(
            handler=body["Handler"],
            env=self._environment(version, code, opt, stream, [*path, libraries]),
            cwd=code,
            path=[*path, libraries],
            memory_mb=body["MemorySize"],
            log_stream=stream,
        )

    def _environment(
        self, version: Version, code: Path, opt: Path | None, stream: str, path: list[str]
    ) -> dict[str, str]:
        body = version.body
        _, region = split_scope(version.scope)
        logging = body["LoggingConfig"]
        self._home.mkdir(parents=True, exist_ok=True)
        own = (body.get("Environment") or {}).get("Variables") or {}
        programs = f"{opt / 'bin'}:" if opt else ""
        libraries = f"{opt / 'lib'}:" if opt else ""
        env = {
            "AWS_ENDPOINT_URL": self._endpoint,
            "PATH": f"{programs}/usr/local/bin:/usr/bin:/bin",
            "LD_LIBRARY_PATH": f"{libraries}{code}:{code / 'lib'}",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            # Nobody's home: the server's user may keep AWS profiles in its own.
            "HOME": str(self._home),
            **own,
            **self._credentials(version.scope, body["Role"], version.name),
            "PYTHONPATH": ":".join(path),
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{body['Runtime']}",
            "AWS_LAMBDA_FUNCTION_NAME": version.name,
            "AWS_LAMBDA_FUNCTION_VERSION": version.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(body["MemorySize"]),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": logging["LogGroup"],
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
            "AWS_LAMBDA_LOG_FORMAT": logging["LogFormat"],
            "LAMBDA_TASK_ROOT": str(code),
            "LAMBDA_RUNTIME_DIR": str(self._pool.libraries),
            "_HANDLER": body["Handler"],
        }
        if logging["LogFormat"] == "JSON":
            env["AWS_LAMBDA_LOG_LEVEL"] = logging["ApplicationLogLevel"]
        return env


def throttled(*, reserved: bool) -> ServiceError:
    """``TooManyRequestsException``."""
    reason = (
        "ReservedFunctionConcurrentInvocationLimitExceeded"
        if reserved
        else "ConcurrentInvocationLimitExceeded"
    )
    return ServiceError("TooManyRequestsException", "Rate Exceeded.", status=429, Type="User", Reason=reason)


def trace(request_id: str, delivery: str) -> str:
    """The tracing header of a delivery: its root is the invocation's at every delivery, its parent is its own."""
    root = hashlib.sha256(f"root {request_id}".encode()).hexdigest()
    parent = hashlib.sha256(f"parent {request_id} {delivery}".encode()).hexdigest()
    return f"Root=1-{root[:8]}-{root[8:32]};Parent={parent[:16]};Sampled=0"


def narrate(version: Version, request_id: str, outcome: Outcome) -> list[tuple[int, str]]:
    """What goes to the log of one call: the function's lines between those of the platform."""
    if version.body["LoggingConfig"]["LogFormat"] == "JSON":
        return _narrate_json(version, request_id, outcome)
    first = outcome.lines[0][0] if outcome.lines else now_ms()
    lines = [(first, f"START RequestId: {request_id} Version: {version.version}\n"), *outcome.lines]
    last = now_ms()
    billed = math.ceil(outcome.duration_ms)
    report = (
        f"REPORT RequestId: {request_id}\tDuration: {outcome.duration_ms:.2f} ms\tBilled Duration: {billed} ms\t"
        f"Memory Size: {version.body['MemorySize']} MB\tMax Memory Used: {outcome.memory_mb} MB\t"
    )
    if outcome.init_ms is not None:
        report += f"Init Duration: {outcome.init_ms:.2f} ms\t"
    if outcome.timed_out:
        report += "Status: timeout"
    elif not outcome.alive:
        report += f"Status: error\tError Type: {outcome.error_type}"
    return [*lines, (last, f"END RequestId: {request_id}\n"), (last, report + "\n")]


def _narrate_json(version: Version, request_id: str, outcome: Outcome) -> list[tuple[int, str]]:
    def platform(kind: str, record: dict[str, Any]) -> tuple[int, str]:
        text = orjson.dumps({"time": stamp(), "type": kind, "record": {"requestId": request_id, **record}})
        return now_ms(), text.decode()

    first = outcome.lines[0][0] if outcome.lines else now_ms()
    status = "timeout" if outcome.timed_out else "success" if outcome.error is None else "error"
    metrics: dict[str, Any] = {
        "durationMs": round(outcome.duration_ms, 3),
        "billedDurationMs": math.ceil(outcome.duration_ms),
        "memorySizeMB": version.body["MemorySize"],
        "maxMemoryUsedMB": outcome.memory_mb,
    }
    if outcome.init_ms is not None:
        metrics["initDurationMs"] = round(outcome.init_ms, 3)
    start = platform("platform.start", {"version": version.version})[1]
    return [
        (first, start),
        *outcome.lines,
        platform("platform.report", {"metrics": metrics, "status": status}),
    ]


def _library_places(opt: Path) -> list[Path]:
    inner = sorted((opt / "python" / "lib").glob("python3.*/site-packages"))
    return [opt / "python", *inner]

"""Entry of a job process: `python -m awsglue._runtime.launch`.

It imports what any script needs (warm start), waits for one line on stdin, `{"order": "/path/order.json"}`, makes the
process into what the order says, runs the script as `__main__`, and leaves result.json as its last act. EOF instead of
a line ends it with 0: nobody needed this process. A process that is gone without a result was killed.
"""

from __future__ import annotations

import atexit
import json
import linecache
import os
import sys
import threading
import time
import types
from typing import NoReturn

from awsglue._runtime import preload
from awsglue._runtime.failures import Failure, describe
from awsglue._runtime.order import Order, OrderError, Result

# Python's own, whatever a script's is.
_LEAVE = os._exit


def main() -> NoReturn:
    """Wait for an order, run it, exit with the script's code."""
    preload.quiet()
    if os.environ.get("MASTIC_WARM"):
        preload.warm()
        # Whoever prepared this process can tell by this line that it would start a script at once.
        os.write(1, b"ready\n")
    line = sys.stdin.readline()
    if not line.strip():
        os._exit(0)
    try:
        order = Order.read(json.loads(line)["order"])
    except (OrderError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"launch: {type(error).__name__}: {error}\n")
        sys.stderr.flush()
        os._exit(64)
    settle(order)
    result = run(order)
    finish(order, result)


def settle(order: Order) -> None:
    """Make this process the one the order describes: descriptors, environment, folder, argv, sys.path."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    for path, descriptor in ((order.stdout, 1), (order.stderr, 2)):
        if path:
            target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(target, descriptor)
            os.close(target)
    for stream in (sys.stdout, sys.stderr):
        # Lines must reach the log while the script runs, not when a buffer is full.
        stream.reconfigure(line_buffering=True, encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    for name, value in order.env.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    # Programs that came with the run's own modules are found before the machine's.
    added = os.environ.pop("MASTIC_PATH", "")
    if added:
        os.environ["PATH"] = os.pathsep.join(part for part in (added, os.environ.get("PATH", "")) if part)
    if hasattr(time, "tzset"):
        time.tzset()
    if order.cwd:
        os.chdir(order.cwd)
    sys.argv = list(order.argv)
    # sys.path[0] is what `-m` put there: Python puts the script's folder in that place.
    own = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    rest = [entry for entry in sys.path if entry not in ("", os.getcwd()) or entry == own]
    sys.path[:] = [os.path.dirname(os.path.abspath(order.script)), *order.python_path, *rest]


def run(order: Order) -> Result:
    """Run the script; whatever it raises becomes the result."""
    started: float | None = None
    failure: Failure | None = None
    code = 0
    try:
        source = _source(order.script)
        _prepare_engine(order, source)
        program = compile(source, order.script, "exec", dont_inherit=True)
        _let_leave(order)
        _let_restart(order)
        module = types.ModuleType("__main__")
        module.__dict__.update(__file__=order.script, __builtins__=__builtins__)
        sys.modules["__main__"] = module
        started = time.time()
        try:
            exec(program, module.__dict__)
        finally:
            # Python itself waits for the script's threads before it ends; so does a job.
            threading._shutdown()  # type: ignore[attr-defined]
    except SystemExit as error:
        code, failure = _exit_code(error, order.script)
    except BaseException as error:  # noqa: BLE001 - whatever the script raises is its result
        code, failure = 1, describe(error, order.script)
        sys.stderr.write(failure.traceback)
    engine, reason = _engine_used(order.command)
    state = "SUCCEEDED" if failure is None else "FAILED"
    shown = failure or Failure()
    return Result(
        state=state,
        exit_code=code,
        error_class=shown.error_class,
        error_message=shown.message,
        traceback=shown.traceback,
        error_line=shown.line,
        refusal=shown.refusal,
        engine=engine,
        engine_reason=reason,
        script_started_at=started,
    )


def _let_leave(order: Order) -> None:
    """`os._exit(0)` in the script is a good end, as in Glue: the result is left first. Forked processes just go."""
    own, leave = os.getpid(), os._exit

    def left(status: int) -> NoReturn:
        if status == 0 and os.getpid() == own:
            engine, reason = _engine_used(order.command)
            Result(state="SUCCEEDED", exit_code=0, engine=engine, engine_reason=reason).write(order.result)
        leave(status)

    os._exit = left


def _let_restart(order: Order) -> None:
    """A stream may end the process between two batches: the server starts another run that goes on."""
    from awsglue._runtime.engine import STATE

    def leave() -> NoReturn:
        engine, reason = _engine_used(order.command)
        finish(order, Result(state="EXPIRED", exit_code=0, engine=engine, engine_reason=reason))

    STATE.leave = leave if order.command == "gluestreaming" else None


def finish(order: Order, result: Result) -> NoReturn:
    """Let the script's exit handlers run, flush, write the result, leave."""
    _tell_metrics()
    atexit._run_exitfuncs()
    # Not before: what the script does at its exit may be done by Spark, and belongs into the log.
    _end_event_log(order.command)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError) as error:
            os.write(2, f"launch: output could not be flushed: {error}\n".encode())
    preload.sweep()
    result.write(order.result)
    # Engine threads may still be about; nothing they do matters any more.
    _LEAVE(result.exit_code)


def _source(path: str) -> str:
    import io
    import tokenize

    with open(path, "rb") as file:
        raw = file.read()
    encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
    text = raw.decode(encoding)
    # The traceback shows this text even if the file is gone by then.
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    return text


def _prepare_engine(order: Order, source: str) -> None:
    if order.command == "pythonshell":
        return
    if order.command == "glueray":
        from awsglue._runtime import ray_cluster

        ray_cluster.prepare(order.arguments, order.python_path, order.cores, order.memory_mb)
        return
    from awsglue._runtime import detect, engine, notes

    engine.configure(
        requested=order.engine,
        reason=order.engine_reason,
        arguments=order.arguments,
        memory_mb=order.memory_mb,
        cores=order.cores,
        python_path=order.python_path,
    )
    notes.tell(order.arguments, spark=engine.name() == engine.SPARK, connected=engine.connected())
    if engine.name() == engine.SAIL:
        detect.refuse_what_needs_the_jvm(source)
        from awsglue._runtime.client import shims

        shims.install()
    elif engine.connected():
        detect.refuse_what_needs_java_here(source)
        from awsglue._runtime.connect import hooks as connect_hooks

        connect_hooks.install()
    else:
        from awsglue._runtime.classic import hooks

        hooks.install()


def _tell_metrics() -> None:
    """What an engine with a status of its own has counted, before it goes, and what was written."""
    from awsglue._runtime import engine, throughput

    if engine.STATE.session is not None and engine.name() == engine.SPARK and not engine.connected():
        from awsglue._runtime.classic import meters

        meters.report(engine.STATE.session.sparkContext)
    throughput.report()


def _end_event_log(command: str) -> None:
    """End Spark's application where its event log is kept, whether or not the script has asked for a session."""
    if command in ("pythonshell", "glueray") or not os.environ.get("MASTIC_EVENT_LOGS"):
        return
    from awsglue._runtime.classic import meters

    meters.end_event_log()


def _engine_used(command: str) -> tuple[str, str]:
    if command == "glueray":
        from awsglue._runtime import ray_cluster

        return ray_cluster.used()
    from awsglue._runtime import engine

    return engine.description()


def _exit_code(error: SystemExit, script: str) -> tuple[int, Failure | None]:
    """SystemExit as Python treats it: None and 0 are success, a number is the code, anything else is a message."""
    if error.code is None or error.code == 0:
        return 0, None
    failure = describe(error, script)
    if isinstance(error.code, int):
        return error.code & 0xFF or 1, failure
    sys.stderr.write(f"{error.code}\n")
    return 1, failure


if __name__ == "__main__":
    # Pickled references and isinstance checks must see one module, not `__main__` and its twin.
    from awsglue._runtime import launch

    launch.main()

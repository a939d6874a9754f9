"""What went wrong, as the job run tells it: the exception's class and text, and the user's part of the traceback."""

from __future__ import annotations

import os
import re
import sys
import traceback
from dataclasses import dataclass
from typing import Any

LIMIT = 16_000


# Frames of a traceback within a text: those of the process that calls a user's function, not of the function.
_WORKERS_FRAMES = re.compile(
    r'^  File "(?:spark\.py|[^"\n]*/pyspark/(?:worker|util|sql/[\w/]+|serializers)\.py)", line .*\n(?:    .*\n)*',
    re.MULTILINE,
)


class EngineRefused(Exception):
    """The embedded engine would fail here, or would answer differently from Spark, so nothing was run.

    Not an error of the script: `--engine spark` runs it on Apache Spark.
    """

    def __init__(self, feature: str, detail: str = "") -> None:
        self.feature = feature
        self.detail = detail
        from awsglue._runtime.engine import SPARK, installed

        detail = f" ({detail})" if detail else ""
        if installed() == SPARK:
            # What our own tables and statements refuse, they refuse on either engine.
            super().__init__(f"{feature} is not served by Mastic{detail}.")
            return
        super().__init__(
            f"{feature} is not served by the embedded engine{detail}. "
            "Run the job with --engine spark (job argument '--engine': 'spark')."
        )


class RefusedAttribute(EngineRefused, AttributeError):
    """A refusal that `hasattr` and `getattr(…, default)` understand."""


class PlanTooDeep(EngineRefused):
    """A plan of more steps than can be looked at one within another. Nobody may go on without the answer."""

    def __init__(self) -> None:
        super().__init__("a plan of so many steps, one upon another")


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One failed script."""

    error_class: str = ""
    message: str = ""
    traceback: str = ""
    line: int | None = None
    refusal: dict[str, Any] | None = None


def describe(error: BaseException, script: str) -> Failure:
    """The failure of `script` with this exception."""
    error_class = "EngineRefused" if isinstance(error, EngineRefused) else type(error).__name__
    text = _text(error)
    message = f"{error_class}: {text}" if text else error_class
    lost = _lost_engine(error)
    if lost:
        message = f"{message[: LIMIT // 2]} ({lost})"
    return Failure(
        error_class=error_class,
        message=message[:LIMIT],
        traceback=_traceback(error, script),
        line=_line(error, script),
        refusal=_refusal(error),
    )


def _lost_engine(error: BaseException) -> str:
    """What to say of Apache Spark's JVM when it is gone: the error itself is then only that nobody answers."""
    if isinstance(error, SystemExit) or "pyspark" not in sys.modules:
        return ""
    from awsglue._runtime.engine import SPARK, connected, installed

    if installed() != SPARK or connected():
        return ""
    from awsglue._runtime.classic.jvm import ending

    silent = type(error).__name__ in ("Py4JError", "Py4JNetworkError") or isinstance(error, ConnectionError)
    return ending(wait=silent)


def _text(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return str(error.code)
    if isinstance(error, KeyError) and error.args:
        return repr(error.args[0])
    text = "".join(traceback.TracebackException.from_exception(error)._str or "").strip()  # type: ignore[attr-defined]
    return _WORKERS_FRAMES.sub("", text) if "Traceback (most recent call last)" in text else text


def _refusal(error: BaseException) -> dict[str, Any] | None:
    if not isinstance(error, EngineRefused):
        return None
    from awsglue._runtime import engine

    return {
        "feature": error.feature,
        "detail": error.detail,
        "safe_to_restart": not engine.STATE.wrote,
    }


def _traceback(error: BaseException, script: str) -> str:
    """The traceback without the launcher's and the facade's own frames."""
    shown = traceback.TracebackException.from_exception(error)
    _trim(shown, script, set())
    return "".join(shown.format())


def _line(error: BaseException, script: str) -> int | None:
    """The line of the script that was being executed last."""
    if isinstance(error, SyntaxError) and error.filename == script:
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == script]
    return lines[-1] if lines else None


def _trim(shown: traceback.TracebackException, script: str, seen: set[int]) -> None:
    if id(shown) in seen:
        return
    seen.add(id(shown))
    own = os.path.dirname(os.path.abspath(__file__))
    frames = list(shown.stack)
    first = next((index for index, frame in enumerate(frames) if frame.filename == script), None)
    if first is not None:
        frames = frames[first:]
    kept = [frame for frame in frames if not frame.filename.startswith(own)]
    shown.stack = traceback.StackSummary.from_list(kept)
    for other in (shown.__cause__, shown.__context__):
        if other is not None:
            _trim(other, script, seen)

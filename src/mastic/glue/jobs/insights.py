"""What job run insights say about a failure: its category and the line of the script. Pure functions."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from mastic.executors.base import Result

GROUP = "/aws-glue/jobs/logs-v2"

# By the exception's class; the first that fits counts.
_CLASSES = {
    "COMPILATION_ERROR": ("SyntaxError", "IndentationError", "TabError", "NameError", "UnboundLocalError"),
    "IMPORT_ERROR": ("ImportError", "ModuleNotFoundError"),
    "OUT_OF_MEMORY_ERROR": ("MemoryError",),
    "SYSTEM_EXIT_ERROR": ("SystemExit",),
    "TIMEOUT_ERROR": ("TimeoutError", "ReadTimeoutError", "ConnectTimeoutError"),
    "CONNECTION_ERROR": (
        "ConnectionError", "ConnectionRefusedError", "ConnectionResetError", "EndpointConnectionError",
        "OperationalError",
    ),
    "PERMISSION_ERROR": ("PermissionError",),
    "QUERY_ERROR": ("AnalysisException", "ParseException"),
    "UNSUPPORTED_OPERATION_ERROR": ("EngineRefused", "NotImplementedError", "UnsupportedOperationException"),
    "INVALID_ARGUMENT_ERROR": ("ValueError", "GlueArgumentError", "IllegalArgumentException"),
}  # fmt: skip
# By a word of the message, which tells more than the class of an AWS client's error.
_WORDS = {
    "PERMISSION_ERROR": ("AccessDenied", "UnauthorizedOperation", "InvalidAccessKeyId"),
    "THROTTLING_ERROR": ("Throttling", "SlowDown", "Rate exceeded", "TooManyRequests"),
    "RESOURCE_NOT_FOUND_ERROR": (
        "EntityNotFoundException", "NoSuchKey", "NoSuchBucket", "ResourceNotFoundException", "PATH_NOT_FOUND",
        "TABLE_OR_VIEW_NOT_FOUND",
    ),
    "RESOURCE_ALREADY_EXISTS_ERROR": ("AlreadyExistsException", "BucketAlreadyOwnedByYou"),
    "DISK_NO_SPACE_ERROR": ("No space left on device",),
    "OUT_OF_MEMORY_ERROR": ("OutOfMemoryError", "Java heap space"),
    "CONNECTION_ERROR": ("Connection refused", "could not connect"),
}  # fmt: skip
UNCLASSIFIED = "UNCLASSIFIED_ERROR"


def category(error_class: str, message: str) -> str:
    """Glue's category of a failure."""
    for name, words in _WORDS.items():
        if any(word in message for word in words):
            return name
    return next((name for name, classes in _CLASSES.items() if error_class in classes), UNCLASSIFIED)


def message(result: Result) -> str:
    """The ErrorMessage of a run with insights."""
    parts = [f"Error Category: {category(result.error_class, result.error_message)}"]
    if result.error_line is not None:
        parts.append(f"Failed Line Number: {result.error_line}")
    return "; ".join([*parts, result.error_message or f"exit code {result.exit_code}"])


def analysis(result: Result, script: str, now: datetime) -> tuple[str, str]:
    """(suffix of the log stream, line) of the root cause analysis."""
    event: dict[str, Any] = {
        "Event": "GlueETLJobExceptionEvent",
        "Timestamp": int(now.timestamp() * 1000),
        "Failure Reason": result.traceback or result.error_message,
        "Error Category": category(result.error_class, result.error_message),
        "Last Executed Line number": result.error_line,
        "script": script,
    }
    return "job-insights-rca-driver", f"[Glue Exception Analysis] {json.dumps(event)}"

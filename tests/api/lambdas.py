"""What the tests of Lambda share: packages made of text, and waiting for what comes later."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable
from typing import Any

ROLE = "arn:aws:iam::123456789012:role/lambda"


def package(**files: str | bytes) -> bytes:
    """A zip file; ``handler="…"`` becomes ``handler.py``."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.py", (2024, 1, 1, 0, 0, 0)), content)
    return data.getvalue()


def create(client: Any, name: str, code: str, **more: Any) -> dict[str, Any]:
    """A function whose module ``handler`` has a ``handle``."""
    # Lambda gives a function three seconds unless told otherwise: a busy machine takes its time.
    settings = {"Runtime": "python3.12", "Role": ROLE, "Handler": "handler.handle", "Timeout": 60, **more}
    answer: dict[str, Any] = client.create_function(
        FunctionName=name, Code={"ZipFile": package(handler=code)}, **settings
    )
    return answer


def eventually(check: Callable[[], Any], *, seconds: float = 240) -> Any:
    """The first true answer of ``check``; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = check()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing came within {seconds} s")


def messages(logs: Any, group: str) -> list[str]:
    """Every line in a log group; none while there is no such group."""
    try:
        pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName=group))
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"] for page in pages for event in page["events"]]

"""The order a job process receives and the result it leaves: two JSON files with published schemas."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any

VERSION = 1


class OrderError(Exception):
    """The order cannot be read or asks for something this version does not know."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is asked: one script, its arguments and its surroundings (schemas/order.v1.json)."""

    run_id: str
    script: str
    argv: list[str]
    result: str
    attempt: int = 0
    job_name: str = ""
    command: str = "glueetl"
    env: dict[str, str | None] = field(default_factory=dict)
    cwd: str = ""
    python_path: list[str] = field(default_factory=list)
    stdout: str = ""
    stderr: str = ""
    engine: str = "auto"
    engine_reason: str = ""
    arguments: dict[str, str] = field(default_factory=dict)
    memory_mb: int | None = None
    cores: int | None = None

    @classmethod
    def read(cls, path: str) -> Order:
        """The order in this file. Raises OrderError."""
        try:
            with open(path, encoding="utf-8") as file:
                data = json.load(file)
        except (OSError, ValueError) as error:
            raise OrderError(f"order {path} cannot be read: {error}") from None
        if data.get("version") != VERSION:
            raise OrderError(
                f"order version {data.get('version')!r} is not known (this runtime speaks {VERSION})"
            )
        missing = [name for name in ("run_id", "script", "argv", "result") if not data.get(name)]
        if missing:
            raise OrderError(f"order {path} lacks {', '.join(missing)}")
        known = {name: data[name] for name in cls.__dataclass_fields__ if data.get(name) is not None}
        return cls(**known)


def _whole(value: Any) -> Any:
    """A text as every reader of JSON takes it: half a surrogate pair, which an exception may hold, as its escape."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


@dataclass(frozen=True, kw_only=True)
class Result:
    """How it ended (schemas/result.v1.json)."""

    state: str
    exit_code: int
    error_class: str = ""
    error_message: str = ""
    traceback: str = ""
    error_line: int | None = None
    engine: str = ""
    engine_reason: str = ""
    script_started_at: float | None = None
    refusal: dict[str, Any] | None = None

    def write(self, path: str) -> None:
        """Leave the result at `path`: it is there whole, or not at all."""
        body = {
            "version": VERSION,
            **{name: _whole(getattr(self, name)) for name in self.__dataclass_fields__},
        }
        temporary = f"{path}.{os.getpid()}.tmp"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(body, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)

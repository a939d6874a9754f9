"""The one line from a job process back to the server: bookmarks, metrics, progress, engine.

Messages are JSON, versioned, and described by schemas/channel.v1.json. Without MASTIC_CHANNEL_URL (a script
tried on a laptop) the channel answers from memory, so `Job.init`/`Job.commit` work without a server.
This module owns no durable state.
"""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any, Protocol

VERSION = 1
PATIENCE = 120.0  # seconds to wait for a server that restarts
LONGEST_PAUSE = 2.0


class ChannelError(Exception):
    """The server refused a message, or could not be reached after several attempts."""

    def __init__(self, message: str, *, status: int | None = None, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Transport(Protocol):
    """Carries one message and gives the reply."""

    def send(self, message: dict[str, Any]) -> dict[str, Any]: ...


@dataclass(kw_only=True)
class MemoryTransport:
    """Answers bookmark calls from memory and swallows the rest: for scripts run without a server."""

    bookmark: dict[str, Any] | None = None
    run: int = 0
    version: int = 0
    messages: list[dict[str, Any]] = field(default_factory=list)

    def send(self, message: dict[str, Any]) -> dict[str, Any]:
        self.messages.append(message)
        kind = message["type"]
        if kind == "bookmark.get":
            return {"bookmark": self.bookmark, "run": self.run, "attempt": 0, "version": self.version}
        if kind == "bookmark.commit":
            self.bookmark = {**(self.bookmark or {}), **message["bookmark"]}
            self.version += 1
            return {"version": self.version}
        if kind == "bookmark.reset":
            self.bookmark = None
        return {}


@dataclass(frozen=True, kw_only=True)
class HttpTransport:
    """POSTs messages to the server, and waits for one that restarts.

    A message may arrive twice, when a server is killed between acting on it and answering. That does no harm: a
    commit names the state that it leaves for each of its contexts, and so do the other messages.
    """

    url: str
    token: str
    timeout: float = 30.0
    patience: float = PATIENCE

    def send(self, message: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(message).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        deadline = time.monotonic() + self.patience
        pause = 0.1
        while True:
            request = urllib.request.Request(self.url, data=body, headers=headers, method="POST")
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as response:
                    text = response.read()
                return json.loads(text) if text else {}
            except urllib.error.HTTPError as error:
                detail = error.read().decode(errors="replace")
                if error.code != 503 or time.monotonic() >= deadline:
                    raise ChannelError(
                        _reason(detail) or str(error), status=error.code, code=_code(detail)
                    ) from None
            except (OSError, http.client.HTTPException) as error:
                if time.monotonic() >= deadline:
                    reason = getattr(error, "reason", error)
                    raise ChannelError(f"channel {self.url} cannot be reached: {reason}") from None
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


class Channel:
    """Messages from this attempt of a run to the server."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @classmethod
    def from_environment(cls, *, patience: float = PATIENCE) -> Channel:
        """The channel this process was given, or one in memory when it was given none.

        `patience` is how many seconds to wait for a server that restarts.
        """
        url = os.environ.get("MASTIC_CHANNEL_URL", "")
        if not url:
            return cls(MemoryTransport())
        token = os.environ.get("MASTIC_CHANNEL_TOKEN", "")
        return cls(HttpTransport(url=url, token=token, patience=patience))

    def send(self, kind: str, **members: Any) -> dict[str, Any]:
        """Send one message. Raises ChannelError."""
        return self._transport.send({"version": VERSION, "type": kind, **members})

    def bookmark_get(self) -> dict[str, Any]:
        """The last committed bookmark of this job: {"bookmark": {ctx: state}|None, "run", "attempt", "version"}."""
        return self.send("bookmark.get")

    def bookmark_commit(self, bookmark: dict[str, Any]) -> dict[str, Any]:
        """Commit {ctx: state}; refused when this attempt is no longer the current one."""
        return self.send("bookmark.commit", bookmark=bookmark)

    def bookmark_reset(self) -> dict[str, Any]:
        """Forget this job's bookmark."""
        return self.send("bookmark.reset")

    def metrics(self, values: dict[str, float], dimensions: dict[str, str] | None = None) -> dict[str, Any]:
        """Numbers of this run, named as Glue names its metrics; `dimensions` are those besides job, run and type."""
        return self.send("metrics", metrics=values, **({"dimensions": dimensions} if dimensions else {}))

    def progress(self, message: str, **members: Any) -> dict[str, Any]:
        """A step worth showing to somebody who follows the run."""
        return self.send("progress", message=message, **members)

    def stream_next(self) -> dict[str, Any]:
        """Whether a stream's next batch may begin: {"stop": bool}."""
        return self.send("stream.next")

    def engine(self, name: str, reason: str) -> dict[str, Any]:
        """Which engine serves this run, and why."""
        return self.send("engine", engine=name, reason=reason)


def _reason(detail: str) -> str:
    try:
        reply = json.loads(detail)
    except ValueError:
        return detail[:500]
    return (
        str(reply.get("message") or reply.get("Message") or detail[:500])
        if isinstance(reply, dict)
        else detail
    )


def _code(detail: str) -> str:
    try:
        reply = json.loads(detail)
    except ValueError:
        return ""
    return str(reply.get("code") or reply.get("__type") or "") if isinstance(reply, dict) else ""

"""What a job's process may say to the server, and the answers.

Messages are JSON; their shape is the published schema (``channel.v1.json`` of the ``awsglue`` wheel). A process
identifies itself by a token that was made for it alone; a token is good as long as its process is the present
one of a run that is still running. Owns no rows of its own: bookmarks and runs do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.glue.jobs import bookmarks, maintenance
from mastic.store import job_runs
from mastic.store.engine import Stale, Store
from mastic.store.job_runs import JobRun

VERSION = 1
# CloudWatch's ten, without job, run and type.
MORE_DIMENSIONS = 7

# (transaction, run, metric values, dimensions) → stored; CloudWatch's side is handed in.
Metrics = Callable[[Connection, JobRun, dict[str, float], dict[str, str]], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """An HTTP status and a JSON document."""

    status: int
    body: dict[str, Any]


class Refusal(Exception):
    """A message that is not answered; ``reply`` says why."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.reply = Reply(status=status, body={"code": code, "message": message})


def token_hash(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


class Messages:
    """Answers the messages of job processes."""

    def __init__(self, *, store: Store, clock: Clock, metrics: Metrics | None = None) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics

    def answer(self, token: str, body: bytes) -> Reply:
        """The reply to one message."""
        try:
            message = parse(body)
            # Streams ask every few seconds: that waits for nobody's commit.
            open_store = self._store.read if message["type"] == "stream.next" else self._store.write
            with open_store() as tx:
                run = bookmarks.run_of_token(tx, token_hash(token))
                if run is None:
                    raise Refusal(
                        403, "NotCurrent", "this process is not the current attempt of a running job run"
                    )
                return Reply(status=200, body=self._act(tx, run, message))
        except Refusal as refusal:
            return refusal.reply
        except Stale:
            return Reply(status=403, body={"code": "NotCurrent", "message": "the job run has just ended"})

    def _act(self, tx: Connection, run: JobRun, message: dict[str, Any]) -> dict[str, Any]:
        now = self._clock.now()
        match message["type"]:
            case "bookmark.get" if "from" in message:
                try:
                    return bookmarks.between(tx, run, message["from"], message["to"])
                except LookupError as error:
                    raise Refusal(400, "NoSuchRun", str(error.args[0])) from error
            case "bookmark.get":
                return bookmarks.present(tx, run)
            case "bookmark.commit":
                # The guard makes the commit and the end of the run take turns.
                job_runs.annotate(tx, run, last_modified_on=now)
                return {"version": bookmarks.commit(tx, run, message["bookmark"], now)}
            case "bookmark.reset":
                job_runs.annotate(tx, run, last_modified_on=now)
                bookmarks.reset(tx, run.scope, run.job_name, now)
            case "engine":
                job_runs.annotate(
                    tx, run, state_detail=detail(message["engine"], message["reason"]), last_modified_on=now
                )
            case "progress":
                job_runs.annotate(tx, run, last_modified_on=now)
            case "stream.next":
                return {"stop": maintenance.asked(run, now)}
            case "metrics":
                if self._metrics is not None:
                    self._metrics(tx, run, message["metrics"], message.get("dimensions", {}))
        return {}


def detail(engine: str, reason: str) -> str:
    """A run's StateDetail about its engine."""
    return f"engine: {engine} ({reason})" if reason else f"engine: {engine}"


_MEMBERS: dict[str, dict[str, type]] = {
    "bookmark.get": {},
    "bookmark.commit": {"bookmark": dict},
    "bookmark.reset": {},
    "metrics": {"metrics": dict},
    "progress": {"message": str},
    "engine": {"engine": str, "reason": str},
    "stream.next": {},
}


def parse(body: bytes) -> dict[str, Any]:
    """A message as the schema has it; raises Refusal."""
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "Malformed", f"not JSON: {error}") from error
    if not isinstance(message, dict):
        raise Refusal(400, "Malformed", "a message is a JSON object")
    if message.get("version") != VERSION:
        raise Refusal(
            400, "Version", f"version {message.get('version')!r} is not known; this server speaks {VERSION}"
        )
    kind = message.get("type")
    members = _MEMBERS.get(kind) if isinstance(kind, str) else None
    if members is None:
        raise Refusal(400, "Type", f"message type {kind!r} is not known")
    for name, expected in members.items():
        if not isinstance(message.get(name), expected):
            raise Refusal(400, "Malformed", f"{kind}: {name} has to be a JSON {_JSON[expected]}")
    if kind == "bookmark.get" and {"from", "to"} & message.keys():
        for name in ("from", "to"):
            if not isinstance(message.get(name), str):
                raise Refusal(
                    400, "Malformed", f"{kind}: {name} has to be a JSON string, as from and to go together"
                )
    if kind == "metrics" and not all(_number(value) for value in message["metrics"].values()):
        raise Refusal(400, "Malformed", "metrics: values have to be numbers")
    if kind == "metrics" and not _dimensions(message.get("dimensions", {})):
        raise Refusal(400, "Malformed", "metrics: dimensions have to be texts by name, seven at most")
    return message


_JSON: dict[type, str] = {dict: "object", str: "string"}


def _dimensions(value: Any) -> bool:
    """Whether these can stand beside the three that every metric of a run has."""
    return (
        isinstance(value, dict)
        and len(value) <= MORE_DIMENSIONS
        and all(isinstance(one, str) and one.strip() for one in value.values())
    )


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)

"""Definition and script of a job change together, though the server is lost between the two."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mastic.clock import ManualClock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.executors.repositories import Repositories
from mastic.glue.jobs import source_control
from mastic.glue.jobs.definitions import Jobs
from mastic.glue.jobs.lifecycle import Lifecycle
from mastic.glue.jobs.source_control import ScriptsToStore, SourceControl
from mastic.glue.pages import Pager
from mastic.ids import Ids
from mastic.objects.blobs import Blobs
from mastic.objects.local import LocalObjects
from mastic.store import tasks
from mastic.store.engine import Store

CONTEXT = Context(service="glue")
COMMAND = {"Name": "pythonshell", "ScriptLocation": "s3://b/j.py"}
WHERE = {"Provider": "GITHUB", "RepositoryName": "etl", "RepositoryOwner": "acme", "BranchName": "main"}


class Crash(BaseException):
    """The server's end."""


class Place:
    """A job, its repository, and the parts of a server."""

    def __init__(self, folder: Path) -> None:
        self.clock, ids = ManualClock(datetime(2026, 3, 1, tzinfo=UTC)), Ids()
        self.store = Store(f"sqlite:///{folder}/store.db")
        self.store.create_all()
        self.objects = LocalObjects(
            store=self.store,
            blobs=Blobs(folder / "objects"),
            clock=self.clock,
            ids=ids,
            account="123456789012",
        )
        self.objects.create_bucket("b", region="us-east-1")
        self.objects.put("b", "j.py", b"one")
        self.jobs = Jobs(
            store=self.store, clock=self.clock, ids=ids, lifecycle=Lifecycle(clock=self.clock, ids=ids),
            pager=Pager("00"), default_glue_version="5.1",
        )  # fmt: skip
        self.jobs.create_job(CONTEXT, {"Name": "j", "Role": "r", "Command": COMMAND, "Timeout": 1})
        self.hub = folder / "etl.git"
        self.git("init", "--bare", "--quiet", str(self.hub), at=folder)
        self.control = SourceControl(
            store=self.store, clock=self.clock, definitions=self.jobs, update=self.update,
            git=Repositories(directory=folder / "clones"), objects=self.objects, secret=lambda context, name: name,
            address=f"file://{folder}/{{repository}}.git",
        )  # fmt: skip
        self.push(folder / "work")

    def git(self, *arguments: str, at: Path) -> None:
        who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
        subprocess.run(["git", *who, *arguments], cwd=at, check=True, capture_output=True)

    def push(self, work: Path) -> None:
        """Another definition and another script."""
        self.git("clone", "--quiet", str(self.hub), str(work), at=self.hub)
        (work / "j").mkdir()
        (work / "j/j.json").write_text(json.dumps({"Role": "r", "Command": COMMAND, "Timeout": 2}))
        (work / "j/j.py").write_bytes(b"two")
        self.git("add", ".", at=work)
        self.git("commit", "--quiet", "--message", "two", at=work)
        self.git("push", "--quiet", "origin", "HEAD:main", at=work)

    def update(self, context: Context, request: dict[str, Any]) -> Any:
        self.clock.advance(seconds=1)
        return self.jobs.update_job(context, request)

    def read(self) -> None:
        self.control.update_job_from_source_control(CONTEXT, {"JobName": "j", **WHERE})

    def is_now(self) -> tuple[int, bytes]:
        """(the definition's timeout, the script)."""
        job = self.jobs.get_job(CONTEXT, {"JobName": "j"})["Job"]
        return job["Timeout"], self.objects.read("b", "j.py")

    def come_back(self) -> None:
        """What the next server does."""
        self.clock.advance(minutes=2)
        now = self.clock.now()
        with self.store.write() as tx:
            left = tasks.lease(tx, source_control.QUEUE, "next", now, now, 10)
        for task in left:
            ScriptsToStore(store=self.store, objects=self.objects).handle(task)
            with self.store.write() as tx:
                assert tasks.finish(tx, task, "next")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.store.close()


def crash(*given: Any) -> None:
    raise Crash


def refuse(*given: Any) -> None:
    raise ServiceError("ConcurrentModificationException", "ConcurrentModification")


def test_lost_between_definition_and_script(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(place.objects, "put", crash)
        with pytest.raises(Crash):
            place.read()
    assert place.is_now() == (2, b"one")
    place.come_back()
    assert place.is_now() == (2, b"two")


def test_lost_before_the_definition(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(place.jobs, "update_job", crash)
        with pytest.raises(Crash):
            place.read()
    place.come_back()
    assert place.is_now() == (1, b"one")


def test_a_refused_call_does_not_settle_a_lost_one(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(place.objects, "put", crash)
        with pytest.raises(Crash):
            place.read()
    with monkeypatch.context() as patched:
        patched.setattr(place.jobs, "update_job", refuse)
        with pytest.raises(ServiceError, match="ConcurrentModification"):
            place.read()
    place.come_back()
    assert place.is_now() == (2, b"two")


def test_changed_meanwhile_by_hand(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The definition that the script belonged to is not the job's any more."""
    with monkeypatch.context() as patched:
        patched.setattr(place.objects, "put", crash)
        with pytest.raises(Crash):
            place.read()
    place.update(CONTEXT, {"JobName": "j", "JobUpdate": {"Role": "r", "Command": COMMAND, "Timeout": 3}})
    place.come_back()
    assert place.is_now() == (3, b"one")


def test_nothing_is_left_to_do(place: Place) -> None:
    place.read()
    place.objects.put("b", "j.py", b"three")
    place.come_back()
    assert place.is_now() == (2, b"three")

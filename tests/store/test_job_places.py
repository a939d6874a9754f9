"""Places of job runs: a job's own, and an account's."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mastic.clock import ManualClock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.glue.jobs.definitions import Jobs
from mastic.glue.jobs.housekeeping import Housekeeping
from mastic.glue.jobs.lifecycle import ACCOUNT_DETAIL, WAITING_DETAIL, Lifecycle, Outcome
from mastic.glue.jobs.runs import JobRuns
from mastic.glue.pages import Pager
from mastic.ids import Ids
from mastic.store import job_runs
from mastic.store.engine import Store

HERE, ELSEWHERE = Context(), Context(region="eu-west-1")


class Account:
    """Jobs that never run: the test itself ends their runs."""

    def __init__(self, store: Store, folder: Path, most_runs: int) -> None:
        clock, ids, pager = ManualClock(datetime(2026, 3, 1, tzinfo=UTC)), Ids(), Pager("00")
        self.store = store
        self.lifecycle = Lifecycle(clock=clock, ids=ids, most_runs=most_runs)
        self.jobs = Jobs(
            store=store,
            clock=clock,
            ids=ids,
            lifecycle=self.lifecycle,
            pager=pager,
            default_glue_version="5.1",
        )
        self.runs = JobRuns(store=store, clock=clock, lifecycle=self.lifecycle, pager=pager)
        self.housekeeping = Housekeeping(
            store=store, clock=clock, lifecycle=self.lifecycle, directory=folder / "runs"
        )

    def job(self, name: str, places: int, context: Context = HERE) -> None:
        command = {"Name": "pythonshell", "ScriptLocation": "s3://b/s.py"}
        property = {"MaxConcurrentRuns": places}
        request = {"Name": name, "Role": "r", "Command": command, "ExecutionProperty": property}
        self.jobs.create_job(context, request)

    def start(self, name: str, context: Context = HERE, *, queue: bool = False) -> str:
        request: dict[str, Any] = {"JobName": name, "JobRunQueuingEnabled": queue}
        return str(self.runs.start_job_run(context, request)["JobRunId"])

    def refused(self, name: str) -> str:
        with pytest.raises(ServiceError) as raised:
            self.start(name)
        return raised.value.code

    def shown(self, name: str, run: str) -> tuple[str, str | None]:
        found = self.runs.get_job_run(HERE, {"JobName": name, "RunId": run})["JobRun"]
        return found["JobRunState"], found.get("StateDetail")

    def end(self, run: str) -> None:
        with self.store.write() as tx:
            found = job_runs.by_id(tx, HERE.scope, run)
            assert found is not None
            self.lifecycle.finish(tx, found, Outcome(state="FAILED"))


def test_an_account_has_so_many_runs_at_once(store: Store, tmp_path: Path) -> None:
    account = Account(store, tmp_path, 2)
    for name, places in (("one", 1), ("two", 5)):
        account.job(name, places)
    account.job("two", 5, ELSEWHERE)
    first, second = account.start("one"), account.start("two")
    assert account.refused("one") == "ConcurrentRunsExceededException"
    assert account.refused("two") == "ResourceNumberLimitExceededException"
    account.start("two", ELSEWHERE)
    waiting = {name: account.start(name, queue=True) for name in ("one", "two")}
    assert account.shown("one", waiting["one"]) == ("WAITING", WAITING_DETAIL)
    assert account.shown("two", waiting["two"]) == ("WAITING", ACCOUNT_DETAIL)
    # The place of a run is its own job's first, then any job's.
    account.end(first)
    assert account.shown("one", waiting["one"]) == ("STARTING", None)
    account.housekeeping.tidy()
    assert account.shown("two", waiting["two"])[0] == "WAITING"
    account.end(waiting["one"])
    account.housekeeping.tidy()
    assert account.shown("two", waiting["two"]) == ("STARTING", None)
    assert account.refused("two") == "ResourceNumberLimitExceededException"
    account.end(second)
    account.start("two")


def test_the_account_s_places_go_to_who_has_waited_longest(store: Store, tmp_path: Path) -> None:
    account = Account(store, tmp_path, 1)
    for name in ("first", "b", "a", "c"):
        account.job(name, 5)
    running = account.start("first")
    waiting = [(name, account.start(name, queue=True)) for name in ("b", "a", "c", "a", "b")]
    order = []
    while waiting:
        account.end(running)
        account.housekeeping.tidy()
        (begun,) = [one for one in waiting if account.shown(*one)[0] == "STARTING"]
        waiting.remove(begun)
        order.append(begun[0])
        running = begun[1]
    # Of a job that has a place, a waiting run takes it at once.
    assert order == ["b", "b", "a", "a", "c"]


def test_without_a_limit_a_job_s_own_counts(store: Store, tmp_path: Path) -> None:
    account = Account(store, tmp_path, 0)
    account.job("one", 3)
    for _ in range(3):
        account.start("one")
    assert account.refused("one") == "ConcurrentRunsExceededException"

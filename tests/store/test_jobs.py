"""Runs and triggers on both databases: limits, once-only starts and firings, schedules, leases, time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mastic.clock import ManualClock
from mastic.context import Context, HttpRequest
from mastic.errors import ServiceError
from mastic.glue.jobs.definitions import Jobs, exists
from mastic.glue.jobs.housekeeping import Housekeeping
from mastic.glue.jobs.lifecycle import Lifecycle, Outcome, StartRequest
from mastic.glue.jobs.runs import JobRuns
from mastic.glue.pages import Pager
from mastic.glue.triggers.definitions import Triggers
from mastic.glue.triggers.firing import Firing
from mastic.ids import Ids
from mastic.loops.reactor import Reactor
from mastic.loops.scheduler import Scheduler
from mastic.store import job_runs, outbox
from mastic.store.engine import Stale, Store

CONTEXT = Context()


class Shop:
    """Jobs and triggers on a store, with the loops ticked by hand; runs end when a test says so."""

    def __init__(self, store: Store, *, strict: bool = False) -> None:
        self.store = store
        self.clock = ManualClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
        ids, pager = Ids(), Pager("00")
        self.lifecycle = Lifecycle(clock=self.clock, ids=ids)
        self.firing = Firing(clock=self.clock, lifecycle=self.lifecycle, strict_lineage=strict)
        self.jobs = Jobs(
            store=store,
            clock=self.clock,
            ids=ids,
            lifecycle=self.lifecycle,
            pager=pager,
            default_glue_version="5.1",
        )
        self.runs = JobRuns(store=store, clock=self.clock, lifecycle=self.lifecycle, pager=pager)
        self.triggers = Triggers(
            store=store, clock=self.clock, firing=self.firing, pager=pager, exists={"job": exists}
        )
        self.told: list[dict[str, Any]] = []
        self.reactor = Reactor(store=store, clock=self.clock, holder="r")
        self.reactor.subscribe("job_run.state", self.firing.on_job_run)
        self.reactor.subscribe("glue.event", lambda tx, event: self.told.append(event.payload))

    def job(self, name: str, **more: Any) -> str:
        command = {"Name": "glueetl", "ScriptLocation": "s3://b/s.py"}
        self.jobs.create_job(CONTEXT, {"Name": name, "Role": "r", "Command": command, **more})
        return name

    def start(self, name: str, context: Context = CONTEXT, **more: Any) -> str:
        return str(self.runs.start_job_run(context, {"JobName": name, **more})["JobRunId"])

    def get(self, run_id: str) -> job_runs.JobRun:
        with self.store.read() as tx:
            found = job_runs.by_id(tx, CONTEXT.scope, run_id)
        assert found is not None
        return found

    def end(self, run_id: str, state: str = "SUCCEEDED") -> None:
        with self.store.write() as tx:
            running = self.lifecycle.running(tx, self.get(run_id))
            self.lifecycle.finish(tx, running, Outcome(state=state))

    def react(self) -> None:
        while self.reactor.tick() == 0.0:
            pass

    def all(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.runs.get_job_runs(CONTEXT, {"JobName": name})["JobRuns"]
        return found[::-1]

    def chain(self, name: str, conditions: list[tuple[str, str]], job: str, logical: str = "AND") -> None:
        self.triggers.create_trigger(
            CONTEXT,
            {
                "Name": name,
                "Type": "CONDITIONAL",
                "StartOnCreation": True,
                "Predicate": {
                    "Logical": logical,
                    "Conditions": [
                        {"LogicalOperator": "EQUALS", "JobName": watched, "State": state}
                        for watched, state in conditions
                    ],
                },
                "Actions": [{"JobName": job}],
            },
        )


@pytest.fixture
def shop(store: Store) -> Shop:
    return Shop(store)


# -- limits ----------------------------------------------------------------------------------------


def test_the_limit_holds_against_many_at_once(shop: Shop) -> None:
    shop.job("j", ExecutionProperty={"MaxConcurrentRuns": 5})

    def attempt(_: int) -> str:
        try:
            shop.start("j")
        except ServiceError as error:
            return error.code
        return "started"

    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(attempt, range(24)))
    assert outcomes.count("started") == 5
    assert outcomes.count("ConcurrentRunsExceededException") == 19
    assert sorted(run.number for run in map(shop.get, (r["Id"] for r in shop.all("j")))) == [1, 2, 3, 4, 5]


def test_waiting_runs_start_in_order_as_places_become_free(shop: Shop) -> None:
    shop.job("j", JobRunQueuingEnabled=True)
    first, second, third = (shop.start("j") for _ in range(3))
    assert [shop.get(r).state for r in (first, second, third)] == ["STARTING", "WAITING", "WAITING"]
    shop.end(first)
    assert [shop.get(r).state for r in (second, third)] == ["STARTING", "WAITING"]
    command = {"Name": "glueetl", "ScriptLocation": "s3://b/s.py"}
    update = {"Role": "r", "Command": command, "ExecutionProperty": {"MaxConcurrentRuns": 2}}
    shop.jobs.update_job(CONTEXT, {"JobName": "j", "JobUpdate": update})
    assert shop.get(third).state == "STARTING"


def test_a_retry_keeps_the_place_of_the_run_that_failed(shop: Shop) -> None:
    shop.job("j", MaxRetries=1, JobRunQueuingEnabled=True)
    first, second = shop.start("j"), shop.start("j")
    shop.end(first, "FAILED")
    assert shop.get(f"{first}_attempt_1").state == "STARTING"
    assert shop.get(second).state == "WAITING"
    shop.end(f"{first}_attempt_1", "FAILED")
    assert shop.get(second).state == "STARTING"


def test_a_run_ends_once(shop: Shop) -> None:
    shop.job("j")
    run_id = shop.start("j")
    starting = shop.get(run_id)
    shop.end(run_id)
    with pytest.raises(Stale), shop.store.write() as tx:
        shop.lifecycle.finish(tx, starting, Outcome(state="FAILED"))
    assert shop.get(run_id).state == "SUCCEEDED"
    assert len(shop.all("j")) == 1


def test_runs_of_a_deleted_job_stay_with_it(shop: Shop) -> None:
    shop.job("j")
    old = shop.start("j")
    shop.jobs.delete_job(CONTEXT, {"JobName": "j"})
    shop.job("j")
    assert shop.all("j") == []
    new = shop.start("j")  # the old run holds no place of the new job
    shop.end(old, "FAILED")
    assert [run["Id"] for run in shop.all("j")] == [new]


# -- once only -------------------------------------------------------------------------------------


def delivered(root: str, parent: str, invocation: str = "") -> Context:
    return Context(
        trace=f"Root={root};Parent={parent};Sampled=0",
        http=HttpRequest(
            method="POST",
            path="/",
            raw_path="/",
            headers={
                "amz-sdk-invocation-id": invocation,
                "user-agent": "Boto3/1.44 exec-env/AWS_Lambda_python3.12",
            },
        ),
    )


def test_a_delivery_that_comes_again_finds_its_runs_before_the_limit_is_looked_at(shop: Shop) -> None:
    shop.job("j")
    run_id = shop.start("j", delivered("1-x", "a"))
    assert shop.start("j", delivered("1-x", "b")) == run_id
    with pytest.raises(ServiceError, match="ConcurrentRunsExceeded"):
        shop.start("j", delivered("1-x", "b"))
    with pytest.raises(ServiceError, match="ConcurrentRunsExceeded"):
        shop.start("j", delivered("1-y", "a"))


def test_a_trace_of_another_client_says_nothing(shop: Shop) -> None:
    shop.job("j", ExecutionProperty={"MaxConcurrentRuns": 10})
    traced = [Context(trace=f"Root=1-x;Parent={parent}") for parent in "ab"]
    assert len({shop.start("j", context) for context in traced}) == 2


def test_a_call_that_the_sdk_sends_again_is_one_call(shop: Shop) -> None:
    shop.job("j", ExecutionProperty={"MaxConcurrentRuns": 10})
    first = shop.start("j", delivered("1-x", "a", "call-1"))
    assert shop.start("j", delivered("1-x", "a", "call-1")) == first
    second = shop.start("j", delivered("1-x", "a", "call-2"))
    assert second != first
    assert shop.start("j", delivered("1-x", "b", "call-3")) == first
    assert shop.start("j", delivered("1-x", "b", "call-3")) == first
    assert shop.start("j", delivered("1-x", "b", "call-4")) == second
    plain = Context(http=delivered("", "", "call-9").http)
    assert shop.start("j", plain) == shop.start("j", plain)
    assert shop.start("j", plain, Arguments={"--a": "1"}) not in (first, second)


@pytest.mark.parametrize("places", [1, 20])
def test_deliveries_of_one_call_at_once_start_one_run(shop: Shop, places: int) -> None:
    shop.job("j", ExecutionProperty={"MaxConcurrentRuns": places})
    for number in range(5):
        with ThreadPoolExecutor(4) as pool:
            calls = [delivered(f"1-{number}", "a", f"call-{number}")] * 4
            [run_id] = set(pool.map(lambda context: shop.start("j", context), calls))
        shop.end(run_id)
    assert len(shop.all("j")) == 5


def test_an_event_fires_once_even_if_it_is_delivered_again(shop: Shop) -> None:
    shop.job("a")
    shop.job("b", ExecutionProperty={"MaxConcurrentRuns": 10})
    shop.chain("t", [("a", "SUCCEEDED")], "b")
    shop.end(shop.start("a"))
    with shop.store.read() as tx:
        [event] = [e for e in outbox.due(tx, shop.clock.now(), 100) if e.payload.get("state") == "SUCCEEDED"]
    for _ in range(2):
        with shop.store.write() as tx:
            shop.firing.on_job_run(tx, event)
    shop.react()
    assert len(shop.all("b")) == 1


def test_what_fails_while_firing_leaves_nothing_behind(shop: Shop) -> None:
    """The run, the fire row, the latch and the outbox row are one transaction."""
    shop.job("a")
    shop.job("b")
    shop.chain("t", [("a", "SUCCEEDED")], "b")
    shop.end(shop.start("a"))

    def crash(tx: Any, event: outbox.Event) -> None:
        raise RuntimeError("power cut")

    crashing = Reactor(store=shop.store, clock=shop.clock, holder="r")
    crashing.subscribe("job_run.state", shop.firing.on_job_run)
    crashing.subscribe("job_run.state", crash)
    crashing.tick()
    assert shop.all("b") == []
    shop.clock.advance(minutes=10)
    shop.react()
    assert len(shop.all("b")) == 1


# -- conditions ------------------------------------------------------------------------------------


def test_latches_are_kept_until_all_are_met_and_then_begin_anew(shop: Shop) -> None:
    for name in "abc":
        shop.job(name, ExecutionProperty={"MaxConcurrentRuns": 10})
    shop.chain("t", [("a", "SUCCEEDED"), ("b", "FAILED")], "c")
    shop.end(shop.start("a"))
    last = shop.start("a")
    shop.end(last)
    shop.react()
    assert shop.all("c") == []
    failed = shop.start("b")
    shop.end(failed, "FAILED")
    shop.react()
    [run] = shop.all("c")
    assert shop.get(run["Id"]).predecessors == [
        {"JobName": "a", "RunId": last},
        {"JobName": "b", "RunId": failed},
    ]
    shop.end(shop.start("b"), "FAILED")
    shop.react()
    assert len(shop.all("c")) == 1


def test_a_stopped_trigger_forgets(shop: Shop) -> None:
    for name in "abc":
        shop.job(name)
    shop.chain("t", [("a", "SUCCEEDED"), ("b", "SUCCEEDED")], "c")
    shop.end(shop.start("a"))
    shop.react()
    shop.triggers.stop_trigger(CONTEXT, {"Name": "t"})
    shop.triggers.start_trigger(CONTEXT, {"Name": "t"})
    shop.end(shop.start("b"))
    shop.react()
    assert shop.all("c") == []


def test_strict_lineage(store: Store) -> None:
    shop = Shop(store, strict=True)
    for name in "abc":
        shop.job(name)
    shop.chain("t1", [("a", "SUCCEEDED")], "b")
    shop.chain("t2", [("b", "SUCCEEDED")], "c")
    shop.triggers.create_trigger(CONTEXT, {"Name": "go", "Type": "ON_DEMAND", "Actions": [{"JobName": "a"}]})
    shop.end(shop.start("a"))
    shop.react()
    assert shop.all("b") == []
    shop.triggers.start_trigger(CONTEXT, {"Name": "go"})
    for name in "ab":
        shop.end(shop.all(name)[-1]["Id"])
        shop.react()
    assert [run["TriggerName"] for run in shop.all("c")] == ["t2"]


def test_events_for_eventbridge(shop: Shop) -> None:
    shop.job("j", MaxRetries=1)
    run_id = shop.start("j")
    shop.end(run_id, "FAILED")
    shop.end(f"{run_id}_attempt_1")
    shop.react()
    assert [(e["detail"]["jobRunId"], e["detail"]["state"], e["detail"]["severity"]) for e in shop.told] == [
        (run_id, "FAILED", "ERROR"),
        (f"{run_id}_attempt_1", "SUCCEEDED", "INFO"),
    ]
    [event, _] = shop.told
    assert event["detail-type"] == "Glue Job State Change"
    assert (event["source"], event["time"], event["resources"]) == ("aws.glue", "2026-03-01T12:00:00Z", [])


# -- schedules -------------------------------------------------------------------------------------


def scheduled(shop: Shop, expression: str = "cron(0 */6 * * ? *)") -> Scheduler:
    shop.job("j", ExecutionProperty={"MaxConcurrentRuns": 100})
    shop.triggers.create_trigger(
        CONTEXT,
        {
            "Name": "s",
            "Type": "SCHEDULED",
            "Schedule": expression,
            "Actions": [{"JobName": "j"}],
            "StartOnCreation": True,
        },
    )
    return Scheduler(store=shop.store, clock=shop.clock, holder="one", sources=(shop.firing,))


def test_a_schedule_fires_at_its_times(shop: Shop) -> None:
    loop = scheduled(shop)
    assert loop.tick() == 30.0  # nothing is due for hours; it looks again at times
    assert shop.all("j") == []
    for fired in (1, 2, 3):
        shop.clock.advance(hours=6)
        loop.tick()
        loop.tick()
        assert len(shop.all("j")) == fired
    assert {run["TriggerName"] for run in shop.all("j")} == {"s"}


def test_missed_ticks_come_as_one(shop: Shop) -> None:
    loop = scheduled(shop)
    shop.clock.advance(hours=30)
    loop.tick()
    assert len(shop.all("j")) == 1
    shop.clock.advance(hours=6)
    loop.tick()
    assert len(shop.all("j")) == 2


def test_two_replicas_fire_one_tick_once(shop: Shop) -> None:
    one = scheduled(shop)
    two = Scheduler(store=shop.store, clock=shop.clock, holder="two", sources=(shop.firing,))
    shop.clock.advance(hours=6)
    barrier = threading.Barrier(2)

    def tick(loop: Scheduler) -> None:
        barrier.wait()
        loop.tick()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(tick, (one, two)))
    assert len(shop.all("j")) == 1


def test_a_stopped_schedule_does_not_fire(shop: Shop) -> None:
    loop = scheduled(shop)
    shop.triggers.stop_trigger(CONTEXT, {"Name": "s"})
    shop.clock.advance(hours=7)
    loop.tick()
    assert shop.all("j") == []
    shop.triggers.start_trigger(CONTEXT, {"Name": "s"})
    loop.tick()
    assert shop.all("j") == []
    shop.clock.advance(hours=6)
    loop.tick()
    assert len(shop.all("j")) == 1


# -- leases ----------------------------------------------------------------------------------------


def test_a_run_is_looked_after_by_one_holder(shop: Shop) -> None:
    shop.job("j", ExecutionProperty={"MaxConcurrentRuns": 100})
    ids = [shop.start("j") for _ in range(20)]
    now = shop.clock.now()

    def take(holder: str) -> list[str]:
        with shop.store.write() as tx:
            return [
                run.id for run in job_runs.lease(tx, holder, "h", now, now + timedelta(seconds=30), fresh=20)
            ]

    with ThreadPoolExecutor(4) as pool:
        taken = [run for runs in pool.map(take, ("a", "b", "c", "d")) for run in runs]
    assert sorted(taken) == sorted(ids)
    assert take("e") == []
    now = shop.clock.advance(seconds=31)
    assert sorted(take("e")) == sorted(ids)


def test_a_run_with_a_process_is_kept_for_its_host(shop: Shop) -> None:
    shop.job("j", ExecutionProperty={"MaxConcurrentRuns": 100})
    launched, fresh = shop.get(shop.start("j")), shop.get(shop.start("j"))
    now = shop.clock.now()

    def work(host: str, when: datetime) -> set[int]:
        """What a host would lease: asked for in a transaction that is taken back."""
        try:
            with shop.store.write() as tx:
                asked = job_runs.has_work(tx, host, when)
                taken = job_runs.lease(tx, "x", host, when, when + timedelta(seconds=30), fresh=9)
                assert asked == bool(taken)
                raise InterruptedError
        except InterruptedError:
            return {run.seq for run in taken}

    with shop.store.write() as tx:
        job_runs.lease(tx, "mine", "here", now, now + timedelta(seconds=30), fresh=9)
        job_runs.add_launch(
            tx, run=launched.seq, number=0, directory="/d", runtime="sail", engine="auto", host="here",
            token_hash="t", pid=1, process_started=1.0, launched_on=now,
        )  # fmt: skip
    assert work("here", now) == work("there", now) == set()
    crashed = now + timedelta(seconds=30)
    assert work("here", crashed) == {launched.seq, fresh.seq}
    assert work("there", crashed) == {fresh.seq}
    assert work("there", crashed + job_runs.RESERVED) == {launched.seq, fresh.seq}
    # It stops; or it was killed, and is started again.
    for give_back in (
        lambda tx: job_runs.release(tx, "mine", now),
        lambda tx: job_runs.release_host(tx, "here", now),
    ):
        with shop.store.write() as tx:
            give_back(tx)
        assert work("here", now) == {launched.seq, fresh.seq}
        assert work("there", now) == {fresh.seq}
        assert work("there", now + job_runs.RESERVED) == {launched.seq, fresh.seq}
        with shop.store.write() as tx:
            job_runs.lease(tx, "here:7:ab", "here", now, now + timedelta(seconds=30), fresh=9)
        assert work("here", now) == set()


def test_output_is_read_on_by_one_holder(shop: Shop) -> None:
    shop.job("j")
    run = shop.get(shop.start("j"))
    with shop.store.write() as tx:
        launch = job_runs.add_launch(
            tx, run=run.seq, number=0, directory="/d", runtime="sail", engine="auto", host="h", token_hash="t",
            pid=1, process_started=1.0, launched_on=shop.clock.now(),
        )  # fmt: skip
        job_runs.advance_log(tx, launch, "stdout", 0, 10)
    with pytest.raises(Stale), shop.store.write() as tx:
        job_runs.advance_log(tx, launch, "stdout", 0, 10)
    with shop.store.write() as tx:
        job_runs.advance_log(tx, launch, "stdout", 10, 20)
        job_runs.advance_log(tx, launch, "stderr", 0, 5)
        found = job_runs.last_launch(tx, run.seq)
    assert found is not None
    assert (found.stdout_offset, found.stderr_offset) == (20, 5)


def test_a_trigger_of_a_job_that_is_gone_harms_nobody(shop: Shop) -> None:
    for name in "ab":
        shop.job(name)
    shop.chain("t", [("a", "SUCCEEDED")], "b")
    shop.jobs.delete_job(CONTEXT, {"JobName": "b"})
    shop.end(shop.start("a"))
    shop.react()
    with shop.store.read() as tx:
        assert outbox.due(tx, shop.clock.now(), 10) == []


def test_refused_start_leaves_no_trace(shop: Shop) -> None:
    shop.job("j")
    with pytest.raises(ServiceError, match="Please do not set Max Capacity"):
        shop.start("j", MaxCapacity=2.0, WorkerType="G.1X", NumberOfWorkers=2)
    assert shop.all("j") == []
    with shop.store.write() as tx, pytest.raises(ServiceError, match="missing metadata"):
        shop.lifecycle.start_in(tx, StartRequest(scope=CONTEXT.scope, job_name="none"))


def test_what_is_old_is_cleared_away(shop: Shop, tmp_path: Path) -> None:
    shop.job("j", JobRunQueuingEnabled=True)
    running, waiting = shop.start("j", delivered("1-x", "a")), shop.start("j")
    over, open_ = tmp_path / "99-0", tmp_path / f"{shop.get(running).seq}-0"
    for path in (over, open_):
        path.mkdir()
    keeping = Housekeeping(store=shop.store, clock=shop.clock, lifecycle=shop.lifecycle, directory=tmp_path)
    shop.clock.advance(days=14)
    keeping.tidy()
    assert shop.get(waiting).state == "WAITING"
    assert (over.exists(), open_.exists()) == (False, True)
    shop.clock.advance(days=2)
    keeping.tidy()
    assert shop.get(waiting).state == "EXPIRED"
    assert shop.get(running).state == "STARTING"
    assert shop.start("j", delivered("1-x", "b")) != running

"""Output becomes log events, whoever writes it and however much."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection

from mastic.clock import ManualClock
from mastic.context import Context
from mastic.glue.jobs.definitions import Jobs
from mastic.glue.jobs.lifecycle import Lifecycle, StartRequest
from mastic.glue.pages import Pager
from mastic.ids import Ids
from mastic.loops.job_logs import JobLogs, Position
from mastic.store import job_runs
from mastic.store.engine import Store

CONTEXT = Context()


class Endless:
    """A log that the job fills up again as fast as it is read."""

    def __init__(self, output: Path, times: int) -> None:
        self._output = output
        self._times = times
        self.lines = 0

    def append(
        self,
        tx: Connection,
        scope: str,
        group: str,
        stream: str,
        events: Sequence[tuple[int, str]],
        *,
        kms_key: str | None = None,
    ) -> None:
        self.lines += len(events)
        if self._times:
            self._times -= 1
            with self._output.open("a") as file:
                file.write("again\n" * 10)


@pytest.mark.parametrize(("final", "lines"), [(False, 10), (True, 60)])
def test_a_job_that_never_pauses_does_not_keep_the_reader(
    store: Store, tmp_path: Path, final: bool, lines: int
) -> None:
    clock, ids = ManualClock(datetime(2026, 3, 1, tzinfo=UTC)), Ids()
    lifecycle = Lifecycle(clock=clock, ids=ids)
    jobs = Jobs(
        store=store, clock=clock, ids=ids, lifecycle=lifecycle, pager=Pager("k"), default_glue_version="5.1"
    )
    jobs.create_job(CONTEXT, {"Name": "j", "Role": "r", "Command": {"Name": "pythonshell"}})
    with store.write() as tx:
        run_id = lifecycle.start_in(tx, StartRequest(scope=CONTEXT.scope, job_name="j"))
        run = job_runs.by_id(tx, CONTEXT.scope, run_id)
        assert run is not None
        launch = job_runs.add_launch(
            tx, run=run.seq, number=0, directory=str(tmp_path), runtime="sail", engine="auto", host="h",
            token_hash="t", pid=1, process_started=1.0, launched_on=clock.now(),
        )  # fmt: skip
    output = tmp_path / "stdout.log"
    output.write_text("first\n" * 10)
    sink = Endless(output, times=5)
    position = JobLogs(store=store, clock=clock, sink=sink).read(run, launch, Position(), final=final)
    assert sink.lines == lines
    assert position.stdout == 6 * lines

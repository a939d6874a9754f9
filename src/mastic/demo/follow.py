"""Follows the uploads through the pipeline, live. Owns no state but what it has seen."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from mastic.demo.deploy import INGESTION, VIEWS, Client

TERMINAL = frozenset({"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"})
_COLOURS = {"SUCCEEDED": "green", "RUNNING": "cyan", "STARTING": "cyan", "WAITING": "yellow"}
_LOGS = ("/aws/lambda/trigger-glue-job-lambda", "/aws-glue/jobs/output", "/aws-glue/jobs/error")
_SHOWN_LINES = 12
_PAUSE = 0.25


@dataclass(kw_only=True)
class Followed:
    """What became of the uploads."""

    ingestions: list[dict[str, Any]] = field(default_factory=list)
    views: list[dict[str, Any]] = field(default_factory=list)

    @property
    def runs(self) -> list[dict[str, Any]]:
        """All runs, in the order in which they were started."""
        return sorted([*self.ingestions, *self.views], key=lambda r: r["StartedOn"])

    def done(self, uploads: int) -> bool:
        """Whether every upload went all the way, or something ended badly."""
        if any(r["JobRunState"] in TERMINAL - {"SUCCEEDED"} for r in self.runs):
            return all(r["JobRunState"] in TERMINAL for r in self.runs)
        ended = [
            [r for r in runs if r["JobRunState"] == "SUCCEEDED"] for runs in (self.ingestions, self.views)
        ]
        return len(ended[0]) == uploads and len(ended[1]) >= uploads


def follow(
    client: Client, console: Console, uploads: Sequence[str], *, since: float, timeout: float
) -> Followed:
    """Show the runs that the uploads start until all have ended. Raises TimeoutError."""
    glue, logs = client("glue"), client("logs")
    lines: deque[Text] = deque(maxlen=_SHOWN_LINES)
    seen: set[str] = set()
    started = time.monotonic()
    with Live(console=console, refresh_per_second=8, transient=True) as live:
        while True:
            followed = _look(glue, uploads)
            _read_logs(logs, int(since * 1000), seen, lines)
            live.update(_picture(followed, lines, time.monotonic() - started))
            if followed.done(len(uploads)):
                return followed
            if time.monotonic() - started > timeout:
                raise TimeoutError(f"the pipeline did not end within {timeout:.0f} seconds")
            time.sleep(_PAUSE)


def _look(glue: Any, uploads: Sequence[str]) -> Followed:
    ours = [
        r
        for r in glue.get_job_runs(JobName=INGESTION)["JobRuns"]
        if r.get("Arguments", {}).get("--input_path") in uploads
    ]
    ids = {r["Id"] for r in ours}
    views = []
    for summary in glue.get_job_runs(JobName=VIEWS)["JobRuns"]:
        run = glue.get_job_run(JobName=VIEWS, RunId=summary["Id"], PredecessorsIncluded=True)["JobRun"]
        if any(p.get("RunId") in ids for p in run.get("PredecessorRuns", ())):
            views.append(run)
    return Followed(ingestions=ours, views=views)


def _read_logs(logs: Any, since: int, seen: set[str], lines: deque[Text]) -> None:
    fresh = []
    for group in _LOGS:
        try:
            events = logs.filter_log_events(logGroupName=group, startTime=since)["events"]
        except logs.exceptions.ResourceNotFoundException:
            continue
        fresh += [
            (e["timestamp"], group, e["message"], e["eventId"]) for e in events if e["eventId"] not in seen
        ]
    for _, group, message, id in sorted(fresh):
        seen.add(id)
        if not message.startswith(("START ", "END ", "INIT_START")) and message.strip():
            name = "lambda" if "lambda" in group else "job"
            lines.append(Text.assemble((f"{name:6} ", "dim"), message.rstrip()[:160]))


def _picture(followed: Followed, lines: deque[Text], elapsed: float) -> Group:
    table = runs_table(followed.runs)
    body = Text("\n").join(lines) if lines else Text("waiting for the first log line", style="dim")
    return Group(table, Panel(body, title=f"logs · {elapsed:.0f} s", border_style="dim"))


def runs_table(runs: Sequence[dict[str, Any]]) -> Table:
    """Runs, their states and how long they took."""
    table = Table(box=None, pad_edge=False)
    for column in ("job", "run", "started by", "state", "seconds"):
        table.add_column(column, justify="right" if column == "seconds" else "left")
    for run in runs:
        state = run["JobRunState"]
        path = run.get("Arguments", {}).get("--input_path", "")
        cause = f"upload of {path.rpartition('/')[2]}" if path else f"trigger {run.get('TriggerName', '')}"
        table.add_row(
            run["JobName"],
            run["Id"][:11] + "…",
            cause,
            Text(state, style=_COLOURS.get(state, "red")),
            _seconds(run),
        )
    return table


def _seconds(run: dict[str, Any]) -> str:
    if "CompletedOn" not in run:
        return ""
    return f"{(run['CompletedOn'] - run['StartedOn']).total_seconds():.1f}"

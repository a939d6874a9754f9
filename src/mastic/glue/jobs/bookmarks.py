"""Job bookmarks: GetJobBookmark, ResetJobBookmark, and what a run's process reads and commits.

A commit counts only when it comes from the present process of a run that is still running. The first commit of
a run keeps what the run found, so that a later reset or retry can go back to it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import not_found
from mastic.store import bookmarks, job_runs, jobs, schema
from mastic.store.bookmarks import Bookmark
from mastic.store.engine import Store
from mastic.store.job_runs import JobRun


class Bookmarks:
    """The bookmark operations of the API."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def get_job_bookmark(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The job's bookmark; with RunId, what that run found when it began."""
        with self._store.read() as tx:
            found = self._find(tx, context.scope, request["JobName"])
            if request.get("RunId"):
                committed, before = bookmarks.found_by(
                    tx, context.scope, request["JobName"], request["RunId"]
                )
                if not committed:
                    raise not_found(f"No bookmark of job run {request['RunId']} found.")
                return {"JobBookmarkEntry": {**_entry(found), "JobBookmark": _text(before)}}
        return {"JobBookmarkEntry": _entry(found)}

    def reset_job_bookmark(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Forget the bookmark; with RunId, go back to what that run found when it began."""
        with self._store.write() as tx:
            self._find(tx, context.scope, request["JobName"])
            run_id = request.get("RunId")
            if run_id:
                committed, _ = bookmarks.found_by(tx, context.scope, request["JobName"], run_id)
                if not committed:
                    raise not_found(f"No bookmark of job run {run_id} found.")
                rewind(tx, context.scope, request["JobName"], run_id, self._clock.now())
            else:
                reset(tx, context.scope, request["JobName"], self._clock.now())
            return {"JobBookmarkEntry": _entry(self._find(tx, context.scope, request["JobName"]))}

    def _find(self, tx: Connection, scope: str, job_name: str) -> Bookmark:
        found = bookmarks.find(tx, scope, job_name) if jobs.find(tx, scope, job_name) else None
        if found is None:
            raise not_found(f"Continuation for job {job_name} not found")
        return found


def present(tx: Connection, run: JobRun) -> dict[str, Any]:
    """What the channel answers to ``bookmark.get``."""
    found = bookmarks.find(tx, run.scope, run.job_name)
    return {
        "bookmark": found.bookmark if found else None,
        "run": run.number,
        "attempt": run.attempt,
        "version": found.version if found else 0,
    }


def between(tx: Connection, run: JobRun, first: str, last: str) -> dict[str, Any]:
    """The answer to ``bookmark.get`` from one run to another: what was left by the last commits up to each of them.

    Raises LookupError for a run that the job never had.
    """
    seqs = []
    for run_id in (first, last):
        found = job_runs.by_id(tx, run.scope, run_id)
        if found is None or found.job_id != run.job_id:
            raise LookupError(f"job {run.job_name} has no run {run_id}")
        seqs.append(found.seq)
    left = [bookmarks.left_by(tx, run.scope, run.job_name, seq) for seq in seqs]
    return {**present(tx, run), "bookmark": left[0], "until": left[1] or {}}


def commit(tx: Connection, run: JobRun, states: dict[str, Any], now: datetime) -> int:
    """Store the states of the run's transformation contexts beside those of others; returns the new version."""
    found = bookmarks.find(tx, run.scope, run.job_name)
    before = found.bookmark if found else None
    after = {**(before or {}), **states}
    bookmarks.remember(tx, run.scope, run.job_name, run.id, before=before, after=after, now=now)
    version = (found.version if found else 0) + 1
    bookmarks.put(
        tx,
        Bookmark(
            scope=run.scope,
            job_name=run.job_name,
            version=version,
            run=run.number,
            attempt=run.attempt,
            run_id=run.id,
            previous_run_id=_previous(found, run.id),
            bookmark=after,
            updated=now,
        ),
    )
    return version


def reset(tx: Connection, scope: str, job_name: str, now: datetime) -> None:
    """Forget how far the job has read."""
    found = bookmarks.find(tx, scope, job_name)
    if found is not None:
        _replace(tx, found, None, 0, now)


def rewind(tx: Connection, scope: str, job_name: str, run_id: str, now: datetime) -> None:
    """Go back to what a run found when it began; a run that never committed leaves the bookmark as it is."""
    committed, before = bookmarks.found_by(tx, scope, job_name, run_id)
    found = bookmarks.find(tx, scope, job_name)
    if committed and found is not None:
        _replace(tx, found, before, found.run, now)


def _replace(
    tx: Connection, found: Bookmark, bookmark: dict[str, Any] | None, run: int, now: datetime
) -> None:
    bookmarks.put(
        tx,
        Bookmark(
            scope=found.scope,
            job_name=found.job_name,
            version=found.version + 1,
            run=run,
            attempt=0 if bookmark is None else found.attempt,
            run_id=None if bookmark is None else found.run_id,
            previous_run_id=None if bookmark is None else found.previous_run_id,
            bookmark=bookmark,
            updated=now,
        ),
    )


def _previous(found: Bookmark | None, run_id: str) -> str | None:
    if found is None:
        return None
    return found.previous_run_id if found.run_id == run_id else found.run_id


def _entry(found: Bookmark) -> dict[str, Any]:
    return {
        "JobName": found.job_name,
        "Version": found.version,
        "Run": found.run,
        "Attempt": found.attempt,
        "PreviousRunId": found.previous_run_id,
        "RunId": found.run_id,
        "JobBookmark": _text(found.bookmark),
    }


def _text(bookmark: dict[str, Any] | None) -> str:
    return schema.dumps(bookmark or {})


def run_of_token(tx: Connection, token_hash: str) -> JobRun | None:
    """The running run whose present process holds this channel token."""
    found = job_runs.by_token(tx, token_hash)
    if found is None or found[0].state != "RUNNING":
        return None
    return found[0]

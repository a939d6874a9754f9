"""Job definitions: CreateJob, UpdateJob, GetJob, GetJobs, ListJobs, BatchGetJobs, DeleteJob.

Owns the rows of ``jobs`` (through ``store.jobs``) and, with a job, its tags and its bookmark.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError, not_found
from mastic.glue import tags as glue_tags
from mastic.glue.idempotency import plain, same_or_refuse
from mastic.glue.jobs import limits, rules
from mastic.glue.jobs.lifecycle import Lifecycle
from mastic.glue.jobs.limits import ProfileOf, no_profile
from mastic.glue.jobs.scripts import Scripts
from mastic.glue.pages import Pager
from mastic.ids import Ids
from mastic.store import bookmarks, jobs, tags
from mastic.store.engine import Duplicate, Stale, Store

PAGE = 100


class Jobs:
    """The operations on definitions."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        ids: Ids,
        lifecycle: Lifecycle,
        pager: Pager,
        default_glue_version: str,
        profile: ProfileOf = no_profile,
        scripts: Scripts | None = None,
    ) -> None:
        self._profile = profile
        self._scripts = scripts or Scripts()
        self._store = store
        self._clock = clock
        self._ids = ids
        self._lifecycle = lifecycle
        self._pager = pager
        self._default_version = default_glue_version

    def create_job(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Store a definition; the same call again succeeds, another of the same name does not."""
        body = self._definition(context, request)
        given = plain(request)
        with self._store.read() as tx:
            known = jobs.find(tx, context.scope, request["Name"])
        if known is None:
            self._scripts.write(body)
        try:
            with self._store.write() as tx:
                existing = jobs.find(tx, context.scope, request["Name"])
                if existing is None:
                    self._add(tx, context.scope, request, body, given)
                else:
                    same_or_refuse("Job", existing.name, existing.request, given)
        except Duplicate:
            with self._store.read() as tx:
                existing = jobs.find(tx, context.scope, request["Name"])
            if existing is not None:
                same_or_refuse("Job", existing.name, existing.request, given)
        return {"Name": request["Name"]}

    def _definition(self, context: Context, given: dict[str, Any]) -> dict[str, Any]:
        with self._store.read() as tx:
            profile = self._profile(tx, context)
        body = rules.definition(limits.fill(given, profile), default_version=self._default_version)
        if profile is not None:
            limits.check(body, profile)
            body["ProfileName"] = profile.name
        return body

    def _add(
        self, tx: Connection, scope: str, request: dict[str, Any], body: dict[str, Any], given: dict[str, Any]
    ) -> None:
        name = request["Name"]
        jobs.add(tx, scope, name, f"j_{self._ids.hex(64)}", body, given, self._clock.now())
        tags.put(tx, scope, glue_tags.arn(scope, "job", name), request.get("Tags", {}))

    def update_job(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Replace a definition: what the update leaves out falls back to its default."""
        body = self._definition(context, request["JobUpdate"])
        with self._store.read() as tx:
            self._find(tx, context.scope, request["JobName"])
        self._scripts.write(body)
        given = plain({"Name": request["JobName"], **request["JobUpdate"]})
        try:
            with self._store.write() as tx:
                job = self._find(tx, context.scope, request["JobName"])
                jobs.replace(tx, job, body, given, self._clock.now())
                changed = jobs.lock(tx, context.scope, request["JobName"])
                assert changed is not None
                self._lifecycle.admit(tx, changed)
        except Stale as error:
            raise ServiceError(
                "ConcurrentModificationException", f"Job {request['JobName']} was modified concurrently."
            ) from error
        return {"JobName": request["JobName"]}

    def note_source_control(self, context: Context, name: str, details: dict[str, Any]) -> None:
        """Remember where a job is kept. All else stays as it is now, whatever it was when that was begun."""
        while True:
            try:
                with self._store.write() as tx:
                    job = self._find(tx, context.scope, name)
                    body = {**job.body, "SourceControlDetails": details}
                    jobs.replace(tx, job, body, job.request, self._clock.now())
                return
            except Stale:
                continue  # changed this moment by another server: once more, on what it is now

    def get_job(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """One definition."""
        with self._store.read() as tx:
            return {"Job": shape(self._find(tx, context.scope, request["JobName"]))}

    def get_jobs(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """All definitions, by name."""
        limit = request.get("MaxResults") or PAGE
        after = self._pager.read(request.get("NextToken"), "GetJobs", context.scope)
        with self._store.read() as tx:
            found = jobs.page(tx, context.scope, after, limit + 1)
        token = self._pager.token(found, limit, lambda job: job.name, "GetJobs", context.scope)
        return {"Jobs": [shape(job) for job in found[:limit]], "NextToken": token}

    def list_jobs(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The names of all jobs, or of those that carry every given tag."""
        limit = request.get("MaxResults") or PAGE
        after = self._pager.read(request.get("NextToken"), "ListJobs", context.scope)
        with self._store.read() as tx:
            among = glue_tags.names_with(tx, context.scope, "job", request.get("Tags"))
            found = jobs.page_names(tx, context.scope, after, limit + 1, among)
        token = self._pager.token(found, limit, lambda name: name, "ListJobs", context.scope)
        return {"JobNames": found[:limit], "NextToken": token}

    def batch_get_jobs(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Several definitions, and the names that there are none of."""
        names = list(dict.fromkeys(request["JobNames"]))
        with self._store.read() as tx:
            found = jobs.find_many(tx, context.scope, names)
        return {
            "Jobs": [shape(found[name]) for name in names if name in found],
            "JobsNotFound": [name for name in names if name not in found],
        }

    def delete_job(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a definition; one that does not exist is no mistake. Runs under way go on to their end."""
        name = request["JobName"]
        with self._store.write() as tx:
            jobs.remove(tx, context.scope, name)
            bookmarks.remove(tx, context.scope, name)
            tags.delete_arn(tx, context.scope, glue_tags.arn(context.scope, "job", name))
        return {"JobName": name}

    def _find(self, tx: Connection, scope: str, name: str) -> jobs.Job:
        job = jobs.find(tx, scope, name)
        if job is None:
            raise not_found(f"Job {name} not found.")
        return job


def exists(tx: Connection, scope: str, name: str) -> bool:
    """Whether there is such a job, for tags and triggers."""
    return jobs.find(tx, scope, name) is not None


def shape(job: jobs.Job) -> dict[str, Any]:
    """The Job structure."""
    return {
        "Name": job.name,
        "CreatedOn": job.created_on,
        "LastModifiedOn": job.last_modified_on,
        **job.body,
    }

"""Jobs and git: UpdateSourceControlFromJob, UpdateJobFromSourceControl.

A job is kept in a repository as two files of its folder: ``<Folder>/<job>/<job>.json`` is the definition and
``<job>.py`` the script. Owns no rows: it changes jobs by UpdateJob, and the object of their ScriptLocation.
Definition and script change together: that the script has yet to be stored is on record before the definition changes,
and is done by whoever comes next when a server is lost in between.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

import structlog

from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError, invalid_input
from mastic.executors.base import GitForbidden, GitRefused, Remote
from mastic.glue.jobs import rules
from mastic.glue.jobs.definitions import Jobs
from mastic.store import jobs, tasks
from mastic.store.engine import Store
from mastic.store.tasks import Task
from mastic.wire.dispatch import waits

log = structlog.get_logger()

QUEUE = "source_control"
# The call itself has so long for both changes before somebody else looks whether it was lost.
PATIENCE = timedelta(minutes=1)

# Where a provider's repositories are.
ADDRESSES = {
    "GITHUB": "https://github.com/{owner}/{repository}.git",
    "GITLAB": "https://gitlab.com/{owner}/{repository}.git",
    "BITBUCKET": "https://bitbucket.org/{owner}/{repository}.git",  # the owner is the workspace
    "AWS_CODE_COMMIT": "https://git-codecommit.{region}.amazonaws.com/v1/repos/{repository}",
}
# Whom HTTP is told beside a token alone.
USERS = {
    "GITHUB": "x-access-token",
    "GITLAB": "oauth2",
    "BITBUCKET": "x-token-auth",
    "AWS_CODE_COMMIT": "token",
}
# What a JobUpdate takes, beside what follows from other members.
_KEPT = (*rules.KEPT, "JobMode", "JobRunQueuingEnabled", "ExecutionProperty", "MaxRetries", "Timeout", "GlueVersion",
         "WorkerType", "NumberOfWorkers", "MaxCapacity")  # fmt: skip
_MEMBERS = {
    "Provider": "Provider",
    "RepositoryName": "Repository",
    "RepositoryOwner": "Owner",
    "BranchName": "Branch",
    "Folder": "Folder",
}

Answer = TypeVar("Answer")
# (context, name of a secret) → its text
SecretOf = Callable[[Context, str], str]


class Git(Protocol):
    """The door to repositories."""

    def read(
        self, remote: Remote, folder: str, names: Collection[str], commit: str | None
    ) -> tuple[str, dict[str, bytes]]: ...

    def write(
        self, remote: Remote, folder: str, files: Mapping[str, bytes], message: str, since: str | None
    ) -> str: ...


class ScriptStore(Protocol):
    """The door to object bytes."""

    def read(self, bucket: str, key: str) -> bytes: ...

    def put(self, bucket: str, key: str, data: bytes) -> Any: ...

    def bucket_exists(self, bucket: str) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class Script:
    """A script that belongs to a definition; ``found`` is when the definition that it replaces was made."""

    scope: str
    job: str
    found: datetime
    commit: str
    bucket: str
    key: str
    data: bytes

    @property
    def task(self) -> str:
        """The key of its task."""
        return f"{self.scope}/{self.job}/{self.commit}"

    def payload(self) -> dict[str, Any]:
        """As it is on record."""
        kept = {name: getattr(self, name) for name in ("scope", "job", "commit", "bucket", "key")}
        return {**kept, "found": self.found.isoformat(), "data": base64.b64encode(self.data).decode()}

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> Script:
        """From the record."""
        found, data = datetime.fromisoformat(payload["found"]), base64.b64decode(payload["data"])
        return cls(**{**payload, "found": found, "data": data})


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a job is kept: ``details`` is what the job remembers of it."""

    remote: Remote
    folder: str
    details: dict[str, str]


class SourceControl:
    """The operations. ``address`` is a template that takes the place of every provider's own, when it is set.

    ``update`` is UpdateJob as a caller has it, who is checked: anybody may have written what a repository holds.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        definitions: Jobs,
        update: Callable[[Context, dict[str, Any]], Any],
        git: Git,
        objects: ScriptStore,
        secret: SecretOf,
        address: str = "",
    ) -> None:
        self._store = store
        self._clock = clock
        self._jobs = definitions
        self._update = update
        self._git = git
        self._objects = objects
        self._secret = secret
        self._address = address

    @waits
    def update_source_control_from_job(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Put a job's definition and script into its folder of the repository."""
        job = self._job(context, request)
        name, place = job["Name"], self._place(context, request, job)
        files = {
            f"{name}.json": json.dumps(_definition(job), indent=2).encode() + b"\n",
            f"{name}.py": self._script(job),
        }
        since = request.get("CommitId")
        commit = _tried(lambda: self._git.write(place.remote, place.folder, files, f"Job {name}", since))
        self._jobs.note_source_control(context, name, {**place.details, "LastCommitId": commit})
        return {"JobName": name}

    @waits
    def update_job_from_source_control(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Make a job what its folder of the repository says."""
        job = self._job(context, request)
        name, place = job["Name"], self._place(context, request, job)
        wanted = (f"{name}.json", f"{name}.py")
        commit, files = _tried(
            lambda: self._git.read(place.remote, place.folder, wanted, request.get("CommitId"))
        )
        if not files.keys() >= set(wanted):
            raise ServiceError(
                "EntityNotFoundException",
                f"{place.folder} of {place.details['Repository']} has no {name}.json and {name}.py.",
            )
        try:
            definition = json.loads(files[f"{name}.json"])
        except ValueError as error:
            raise invalid_input(f"{name}.json of the repository is not JSON: {error}") from error
        if not isinstance(definition, dict):
            raise invalid_input(f"{name}.json of the repository is no definition of a job")
        kept = {one: definition[one] for one in _KEPT if one in definition}
        bucket, key = _script(kept)
        if not self._objects.bucket_exists(bucket):
            raise invalid_input(
                f"The script cannot be stored at s3://{bucket}/{key}: there is no such bucket."
            )
        details = {**place.details, "LastCommitId": commit}
        script = Script(
            scope=context.scope,
            job=name,
            found=job["LastModifiedOn"],
            commit=commit,
            bucket=bucket,
            key=key,
            data=files[f"{name}.py"],
        )
        with self._store.write() as tx:
            # One that a lost call for the same commit has left stays: its definition may have been changed.
            recorded = tasks.put(
                tx, QUEUE, script.task, script.payload(), not_before=self._clock.now() + PATIENCE
            )
        try:
            self._update(context, {"JobName": name, "JobUpdate": {**kept, "SourceControlDetails": details}})
        except ServiceError:
            if recorded:
                self._settled(script)  # nothing has changed
            raise
        # Behind the definition, which makes a script of its own for a visual job.
        try:
            self._objects.put(bucket, key, script.data)
        except ServiceError as error:
            reason = f"The script cannot be stored at s3://{bucket}/{key} now: {error.code}: {error.message}"
            raise ServiceError("InternalServiceException", f"{reason} It is tried again.") from error
        self._settled(script)
        return {"JobName": name}

    def _settled(self, script: Script) -> None:
        with self._store.write() as tx:
            tasks.cancel(tx, QUEUE, script.task)

    def _job(self, context: Context, request: Mapping[str, Any]) -> dict[str, Any]:
        if not request.get("JobName"):
            raise invalid_input("JobName is required")
        job: dict[str, Any] = self._jobs.get_job(context, {"JobName": request["JobName"]})["Job"]
        return job

    def _script(self, job: Mapping[str, Any]) -> bytes:
        bucket, key = _script(job)
        try:
            return self._objects.read(bucket, key)
        except ServiceError as error:
            raise invalid_input(
                f"The script cannot be read at s3://{bucket}/{key}: {error.code}: {error.message}"
            ) from error

    def _place(self, context: Context, request: Mapping[str, Any], job: Mapping[str, Any]) -> Place:
        known = job.get("SourceControlDetails") or {}
        details = {into: request.get(name) or known.get(into) or "" for name, into in _MEMBERS.items()}
        for member in ("Provider", "Repository"):
            if not details[member]:
                raise invalid_input(
                    f"{member} of the repository is neither given nor known of job {job['Name']}"
                )
        token = self._token(context, request, known, details)
        folder = "/".join(part for part in (details["Folder"].strip("/"), job["Name"]) if part)
        return Place(
            remote=Remote(
                url=self._url(context, details),
                branch=details["Branch"],
                token=token,
                user=USERS[details["Provider"]],
            ),
            folder=folder,
            details={member: value for member, value in details.items() if value},
        )

    def _token(
        self,
        context: Context,
        request: Mapping[str, Any],
        known: Mapping[str, Any],
        details: dict[str, str],
    ) -> str:
        """The token; into ``details`` goes what the job remembers of it: a secret's name, and what it has already."""
        strategy = request.get("AuthStrategy") or known.get("AuthStrategy") or ""
        given = request.get("AuthToken") or ""
        # What the job has is of one kind and for one provider: no other is told it.
        same = (known.get("AuthStrategy") or "", known.get("Provider")) == (strategy, details["Provider"])
        remembered = (known.get("AuthToken") or "") if same else ""
        secret = strategy == "AWS_SECRETS_MANAGER"
        details["AuthStrategy"] = strategy
        # A token that comes with a call alone is the caller's, and is not kept.
        details["AuthToken"] = given if given and secret else remembered
        token = given or remembered
        if not secret or not token:
            return token
        try:
            return self._secret(context, token).strip()
        except ServiceError as error:
            raise invalid_input(f"AuthToken: the secret {token} cannot be read: {error.message}") from error

    def _url(self, context: Context, details: Mapping[str, str]) -> str:
        """The repository's address. Raises InvalidInputException."""
        template = self._address or ADDRESSES[details["Provider"]]
        owner, repository = details["Owner"], details["Repository"]
        if details["Provider"] == "BITBUCKET" and "/" in repository:
            # As the API wants it: <WorkspaceName>/<RepositoryName>.
            owner, _, repository = repository.partition("/")
        if not owner and "{owner}" in template:
            raise invalid_input("RepositoryOwner is neither given nor known of the job")
        return template.format(
            provider=details["Provider"].lower(),
            # Groups of GitLab lie in others.
            owner="/".join(_part(part) for part in owner.split("/")) if owner else "",
            repository=_part(repository),
            region=context.region,
        )


class ScriptsToStore:
    """Does the tasks that a lost server, or objects out of reach, have left: scripts of changed definitions."""

    def __init__(self, *, store: Store, objects: ScriptStore) -> None:
        self._store = store
        self._objects = objects

    def handle(self, task: Task) -> None:
        """Store the script, if its definition has been changed and is still the job's."""
        script = Script.of(task.payload)
        with self._store.read() as tx:
            job = jobs.find(tx, script.scope, script.job)
        if job is None or job.last_modified_on == script.found:
            return
        if (job.body.get("SourceControlDetails") or {}).get("LastCommitId") != script.commit:
            return
        if not self._objects.bucket_exists(script.bucket):
            log.error("script_not_stored", job=script.job, bucket=script.bucket, reason="no such bucket")
            return
        self._objects.put(script.bucket, script.key, script.data)


def _definition(job: Mapping[str, Any]) -> dict[str, Any]:
    """A job as its repository has it: what UpdateJob takes, without what it computes itself."""
    kept = {one: job[one] for one in _KEPT if one in job and one != "SourceControlDetails"}
    if "WorkerType" in kept:
        kept.pop("MaxCapacity", None)  # follows from the workers, and cannot be given beside them
    return {"Name": job["Name"], **kept}


def _part(name: str) -> str:
    if not name or name in (".", "..") or name.startswith("-") or any(sign in name for sign in "/\\?#%@: "):
        raise invalid_input(f"{name!r} is no name of a repository or its owner")
    return name


def _script(definition: Mapping[str, Any]) -> tuple[str, str]:
    location = (definition.get("Command") or {}).get("ScriptLocation") or ""
    scheme, _, rest = location.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in ("s3", "s3a", "s3n") or not bucket or not key:
        raise invalid_input(f"ScriptLocation {location!r} is not an S3 path")
    return bucket, key


def _tried(work: Callable[[], Answer]) -> Answer:
    try:
        return work()
    except GitForbidden as error:
        raise ServiceError("AccessDeniedException", f"The repository cannot be used: {error}") from error
    except GitRefused as error:
        raise invalid_input(f"The repository cannot be used: {error}") from error

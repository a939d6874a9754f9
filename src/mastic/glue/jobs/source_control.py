"""Jobs and git: UpdateSourceControlFromJob, UpdateJobFromSourceControl.

A job is kept in a repository as two files of its folder: ``<Folder>/<job>/<job>.json`` is the definition and
``<job>.py`` the script. Owns no rows: it changes jobs by UpdateJob, and the object of their ScriptLocation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from mastic.context import Context
from mastic.errors import ServiceError, invalid_input
from mastic.executors.base import GitRefused, Remote
from mastic.glue.jobs import rules
from mastic.glue.jobs.definitions import Jobs
from mastic.wire.dispatch import waits

# Where a provider's repositories are.
ADDRESSES = {
    "GITHUB": "https://github.com/{owner}/{repository}.git",
    "GITLAB": "https://gitlab.com/{owner}/{repository}.git",
    "BITBUCKET": "https://bitbucket.org/{owner}/{repository}.git",
    "AWS_CODE_COMMIT": "https://git-codecommit.{region}.amazonaws.com/v1/repos/{repository}",
}
# What a JobUpdate takes, beside what follows from other members.
_KEPT = (*rules.KEPT, "JobMode", "JobRunQueuingEnabled", "ExecutionProperty", "MaxRetries", "Timeout", "GlueVersion",
         "WorkerType", "NumberOfWorkers")  # fmt: skip
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

    def read(self, remote: Remote, folder: str, commit: str | None) -> tuple[str, dict[str, bytes]]: ...

    def write(self, remote: Remote, folder: str, files: Mapping[str, bytes], message: str) -> str: ...


class ScriptStore(Protocol):
    """The door to object bytes."""

    def read(self, bucket: str, key: str) -> bytes: ...

    def put(self, bucket: str, key: str, data: bytes) -> Any: ...


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
        jobs: Jobs,
        update: Callable[[Context, dict[str, Any]], Any],
        git: Git,
        objects: ScriptStore,
        secret: SecretOf,
        address: str = "",
    ) -> None:
        self._jobs = jobs
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
        definition = {one: job[one] for one in _KEPT if one in job and one != "SourceControlDetails"}
        files = {
            f"{name}.json": json.dumps({"Name": name, **definition}, indent=2, default=str).encode() + b"\n",
            f"{name}.py": self._objects.read(*_script(job)),
        }
        commit = _tried(lambda: self._git.write(place.remote, place.folder, files, f"Job {name}"))
        self._remember(context, name, definition, place, commit)
        return {"JobName": name}

    @waits
    def update_job_from_source_control(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Make a job what its folder of the repository says."""
        job = self._job(context, request)
        name, place = job["Name"], self._place(context, request, job)
        commit, files = _tried(lambda: self._git.read(place.remote, place.folder, request.get("CommitId")))
        if f"{name}.json" not in files or f"{name}.py" not in files:
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
        self._remember(context, name, kept, place, commit)
        # Behind the definition, which makes a script of its own for a visual job.
        self._objects.put(*_script(kept), files[f"{name}.py"])
        return {"JobName": name}

    def _job(self, context: Context, request: Mapping[str, Any]) -> dict[str, Any]:
        if not request.get("JobName"):
            raise invalid_input("JobName is required")
        job: dict[str, Any] = self._jobs.get_job(context, {"JobName": request["JobName"]})["Job"]
        return job

    def _remember(
        self, context: Context, name: str, definition: dict[str, Any], place: Place, commit: str
    ) -> None:
        details = {**place.details, "LastCommitId": commit}
        self._update(context, {"JobName": name, "JobUpdate": {**definition, "SourceControlDetails": details}})

    def _place(self, context: Context, request: Mapping[str, Any], job: Mapping[str, Any]) -> Place:
        known = job.get("SourceControlDetails") or {}
        details = {into: request.get(name) or known.get(into) or "" for name, into in _MEMBERS.items()}
        for member in ("Provider", "Repository", "Branch"):
            if not details[member]:
                raise invalid_input(
                    f"{member} of the repository is neither given nor known of job {job['Name']}"
                )
        strategy = request.get("AuthStrategy") or known.get("AuthStrategy")
        template = self._address or ADDRESSES[details["Provider"]]
        url = template.format(
            provider=details["Provider"].lower(), owner=_part(details["Owner"]),
            repository=_part(details["Repository"]), region=context.region,
        )  # fmt: skip
        token = request.get("AuthToken") or ""
        if strategy == "AWS_SECRETS_MANAGER" and token:
            token = self._secret(context, token)
        if strategy:
            details["AuthStrategy"] = strategy
        folder = "/".join(part for part in (details["Folder"].strip("/"), job["Name"]) if part)
        return Place(
            remote=Remote(url=url, branch=details["Branch"], token=token),
            folder=folder,
            details={member: value for member, value in details.items() if value},
        )


def _part(name: str) -> str:
    if name.startswith(("-", ".")) or any(sign in name for sign in "/\\?#%@: "):
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
    except GitRefused as error:
        raise invalid_input(f"The repository cannot be used: {error}") from error

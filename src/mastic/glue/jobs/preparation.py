"""Everything that a job process needs before it starts: engine, script, files, environment, order.

Owns the files of a launch's directory up to the moment the process is told its order.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from mastic.context import split_scope
from mastic.errors import ServiceError
from mastic.executors.base import RUN_VARIABLE, Order, RunDirectory
from mastic.glue.jobs import arguments, capacity
from mastic.store.job_runs import JobRun

EMBEDDED_RUNTIME = "sail"
SPARK_RUNTIME = "spark-3.5"
CHANNEL_PATH = "/_mastic/channel/v1"
LONGEST_NAME = 255  # bytes of a file's name, on every file system in use

# Nothing of these is done yet: better a run that says so than one that misses what it was promised.
NOT_SERVED = {
    "--additional-python-modules": "installing further Python modules for a run",
    "--python-modules-installer-option": "installing further Python modules for a run",
    "--python-virtual-env": "a Python environment of the job's own",
    "--extra-jars": "adding Java libraries to a run",
    "--user-jars-first": "adding Java libraries to a run",
    "--class": "a main class, which Scala scripts have,",
    "--customer-driver-env-vars": "setting environment variables of a run",
    "--customer-executor-env-vars": "setting environment variables of a run",
    "--enable-lakeformation-fine-grained-access": "access to rows, columns and cells by Lake Formation",
}


class Unprepared(Exception):
    """The run cannot be started; ``str()`` is its ErrorMessage."""


class ScriptSource(Protocol):
    """The door to object bytes."""

    def read(self, bucket: str, key: str) -> bytes:
        """The whole object; raises ServiceError."""
        ...


# The run-scoped credentials of a job process, as environment variables.
Credentials = Callable[[JobRun], Mapping[str, str]]


class Preparation:
    """Makes orders. ``endpoint`` is where a job process reaches this server.

    ``memory_mb`` and ``cores`` are what the machine has for one run, however many workers it asks for.
    """

    def __init__(
        self,
        *,
        objects: ScriptSource,
        endpoint: str,
        credentials: Credentials,
        default_engine: str,
        installed: Callable[[str], bool],
        memory_mb: int,
        cores: int,
    ) -> None:
        self._objects = objects
        self._endpoint = endpoint
        self._credentials = credentials
        self._default_engine = default_engine
        self._installed = installed
        self._memory_mb = memory_mb
        self._cores = cores

    def engine(self, run: JobRun, forced: str | None) -> tuple[str, str]:
        """(runtime, engine) that the run's next process uses; ``forced`` after a refusal. Raises Unprepared."""
        command = run.plan["Command"]["Name"]
        merged = run.plan["Arguments"]
        if command == "glueray":
            raise Unprepared("Ray jobs are not served by this version of Mastic.")
        if merged.get("--job-language", "python").lower() == "scala":
            raise Unprepared("Scala scripts are not served: --job-language has to be python.")
        for name, what in NOT_SERVED.items():
            # Of a switch, "false" asks for nothing.
            if merged.get(name, "").strip().lower() not in ("", "false"):
                raise Unprepared(f"{name} was given, but {what} is not served by this version of Mastic.")
        if command == "pythonshell":
            return EMBEDDED_RUNTIME, "auto"
        try:
            wanted = forced or arguments.engine(merged, self._default_engine)
        except ServiceError as error:
            raise Unprepared(error.message) from error
        if wanted == "spark":
            return SPARK_RUNTIME, "spark"
        if wanted == "auto" and not self._installed(EMBEDDED_RUNTIME) and self._installed(SPARK_RUNTIME):
            return SPARK_RUNTIME, "spark"
        return EMBEDDED_RUNTIME, wanted

    def order(self, run: JobRun, directory: RunDirectory, engine: str, token: str) -> Order:
        """Fetch the script and its files, and write down what the process is to do. Raises Unprepared."""
        merged: dict[str, str] = run.plan["Arguments"]
        # The argument takes the place of what the job's command says.
        location = merged.get("--scriptLocation") or run.plan["Command"].get("ScriptLocation") or ""
        script = self._fetch("The script", location, directory.path / "script")
        python_path = self._python_files(merged, directory)
        for extra in arguments.files(merged, "--extra-files"):
            self._fetch("--extra-files", extra, directory.work)
        memory, cores = capacity.size(run.body)
        return Order(
            run_id=run.id,
            attempt=run.attempt,
            job_name=run.job_name,
            command=run.plan["Command"]["Name"],
            script=str(script),
            argv=arguments.argv(
                str(script),
                merged,
                job_name=run.job_name,
                job_id=run.job_id,
                run_id=run.id,
                security_configuration=run.body.get("SecurityConfiguration"),
                workflow_name=run.plan.get("WorkflowName"),
                workflow_run_id=run.workflow_run_id,
            ),
            env=self._environment(run, directory, token),
            cwd=str(directory.work),
            python_path=python_path,
            stdout=str(directory.stdout),
            stderr=str(directory.stderr),
            result=str(directory.result),
            engine=engine,
            arguments=merged,
            memory_mb=min(memory, self._memory_mb),
            cores=min(cores, self._cores),
        )

    def _python_files(self, merged: Mapping[str, str], directory: RunDirectory) -> list[str]:
        folder = directory.path / "python"
        found: list[str] = []
        for url in arguments.files(merged, "--extra-py-files"):
            path = self._fetch("--extra-py-files", url, folder)
            entry = str(folder if path.suffix == ".py" else path)
            if entry not in found:
                found.append(entry)
        return found

    def _environment(self, run: JobRun, directory: RunDirectory, token: str) -> dict[str, str | None]:
        _, region = split_scope(run.scope)
        return {
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            # A job goes on while this server is restarted: its clients ask again for a minute or two.
            "AWS_RETRY_MODE": "standard",
            "AWS_MAX_ATTEMPTS": "12",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "HOME": str(directory.work),
            "TMPDIR": str(directory.temporary),
            "MASTIC_SCRATCH_DIR": str(directory.temporary),
            "MASTIC_CHANNEL_URL": f"{self._endpoint}{CHANNEL_PATH}",
            "MASTIC_CHANNEL_TOKEN": token,
            RUN_VARIABLE: run.id,
            "MASTIC_WARM": None,
            **self._credentials(run),
        }

    def _fetch(self, what: str, url: str, folder: Path) -> Path:
        """Bring an object into a folder, under the last part of its key. Raises Unprepared."""
        scheme, separator, rest = url.partition("://")
        bucket, _, key = rest.partition("/")
        if scheme not in ("s3", "s3a", "s3n") or not separator or not bucket or not key:
            raise Unprepared(f"{what} {url!r} is not an S3 path.")
        name = posixpath.basename(key)
        if name in ("", ".", "..") or "\0" in name or len(name.encode(errors="replace")) > LONGEST_NAME:
            raise Unprepared(f"{what} {url!r} does not end in a name that a file can have.")
        try:
            data = self._objects.read(bucket, key)
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = folder / name
            path.write_bytes(data)
        except ServiceError as error:
            raise Unprepared(f"{what} {url} cannot be read: {error.code}: {error.message}") from error
        except OSError as error:
            raise Unprepared(f"{what} {url} cannot be fetched: {error.strerror or error}") from error
        return path

"""Everything that a job process needs before it starts: engine, script, files, environment, order.

Owns the files of a launch's directory up to the moment the process is told its order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from mastic.context import split_scope
from mastic.errors import ServiceError
from mastic.executors.base import RUN_VARIABLE, InstallationFailed, ModuleSet, Order, RunDirectory
from mastic.glue.jobs import arguments, capacity, engines, spark_ui
from mastic.glue.jobs.engines import Choice, Unprepared
from mastic.glue.jobs.fetching import Fetching, ScriptSource
from mastic.store.job_runs import JobRun

CHANNEL_PATH = "/_mastic/channel/v1"
# Set by a job's order for its process; a job's own variables cannot take their place.
OURS = ("AWS_", "MASTIC_")
OUR_FILES = ("HOME", "PATH", "PYTHONPATH", "TMPDIR")


class Modules(Protocol):
    """The door to environments with further Python modules."""

    def find(self, runtime: str, wanted: ModuleSet, *, abandoned: Callable[[], bool]) -> Path:
        """The Python of an environment over the runtime; raises InstallationFailed."""
        ...


# The run-scoped credentials of a job process, as environment variables.
Credentials = Callable[[JobRun], Mapping[str, str]]


class Preparation:
    """Makes orders. ``endpoint`` is where a job process reaches this server.

    ``memory_mb`` and ``cores`` are what the machine has for one run, however many workers it asks for. ``masters``
    are the clusters outside on which runtimes of Spark work, ``spark_conf`` the operator's settings of Spark;
    ``ray_address`` is the Ray cluster outside.
    """

    def __init__(
        self,
        *,
        objects: ScriptSource,
        modules: Modules,
        endpoint: str,
        credentials: Credentials,
        default_engine: str,
        installed: Callable[[str], bool],
        memory_mb: int,
        cores: int,
        masters: Mapping[str, str] | None = None,
        spark_conf: Mapping[str, str] | None = None,
        ray_address: str = "",
    ) -> None:
        self._ray_address = ray_address
        self._masters = dict(masters or {})
        self._spark_conf = dict(spark_conf or {})
        self._fetching = Fetching(objects=objects)
        self._modules = modules
        self._endpoint = endpoint
        self._credentials = credentials
        self._default_engine = default_engine
        self._installed = installed
        self._memory_mb = memory_mb
        self._cores = cores

    def engine(self, run: JobRun, forced: str | None) -> Choice:
        """What the run's next process uses; ``forced`` after a refusal. Raises Unprepared."""
        try:
            return engines.choose(run, forced, default=self._default_engine, installed=self._installed)
        except ServiceError as error:
            raise Unprepared(error.message) from error

    def environment(
        self, run: JobRun, directory: RunDirectory, runtime: str, abandoned: Callable[[], bool]
    ) -> Path | None:
        """The Python with the modules that the run adds to its runtime, installed now if need be; None for none.

        Raises Unprepared with the installer's reason.
        """
        command = run.plan["Command"]["Name"]
        merged: dict[str, str] = run.plan["Arguments"]
        script = merged.get("--scriptLocation") or run.plan["Command"].get("ScriptLocation") or ""
        wanted = self._fetching.modules(merged, directory.path / "modules", command, script)
        if wanted is None:
            return None
        try:
            return self._modules.find(runtime, wanted, abandoned=abandoned)
        except InstallationFailed as error:
            if wanted.archive is not None:
                raise Unprepared(f"--python-virtual-env {wanted.archive.name}: {error}") from error
            named = (
                f"{arguments.modules_argument(command)} {merged.get(arguments.modules_argument(command), '')}"
            )
            if wanted.library_set:
                named = f"The library set {wanted.library_set} {'with ' + named if wanted.modules else ''}".rstrip()
            raise Unprepared(f"{named} could not be installed: {error}") from error

    def order(
        self, run: JobRun, directory: RunDirectory, choice: Choice, token: str, python: Path | None = None
    ) -> Order:
        """Fetch the script and its files, and write down what the process is to do. Raises Unprepared."""
        merged: dict[str, str] = run.plan["Arguments"]
        # The argument takes the place of what the job's command says.
        location = merged.get("--scriptLocation") or run.plan["Command"].get("ScriptLocation") or ""
        script = self._fetching.file("The script", location, directory.path / "script")
        command = run.plan["Command"]["Name"]
        python_path = self._fetching.python_path(merged, directory.path / "python", command)
        for extra in arguments.files(merged, "--extra-files"):
            self._fetching.file("--extra-files", extra, directory.work)
        env = self._environment(run, directory, token)
        env |= self._asked_environment(merged, python)
        if command == "glueray":
            env |= self._ray(merged, directory)
        # Libraries of connections are for Spark alone: the embedded engine has clients of its own.
        connectors = run.plan.get("ConnectorJars") or []
        if choice.engine == "spark":
            env |= self._java(merged, directory, connectors) | self._cluster(run, choice)
            env |= self._event_logs(merged, directory, choice)
        else:
            env |= self._java(merged, directory, [])
        encryption = run.plan.get("Encryption") or {}
        asked = merged.get("--encryption-type", "")
        if asked not in ("", "sse-s3"):
            raise Unprepared(f"--encryption-type is {asked!r}: sse-s3 is served.")
        # A security configuration says more, and counts.
        s3 = encryption.get("S3") or ({"ServerSideEncryption": "AES256"} if asked else None)
        if s3:
            env["MASTIC_S3_ENCRYPTION"] = json.dumps(s3)
        if encryption.get("BookmarksKey"):
            env["MASTIC_BOOKMARK_KEY"] = encryption["BookmarksKey"]
        memory, cores = capacity.size(run.body)
        return Order(
            run_id=run.id,
            attempt=run.attempt,
            job_name=run.job_name,
            command=command,
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
            env=env,
            cwd=str(directory.work),
            python_path=python_path,
            stdout=str(directory.stdout),
            stderr=str(directory.stderr),
            result=str(directory.result),
            engine=choice.engine,
            engine_reason=choice.reason,
            arguments=merged,
            memory_mb=min(memory, self._memory_mb),
            cores=min(cores, self._cores),
        )

    def _asked_environment(self, merged: Mapping[str, str], python: Path | None) -> dict[str, str | None]:
        """What the run itself wants in its environment. Raises Unprepared."""
        try:
            driver, executors = (arguments.environment(merged, name) for name in arguments.ENVIRONMENTS)
        except ServiceError as error:
            raise Unprepared(error.message) from error
        for name in (*driver, *executors):
            if name.startswith(OURS) or name in OUR_FILES:
                raise Unprepared(
                    f"The environment variable {name} is set by the service and cannot be chosen."
                )
        # One process is driver and executors; on Spark, the Python workers get the executors' variables.
        found: dict[str, str | None] = {**executors, **driver}
        if executors:
            found["MASTIC_EXECUTOR_ENV"] = json.dumps(executors)
        if python is not None:
            found["MASTIC_PATH"] = str(python.parent)
        return found

    def _ray(self, merged: Mapping[str, str], directory: RunDirectory) -> dict[str, str | None]:
        """What a Ray job finds: its arguments as variables, its working directory, a cluster. Raises Unprepared."""
        self._fetching.working_directory(merged, directory.work, directory.path / "working-dir")
        found: dict[str, str | None] = {}
        for name, value in merged.items():
            variable = name.removeprefix("--")
            if variable.startswith(OURS) or variable in OUR_FILES:
                raise Unprepared(
                    f"The environment variable {variable} is set by the service and cannot be chosen."
                )
            if variable and "=" not in variable and "\0" not in variable + value:
                found[variable] = value
        if self._ray_address:
            return {**found, "MASTIC_RAY_ADDRESS": self._ray_address}
        return {**found, "MASTIC_RAY_DIR": str(directory.aside())}

    def _java(
        self, merged: Mapping[str, str], directory: RunDirectory, connectors: list[str]
    ) -> dict[str, str | None]:
        """The Java libraries of the run, for the engine that has a use for them."""
        folder = directory.path / "jars"
        jars = [
            str(self._fetching.file("--extra-jars", url, folder))
            for url in [*arguments.files(merged, "--extra-jars"), *connectors]
        ]
        found: dict[str, str | None] = {"MASTIC_EXTRA_JARS": json.dumps(jars)} if jars else {}
        if engines.asked(merged, "--user-jars-first"):
            found["MASTIC_USER_JARS_FIRST"] = "true"
        return found

    def _event_logs(
        self, merged: Mapping[str, str], directory: RunDirectory, choice: Choice
    ) -> dict[str, str | None]:
        """Where Spark's event logs go for now, if the run wants them. Raises Unprepared."""
        # A Connect server's log is of all who work there.
        if self._masters.get(choice.runtime, "").startswith("sc://") or not spark_ui.wanted(merged):
            return {}
        folder = spark_ui.folder(directory)
        folder.mkdir(mode=0o700)
        return {"MASTIC_EVENT_LOGS": str(folder)}

    def _cluster(self, run: JobRun, choice: Choice) -> dict[str, str | None]:
        """Where Spark works, and with how much: on a cluster outside its workers count, and not this machine's."""
        found: dict[str, str | None] = {}
        if self._spark_conf:
            found["MASTIC_SPARK_CONF"] = json.dumps(self._spark_conf)
        master = self._masters.get(choice.runtime)
        if master:
            _, cores = capacity.size(run.body)
            # One of the workers is the driver's.
            workers = max(1, int(run.body.get("NumberOfWorkers") or 2) - 1)
            found["MASTIC_SPARK_MASTER"] = master
            found["MASTIC_SPARK_WORKERS"] = json.dumps({"cores": cores, "count": workers})
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
            # Regular files: Java's SDK complains of anything else.
            "AWS_CONFIG_FILE": str(directory.profiles),
            "AWS_SHARED_CREDENTIALS_FILE": str(directory.profiles),
            "HOME": str(directory.work),
            "TMPDIR": str(directory.temporary),
            "MASTIC_SCRATCH_DIR": str(directory.temporary),
            "MASTIC_CHANNEL_URL": f"{self._endpoint}{CHANNEL_PATH}",
            "MASTIC_CHANNEL_TOKEN": token,
            RUN_VARIABLE: run.id,
            "MASTIC_WARM": None,
            **self._credentials(run),
        }

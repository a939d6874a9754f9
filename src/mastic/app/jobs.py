"""Jobs, their runs and processes, triggers, and the tags of Glue's resources."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from mastic.app.base import Base
from mastic.app.identity import RoleKeys
from mastic.aws.iam import policies
from mastic.config import Config
from mastic.context import Context, split_scope
from mastic.executors import module_pruning
from mastic.executors.local import LocalExecutor
from mastic.executors.modules import ModuleEnvironments
from mastic.executors.repositories import Repositories
from mastic.executors.runtimes import Runtimes
from mastic.executors.traffic import Traffic
from mastic.glue.account import profiles, security
from mastic.glue.catalog import catalogs, databases, functions, tables
from mastic.glue.connections import connections, types
from mastic.glue.jobs import definitions as jobs
from mastic.glue.jobs import maintenance, notifications, source_control
from mastic.glue.jobs.bookmarks import Bookmarks
from mastic.glue.jobs.channel import Channel
from mastic.glue.jobs.engines import EMBEDDED_RUNTIME, SPARK_4_RUNTIME, SPARK_RUNTIME
from mastic.glue.jobs.housekeeping import Housekeeping, Reminders
from mastic.glue.jobs.lifecycle import Lifecycle
from mastic.glue.jobs.limits import Profile
from mastic.glue.jobs.messages import Messages
from mastic.glue.jobs.metrics import JobMetrics, MetricSink
from mastic.glue.jobs.preparation import CHANNEL_PATH, Preparation
from mastic.glue.jobs.runs import JobRuns
from mastic.glue.jobs.scripting import Scripting
from mastic.glue.jobs.scripts import Scripts
from mastic.glue.jobs.source_control import ScriptsToStore, SecretOf, SourceControl
from mastic.glue.jobs.surroundings import Lookup, Surroundings
from mastic.glue.pages import Pager
from mastic.glue.tags import Tags
from mastic.glue.triggers import definitions as triggers
from mastic.glue.triggers.firing import Firing
from mastic.loops.job_logs import JobLogs, LogSink
from mastic.loops.job_meters import JobMeters
from mastic.loops.launching import Launcher
from mastic.loops.runner import Runner
from mastic.loops.scheduler import Scheduler
from mastic.objects.base import Objects
from mastic.store import documents, settings
from mastic.store import jobs as stored
from mastic.store.job_runs import JobRun
from mastic.wire.dispatch import Response
from mastic.wire.protocols.json import Documents

# Whether the resource of an ARN exists, by the ARN's kind.
_EXISTS = {
    "job": jobs.exists,
    "trigger": triggers.exists,
    "connection": connections.exists,
    "connectionType": types.exists,
    "catalog": catalogs.exists,
    "database": databases.exists,
    "table": tables.exists,
    "userDefinedFunction": functions.exists,
    "usageProfile": profiles.profile_exists,
    "customEntityType": profiles.entity_type_exists,
}


def add_jobs(
    base: Base, pager: Pager, *, objects: Objects, logs: LogSink, metrics: MetricSink, secret: SecretOf
) -> None:
    """Jobs really run, triggers really fire."""
    surroundings = Surroundings(security=_document(security.KIND), connection=_document(connections.KIND))
    lifecycle = Lifecycle(
        clock=base.clock,
        ids=base.ids,
        surroundings=surroundings,
        most_runs=base.config.max_concurrent_job_runs,
    )
    invoke = base.app.asgi.dispatcher.invoke

    def table(context: Context, database: str, name: str) -> Any:
        return invoke(context, "glue", "GetTable", {"DatabaseName": database, "Name": name})["Table"]

    firing = Firing(clock=base.clock, lifecycle=lifecycle, strict_lineage=base.config.strict_trigger_lineage)
    base.reactor.subscribe("job_run.state", firing.on_job_run)
    measured = JobMetrics(metrics)
    base.reactor.subscribe("job_run.state", measured.on_job_run)
    definitions = jobs.Jobs(
        lifecycle=lifecycle,
        pager=pager,
        default_glue_version=base.config.default_glue_version,
        profile=_profile,
        scripts=Scripts(objects=objects),
        **base.making,
    )
    base.handlers(
        "glue",
        definitions,
        SourceControl(
            definitions=definitions,
            update=_checked_update(base),
            git=Repositories(directory=base.config.data_dir / "repositories"),
            objects=objects,
            secret=secret,
            address=base.config.source_control_url,
            **base.lasting,
        ),
        JobRuns(
            lifecycle=lifecycle,
            pager=pager,
            profile=_profile,
            check_policy=policies.check_identity,
            **base.lasting,
        ),
        Bookmarks(**base.lasting),
        Scripting(table=table),
        triggers.Triggers(firing=firing, pager=pager, exists={"job": jobs.exists}, **base.lasting),
        Tags(store=base.store, exists=_EXISTS),
    )
    base.app.asgi.mount(CHANNEL_PATH, Channel(Messages(metrics=measured.put, **base.lasting)))
    base.active(Scheduler(holder=base.holder, sources=(firing,), **base.lasting))
    _add_runner(base, lifecycle, objects, logs, measured)
    reminders = Reminders(store=base.store, lifecycle=lifecycle)
    base.worker(notifications.QUEUE, reminders.handle, concurrency=1)
    scripts_to_store = ScriptsToStore(store=base.store, objects=objects)
    base.worker(source_control.QUEUE, scripts_to_store.handle, concurrency=1)


def _document(kind: str) -> Lookup:
    """Finds documents of a kind, for the rules of jobs, which know no other family."""

    def find(tx: Connection, scope: str, name: str) -> dict[str, Any] | None:
        found = documents.find(tx, scope, kind, name)
        return None if found is None else found.body

    return find


def _profile(tx: Connection, context: Context) -> Profile | None:
    found = profiles.assigned(tx, context.scope, context.principal_arn)
    if found is None:
        return None
    return Profile(name=found.name, limits=found.body["Configuration"].get("JobConfiguration") or {})


def _add_runner(
    base: Base, lifecycle: Lifecycle, objects: Objects, logs: LogSink, metrics: JobMetrics
) -> None:
    config, runs = base.config, _place(base)
    runtimes = Runtimes(config.runtimes_dir)
    keys = RoleKeys(base.credentials, base.clock, base.config.endpoints.get("s3"))

    def environment(run: JobRun) -> dict[str, str]:
        # Good for as long as the run may last.
        lifetime = maintenance.longest(run) + timedelta(hours=1)
        account, _ = split_scope(run.scope)
        policy = run.body.get("ExecutionRoleSessionPolicy")
        return keys.environment(account, run.plan["Role"], "GlueJobRunnerSession", lifetime, policy)

    executor = LocalExecutor(
        host=base.host,
        interpreter=runtimes.interpreter,
        directory=config.data_dir / "interpreters",
        warm=config.warm_interpreters,
        extra_env=_spark_settings(config),
    )
    preparation = Preparation(
        objects=objects,
        modules=ModuleEnvironments(directory=config.data_dir / "modules", interpreter=runtimes.interpreter),
        endpoint=base.endpoint,
        credentials=environment,
        default_engine=config.default_engine,
        installed=lambda name: runtimes.interpreter(name) is not None,
        memory_mb=executor.memory_mb,
        cores=executor.cores,
        masters={SPARK_RUNTIME: config.spark_master, SPARK_4_RUNTIME: config.spark_4_master},
        spark_conf=config.spark_conf,
        ray_address=config.ray_address,
    )
    launcher = Launcher(
        lifecycle=lifecycle, preparation=preparation, executor=executor, directory=runs, **base.lasting
    )
    traffic = Traffic()
    base.app.asgi.dispatcher.watch("s3", partial(_count, traffic))
    meters = JobMeters(executor=executor, traffic=traffic, put=metrics.put, **base.lasting)
    runner = Runner(
        holder=base.holder,
        lifecycle=lifecycle,
        launcher=launcher,
        executor=executor,
        logs=JobLogs(sink=logs, objects=objects, **base.lasting),
        meters=meters,
        spark_installed=lambda: runtimes.interpreter(SPARK_RUNTIME) is not None,
        reserved=timedelta(seconds=config.lost_host_seconds),
        **base.lasting,
    )
    base.active(executor, runner)
    base.expectation("glue", "CreateJob", stored.exist, partial(executor.expect, EMBEDDED_RUNTIME))
    housekeeping = Housekeeping(lifecycle=lifecycle, directory=runs, **base.lasting)
    base.janitor("jobs", housekeeping.tidy, seconds=60)
    most = int(config.modules_max_gb * 1024**3)

    def prune() -> None:
        module_pruning.prune(config.data_dir / "modules", most=most)

    base.janitor("modules", prune, seconds=3600)


def _place(base: Base) -> Path:
    """Where the directories of runs lie. In one that others use as well, those of this database are by themselves:
    what a database does not know as running is removed."""
    if base.config.runs_dir is None:
        return base.config.data_dir / "runs"
    with base.store.write() as tx:
        return base.config.runs_dir / str(settings.set_once(tx, "store_id", base.ids.uuid()))


def _count(traffic: Traffic, context: Context, operation: str, request: dict[str, Any], result: Any) -> None:
    """What a call of S3 has moved."""
    if operation == "GetObject":
        told = result.result if isinstance(result, Response) else result
        traffic.read(context.access_key, int(told.get("ContentLength") or 0))
    elif operation in ("PutObject", "UploadPart"):
        traffic.written(context.access_key, int(getattr(request.get("Body"), "length", 0) or 0))


def _spark_settings(config: Config) -> dict[str, str]:
    """What the Spark runtime reads from its environment."""
    settings = {"MASTIC_SPARK_PACKAGES": config.spark_packages, "MASTIC_SPARK_JARS": config.spark_jars_dir}
    return {name: value for name, value in settings.items() if value}


def _checked_update(base: Base) -> Callable[[Context, dict[str, Any]], Any]:
    """UpdateJob with a request of JSON's values, checked as one that comes over the wire."""
    operation: Any = base.app.registry.models.service("glue").operation("UpdateJob")
    decode = Documents().decoder(operation.input)

    def update(context: Context, request: dict[str, Any]) -> Any:
        return base.app.asgi.dispatcher.invoke(context, "glue", "UpdateJob", decode(request))

    return update

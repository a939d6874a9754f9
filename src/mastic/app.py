"""The composition root: the one place that wires everything. Owns the order of start and stop."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import IO, Any, Protocol

import structlog
from sqlalchemy import Connection

from mastic.athena.catalog import Catalog
from mastic.athena.engine import Engine
from mastic.athena.executions import QUEUE as QUERIES
from mastic.athena.executions import Executions
from mastic.athena.failures import invalid as athena_invalid
from mastic.athena.metadata import Metadata
from mastic.athena.results import Results
from mastic.athena.runner import Runner as QueryRunner
from mastic.athena.saved import Saved
from mastic.athena.workgroups import WorkGroups
from mastic.athena.writes import Writer
from mastic.aws.cloudwatch.alarms import SIGNAL as ALARMS_CHANGED
from mastic.aws.cloudwatch.alarms import Alarms
from mastic.aws.cloudwatch.dashboards import Dashboards
from mastic.aws.cloudwatch.evaluator import Actions, Evaluator
from mastic.aws.cloudwatch.expiry import Expiry
from mastic.aws.cloudwatch.metrics import Metrics
from mastic.aws.cloudwatch.transitions import QUEUE as ALARM_ACTIONS
from mastic.aws.cloudwatch.transitions import Transitions
from mastic.aws.events.buses import Buses
from mastic.aws.events.deliveries import Deliveries as EventDeliveries
from mastic.aws.events.deliveries import Delivery as EventDelivery
from mastic.aws.events.entries import Entries
from mastic.aws.events.log_targets import LogTarget
from mastic.aws.events.router import QUEUE as EVENT_DELIVERIES
from mastic.aws.events.router import Router as EventRouter
from mastic.aws.events.rules import SIGNAL as RULES_CHANGED
from mastic.aws.events.rules import Rules
from mastic.aws.events.targets import Targets
from mastic.aws.events.ticks import Ticks
from mastic.aws.functions import Functions as FunctionCalls
from mastic.aws.iam.absent import Absent
from mastic.aws.iam.accounts import Accounts
from mastic.aws.iam.authorizations import Authorizations
from mastic.aws.iam.credentials import Credentials, root_key
from mastic.aws.iam.inline_policies import InlinePolicies
from mastic.aws.iam.managed_policies import Attachments, Policies
from mastic.aws.iam.roles import InstanceProfiles, Roles
from mastic.aws.iam.simulations import Simulations
from mastic.aws.iam.users import AccessKeys, Groups, Users
from mastic.aws.lambda_ import deliveries as lambda_deliveries
from mastic.aws.lambda_.definitions import Definitions
from mastic.aws.lambda_.downloads import Downloads
from mastic.aws.lambda_.functions import QUEUE as LAMBDA_EVENTS
from mastic.aws.lambda_.functions import Functions as LambdaFunctions
from mastic.aws.lambda_.invocations import Invocations as LambdaInvocations
from mastic.aws.lambda_.layers import Layers
from mastic.aws.lambda_.packages import DOWNLOADS, Packages
from mastic.aws.lambda_.paging import MarkerPages
from mastic.aws.lambda_.permissions import Permissions
from mastic.aws.lambda_.polling import Poller
from mastic.aws.lambda_.running import Runs
from mastic.aws.lambda_.settings import InvokeConfigs, Settings
from mastic.aws.lambda_.sources import EventSourceMappings
from mastic.aws.lambda_.versions import Aliases, Versions
from mastic.aws.logs.events import LogEvents
from mastic.aws.logs.filters import MetricFilters, SubscriptionFilters
from mastic.aws.logs.groups import LogGroups
from mastic.aws.logs.ingest import Logs
from mastic.aws.logs.retention import enforce as enforce_retention
from mastic.aws.logs.streams import LogStreams
from mastic.aws.neighbours.backchannel import PATH as BACKCHANNEL
from mastic.aws.neighbours.backchannel import QUEUE as NEIGHBOUR_CALLS
from mastic.aws.neighbours.backchannel import BackChannel, Invocations
from mastic.aws.neighbours.clients import Clients
from mastic.aws.neighbours.deliveries import MessageTargets
from mastic.aws.neighbours.door import Door
from mastic.aws.neighbours.limits import SERVICES as NEIGHBOURS
from mastic.aws.neighbours.outside import service as outside_service
from mastic.aws.neighbours.queues import FunctionQueues
from mastic.aws.s3 import services as s3
from mastic.aws.s3.cors import BucketCors
from mastic.aws.s3.deliveries import Deliveries
from mastic.aws.s3.lifecycle import Reaper
from mastic.aws.s3.notifications import QUEUE as S3_EVENTS
from mastic.aws.s3.notifications import Destinations
from mastic.aws.sts.sessions import Sessions
from mastic.clock import Clock, SystemClock
from mastic.config import Config
from mastic.context import Context, split_scope
from mastic.errors import Refused
from mastic.executors.functions import FunctionPool
from mastic.executors.local import LocalExecutor
from mastic.executors.neighbours import RUNTIME as NEIGHBOURS_RUNTIME
from mastic.executors.neighbours import NeighbourProcess
from mastic.executors.runtimes import Runtimes
from mastic.glue.account.policies import ResourcePolicies
from mastic.glue.account.profiles import (
    CustomEntityTypes,
    UsageProfiles,
    entity_type_exists,
    profile_exists,
)
from mastic.glue.account.security import SecurityConfigurations
from mastic.glue.catalog import catalogs as glue_catalogs
from mastic.glue.catalog import databases as glue_databases
from mastic.glue.catalog import functions as glue_functions
from mastic.glue.catalog import tables as glue_tables
from mastic.glue.catalog.catalogs import Catalogs
from mastic.glue.catalog.databases import Databases
from mastic.glue.catalog.events import Events as CatalogEvents
from mastic.glue.catalog.functions import Functions as UserDefinedFunctions
from mastic.glue.catalog.indexes import PartitionIndexes
from mastic.glue.catalog.partition_lists import PartitionLists
from mastic.glue.catalog.partitions import Partitions
from mastic.glue.catalog.search import TableSearch
from mastic.glue.catalog.statistics import Statistics
from mastic.glue.catalog.sweeping import QUEUE as CATALOG_SWEEP
from mastic.glue.catalog.sweeping import Sweeper
from mastic.glue.catalog.tables import Tables
from mastic.glue.catalog.unfiltered import Unfiltered
from mastic.glue.catalog.versions import TableVersions
from mastic.glue.connections import connections as glue_connections
from mastic.glue.connections.connections import Connections
from mastic.glue.jobs.bookmarks import Bookmarks
from mastic.glue.jobs.capacity import LONGEST_TIMEOUT
from mastic.glue.jobs.channel import Channel
from mastic.glue.jobs.definitions import Jobs
from mastic.glue.jobs.definitions import exists as job_exists
from mastic.glue.jobs.housekeeping import Housekeeping
from mastic.glue.jobs.lifecycle import Lifecycle
from mastic.glue.jobs.messages import Messages
from mastic.glue.jobs.metrics import JobMetrics, MetricSink
from mastic.glue.jobs.preparation import CHANNEL_PATH, EMBEDDED_RUNTIME, SPARK_RUNTIME, Preparation
from mastic.glue.jobs.runs import JobRuns
from mastic.glue.pages import Pager
from mastic.glue.tags import Tags as ResourceTags
from mastic.glue.triggers.definitions import Triggers
from mastic.glue.triggers.definitions import exists as trigger_exists
from mastic.glue.triggers.firing import Firing
from mastic.ids import Ids
from mastic.loops.base import Worker
from mastic.loops.function_logs import FunctionLogs
from mastic.loops.janitor import Janitor
from mastic.loops.job_logs import JobLogs, LogSink
from mastic.loops.launching import Launcher
from mastic.loops.periodic import Periodic
from mastic.loops.reactor import Reactor
from mastic.loops.runner import Runner
from mastic.loops.scheduler import Scheduler
from mastic.loops.sources import Sources
from mastic.objects.base import Objects
from mastic.objects.blobs import Blobs
from mastic.objects.garbage import BlobJanitor
from mastic.objects.local import LocalObjects
from mastic.objects.remote import RemoteObjects
from mastic.status import Status
from mastic.store import events as event_rules
from mastic.store import job_runs, leases, migrate, settings, tasks
from mastic.store.credentials import Credential
from mastic.store.engine import Store
from mastic.wire.asgi import Gateway
from mastic.wire.dispatch import Registry
from mastic.wire.paging import Pages, Paging
from mastic.wire.sigv4 import Authenticator, Secret

log = structlog.get_logger()

YEARS = timedelta(days=3650)


class Active(Protocol):
    """Something that acts by itself between start and stop."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


@dataclass(kw_only=True)
class App:
    """A built server: ``asgi`` answers requests at once, the loops act after ``start``."""

    config: Config
    store: Store
    asgi: Any
    registry: Any
    active: list[Active] = field(default_factory=list)
    closing: list[Callable[[], None]] = field(default_factory=list)

    def start(self) -> None:
        """Let the loops act."""
        for part in self.active:
            part.start()

    def stop(self) -> None:
        """Stop the loops, newest first, and give everything back."""
        for part in reversed(self.active):
            part.stop()
        for close in reversed(self.closing):
            close()


def build(
    config: Config, *, endpoint: str = "", clock: Clock | None = None, ids: Ids | None = None
) -> App:
    """Wire a server from its settings.

    ``endpoint`` is the URL at which jobs and functions reach this server. Raises Refused when another server
    holds the data directory.
    """
    clock = clock or SystemClock()
    ids = ids or Ids()
    config.data_dir.mkdir(parents=True, exist_ok=True)
    lock = _lock(config)
    store = Store(config.store_url)
    migrate.upgrade(store)
    with store.write() as tx:
        if config.embedded:
            # The data directory's lock says that whoever held these leases is gone.
            tasks.release_all(tx)
            leases.release_all(tx)
            job_runs.release_all(tx)
        token_key = settings.set_once(tx, "page_token_key", ids.hex(64))
    holder = f"{os.uname().nodename}:{os.getpid()}:{ids.hex(8)}"

    registry = Registry()
    reactor = Reactor(store=store, clock=clock, holder=holder)
    credentials = Credentials(store=store, clock=clock, ids=ids, root=_root_keys(config, clock))
    gateway = Gateway(
        registry,
        authenticator=Authenticator(
            clock=clock,
            credentials=_secrets(credentials),
            # Without configured keys the server listens on loopback only and takes any caller for the root.
            strict=bool(config.access_keys),
            account_id=config.account_id,
            region=config.region,
        ),
        ids=ids,
        cors=BucketCors(store=store),
        base_hosts=("localhost", *config.s3_hosts),
        threads=config.threads,
    )
    app = App(config=config, store=store, asgi=gateway, registry=registry)
    app.closing += [lock.close, store.close, gateway.close]
    app.active.append(reactor)

    # -- features: each registers its handlers, receivers and loops ------------------------------------

    identity: dict[str, Any] = {"store": store, "clock": clock, "ids": ids}
    for family in (
        Roles, InstanceProfiles, Users, AccessKeys, Groups, Policies, Attachments, InlinePolicies,
        Simulations, Accounts, Absent, Authorizations,
    ):  # fmt: skip
        registry.add("iam", family(**identity))
    registry.add("sts", Sessions(store=store, clock=clock, credentials=credentials))
    functions = FunctionCalls(store=store)
    logs = _add_logs(app, clock)
    destinations = Destinations()
    messages, router, clients = _add_neighbours(
        app, clock, ids=ids, holder=holder, endpoint=endpoint, credentials=credentials, functions=functions,
        destinations=destinations,
    )  # fmt: skip
    _add_events(
        app, reactor, clock=clock, ids=ids, holder=holder, router=router, messages=messages,
        functions=functions, logs=logs,
    )  # fmt: skip
    metrics = _add_cloudwatch(app, clock, ids, holder, messages, functions)
    logs.connect(metrics=metrics.put_data)
    objects = _add_s3(app, clock, ids, destinations, reactor, holder)
    called = _add_lambda(
        app, clock=clock, ids=ids, holder=holder, endpoint=endpoint, token_key=token_key, objects=objects,
        logs=logs, metrics=metrics, credentials=credentials, clients=clients,
    )  # fmt: skip
    functions.connect(called.invoke_async)
    destinations.add("lambda", check=called.objection, deliver=called.take_event)
    logs.connect(deliver=called.invoke_async)
    registry.add("logs", SubscriptionFilters(store=store, clock=clock, may_invoke=called.may_invoke))

    pager = Pager(token_key)
    _add_catalog(app, clock, ids, pager, holder, clients)
    _add_athena(app, clock, ids, objects, token_key, holder)
    _add_jobs(
        app,
        reactor,
        clock=clock,
        ids=ids,
        pager=pager,
        holder=holder,
        objects=objects,
        logs=logs,
        metrics=metrics,
        credentials=credentials,
        endpoint=endpoint,
    )

    # --------------------------------------------------------------------------------------------------
    gateway.mount("/_mastic", Status(store))
    del token_key
    return app


def _add_s3(
    app: App, clock: Clock, ids: Ids, destinations: Destinations, reactor: Reactor, holder: str
) -> Objects:
    """S3: embedded on disk, unless the settings name an outside one."""
    config, store = app.config, app.store
    outside = config.endpoints.get("s3")
    if outside:
        return RemoteObjects(endpoint=outside, region=config.region)
    blobs = Blobs(config.data_dir / "objects")
    app.closing.append(blobs.close)
    local = LocalObjects(store=store, blobs=blobs, clock=clock, ids=ids, account=config.account_id)
    for part in s3.handlers(local, destinations):
        app.registry.add("s3", part)
    deliveries = Deliveries(clock=clock, ids=ids, destinations=destinations)
    reactor.subscribe("s3.object", deliveries.receive)
    app.active.append(Worker(S3_EVENTS, deliveries.handle, store=store, clock=clock, holder=holder))
    tidy = BlobJanitor(store=store, blobs=blobs, clock=clock, started=time.time())
    app.active.append(Janitor("blobs", tidy, seconds=20, store=store, clock=clock))
    app.active.append(Janitor("lifecycle", Reaper(objects=local), seconds=600, store=store, clock=clock))
    return local


def _add_catalog(
    app: App, clock: Clock, ids: Ids, pager: Pager, holder: str, clients: Clients
) -> None:
    """The Data Catalog."""
    store, registry = app.store, app.registry
    sweeper = Sweeper(store=store, clock=clock)
    changing: dict[str, Any] = {"store": store, "clock": clock, "events": CatalogEvents(ids=ids, wanted=_bus_listens)}
    registry.add("glue", Databases(pager=pager, sweeper=sweeper, **changing))
    tables = Tables(pager=pager, sweeper=sweeper, **changing)
    partitions, lists = Partitions(**changing), PartitionLists(store=store, pager=pager)
    for made in (tables, partitions, lists, Unfiltered(tables=tables, partitions=partitions, lists=lists)):
        registry.add("glue", made)
    registry.add("glue", TableVersions(store=store, pager=pager))
    for family in (PartitionIndexes, UserDefinedFunctions, Catalogs, SecurityConfigurations, ResourcePolicies,
                   UsageProfiles, CustomEntityTypes):  # fmt: skip
        registry.add("glue", family(store=store, clock=clock, pager=pager))
    registry.add("glue", Statistics(store=store))
    registry.add("glue", TableSearch(store=store, pager=pager))
    registry.add("glue", Connections(store=store, clock=clock, pager=pager, secrets=_secret_reader(clients)))
    app.active.append(Worker(CATALOG_SWEEP, sweeper.handle, store=store, clock=clock, holder=holder, concurrency=1))


def _bus_listens(tx: Connection, scope: str) -> bool:
    return event_rules.listens(tx, scope, event_rules.DEFAULT)


def _secret_reader(clients: Clients) -> Callable[[Context, str], Any]:
    """Secrets by name or ARN, as whoever asks may read them."""

    def read(context: Context, name: str) -> Any:
        return json.loads(clients.secret(context.account_id, context.region, name))

    return read


def _add_athena(app: App, clock: Clock, ids: Ids, objects: Objects, token_key: str, holder: str) -> None:
    """SQL over the catalog."""
    store, registry, scratch = app.store, app.registry, app.config.data_dir / "athena"
    pages = Pages(Paging(token_key.encode(), error=athena_invalid))
    catalog = Catalog(app.asgi.dispatcher.invoke)
    engine = Engine()
    executions = Executions(store=store, clock=clock, ids=ids, pages=pages)
    saved = Saved(store=store, clock=clock, ids=ids, pages=pages)
    runner = QueryRunner(
        executions=executions,
        saved=saved,
        catalog=catalog,
        objects=objects,
        engine=engine,
        writer=Writer(engine=engine, objects=objects, ids=ids),
        clock=clock,
        scratch=scratch,
    )
    executions.when_stopped(runner.stop)
    for part in (
        WorkGroups(store=store, clock=clock, pages=pages),
        executions,
        Results(executions=executions, objects=objects, pages=pages),
        saved,
        Metadata(store=store, catalog=catalog),
    ):
        registry.add("athena", part)
    app.active.append(Worker(QUERIES, runner.handle, store=store, clock=clock, holder=holder, concurrency=4))


def _add_jobs(
    app: App,
    reactor: Reactor,
    *,
    clock: Clock,
    ids: Ids,
    pager: Pager,
    holder: str,
    objects: Objects,
    logs: LogSink,
    metrics: MetricSink,
    credentials: Credentials,
    endpoint: str,
) -> None:
    """Jobs, their runs and processes, triggers."""
    config, store, registry = app.config, app.store, app.registry
    runtimes = Runtimes(config.runtimes_dir)
    lifecycle = Lifecycle(clock=clock, ids=ids)
    firing = Firing(clock=clock, lifecycle=lifecycle, strict_lineage=config.strict_trigger_lineage)
    reactor.subscribe("job_run.state", firing.on_job_run)
    for part in (
        Jobs(
            store=store, clock=clock, ids=ids, lifecycle=lifecycle, pager=pager,
            default_glue_version=config.default_glue_version,
        ),
        JobRuns(store=store, clock=clock, lifecycle=lifecycle, pager=pager),
        Bookmarks(store=store, clock=clock),
        Triggers(store=store, clock=clock, firing=firing, pager=pager, exists={"job": job_exists}),
        ResourceTags(
            store=store,
            exists={
                "job": job_exists, "trigger": trigger_exists, "connection": glue_connections.exists,
                "catalog": glue_catalogs.exists, "database": glue_databases.exists, "table": glue_tables.exists,
                "userDefinedFunction": glue_functions.exists, "usageProfile": profile_exists,
                "customEntityType": entity_type_exists,
            },
        ),
    ):  # fmt: skip
        registry.add("glue", part)
    app.asgi.mount(CHANNEL_PATH, Channel(Messages(store=store, clock=clock, metrics=JobMetrics(metrics).put)))
    executor = LocalExecutor(
        interpreter=runtimes.interpreter,
        directory=config.data_dir / "interpreters",
        warm=config.warm_interpreters,
        prepare=(EMBEDDED_RUNTIME,),
        extra_env=_spark_settings(config),
    )
    preparation = Preparation(
        objects=objects,
        endpoint=endpoint,
        credentials=RunCredentials(credentials, clock).environment,
        default_engine=config.default_engine,
        installed=lambda name: runtimes.interpreter(name) is not None,
        memory_mb=executor.memory_mb,
        cores=executor.cores,
    )
    launcher = Launcher(
        store=store, clock=clock, lifecycle=lifecycle, preparation=preparation, executor=executor,
        directory=config.data_dir / "runs",
    )  # fmt: skip
    runner = Runner(
        store=store, clock=clock, holder=holder, lifecycle=lifecycle, launcher=launcher, executor=executor,
        logs=JobLogs(store=store, clock=clock, sink=logs),
        spark_installed=lambda: runtimes.interpreter(SPARK_RUNTIME) is not None,
    )  # fmt: skip
    housekeeping = Housekeeping(
        store=store, clock=clock, lifecycle=lifecycle, directory=config.data_dir / "runs"
    )
    app.active += [
        executor,
        runner,
        Scheduler(store=store, clock=clock, holder=holder, sources=(firing,)),
        Janitor("jobs", housekeeping.tidy, seconds=60, store=store, clock=clock),
    ]


def _add_neighbours(
    app: App,
    clock: Clock,
    *,
    ids: Ids,
    holder: str,
    endpoint: str,
    credentials: Credentials,
    functions: FunctionCalls,
    destinations: Destinations,
) -> tuple[MessageTargets, EventRouter, Clients]:
    """SQS, SNS, KMS, Secrets Manager, SSM, DynamoDB, Step Functions, EC2's networks."""
    config, store, gateway = app.config, app.store, app.asgi
    runtimes = Runtimes(config.runtimes_dir)
    token = ids.hex(64)

    def way_back() -> dict[str, Any]:
        keys = credentials.issue(
            config.account_id, f"arn:aws:iam::{config.account_id}:root", "neighbours", clock.now() + YEARS
        )
        return {
            "endpoint": endpoint, "path": BACKCHANNEL, "token": token, "account": config.account_id,
            "region": config.region, "credentials": keys,
        }  # fmt: skip

    process = NeighbourProcess(
        interpreter=lambda: runtimes.install(NEIGHBOURS_RUNTIME),
        directory=config.data_dir / "neighbours",
        server=way_back,
    )

    def account_of(access_key: str) -> str | None:
        found = credentials.lookup(access_key)
        return found.account if found else None

    door = Door(
        address=process.address, running=process.running, account_of=account_of,
        account=config.account_id, region=config.region,
        outside=lambda name: outside_service(name, config.endpoints[name]) if name in config.endpoints else None,
    )  # fmt: skip
    for service in NEIGHBOURS:
        gateway.delegate(service, door.service(service))
    router = EventRouter(clock=clock)
    gateway.mount(
        BACKCHANNEL,
        BackChannel(store=store, clock=clock, router=router, token=token),
    )
    invocations = Invocations(clock=clock, invoke=functions.invoke)
    app.active.append(Worker(NEIGHBOUR_CALLS, invocations.handle, store=store, clock=clock, holder=holder))
    app.closing += [door.close, process.stop]
    clients = Clients(address=process.address, endpoints=config.endpoints)
    messages = MessageTargets(clients)
    for service in ("sqs", "sns"):
        destinations.add(service, check=messages.objection, deliver=messages.notify)
    return messages, router, clients


def _add_logs(app: App, clock: Clock) -> Logs:
    """CloudWatch Logs."""
    store = app.store
    logs = Logs(store=store, clock=clock)
    for part in (
        LogGroups(store=store, clock=clock),
        LogStreams(store=store, clock=clock),
        LogEvents(store=store, clock=clock, logs=logs),
        MetricFilters(store=store, clock=clock),
    ):
        app.registry.add("logs", part)

    def enforce() -> None:
        enforce_retention(store, clock)

    app.active.append(Janitor("logs", enforce, seconds=600, store=store, clock=clock))
    return logs


def _add_events(
    app: App,
    reactor: Reactor,
    *,
    clock: Clock,
    ids: Ids,
    holder: str,
    router: EventRouter,
    messages: MessageTargets,
    functions: FunctionCalls,
    logs: Logs,
) -> None:
    """EventBridge: rules, schedules, deliveries."""
    store, registry = app.store, app.registry
    targets: dict[str, Callable[[EventDelivery], None]] = {
        "sqs": messages.to_queue,
        "sns": messages.to_topic,
        "states": messages.to_state_machine,
        "lambda": functions.target,
        "logs": LogTarget(store=store, clock=clock, logs=logs),
    }
    for part in (
        Buses(store=store, clock=clock),
        Rules(store=store, clock=clock),
        Targets(store=store, clock=clock, served=(*targets, "events")),
        Entries(store=store, clock=clock, ids=ids, router=router),
    ):
        registry.add("events", part)
    reactor.subscribe("glue.event", router.receive)
    deliveries = EventDeliveries(
        store=store, clock=clock, router=router, targets=targets, send_to_queue=messages.dead_letter
    )
    ticks = Ticks(store=store, clock=clock, ids=ids, router=router)
    app.active += [
        Worker(EVENT_DELIVERIES, deliveries.handle, store=store, clock=clock, holder=holder, concurrency=8),
        Periodic("events", ticks.act, store=store, clock=clock, signals=(RULES_CHANGED,)),
    ]


def _add_cloudwatch(
    app: App, clock: Clock, ids: Ids, holder: str, messages: MessageTargets, functions: FunctionCalls
) -> Metrics:
    """Metrics, alarms, dashboards."""
    store, registry = app.store, app.registry
    transitions = Transitions(clock=clock, ids=ids)
    metrics = Metrics(store=store, clock=clock)
    evaluator = Evaluator(store=store, clock=clock, transitions=transitions, holder=holder)
    registry.add("cloudwatch", metrics)
    registry.add("cloudwatch", Alarms(store=store, clock=clock, transitions=transitions))
    registry.add("cloudwatch", Dashboards(store=store, clock=clock))
    actions = Actions(store=store, clock=clock, publish=messages.publish, invoke=functions.invoke)
    app.active += [
        Periodic("alarms", evaluator.act, store=store, clock=clock, signals=(ALARMS_CHANGED,)),
        Worker(ALARM_ACTIONS, actions.handle, store=store, clock=clock, holder=holder, concurrency=2),
        Janitor("cloudwatch", Expiry(store=store, clock=clock), seconds=3600, store=store, clock=clock),
    ]
    return metrics


def _add_lambda(
    app: App,
    *,
    clock: Clock,
    ids: Ids,
    holder: str,
    endpoint: str,
    token_key: str,
    objects: Objects,
    logs: Logs,
    metrics: Metrics,
    credentials: Credentials,
    clients: Clients,
) -> LambdaFunctions:
    """Lambda: functions, their processes, asynchronous invocations, queues that feed them."""
    config, store, registry = app.config, app.store, app.registry
    directory = config.data_dir / "functions"
    pages = MarkerPages(token_key.encode())
    packages = Packages(store=store, clock=clock, directory=directory, key=token_key, read_object=objects.read)
    pool = FunctionPool(directory, spare=min(1, config.warm_interpreters))
    output = FunctionLogs(store=store, clock=clock, sink=logs, metrics=metrics)
    runs = Runs(
        store=store, clock=clock, ids=ids, pool=pool, packages=packages, logs=output,
        credentials=FunctionCredentials(credentials, clock).environment, endpoint=endpoint,
        home=directory / "home", measure=output.measure,
    )  # fmt: skip
    functions = LambdaFunctions(store=store, clock=clock, ids=ids, runs=runs)
    queues = FunctionQueues(clients)
    common: dict[str, Any] = {"store": store, "clock": clock, "ids": ids}
    for part in (
        Definitions(packages=packages, pages=pages, changed=runs.changed, **common),
        Versions(store=store, ids=ids, pages=pages),
        Aliases(pages=pages, **common),
        Permissions(**common),
        Settings(store=store, concurrency=pool.limit),
        InvokeConfigs(pages=pages, **common),
        Layers(store=store, clock=clock, packages=packages, pages=pages),
        EventSourceMappings(pages=pages, queue_exists=queues.exists, **common),
        LambdaInvocations(store=store, ids=ids, functions=functions),
    ):
        registry.add("lambda", part)
    app.asgi.mount(DOWNLOADS, Downloads(packages))
    results = lambda_deliveries.Destinations()
    results.add("sqs", lambda arn, text, attributes: clients.send(arn, text, attributes=attributes))
    results.add("sns", lambda arn, text, attributes: clients.publish(arn, text, attributes=attributes))
    deliveries = lambda_deliveries.Deliveries(
        store=store, clock=clock, functions=functions, destinations=results,
        retry_seconds=config.lambda_retry_seconds,
    )  # fmt: skip
    working: dict[str, Any] = {"store": store, "clock": clock}
    app.active += [
        output,
        pool,
        Worker(LAMBDA_EVENTS, deliveries.handle, holder=holder, concurrency=16, **working),
        Worker(lambda_deliveries.DESTINATION_QUEUE, deliveries.send, holder=holder, **working),
        Sources(poller=Poller(functions=functions, queues=queues, **common), **working),
        Janitor("functions", packages.tidy, seconds=600, **working),
        Janitor("function-events", deliveries.forget, seconds=3600, **working),
    ]
    return functions


class FunctionCredentials:
    """Temporary keys of a function's role, good for longer than an environment lives."""

    def __init__(self, credentials: Credentials, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock

    def environment(self, scope: str, role: str, session: str) -> dict[str, str]:
        """The keys as the AWS SDKs read them from the environment."""
        account, _ = split_scope(scope)
        key, secret, token = self._credentials.issue(account, role, session, self._clock.now() + timedelta(hours=12))
        return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}


def _spark_settings(config: Config) -> dict[str, str]:
    """What the Spark runtime reads from its environment."""
    settings = {"MASTIC_SPARK_PACKAGES": config.spark_packages, "MASTIC_SPARK_JARS": config.spark_jars_dir}
    return {name: value for name, value in settings.items() if value}


class RunCredentials:
    """Temporary keys of a run's role, good for as long as the run may last."""

    def __init__(self, credentials: Credentials, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock

    def environment(self, run: job_runs.JobRun) -> dict[str, str]:
        """The keys as the AWS SDKs read them from the environment."""
        account, _ = split_scope(run.scope)
        role = run.plan["Role"]
        arn = role if role.startswith("arn:") else f"arn:aws:iam::{account}:role/{role}"
        minutes = run.body.get("Timeout") or LONGEST_TIMEOUT
        key, secret, token = self._credentials.issue(
            account, arn, "GlueJobRunnerSession", self._clock.now() + timedelta(minutes=minutes + 60)
        )
        return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}


def _root_keys(config: Config, clock: Clock) -> list[Credential]:
    return [
        root_key(
            key.access_key_id, key.secret_access_key, now=clock.now(), account=key.account_id,
            principal_arn=key.principal_arn,
        )
        for key in config.access_keys
    ]  # fmt: skip


def _secrets(credentials: Credentials) -> Callable[[str], Secret | None]:
    """The look-up of keys as signature checks want it."""

    def find(access_key: str) -> Secret | None:
        found = credentials.lookup(access_key)
        if found is None:
            return None
        return Secret(
            secret_key=found.secret, account_id=found.account, principal_arn=found.principal_arn,
            session_token=found.token,
        )  # fmt: skip

    return find


def _lock(config: Config) -> IO[str]:
    """Hold the data directory: one server at a time. The kernel lets go when the process ends, however it ends."""
    path = config.data_dir / "mastic.lock"
    held = path.open("a+")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.seek(0)
        owner = held.read().strip() or "another process"
        held.close()
        raise Refused(
            f"{config.data_dir} is in use by a running Mastic ({owner}): stop it, or give this one a directory "
            "of its own with --data-dir"
        ) from error
    held.truncate(0)
    held.write(f"pid {os.getpid()}, port {config.port}")
    held.flush()
    return held

"""Lambda: functions, their processes, asynchronous invocations, queues that feed them."""

from __future__ import annotations

from datetime import timedelta

from mastic.app.base import Base
from mastic.app.identity import RoleKeys
from mastic.aws.cloudwatch.metrics import Metrics
from mastic.aws.lambda_ import deliveries as sending
from mastic.aws.lambda_.definitions import Definitions
from mastic.aws.lambda_.downloads import Downloads
from mastic.aws.lambda_.functions import QUEUE, Functions
from mastic.aws.lambda_.invocations import Invocations
from mastic.aws.lambda_.layers import Layers
from mastic.aws.lambda_.packages import DOWNLOADS, Packages
from mastic.aws.lambda_.paging import MarkerPages
from mastic.aws.lambda_.permissions import Permissions
from mastic.aws.lambda_.polling import Poller
from mastic.aws.lambda_.running import Runs
from mastic.aws.lambda_.settings import InvokeConfigs, Settings
from mastic.aws.lambda_.sources import EventSourceMappings
from mastic.aws.lambda_.versions import Aliases, Versions
from mastic.aws.logs.filters import SubscriptionFilters
from mastic.aws.logs.ingest import Logs
from mastic.aws.neighbours.clients import Clients
from mastic.aws.neighbours.queues import FunctionQueues
from mastic.context import split_scope
from mastic.executors.functions import FunctionPool
from mastic.loops.function_logs import FunctionLogs
from mastic.loops.sources import Sources
from mastic.objects.base import Objects
from mastic.store import lambda_

# Longer than an environment lives.
_KEYS_LAST = timedelta(hours=12)


def add_functions(
    base: Base, *, objects: Objects, logs: Logs, metrics: Metrics, clients: Clients
) -> Functions:
    """Returns what invokes functions from inside the process."""
    config = base.config
    directory = config.data_dir / "functions"
    pages = MarkerPages(base.token_key.encode())
    packages = Packages(directory=directory, key=base.token_key, read_object=objects.read, **base.lasting)
    pool = FunctionPool(directory, spare=min(1, config.warm_interpreters))
    output = FunctionLogs(sink=logs, metrics=metrics, **base.lasting)
    keys = RoleKeys(base.credentials, base.clock, base.config.endpoints.get("s3"))

    def environment(scope: str, role: str, session: str) -> dict[str, str]:
        return keys.environment(split_scope(scope)[0], role, session, _KEYS_LAST)

    runs = Runs(
        pool=pool,
        packages=packages,
        logs=output,
        credentials=environment,
        endpoint=base.endpoint,
        home=directory / "home",
        measure=output.measure,
        **base.making,
    )
    functions = Functions(runs=runs, **base.making)
    queues = FunctionQueues(clients)
    base.handlers(
        "lambda",
        Definitions(packages=packages, pages=pages, changed=runs.changed, **base.making),
        Versions(store=base.store, ids=base.ids, pages=pages),
        Aliases(pages=pages, **base.making),
        Permissions(**base.making),
        Settings(store=base.store, concurrency=pool.limit),
        InvokeConfigs(pages=pages, **base.making),
        Layers(packages=packages, pages=pages, **base.lasting),
        EventSourceMappings(pages=pages, queue_exists=queues.exists, **base.making),
        Invocations(store=base.store, ids=base.ids, functions=functions),
    )
    base.handlers("logs", SubscriptionFilters(may_invoke=functions.may_invoke, **base.lasting))
    base.app.asgi.mount(DOWNLOADS, Downloads(packages))
    results = sending.Destinations()
    results.add("sqs", lambda arn, text, attributes: clients.send(arn, text, attributes=attributes))
    results.add("sns", lambda arn, text, attributes: clients.publish(arn, text, attributes=attributes))
    deliveries = sending.Deliveries(
        functions=functions, destinations=results, retry_seconds=config.lambda_retry_seconds, **base.lasting
    )
    base.active(output, pool)
    base.expectation("lambda", "CreateFunction", lambda_.exist, pool.expect)
    base.worker(QUEUE, deliveries.handle, concurrency=16)
    base.worker(sending.DESTINATION_QUEUE, deliveries.send)
    base.active(Sources(poller=Poller(functions=functions, queues=queues, **base.making), **base.lasting))
    base.janitor("functions", packages.tidy, seconds=600)
    base.janitor("function-events", deliveries.forget, seconds=3600)
    return functions

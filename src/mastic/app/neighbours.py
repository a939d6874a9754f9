"""SQS, SNS, KMS, Secrets Manager, SSM, DynamoDB, Step Functions, EC2's networks, by a hosted library."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from mastic.app.base import Base
from mastic.aws.events.router import Router
from mastic.aws.functions import Functions
from mastic.aws.neighbours.backchannel import PATH, QUEUE, BackChannel, Invocations
from mastic.aws.neighbours.clients import Clients
from mastic.aws.neighbours.deliveries import MessageTargets
from mastic.aws.neighbours.door import Door
from mastic.aws.neighbours.limits import SERVICES
from mastic.aws.neighbours.outside import service
from mastic.aws.s3.notifications import Destinations
from mastic.errors import Refused
from mastic.executors.neighbours import RUNTIME, NeighbourProcess
from mastic.executors.runtimes import Runtimes
from mastic.store import settings

_YEARS = timedelta(days=3650)


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """What other features use of them."""

    messages: MessageTargets
    router: Router
    clients: Clients


def add_neighbours(base: Base, functions: Functions, destinations: Destinations) -> Neighbours:
    """The door to the neighbours, and their way back to functions and events."""
    config, gateway = base.config, base.app.asgi
    runtimes = Runtimes(config.runtimes_dir)
    token = base.ids.hex(64)

    def way_back() -> dict[str, Any]:
        root = f"arn:aws:iam::{config.account_id}:root"
        keys = base.credentials.issue(config.account_id, root, "neighbours", base.clock.now() + _YEARS)
        return {
            "endpoint": base.endpoint,
            "path": PATH,
            "token": token,
            "account": config.account_id,
            "region": config.region,
            "credentials": keys,
        }

    def account_of(access_key: str) -> str | None:
        found = base.credentials.lookup(access_key)
        return found.account if found else None

    def interpreter() -> Path:
        _claim(base)
        return runtimes.install(RUNTIME)

    process = NeighbourProcess(
        interpreter=interpreter,
        directory=config.data_dir / "neighbours",
        server=way_back,
    )
    door = Door(
        address=process.address,
        running=process.running,
        account_of=account_of,
        account=config.account_id,
        region=config.region,
        outside=lambda name: service(name, config.endpoints[name]) if name in config.endpoints else None,
    )
    for name in SERVICES:
        gateway.delegate(name, door.service(name))
    if "kinesis" in config.endpoints:
        gateway.delegate("kinesis", door.service("kinesis"))
    router = Router(clock=base.clock)
    gateway.mount(PATH, BackChannel(router=router, token=token, **base.lasting))
    base.worker(QUEUE, Invocations(clock=base.clock, invoke=functions.invoke).handle)
    base.app.closing += [door.close, process.stop]
    clients = Clients(address=process.address, endpoints=config.endpoints)
    messages = MessageTargets(clients)
    for name in ("sqs", "sns"):
        destinations.add(name, check=messages.objection, deliver=messages.notify)
    return Neighbours(messages=messages, router=router, clients=clients)


def _claim(base: Base) -> None:
    """Their state is in one server's data directory: of several servers on one database, the first that needs them
    has them for good. Raises Refused in the others, which would show queues and keys of their own."""
    with base.store.read() as tx:
        home = settings.get(tx, "neighbours_home")
    if home is None:
        with base.store.write() as tx:
            home = settings.set_once(tx, "neighbours_home", base.host)
    if home != base.host and not base.config.embedded:
        raise Refused(
            f"SQS, SNS, KMS and the other neighbours of this database are with the server {home}: ask that one, "
            "or name an outside service ([endpoints] in mastic.toml)"
        )

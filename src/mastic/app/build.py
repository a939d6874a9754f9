"""Makes a server from its settings: the ground first, then every feature. Owns the lock of the data directory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from mastic.app.athena import add_athena
from mastic.app.base import App, Base
from mastic.app.catalog import add_catalog
from mastic.app.connections import add_connections, secret_texts
from mastic.app.events import add_events
from mastic.app.federation import federation
from mastic.app.functions import add_functions
from mastic.app.hive import add_hive
from mastic.app.iceberg import add_iceberg
from mastic.app.identity import add_identity
from mastic.app.jobs import add_jobs
from mastic.app.neighbours import add_neighbours
from mastic.app.observation import add_cloudwatch, add_logs
from mastic.app.storage import add_s3
from mastic.app.streams import add_kinesis
from mastic.app.upkeep import add_upkeep
from mastic.aws.functions import Functions as FunctionCalls
from mastic.aws.iam.credentials import Credentials, root_key
from mastic.aws.s3.cors import BucketCors
from mastic.aws.s3.notifications import Destinations
from mastic.clock import Clock, SystemClock
from mastic.config import Config
from mastic.errors import Refused
from mastic.executors.base import write_private
from mastic.glue.pages import Pager
from mastic.ids import Ids
from mastic.loops.reactor import Reactor
from mastic.status import Status
from mastic.store import events, job_runs, leases, migrate, settings, tasks
from mastic.store.credentials import Credential
from mastic.store.opening import open_store
from mastic.store.recall import Recall
from mastic.wire.asgi import Gateway
from mastic.wire.dispatch import Registry
from mastic.wire.sigv4 import Authenticator, Secret


def build(config: Config, *, endpoint: str = "", clock: Clock | None = None, ids: Ids | None = None) -> App:
    """Wire a server from its settings.

    ``endpoint`` is the URL at which jobs and functions reach this server. Raises Refused when another server
    holds the data directory.
    """
    base = _base(config, endpoint, clock or SystemClock(), ids or Ids())
    # What calls functions and what takes notifications exist before Lambda does, and are connected to it below.
    calls, destinations = FunctionCalls(store=base.store), Destinations()
    add_identity(base)
    logs = add_logs(base)
    neighbours = add_neighbours(base, calls, destinations)
    add_events(base, neighbours, calls, logs)
    add_kinesis(base)
    metrics = add_cloudwatch(base, neighbours.messages, calls)
    objects = add_s3(base, destinations)
    functions = add_functions(base, objects=objects, logs=logs, metrics=metrics, clients=neighbours.clients)
    calls.connect(functions.invoke_async)
    destinations.add("lambda", check=functions.objection, deliver=functions.take_event)
    logs.connect(metrics=metrics.put_data, deliver=functions.invoke_async)
    pager = Pager(base.token_key)
    connections = add_connections(base, pager, neighbours.clients)
    add_catalog(base, pager, objects, federation(connections, neighbours.clients, pager))
    add_iceberg(base, pager, objects)
    add_hive(base, objects)
    add_athena(base, objects)
    add_upkeep(base, pager, objects)
    add_jobs(
        base, pager, objects=objects, logs=logs, metrics=metrics, secret=secret_texts(neighbours.clients)
    )
    base.app.asgi.mount("/_mastic", Status(base.store))
    return base.app


def _base(config: Config, endpoint: str, clock: Clock, ids: Ids) -> Base:
    config.data_dir.mkdir(parents=True, exist_ok=True)
    # It holds secrets: keys, tokens, the environment of functions.
    config.data_dir.chmod(0o700)
    locks = [_lock(path, config) for path in _lock_files(config)]
    store = open_store(config.store_url, sync_catalog=config.sync_catalog)
    migrate.upgrade(store)
    host = _host(config, ids)
    with store.write() as tx:
        # The data directory's lock says that whoever held these leases is gone: with an embedded store anybody,
        # otherwise the earlier servers of this place.
        if config.embedded:
            tasks.release_all(tx)
            leases.release_all(tx)
            job_runs.release_all(tx)
        else:
            tasks.release_host(tx, host)
            leases.release_host(tx, host)
            job_runs.release_host(tx, host, clock.now())
        token_key = settings.set_once(tx, "page_token_key", ids.hex(64))
    holder = f"{host}:{os.getpid()}:{ids.hex(8)}"
    registry = Registry()
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
    reactor = Reactor(store=store, clock=clock, holder=holder)
    app = App(config=config, store=store, asgi=gateway, registry=registry)
    app.closing += [*(lock.close for lock in locks), store.close, gateway.close]
    app.active.append(reactor)
    return Base(
        app=app,
        config=config,
        store=store,
        clock=clock,
        ids=ids,
        host=host,
        holder=holder,
        endpoint=endpoint,
        token_key=token_key,
        reactor=reactor,
        credentials=credentials,
        listeners=Recall(store, events.rules),
    )


def _root_keys(config: Config, clock: Clock) -> list[Credential]:
    return [
        root_key(
            key.access_key_id,
            key.secret_access_key,
            now=clock.now(),
            account=key.account_id,
            principal_arn=key.principal_arn,
        )
        for key in config.access_keys
    ]


def _secrets(credentials: Credentials) -> Callable[[str], Secret | None]:
    """The look-up of keys as signature checks want it."""

    def find(access_key: str) -> Secret | None:
        found = credentials.lookup(access_key)
        if found is None:
            return None
        return Secret(
            secret_key=found.secret,
            account_id=found.account,
            principal_arn=found.principal_arn,
            session_token=found.token,
        )

    return find


def _host(config: Config, ids: Ids) -> str:
    """The name under which this place has its processes on record. It is kept in the data directory, whose lock says
    that nobody else has it: the machine's own name may be another after a restart, as in a container."""
    path = config.data_dir / "host-id"
    if not path.exists() or not path.read_text().strip():
        write_private(path, f"{os.uname().nodename[:30]}-{ids.hex(8)}\n".encode())
    return path.read_text().strip()


def _lock_files(config: Config) -> set[Path]:
    """The data directory's lock, and that of an SQLite file elsewhere."""
    files = {config.data_dir / "mastic.lock"}
    if config.embedded:
        files.add(Path(config.store_url.removeprefix("sqlite:///")).absolute().parent / "mastic.lock")
    return files


def _lock(path: Path, config: Config) -> IO[str]:
    """Hold a directory: one server at a time. The kernel lets go when the process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    held = path.open("a+")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.seek(0)
        owner = held.read().strip() or "another process"
        held.close()
        raise Refused(
            f"{path.parent} is in use by a running Mastic ({owner}): stop it, or give this one a directory "
            "of its own with --data-dir"
        ) from error
    held.truncate(0)
    held.write(f"pid {os.getpid()}, port {config.port}")
    held.flush()
    return held

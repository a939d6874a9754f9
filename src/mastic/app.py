"""The composition root: the one place that wires everything. Owns the order of start and stop."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

import structlog

from mastic.clock import Clock, SystemClock
from mastic.config import Config
from mastic.errors import Refused
from mastic.ids import Ids
from mastic.loops.reactor import Reactor
from mastic.status import Status
from mastic.store import leases, migrate, settings, tasks
from mastic.store.engine import Store
from mastic.wire.asgi import Gateway
from mastic.wire.dispatch import Registry
from mastic.wire.sigv4 import Authenticator

log = structlog.get_logger()


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
        token_key = settings.set_once(tx, "page_token_key", ids.hex(64))
    holder = f"{os.uname().nodename}:{os.getpid()}:{ids.hex(8)}"

    registry = Registry()
    reactor = Reactor(store=store, clock=clock, holder=holder)
    gateway = Gateway(
        registry,
        authenticator=Authenticator(clock=clock, account_id=config.account_id, region=config.region),
        ids=ids,
        base_hosts=("localhost", *config.s3_hosts),
        threads=config.threads,
    )
    app = App(config=config, store=store, asgi=gateway, registry=registry)
    app.closing += [lock.close, store.close, gateway.close]
    app.active.append(reactor)

    # -- features: each registers its handlers, receivers and loops ------------------------------------

    # --------------------------------------------------------------------------------------------------
    gateway.mount("/_mastic", Status(store))
    del token_key, endpoint
    return app


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

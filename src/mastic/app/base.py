"""What every part of the composition works with. Owns the order of start and stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection

from mastic.aws.iam.credentials import Credentials
from mastic.clock import Clock
from mastic.config import Config
from mastic.context import Context
from mastic.ids import Ids
from mastic.loops.base import Worker
from mastic.loops.janitor import Janitor
from mastic.loops.periodic import Periodic
from mastic.loops.reactor import Reactor
from mastic.store import events
from mastic.store.engine import Store
from mastic.store.recall import Recall
from mastic.store.tasks import Task
from mastic.wire.asgi import Gateway
from mastic.wire.dispatch import Registry


class Active(Protocol):
    """Something that acts by itself between start and stop."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


@dataclass(kw_only=True)
class App:
    """A built server: ``asgi`` answers requests at once, the loops act after ``start``."""

    config: Config
    store: Store
    asgi: Gateway
    registry: Registry
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


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """Has something prepared only where it may be wanted: at the start if there is a use for it, else when there is."""

    store: Store
    used: Callable[[Connection], bool]
    prepare: Callable[[], None]

    def start(self) -> None:
        """Prepare if there is a use already."""
        with self.store.read() as tx:
            used = self.used(tx)
        if used:
            self.prepare()

    def stop(self) -> None:
        """What was prepared is stopped by its owner."""


@dataclass(frozen=True, kw_only=True)
class Base:
    """The ground on which features are put. ``endpoint`` is where jobs and functions reach this server; ``host`` names
    this place, ``holder`` this server's process."""

    app: App
    config: Config
    store: Store
    clock: Clock
    ids: Ids
    host: str
    holder: str
    endpoint: str
    token_key: str
    reactor: Reactor
    credentials: Credentials
    listeners: Recall

    @property
    def lasting(self) -> dict[str, Any]:
        """The store and the clock, by name."""
        return {"store": self.store, "clock": self.clock}

    @property
    def making(self) -> dict[str, Any]:
        """What a feature that makes things needs: the store, the clock and new ids, by name."""
        return {**self.lasting, "ids": self.ids}

    def hears(self, tx: Connection, scope: str) -> bool:
        """Whether anybody listens to the catalog's events of a scope: rules of its bus, or the Metastore's clients."""
        if self.config.hive_metastore_port:
            return True
        return self.listeners.within(tx, scope, lambda tx: events.listens(tx, scope, events.DEFAULT))

    def handlers(self, service: str, *parts: object) -> None:
        """Register the handlers of a service."""
        for part in parts:
            self.app.registry.add(service, part)

    def active(self, *parts: Active) -> None:
        """Let these act between start and stop."""
        self.app.active.extend(parts)

    def expectation(
        self, service: str, operation: str, used: Callable[[Connection], bool], prepare: Callable[[], None]
    ) -> None:
        """Call ``prepare``, any number of times, when the server starts with a use for it and when ``operation`` makes
        one."""

        def seen(context: Context, called: str, request: dict[str, Any], result: Any) -> None:
            if called == operation:
                prepare()

        self.active(Expectation(store=self.store, used=used, prepare=prepare))
        self.app.asgi.dispatcher.watch(service, seen)

    def worker(self, queue: str, handle: Callable[[Task], None], *, concurrency: int = 4) -> None:
        """Do the tasks of a queue."""
        self.active(Worker(queue, handle, holder=self.holder, concurrency=concurrency, **self.lasting))

    def janitor(self, name: str, act: Callable[[], None], *, seconds: float) -> None:
        """Tidy up every so often."""
        self.active(Janitor(name, act, seconds=seconds, **self.lasting))

    def periodic(self, name: str, act: Callable[[], float], *signals: str, lease: str | None = None) -> None:
        """Act when it is time, and when a signal says that something has changed; ``lease``: only one replica does."""
        held = (lease, self.holder) if lease else None
        self.active(Periodic(name, act, signals=signals, lease=held, **self.lasting))

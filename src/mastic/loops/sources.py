"""Polls the queues that feed functions, one thread's worth of work per mapping at a time. Owns its threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import structlog

from mastic.aws.lambda_.polling import Poller
from mastic.aws.lambda_.sources import CHANGED
from mastic.clock import Clock
from mastic.loops.base import Loop
from mastic.store.engine import Store
from mastic.store.lambda_events import Mapping

log = structlog.get_logger()


class Sources(Loop):
    """Every enabled mapping is polled again as soon as its last poll has ended."""

    PAUSE = 0.5

    def __init__(self, *, store: Store, clock: Clock, poller: Poller, concurrency: int = 8) -> None:
        super().__init__("function-sources", store=store, clock=clock, signals=(CHANGED,))
        self._poller = poller
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="source")
        self._active: set[str] = set()
        self._lock = threading.Lock()

    def stop(self) -> None:
        super().stop()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def tick(self) -> float:
        mappings = self._poller.mappings()
        for mapping in mappings:
            with self._lock:
                if mapping.id in self._active or self.stopping:
                    continue
                self._active.add(mapping.id)
            self._pool.submit(self._poll, mapping)
        return self.PAUSE if mappings else 5.0

    def _poll(self, mapping: Mapping) -> None:
        try:
            while not self.stopping and self._poller.poll(mapping, wait_seconds=0):
                pass  # as long as there is something
        except Exception:
            if not self.stopping:
                log.exception("source_poll_failed", mapping=mapping.id)
        finally:
            with self._lock:
                self._active.discard(mapping.id)

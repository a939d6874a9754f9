"""Worker threads for handlers, with as little between the event loop and the handler as possible.

Owns the threads.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")


class Workers:
    """At most ``limit`` threads, started when there is work and nobody idle. For use from one event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._idle = 0

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Run ``work`` in a thread; the future resolves on the calling loop."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.tell(work, partial(_resolve, future), partial(_fail, future))
        return future

    def tell(
        self, work: Callable[[], T], receiver: Callable[[T], None], failed: Callable[[BaseException], None]
    ) -> None:
        """Run ``work`` in a thread; ``receiver`` gets its result on the calling loop, ``failed`` what it raised."""
        loop = asyncio.get_running_loop()

        def job() -> None:
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - it is told to whoever waits for the result
                self._deliver(loop, failed, error)
            else:
                self._deliver(loop, receiver, result)

        self._put(job)

    def _put(self, job: Callable[[], None]) -> None:
        with self._lock:
            if self._idle == 0 and self._threads < self._limit:
                name = f"wire-{self._threads + 1}"
                threading.Thread(target=self._work, name=name, daemon=True).start()
                self._threads += 1
            else:
                self._idle -= 1
        self._queue.put(job)

    def close(self) -> None:
        """Let every thread end after the work that is queued."""
        with self._lock:
            for _ in range(self._threads):
                self._queue.put(None)
            self._threads = 0

    def _work(self) -> None:
        while True:
            job = self._queue.get()
            if job is None:
                return
            job()
            with self._lock:
                self._idle += 1

    @staticmethod
    def _deliver(loop: asyncio.AbstractEventLoop, how: Callable[..., None], *arguments: object) -> None:
        try:
            loop.call_soon_threadsafe(how, *arguments)
        except RuntimeError:
            # The loop was closed while the work ran: the connection is gone, nobody waits for the answer.
            return


def _resolve(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)

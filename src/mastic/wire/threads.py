"""Worker threads for handlers, with as little between the event loop and the handler as possible.

Owns the threads.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
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
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def job() -> None:
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - it is raised again where the result is awaited
                self._deliver(loop, _fail, future, error)
            else:
                self._deliver(loop, _resolve, future, result)

        self._put(job)
        return future

    def tell(self, work: Callable[[], T], receiver: Callable[[T], None]) -> None:
        """Run ``work``, which raises nothing, in a thread; ``receiver`` gets its result on the calling loop."""
        loop = asyncio.get_running_loop()
        self._put(lambda: self._deliver(loop, receiver, work()))

    def _put(self, job: Callable[[], None]) -> None:
        with self._lock:
            if self._idle == 0 and self._threads < self._limit:
                self._threads += 1
                threading.Thread(target=self._work, name=f"wire-{self._threads}", daemon=True).start()
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

"""Work on several cores at once, in order. Owns no threads beyond one call."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def side_by_side(work: Callable[[Given], Made], items: Iterable[Given]) -> Iterator[Made]:
    """``work(item)`` of every item, in the order of the items; a few are worked on ahead of what is asked for.

    Raises what ``work`` raises, at its item's turn.
    """
    from awsglue._runtime import engine

    threads = max(1, engine.STATE.cores or os.cpu_count() or 1)
    ahead: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="io") as pool:
        try:
            for item in items:
                ahead.append(pool.submit(work, item))
                if len(ahead) > threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()

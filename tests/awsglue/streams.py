"""Runs a stream in a test until it has given what is expected."""

from __future__ import annotations

import threading
from typing import Any


def run(
    glue: Any, frame: Any, place: Any, wanted: int, **more: Any
) -> list[tuple[int, list[dict[str, Any]]]]:
    """The batches until `wanted` rows have come: [(batch id, rows)]."""
    batches: list[tuple[int, list[dict[str, Any]]]] = []

    def take(df: Any, batch_id: int) -> None:
        batches.append((batch_id, [row.asDict(recursive=True) for row in df.collect()]))

    until(glue, frame, take, lambda: sum(len(rows) for _, rows in batches) >= wanted, place, **more)
    return batches


def until(glue: Any, frame: Any, function: Any, enough: Any, place: Any, **more: Any) -> None:
    """forEachBatch, stopped after the batch with which there is enough."""
    from awsglue._streams import driver

    loops: list[Any] = []
    late = threading.Event()
    made = driver.MicroBatches.__init__

    def remember(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        loops.append(self)

    def watched(df: Any, batch_id: int) -> None:
        function(df, batch_id)
        if enough():
            loops[-1].stopping.set()

    def give_up() -> None:
        late.set()
        for one in loops:
            one.stopping.set()

    driver.MicroBatches.__init__ = remember  # type: ignore[method-assign]
    # A stream that has nothing more to give would hang the suite.
    guard = threading.Timer(600, give_up)
    guard.start()
    options = {
        "windowSize": "200 milliseconds",
        "checkpointLocation": str(place),
        "batchMaxRetries": 0,
        **more,
    }
    try:
        glue.forEachBatch(frame, watched, options)
    finally:
        guard.cancel()
        driver.MicroBatches.__init__ = made  # type: ignore[method-assign]
    assert not late.is_set(), "the stream did not give what was expected"

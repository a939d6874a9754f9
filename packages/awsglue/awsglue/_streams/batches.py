"""forEachBatch and samples of streams, over our own loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from awsglue._streams.checkpoint import Checkpoint
from awsglue._streams.driver import MicroBatches
from awsglue._streams.frames import StreamFrame
from awsglue._streams.payloads import Payloads
from awsglue._streams.records import Positions, Record
from awsglue._streams.times import seconds_of


def payloads_of(frame: StreamFrame, *, settled: bool = True) -> Payloads:
    """What makes the batches of a stream. Steps of the script run once a batch when `settled`."""

    def steps(df: Any, place: str) -> Any:
        if not frame._steps:
            return df
        made = frame._apply(df)
        return _settled(made, place) if settled else made

    return Payloads(frame._spark, frame._layout, steps)


def loop(
    frame: StreamFrame, process: Callable[[Any, int], None], location: str, window: float, **more: Any
) -> MicroBatches:
    """A loop over a stream, not yet running."""
    settled = bool(more.pop("settled", True))
    return MicroBatches(
        source=frame._open(),
        payloads=payloads_of(frame, settled=settled),
        checkpoint=Checkpoint(location=location),
        process=process,
        window=window,
        lag=bool(frame._options.get("lag")),
        **more,
    )


def sample(frame: StreamFrame, window: str, polling: float, limit: int) -> tuple[Any, int]:
    """(a frame of at most `limit` records that arrive within `polling` seconds, how many): no checkpoint is kept."""
    from awsglue._frames.staging import folder

    source = frame._open()
    deadline = time.monotonic() + polling
    pause = min(seconds_of(window), polling)
    records: list[Record] = []
    try:
        done: Positions = source.begin()
        while len(records) < limit:
            wanted = source.plan(done)
            if wanted is not None:
                for record in source.read(wanted) if wanted.held is None else iter(wanted.held):
                    records.append(record)
                    if len(records) >= limit:
                        break
                done = wanted.end
            left = deadline - time.monotonic()
            if left <= 0 or len(records) >= limit:
                break
            time.sleep(min(pause, left))
    finally:
        source.close()
    made = Payloads(frame._spark, frame._layout).frame(records, folder())
    return frame._apply(made), len(records)


def _settled(df: Any, place: str) -> Any:
    """The rows computed once, so that a batch function sees the same values however often it looks."""
    from awsglue._frames.body import Encoded
    from awsglue._frames.staging import settle

    return settle(Encoded.of(df), place).df

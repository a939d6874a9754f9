"""The micro-batch loop: plan a range, write it down, process it, commit it; the same on every engine.

Owns nothing that lasts: that is the checkpoint's. A killed loop is continued by the next one on the same checkpoint.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from awsglue._runtime.engine import STATE
from awsglue._streams import restarts
from awsglue._streams.checkpoint import Checkpoint
from awsglue._streams.records import Range, Record, Source

if TYPE_CHECKING:
    from awsglue._streams.payloads import Payloads

BATCH_TIME = "glue.driver.streaming.batchProcessingTimeInMs"
RECORDS = "glue.driver.streaming.numRecords"
LAG = "glue.driver.streaming.maxConsumerLagInMs"


@dataclass(kw_only=True)
class Progress:
    """What the last batch was."""

    batch_id: int
    records: int
    milliseconds: int
    range: Range


@dataclass(kw_only=True)
class MicroBatches:
    """Batches of one stream, handed to one function.

    `window` is the interval between starts in seconds. `until_caught_up` ends the loop after what is there at first;
    `limited` says whether that comes in batches of the stream's limits or in one.
    """

    source: Source
    payloads: Payloads
    checkpoint: Checkpoint
    process: Callable[[Any, int], None]
    window: float
    lag: bool = False
    until_caught_up: bool = False
    limited: bool = True
    stopping: threading.Event = field(default_factory=threading.Event)
    progress: list[Progress] = field(default_factory=list)
    idle: threading.Event = field(default_factory=threading.Event)
    # How often it has begun to look for records, and which look was the last to find none.
    looks: int = 0
    in_vain: int = 0
    # When it asks the server again whether it may go on, in seconds of the monotonic clock.
    ask_again: float = 0.0
    _wrote: bool = False

    def run(self) -> None:
        """Go on from the checkpoint until stopped. Raises what the function raises."""
        restarts.began(self)
        try:
            self._run()
        finally:
            self.source.close()
            restarts.ended(self)

    def _run(self) -> None:
        self._wrote = STATE.wrote
        last = self.checkpoint.open(self.source.identity())
        number = 0
        if last is None:
            initial = self.checkpoint.initial()
            done = self.source.begin() if initial is None else initial
            if initial is None:
                self.checkpoint.start(done)
        else:
            if not last.committed:
                self._batch(last.number, last.range)
            done, number = last.range.end, last.number + 1
        if self.until_caught_up:
            self.source.freeze(limited=self.limited)
        while not self.stopping.is_set():
            if not self.until_caught_up:
                restarts.between_batches(self)
            self.looks += 1
            wanted = self.source.plan(done)
            if wanted is not None:
                self.idle.clear()
                self.checkpoint.begin(number, wanted, _now())
                self._batch(number, wanted)
                done, number = wanted.end, number + 1
                if self.until_caught_up or self.window <= 0:
                    continue
            else:
                self.in_vain = self.looks
                self.idle.set()
                if self.until_caught_up:
                    return
            self.stopping.wait(_until_next(self.window))

    def _batch(self, number: int, wanted: Range) -> None:
        started = time.monotonic()
        counted = _Counted(self.source, wanted)
        with self.payloads.batch(counted.records()) as frame:
            self.process(frame, number)
        self.checkpoint.commit(number, _now())
        # What was written up to here is known to the checkpoint: another engine may go on from it.
        STATE.wrote = self._wrote
        taken = int((time.monotonic() - started) * 1000)
        self.progress.append(
            Progress(batch_id=number, records=counted.count, milliseconds=taken, range=wanted)
        )
        del self.progress[:-100]
        metrics: dict[str, float] = {RECORDS: counted.count, BATCH_TIME: taken}
        if self.lag and counted.oldest is not None:
            metrics[LAG] = max(0, counted.read_at - counted.oldest)
        _report(metrics)


class _Counted:
    """Counts the records on their way, and notes when the oldest arrived."""

    def __init__(self, source: Source, wanted: Range) -> None:
        self._source, self._range = source, wanted
        self.count = 0
        self.oldest: int | None = None
        self.read_at = _now()

    def records(self) -> Any:
        """The range's records."""
        self.count, self.oldest = 0, None
        found: Any = self._range.held if self._range.held is not None else self._source.read(self._range)
        record: Record
        for record in found:
            self.count += 1
            if self.oldest is None or record.at < self.oldest:
                self.oldest = record.at
            yield record


def _report(metrics: dict[str, float]) -> None:
    from awsglue._runtime.channel import Channel, ChannelError

    try:
        Channel.from_environment().metrics(metrics)
    except ChannelError as error:
        # The batch is committed: numbers about it are no reason to end the job.
        sys.stderr.write(f"metrics of the stream were not reported: {error}\n")


def _now() -> int:
    return int(time.time() * 1000)


def _until_next(window: float) -> float:
    """Seconds to the next multiple of the window, as triggers by processing time count."""
    if window <= 0:
        return 0.2
    return window - time.time() % window

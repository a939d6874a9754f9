"""What this process has written to files, sink by sink, as Glue's observability metrics tell it.

Owns the tally of the process, which is part of its EngineState. Whatever writes tells of files that are complete and
in their place. A number that is not known is left out, of its sink and of all sinks together.
"""

from __future__ import annotations

import re
import sys
import threading
from dataclasses import dataclass

PREFIX = "glue.driver."
SWITCH = "--enable-observability-metrics"
# Sinks that are told of by themselves; any number of them is in the sum of all.
SINKS = 50
# CloudWatch's limit for a dimension.
LONGEST = 1024


@dataclass(frozen=True, kw_only=True)
class Amount:
    """What a sink has got; None is not known."""

    records: int | None
    bytes: int | None
    files: int | None

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            records=_sum(self.records, other.records),
            bytes=_sum(self.bytes, other.bytes),
            files=_sum(self.files, other.files),
        )

    def metrics(self) -> dict[str, float]:
        """The known numbers by the names of Glue's metrics."""
        found = {
            "recordsWritten": self.records,
            "bytesWritten": self.bytes,
            "filesWritten": self.files,
        }
        return {PREFIX + name: float(value) for name, value in found.items() if value is not None}


class Throughput:
    """The tally of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sinks: dict[str, Amount] = {}
        self._staged: dict[str, int] = {}
        # Whether there may be sinks that nobody has told of.
        self.incomplete = False

    def wrote(self, place: str, amount: Amount) -> None:
        """Count what has been written to a place; in the process's own scratch folder only its records are kept."""
        place = plain(place)
        with self._lock:
            if is_scratch(place):
                if amount.records is not None:
                    self._staged[place] = amount.records
                return
            before = self._sinks.get(place)
            self._sinks[place] = amount if before is None else before + amount

    def staged(self, folder: str) -> int | None:
        """The records that were written to a folder of the scratch space; None is not known."""
        with self._lock:
            return self._staged.get(plain(folder))

    def reports(self) -> list[tuple[str, Amount]]:
        """(sink, amount): all of them together first."""
        with self._lock:
            sinks = list(self._sinks.items())
        if not sinks:
            return []
        total = Amount(records=0, bytes=0, files=0)
        for _, amount in sinks:
            total += amount
        return [*([] if self.incomplete else [("ALL", total)]), *sinks[:SINKS]]


def plain(place: str) -> str:
    """A place in one spelling: local ones as paths, none with a slash at its end."""
    return re.sub(r"^file:/*", "/", place).rstrip("/")


def is_scratch(place: str) -> bool:
    """Whether files there are of this process's own, and no result."""
    from awsglue._runtime.engine import scratch_directory

    return plain(place).startswith(scratch_directory().rstrip("/") + "/")


def wanted() -> bool:
    """Whether the run's arguments ask for these metrics."""
    from awsglue._runtime.engine import STATE

    return STATE.arguments.get(SWITCH, "false").strip().lower() != "false"


def report() -> None:
    """Tell the server what this process has written. What fails here must not fail the job."""
    from awsglue._runtime.channel import Channel, ChannelError
    from awsglue._runtime.engine import STATE, connected

    if not wanted():
        return
    # What the server of a Spark Connect session writes, it writes unseen.
    STATE.written.incomplete = STATE.written.incomplete or connected()
    channel = Channel.from_environment()
    try:
        for sink, amount in STATE.written.reports():
            values = amount.metrics()
            if values:
                more = {"ObservabilityGroup": "throughput", "Sink": sink[:LONGEST]}
                channel.metrics(values, dimensions=more)
    except (ChannelError, OSError) as error:
        sys.stderr.write(f"what this run has written is not told: {error}\n")


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other

"""Ends a job's process between two batches when the server asks for it: another run then goes on for this one.

Owns nothing that lasts: what the next run goes on from are the checkpoints. The process ends when all of its streams
rest; one that has a batch under way is waited for.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from awsglue._runtime.channel import Channel, ChannelError
from awsglue._runtime.engine import STATE

if TYPE_CHECKING:
    from awsglue._streams.driver import MicroBatches

EVERY = 5.0  # seconds between two questions


def began(loop: MicroBatches) -> None:
    """A stream of this process begins, unless the process is about to end."""
    with STATE.lock:
        STATE.streams.add(id(loop))
        leaving = STATE.leaving
    if leaving:
        _rest_for_good()


def ended(loop: MicroBatches) -> None:
    """A stream has ended, for whatever reason."""
    with STATE.lock:
        STATE.streams.discard(id(loop))
        STATE.resting.discard(id(loop))


def between_batches(loop: MicroBatches) -> None:
    """Rest here as long as the server wants the run to end; with the last of the streams the process goes."""
    if STATE.leave is None or time.monotonic() < loop.ask_again:
        return
    while _asked():
        with STATE.lock:
            STATE.resting.add(id(loop))
            go = STATE.resting >= STATE.streams and not STATE.leaving
            STATE.leaving = STATE.leaving or go
        if go:
            STATE.leave()
        if loop.stopping.wait(EVERY):
            break
    loop.ask_again = time.monotonic() + EVERY
    with STATE.lock:
        STATE.resting.discard(id(loop))
        leaving = STATE.leaving
    if leaving:
        _rest_for_good()


def _rest_for_good() -> None:
    """Another thread is about to end the process: no batch begins any more."""
    threading.Event().wait()


def _asked() -> bool:
    try:
        return Channel.from_environment(patience=0).stream_next().get("stop") is True
    except ChannelError:
        # A stream does not need the server for its batches: one that cannot be reached asks for nothing.
        return False

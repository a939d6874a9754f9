"""A Kafka broker for tests: the one that librdkafka carries for its own, in a process of its own.

It speaks the real protocol to any number of clients; topics come up with four partitions when somebody writes to them,
and everything is gone with the process.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SERVE = """
import sys
from confluent_kafka import Producer
# The brokers live as long as this client; where they listen is in the cluster's own description.
owner = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 2})
found = owner.list_topics(timeout=300).brokers.values()
print(",".join(f"{one.host}:{one.port}" for one in found), flush=True)
sys.stdin.read()
"""
PARTITIONS = 4


@contextmanager
def broker(python: str = sys.executable) -> Iterator[str]:
    """The bootstrap address of a broker that lives as long as the block."""
    process = subprocess.Popen(
        [python, "-c", SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        address = process.stdout.readline().strip()
        if not address:
            raise RuntimeError(f"the broker did not start: it ended with {process.wait(timeout=180)}")
        yield address
    finally:
        process.stdin.close()
        process.wait(timeout=180)


def send(address: str, topic: str, values: list[Any], *, partition: int | None = None, **more: Any) -> None:
    """Write records and wait until the broker has them. A value may be (key, value)."""
    from confluent_kafka import Producer

    errors: list[Any] = []
    producer = Producer({"bootstrap.servers": address})
    for value in values:
        key, body = value if isinstance(value, tuple) else (None, value)
        where = {} if partition is None else {"partition": partition}
        producer.produce(
            topic,
            value=body,
            key=key,
            on_delivery=lambda error, _: error and errors.append(error),
            **where,
            **more,
        )
    if producer.flush(300) or errors:
        raise RuntimeError(f"the broker did not take the records: {errors}")

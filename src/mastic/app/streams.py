"""Kinesis: our own, unless the settings name an outside one."""

from __future__ import annotations

from mastic.app.base import Base
from mastic.aws.kinesis.records import Records
from mastic.aws.kinesis.shards import Shards
from mastic.aws.kinesis.streams import Streams, forget


def add_kinesis(base: Base) -> None:
    """Streams, shards, records, and the janitor that forgets old ones."""
    if "kinesis" in base.config.endpoints:
        return
    base.handlers(
        "kinesis",
        Streams(**base.lasting),
        Shards(token_key=base.token_key, **base.lasting),
        Records(token_key=base.token_key, **base.lasting),
    )
    base.janitor("kinesis", lambda: forget(base.store, base.clock), seconds=600)

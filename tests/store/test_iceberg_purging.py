"""Purges of dropped Iceberg tables, while the store of objects is out of order and after."""

from __future__ import annotations

from typing import Any

import pytest

from mastic.errors import ServiceError
from mastic.glue.catalog.iceberg_metadata import MetadataFiles
from mastic.glue.iceberg_rest.purging import QUEUE, Purges
from mastic.ids import Ids
from mastic.objects.errors import refused
from mastic.store import tasks
from tests.store.test_optimizer_histories import World, world


def slow(made: World, call: str, beginning: str) -> Any:
    """Until what is given back is called, objects whose key begins so cannot be read or deleted."""
    original = getattr(made.objects, call)
    state = {"slow": True}

    def asked(bucket: str, key: str, *more: Any, **named: Any) -> Any:
        if state["slow"] and key.startswith(beginning):
            raise ServiceError("SlowDown", "Please reduce your request rate.", status=503)
        return original(bucket, key, *more, **named)

    setattr(made.objects, call, asked)
    return lambda: state.update(slow=False)


def ordered(made: World) -> tuple[Purges, tasks.Task]:
    """A purge of the world's table, which is dropped with it."""
    files = MetadataFiles(objects=made.objects, ids=Ids())
    purges = Purges(store=made.store, objects=made.objects, files=files, clock=made.clock)
    row = made.opened().found.row
    with made.store.write() as tx:
        purges.order(tx, row)
    made.catalog("DeleteTable", DatabaseName="d", Name="t")
    with made.store.write() as tx:
        now = made.clock.now()
        (task,) = tasks.lease(tx, QUEUE, "me", now, now, 1, besides=[])
    return purges, task


@pytest.mark.parametrize(
    ("call", "beginning"), [("read", "t/metadata/0"), ("read", "t/metadata/snap-"), ("delete", "t/data/")]
)
def test_what_may_pass_is_tried_again(monkeypatch: pytest.MonkeyPatch, call: str, beginning: str) -> None:
    with world(partitioned=False, monkeypatch=monkeypatch) as made:
        made.append(2)
        made.append(1)
        purges, task = ordered(made)
        recover = slow(made, call, beginning)
        with pytest.raises(ServiceError):
            purges.handle(task)
        recover()
        purges.handle(task)
        assert made.listed() == set()


def test_what_will_not_pass_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with world(partitioned=False, monkeypatch=monkeypatch) as made:
        made.append(2)
        purges, task = ordered(made)

        def denied(bucket: str, key: str) -> bytes:
            raise refused("AccessDenied")

        monkeypatch.setattr(made.objects, "read", denied)
        before = made.listed()
        purges.handle(task)
        assert made.listed() == before

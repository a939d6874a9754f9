"""Stopping a query: an interruption is not lost, whenever it comes."""

from __future__ import annotations

from pathlib import Path

import pytest

from mastic.athena.engine import Engine, Running
from mastic.athena.failures import QueryCancelled
from mastic.athena.planner import Plan

_LONG = "SELECT count(*) AS n FROM range(100000) a, range(1000000) b WHERE a.range * b.range % 7 = 3"


def _stop_and_run(running: Running, scratch: Path) -> None:
    with Engine().session(Plan(sql=_LONG, names=["n"], types=["BIGINT"]), scratch, running) as connection:
        running.stop()
        running.stop()
        connection.execute(_LONG)


def test_a_query_stopped_before_it_begins_ends(tmp_path: Path) -> None:
    running = Running()
    with pytest.raises(QueryCancelled):
        _stop_and_run(running, tmp_path)
    with pytest.raises(QueryCancelled), Engine().session(Plan(sql="", names=[], types=[]), tmp_path, running):
        pytest.fail("a stopped query was begun again")

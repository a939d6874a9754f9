"""No row is lost or committed twice when jobs and their server are killed (``benchmarks/job_crashes.py`` does more)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.flows.chaos import Chaos


@pytest.mark.timeout(2400)
def test_bookmarks_outlive_killed_jobs_and_servers(own_server: Any) -> None:
    report = Chaos(own_server, seed=7, longest=2.5).go(6)
    assert report.missing == []
    assert report.doubled == []
    assert report.kills["server"]
    assert report.committed

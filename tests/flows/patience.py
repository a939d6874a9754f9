"""The hub on several servers and engines: what it waits for takes long where the machine has much else to do."""

from __future__ import annotations

import time
from collections.abc import Callable

from mastic.demo import deploy as hub
from tests.flows.test_main_path import Pipeline

PATIENCE = 400.0


class Patient(Pipeline):
    """Waits longer and asks less often."""

    def until(self, reached: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not reached():
            both = {job: self.states(job) for job in (hub.INGESTION, hub.VIEWS)}
            assert time.monotonic() < deadline, f"{what} did not happen: {both}"
            time.sleep(0.2)

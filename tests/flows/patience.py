"""The hub on several servers and engines: what it waits for takes long where the machine has much else to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from mastic.demo import deploy as hub
from tests.flows.test_main_path import Pipeline

PATIENCE = 400.0


class Patient(Pipeline):
    """Waits longer and asks less often."""

    def until(self, reached: Callable[[], bool], what: str, *, pause: float = 0.2) -> None:
        deadline = time.monotonic() + PATIENCE
        while not reached():
            assert time.monotonic() < deadline, f"{what} did not happen: {self.both()}"
            time.sleep(pause)

    def answer(self, sql: str) -> list[tuple[str | None, ...]]:
        """The rows of an Athena query."""
        athena = self.client("athena")
        query = athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": hub.DATABASE},
            ResultConfiguration={"OutputLocation": self.place.athena_output},
        )["QueryExecutionId"]

        def status() -> dict[str, Any]:
            found: dict[str, Any] = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
            return found["Status"]

        self.until(lambda: status()["State"] not in ("QUEUED", "RUNNING"), "the query's end")
        assert status()["State"] == "SUCCEEDED", status()
        pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=query)
        found = [row["Data"] for page in pages for row in page["ResultSet"]["Rows"]]
        return [tuple(cell.get("VarCharValue") for cell in row) for row in found[1:]]

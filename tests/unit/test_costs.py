"""Estimates of what runs would have cost."""

from __future__ import annotations

from typing import Any

import pytest

from mastic.costs import of_job, of_run


@pytest.mark.parametrize(
    ("run", "hours", "dollars"),
    [
        ({"ExecutionTime": 3600, "MaxCapacity": 10.0}, 10.0, 4.4),
        ({"ExecutionTime": 5, "MaxCapacity": 2.0}, 2 / 60, 0.44 * 2 / 60),  # a minute at least
        ({"ExecutionTime": 5, "MaxCapacity": 6.0, "GlueVersion": "1.0"}, 1.0, 0.44),  # ten, once
        ({"ExecutionTime": 60, "MaxCapacity": 0.0625}, 0.0625 / 60, 0.44 * 0.0625 / 60),
        (
            {"ExecutionTime": 3600, "MaxCapacity": 1.0, "ExecutionClass": "FLEX", "DPUSeconds": 3600.0},
            1.0,
            0.29,
        ),
        ({"ExecutionTime": 3600, "MaxCapacity": 10.0, "DPUSeconds": 7200.0}, 2.0, 0.88),
        ({"ExecutionTime": 0, "MaxCapacity": 10.0}, 0.0, 0.0),
        ({}, 0.0, 0.0),
    ],
)
def test_one_run(run: dict[str, Any], hours: float, dollars: float) -> None:
    assert of_run(run) == pytest.approx((hours, dollars))


def test_a_job() -> None:
    run = {"ExecutionTime": 1800, "MaxCapacity": 2.0}
    cost = of_job("j", [run, run])
    assert (cost.runs, cost.seconds, cost.dpu_hours) == (2, 3600, 2.0)
    assert cost.dollars == pytest.approx(0.88)

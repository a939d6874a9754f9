"""Special parameters that nothing serves end a run by name; what asks for nothing does not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from mastic.glue.jobs.preparation import NOT_SERVED, Preparation, Unprepared
from mastic.store.job_runs import JobRun


def engine(arguments: dict[str, str]) -> tuple[str, str]:
    preparation = Preparation(
        objects=cast(Any, None), endpoint="http://127.0.0.1:9", credentials=lambda run: {},
        default_engine="auto", installed=lambda name: True, memory_mb=1024, cores=1,
    )  # fmt: skip
    plan = {"Command": {"Name": "glueetl"}, "Arguments": arguments}
    return preparation.engine(cast(JobRun, SimpleNamespace(plan=plan)), None)


@pytest.mark.parametrize("name", sorted(NOT_SERVED))
def test_what_is_not_served_is_named(name: str) -> None:
    with pytest.raises(Unprepared, match=f"^{name} was given"):
        engine({name: "true"})
    assert engine({name: "false"}) == ("sail", "auto")


@pytest.mark.parametrize("name", ["--enable-metrics", "--enable-spark-ui", "--enable-auto-scaling"])
def test_what_changes_nothing_for_a_script_is_taken(name: str) -> None:
    assert engine({name: "true"}) == ("sail", "auto")

"""Job definitions: defaults, capacity, refusals; arguments and states."""

from __future__ import annotations

from typing import Any

import pytest

from mastic.errors import ServiceError
from mastic.glue.jobs import arguments, capacity, rules, states

SPARK = {"Role": "r", "Command": {"Name": "glueetl", "ScriptLocation": "s3://b/s.py"}}
SHELL = {"Role": "r", "Command": {"Name": "pythonshell", "ScriptLocation": "s3://b/s.py"}}


def define(given: dict[str, Any]) -> dict[str, Any]:
    return rules.definition(given, default_version="5.1")


def test_defaults_of_a_spark_job() -> None:
    body = define(SPARK)
    assert body["GlueVersion"] == "5.1"
    assert body["Timeout"] == 480
    assert body["MaxRetries"] == 0
    assert body["ExecutionProperty"] == {"MaxConcurrentRuns": 1}
    assert (body["MaxCapacity"], body["AllocatedCapacity"]) == (10.0, 10)
    assert body["JobMode"] == "SCRIPT"
    assert "ExecutionClass" not in body


@pytest.mark.parametrize(
    ("given", "timeout"),
    [
        ({**SPARK, "GlueVersion": "4.0"}, 2880),
        ({**SPARK, "GlueVersion": "5.0"}, 480),
        ({**SPARK, "GlueVersion": "auto"}, 480),
        (SHELL, 2880),
        ({**SPARK, "Timeout": 7}, 7),
        ({"Role": "r", "Command": {"Name": "gluestreaming"}}, None),
    ],
)
def test_timeouts(given: dict[str, Any], timeout: int | None) -> None:
    assert define(given).get("Timeout") == timeout


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({**SPARK, "WorkerType": "G.1X", "NumberOfWorkers": 2}, (2.0, 2)),
        ({**SPARK, "WorkerType": "G.2X", "NumberOfWorkers": 5}, (10.0, 10)),
        ({**SPARK, "MaxCapacity": 4}, (4.0, 4)),
        ({**SPARK, "AllocatedCapacity": 6}, (6.0, 6)),
        (SHELL, (0.0625, 0)),
        ({**SHELL, "MaxCapacity": 1}, (1.0, 1)),
        (
            {**SPARK, "Command": {"Name": "gluestreaming"}, "WorkerType": "G.025X", "NumberOfWorkers": 2},
            (0.5, 0),
        ),
    ],
)
def test_capacity(given: dict[str, Any], expected: tuple[float, int]) -> None:
    body = define(given)
    assert (body["MaxCapacity"], body["AllocatedCapacity"]) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"Command": SPARK["Command"]}, "Role"),
        ({"Role": "r"}, "Command"),
        ({"Role": "r", "Command": {"Name": "cobol"}}, "cobol"),
        (
            {**SPARK, "WorkerType": "G.1X", "NumberOfWorkers": 2, "MaxCapacity": 2},
            "Please do not set Max Capacity",
        ),
        (
            {**SPARK, "WorkerType": "G.1X", "NumberOfWorkers": 2, "AllocatedCapacity": 2},
            "Please do not set Allocated Capacity",
        ),
        ({**SPARK, "WorkerType": "G.1X"}, "set together"),
        (
            {**SPARK, "WorkerType": "G.1X", "NumberOfWorkers": 1},
            "To use Worker Type G.1X, minimum allowed value of Number of Workers is 2.",
        ),
        (
            {**SPARK, "GlueVersion": "2.0", "WorkerType": "G.4X", "NumberOfWorkers": 2},
            "Glue version 3.0 and later",
        ),
        (
            {**SPARK, "GlueVersion": "3.0", "WorkerType": "R.1X", "NumberOfWorkers": 2},
            "Glue version 4.0 and later",
        ),
        ({**SPARK, "WorkerType": "G.025X", "NumberOfWorkers": 2}, "not supported for glueetl"),
        ({**SPARK, "WorkerType": "Z.2X", "NumberOfWorkers": 2}, "not supported for glueetl"),
        ({**SPARK, "MaxCapacity": 1}, "from 2 to 100"),
        ({**SHELL, "MaxCapacity": 2}, "0.0625 or 1.0"),
        ({**SHELL, "WorkerType": "G.1X", "NumberOfWorkers": 2}, "not supported for Python shell"),
        ({**SPARK, "Timeout": 10081}, "10080"),
        ({**SPARK, "MaxRetries": 11}, "MaxRetries"),
        ({**SPARK, "MaxRetries": -1}, "MaxRetries"),
        ({**SPARK, "ExecutionProperty": {"MaxConcurrentRuns": 0}}, "MaxConcurrentRuns"),
        ({**SPARK, "ExecutionClass": "FLEX", "GlueVersion": "2.0"}, "3.0"),
        ({**SHELL, "ExecutionClass": "FLEX"}, "not supported for pythonshell"),
        ({**SPARK, "MaintenanceWindow": "Sun:1"}, "streaming"),
        ({**SPARK, "NotificationProperty": {"NotifyDelayAfter": 0}}, "NotifyDelayAfter"),
        ({**SPARK, "DefaultArguments": {"--a": "x" * 270_000}}, "266240"),
    ],
)
def test_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ServiceError) as raised:
        define(given)
    assert raised.value.code == "InvalidInputException"
    assert message in raised.value.message


def test_size_of_all_workers() -> None:
    assert capacity.size(define({**SPARK, "WorkerType": "G.1X", "NumberOfWorkers": 3})) == (48 * 1024, 12)
    assert capacity.size(define(SHELL)) == (1024, 1)


def test_argument_precedence() -> None:
    merged = arguments.merge(
        {"--a": "default", "--b": "default", "--c": "default"}, {"--b": "run", "--c": "run"}, {"--c": "fixed"}
    )
    assert merged == {"--a": "default", "--b": "run", "--c": "fixed"}


def test_argv_carries_the_services_own_arguments_once() -> None:
    words = arguments.argv(
        "s.py",
        {"--x": "1", "--JOB_NAME": "fake", "--engine": "sail"},
        job_name="real",
        job_id="j_1",
        run_id="jr_1",
    )
    assert words[0] == "s.py"
    pairs = dict(zip(words[1::2], words[2::2], strict=True))
    assert pairs == {
        "--x": "1",
        "--job-bookmark-option": "job-bookmark-disable",
        "--JOB_ID": "j_1",
        "--JOB_RUN_ID": "jr_1",
        "--JOB_NAME": "real",
    }


@pytest.mark.parametrize(
    ("merged", "on"),
    [
        ({}, False),
        ({"--k": "true"}, True),
        ({"--k": ""}, True),
        ({"--k": "false"}, False),
        ({"--k": "FALSE"}, False),
    ],
)
def test_switches(merged: dict[str, str], on: bool) -> None:
    assert arguments.enabled(merged, "--k") is on


def test_engine_argument() -> None:
    assert arguments.engine({}, "auto") == "auto"
    assert arguments.engine({"--engine": "spark"}, "auto") == "spark"
    with pytest.raises(ServiceError):
        arguments.engine({"--engine": "hive"}, "auto")


def test_every_way_ends_in_a_terminal_state() -> None:
    for state in states.TRANSITIONS:
        seen, edge = {state}, {state}
        while edge:
            edge = {following for s in edge for following in states.TRANSITIONS[s]} - seen
            seen |= edge
        assert seen & states.TERMINAL
    assert {"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"} == states.TERMINAL
    assert {"WAITING", "STARTING", "RUNNING"} == states.STOPPABLE


@pytest.mark.parametrize(
    ("current", "following"), [("SUCCEEDED", "RUNNING"), ("STOPPING", "SUCCEEDED"), ("WAITING", "RUNNING")]
)
def test_impossible_steps(current: str, following: str) -> None:
    with pytest.raises(ValueError, match=current):
        states.check(current, following)

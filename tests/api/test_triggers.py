"""Triggers as boto3 sees them, firing jobs that really run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def glue(server: Any) -> Any:
    return server.client("glue")


@pytest.fixture
def make(server: Any, glue: Any, name: str) -> Callable[..., str]:
    """Make a job of a script; returns its name."""
    server.client("s3").create_bucket(Bucket=name)

    def make(suffix: str, script: str = "print(1)", **more: Any) -> str:
        job = f"{name}-{suffix}"
        server.client("s3").put_object(Bucket=name, Key=f"{job}.py", Body=script.encode())
        command = {"Name": "pythonshell", "ScriptLocation": f"s3://{name}/{job}.py", "PythonVersion": "3.9"}
        glue.create_job(Name=job, Role="r", Command=command, **more)
        return job

    return make


def ended(glue: Any, job: str, count: int = 1) -> list[dict[str, Any]]:
    """The job's runs, oldest first, once there are ``count`` and all have ended."""
    deadline = time.monotonic() + 3000
    while time.monotonic() < deadline:
        runs: list[dict[str, Any]] = glue.get_job_runs(JobName=job)["JobRuns"]
        if len(runs) >= count and all("CompletedOn" in run for run in runs):
            return runs[::-1]
        time.sleep(0.05)
    raise AssertionError(f"{job}: {runs}")


def condition(job: str, state: str = "SUCCEEDED") -> dict[str, str]:
    return {"LogicalOperator": "EQUALS", "JobName": job, "State": state}


def refusal(call: Callable[..., Any], **given: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**given)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_the_life_of_a_trigger(glue: Any, make: Callable[..., str], name: str) -> None:
    first, second = make("a"), make("b")
    given = {
        "Name": name,
        "Type": "CONDITIONAL",
        "Description": "d",
        "Predicate": {"Logical": "AND", "Conditions": [condition(first)]},
        "Actions": [{"JobName": second, "Arguments": {"--x": "1"}}],
    }
    glue.create_trigger(**given, Tags={"a": "b"})
    shown = glue.get_trigger(Name=name)["Trigger"]
    assert {key: shown[key] for key in given} == given
    assert shown["State"] == "CREATED"
    assert glue.get_tags(ResourceArn=f"arn:aws:glue:us-east-1:123456789012:trigger/{name}")["Tags"] == {
        "a": "b"
    }
    glue.start_trigger(Name=name)
    assert glue.get_trigger(Name=name)["Trigger"]["State"] == "ACTIVATED"
    glue.start_trigger(Name=name)
    glue.stop_trigger(Name=name)
    assert glue.get_trigger(Name=name)["Trigger"]["State"] == "DEACTIVATED"
    changed = glue.update_trigger(Name=name, TriggerUpdate={"Description": "new"})["Trigger"]
    assert (changed["Description"], changed["State"]) == ("new", "DEACTIVATED")
    assert changed["Actions"] == given["Actions"]
    assert glue.delete_trigger(Name=name)["Name"] == name
    assert glue.delete_trigger(Name=name)["Name"] == name
    for call in (glue.get_trigger, glue.start_trigger, glue.stop_trigger):
        assert refusal(call, Name=name)[0] == "EntityNotFoundException"
    assert refusal(glue.update_trigger, Name=name, TriggerUpdate={})[0] == "EntityNotFoundException"


def test_refusals(glue: Any, make: Callable[..., str], name: str) -> None:
    job = make("a")
    actions = [{"JobName": job}]
    for given, code in (
        ({"Type": "ON_DEMAND", "Actions": [{"JobName": "none"}]}, "EntityNotFoundException"),
        ({"Type": "ON_DEMAND", "Actions": [{"CrawlerName": "none"}]}, "EntityNotFoundException"),
        ({"Type": "ON_DEMAND", "Actions": actions, "StartOnCreation": True}, "InvalidInputException"),
        ({"Type": "SCHEDULED", "Actions": actions}, "InvalidInputException"),
        ({"Type": "SCHEDULED", "Actions": actions, "Schedule": "cron(* * * * ? *)"}, "InvalidInputException"),
        ({"Type": "EVENT", "Actions": actions}, "InvalidInputException"),
        ({"Type": "CONDITIONAL", "Actions": actions}, "InvalidInputException"),
        ({"Type": "ON_DEMAND", "Actions": actions, "WorkflowName": "none"}, "EntityNotFoundException"),
    ):
        assert refusal(glue.create_trigger, Name=name, **given)[0] == code, given
    glue.create_trigger(Name=name, Type="ON_DEMAND", Actions=actions)
    glue.create_trigger(Name=name, Type="ON_DEMAND", Actions=actions)
    assert refusal(glue.create_trigger, Name=name, Type="ON_DEMAND", Actions=actions, Description="x")[0] == (
        "IdempotentParameterMismatchException"
    )
    assert refusal(glue.stop_trigger, Name=name)[0] == "InvalidInputException"


def test_lists(glue: Any, make: Callable[..., str], name: str) -> None:
    one, two = make("a"), make("b")
    for i, job in enumerate((one, two, one)):
        glue.create_trigger(
            Name=f"{name}-{i}", Type="ON_DEMAND", Actions=[{"JobName": job}], Tags={"of": name, "n": str(i)}
        )
    pages = glue.get_paginator("get_triggers").paginate(
        DependentJobName=one, PaginationConfig={"PageSize": 1}
    )
    assert [t["Name"] for page in pages for t in page["Triggers"]] == [f"{name}-0", f"{name}-2"]
    assert glue.list_triggers(DependentJobName=two)["TriggerNames"] == [f"{name}-1"]
    assert glue.list_triggers(Tags={"of": name, "n": "2"})["TriggerNames"] == [f"{name}-2"]
    found = glue.batch_get_triggers(TriggerNames=[f"{name}-1", "none"])
    assert [t["Name"] for t in found["Triggers"]] == [f"{name}-1"]
    assert found["TriggersNotFound"] == ["none"]
    assert refusal(glue.get_triggers, DependentJobName="none")[0] == "EntityNotFoundException"


def test_on_demand(glue: Any, make: Callable[..., str], name: str) -> None:
    one, two = make("a"), make("b")
    actions = [{"JobName": one, "Arguments": {"--k": "v"}, "Timeout": 3}, {"JobName": two}]
    glue.create_trigger(Name=name, Type="ON_DEMAND", Actions=actions)
    glue.start_trigger(Name=name)
    assert glue.get_trigger(Name=name)["Trigger"]["State"] == "CREATED"
    [run] = ended(glue, one)
    assert (run["TriggerName"], run["Arguments"], run["Timeout"]) == (name, {"--k": "v"}, 3)
    assert ended(glue, two)[0]["JobRunState"] == "SUCCEEDED"


def test_on_demand_beyond_the_limit_starts_nothing(glue: Any, make: Callable[..., str], name: str) -> None:
    busy, free = make("a", "import time; time.sleep(600)"), make("b")
    glue.create_trigger(Name=name, Type="ON_DEMAND", Actions=[{"JobName": free}, {"JobName": busy}])
    running = glue.start_job_run(JobName=busy)["JobRunId"]
    assert refusal(glue.start_trigger, Name=name)[0] == "ConcurrentRunsExceededException"
    assert glue.get_job_runs(JobName=free)["JobRuns"] == []
    glue.batch_stop_job_run(JobName=busy, JobRunIds=[running])


def test_a_chain(glue: Any, make: Callable[..., str], name: str) -> None:
    one, two, witness = make("a"), make("b"), make("c")
    for trigger, job in ((name, two), (f"{name}-witness", witness)):
        glue.create_trigger(
            Name=trigger,
            Type="CONDITIONAL",
            StartOnCreation=True,
            Predicate={"Conditions": [condition(one)]},
            Actions=[{"JobName": job}],
        )
    started = glue.start_job_run(JobName=one)["JobRunId"]
    [run] = ended(glue, two)
    assert run["TriggerName"] == name
    assert run.get("PredecessorRuns", []) == []
    shown = glue.get_job_run(JobName=two, RunId=run["Id"], PredecessorsIncluded=True)["JobRun"]
    assert shown["PredecessorRuns"] == [{"JobName": one, "RunId": started}]
    # stopped, it does not fire; started again, it does
    glue.stop_trigger(Name=name)
    glue.start_job_run(JobName=one)
    ended(glue, one, 2)
    ended(glue, witness, 2)  # what the trigger that is stopped could have heard of, another one has heard of
    glue.start_trigger(Name=name)
    glue.start_job_run(JobName=one)
    ended(glue, one, 3)
    assert len(ended(glue, two, 2)) == 2


def test_a_failure_fires_after_the_last_attempt(glue: Any, make: Callable[..., str], name: str) -> None:
    bad, on_success, on_failure = make("a", "raise SystemExit(1)", MaxRetries=1), make("b"), make("c")
    for suffix, state, job in (("s", "SUCCEEDED", on_success), ("f", "FAILED", on_failure)):
        glue.create_trigger(
            Name=f"{name}-{suffix}",
            Type="CONDITIONAL",
            StartOnCreation=True,
            Predicate={"Conditions": [condition(bad, state)]},
            Actions=[{"JobName": job}],
        )
    glue.start_job_run(JobName=bad)
    attempts = ended(glue, bad, 2)
    [run] = ended(glue, on_failure)
    shown = glue.get_job_run(JobName=on_failure, RunId=run["Id"], PredecessorsIncluded=True)["JobRun"]
    assert [p["RunId"] for p in shown["PredecessorRuns"]] == [attempts[-1]["Id"]]
    assert glue.get_job_runs(JobName=on_success)["JobRuns"] == []


def test_and_waits_for_all_and_any_for_one(glue: Any, make: Callable[..., str], name: str) -> None:
    one, two, both, either = (make(s) for s in "abcd")
    for logical, job in (("AND", both), ("ANY", either)):
        glue.create_trigger(
            Name=f"{name}-{logical}",
            Type="CONDITIONAL",
            StartOnCreation=True,
            Predicate={"Logical": logical, "Conditions": [condition(one), condition(two)]},
            Actions=[{"JobName": job}],
        )
    glue.start_job_run(JobName=one)
    ended(glue, either)
    assert glue.get_job_runs(JobName=both)["JobRuns"] == []
    glue.start_job_run(JobName=two)
    [run] = ended(glue, both)
    shown = glue.get_job_run(JobName=both, RunId=run["Id"], PredecessorsIncluded=True)["JobRun"]
    assert {p["JobName"] for p in shown["PredecessorRuns"]} == {one, two}
    assert len(ended(glue, either, 2)) == 2


def test_a_firing_that_meets_the_limit_leaves_a_failed_run(
    glue: Any, make: Callable[..., str], name: str
) -> None:
    one, busy = make("a"), make("b", "import time; time.sleep(600)")
    glue.create_trigger(
        Name=name,
        Type="CONDITIONAL",
        StartOnCreation=True,
        Predicate={"Conditions": [condition(one)]},
        Actions=[{"JobName": busy}],
    )
    running = glue.start_job_run(JobName=busy)["JobRunId"]
    glue.start_job_run(JobName=one)
    deadline = time.monotonic() + 300
    while len(runs := glue.get_job_runs(JobName=busy)["JobRuns"]) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert runs[0]["JobRunState"] == "FAILED"
    assert runs[0]["ErrorMessage"] == f"Concurrent runs exceeded for {busy}"
    assert runs[0]["TriggerName"] == name
    glue.batch_stop_job_run(JobName=busy, JobRunIds=[running])

"""Jobs and their runs as boto3 sees them, with scripts that really run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.api.jobs import finished, lines, refusal, run

# -- definitions -----------------------------------------------------------------------------------


def test_a_definition_there_and_back(glue: Any, name: str) -> None:
    given = {
        "Description": "d",
        "Role": "r",
        "Command": {"Name": "glueetl", "ScriptLocation": "s3://b/s.py", "PythonVersion": "3"},
        "DefaultArguments": {"--a": "1", "--conf": "x=y --conf z=1"},
        "NonOverridableArguments": {"--b": "2"},
        "Connections": {"Connections": ["c"]},
        "MaxRetries": 2,
        "Timeout": 60,
        "GlueVersion": "4.0",
        "WorkerType": "G.1X",
        "NumberOfWorkers": 2,
        "ExecutionProperty": {"MaxConcurrentRuns": 3},
        "NotificationProperty": {"NotifyDelayAfter": 30},
    }
    glue.create_job(Name=name, Tags={"team": "x"}, **given)
    job = glue.get_job(JobName=name)["Job"]
    assert {key: job[key] for key in given} == given
    assert job["MaxCapacity"] == 2.0
    assert job["AllocatedCapacity"] == 2
    assert job["CreatedOn"] == job["LastModifiedOn"]
    assert "ExecutionClass" not in job
    assert glue.get_tags(ResourceArn=f"arn:aws:glue:us-east-1:123456789012:job/{name}")["Tags"] == {
        "team": "x"
    }


def test_update_replaces(glue: Any, name: str) -> None:
    command = {"Name": "glueetl", "ScriptLocation": "s3://b/s.py", "PythonVersion": "3"}
    glue.create_job(
        Name=name, Role="r", Command=command, Description="d", MaxRetries=3, ExecutionClass="FLEX"
    )
    glue.update_job(JobName=name, JobUpdate={"Role": "r2", "Command": command})
    job = glue.get_job(JobName=name)["Job"]
    assert job["Role"] == "r2"
    assert job["MaxRetries"] == 0
    assert "Description" not in job
    assert "ExecutionClass" not in job
    assert job["LastModifiedOn"] > job["CreatedOn"]
    assert refusal(glue.update_job, JobName=name, JobUpdate={"Role": "r"})[0] == "InvalidInputException"
    assert refusal(glue.update_job, JobName=f"{name}x", JobUpdate={"Role": "r", "Command": command})[0] == (
        "EntityNotFoundException"
    )


def test_creating_twice(glue: Any, name: str) -> None:
    given = {"Name": name, "Role": "r", "Command": {"Name": "glueetl", "ScriptLocation": "s3://b/s.py"}}
    glue.create_job(**given)
    assert glue.create_job(**given)["Name"] == name
    code, message = refusal(glue.create_job, **{**given, "Role": "other"})
    assert code == "IdempotentParameterMismatchException"
    assert name in message


def test_deleting(glue: Any, name: str) -> None:
    glue.create_job(Name=name, Role="r", Command={"Name": "glueetl", "ScriptLocation": "s3://b/s.py"})
    assert glue.delete_job(JobName=name)["JobName"] == name
    assert glue.delete_job(JobName=name)["JobName"] == name
    assert refusal(glue.get_job, JobName=name)[0] == "EntityNotFoundException"
    assert refusal(glue.get_job_runs, JobName=name)[0] == "EntityNotFoundException"
    assert refusal(glue.start_job_run, JobName=name)[0] == "EntityNotFoundException"


def test_lists(glue: Any, name: str) -> None:
    names = [f"{name}-{i}" for i in range(5)]
    for i, job in enumerate(names):
        glue.create_job(
            Name=job, Role="r", Command={"Name": "glueetl", "ScriptLocation": "s3://b"},
            Tags={"of": name, "odd": str(i % 2)},
        )  # fmt: skip
    found = glue.batch_get_jobs(JobNames=[names[3], "none", names[0]])
    assert [job["Name"] for job in found["Jobs"]] == [names[3], names[0]]
    assert found["JobsNotFound"] == ["none"]
    tagged = glue.get_paginator("list_jobs").paginate(
        Tags={"of": name, "odd": "1"}, PaginationConfig={"PageSize": 1}
    )
    assert [job for page in tagged for job in page["JobNames"]] == [names[1], names[3]]
    every = glue.get_paginator("get_jobs").paginate(PaginationConfig={"PageSize": 2})
    mine = [job["Name"] for page in every for job in page["Jobs"] if job["Name"].startswith(name)]
    assert mine == names
    assert refusal(glue.get_jobs, NextToken="nonsense")[0] == "InvalidInputException"
    first = glue.list_jobs(MaxResults=1)
    assert refusal(glue.get_jobs, NextToken=first["NextToken"])[0] == "InvalidInputException"


def test_tags(glue: Any, name: str) -> None:
    arn = f"arn:aws:glue:us-east-1:123456789012:job/{name}"
    assert refusal(glue.get_tags, ResourceArn=arn)[0] == "EntityNotFoundException"
    glue.create_job(Name=name, Role="r", Command={"Name": "glueetl", "ScriptLocation": "s3://b"})
    glue.tag_resource(ResourceArn=arn, TagsToAdd={"a": "1", "b": "2"})
    glue.tag_resource(ResourceArn=arn, TagsToAdd={"a": "3"})
    glue.untag_resource(ResourceArn=arn, TagsToRemove=["b", "none"])
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"a": "3"}
    assert refusal(glue.get_tags, ResourceArn=arn.replace("job/", "cow/"))[0] == "InvalidInputException"


# -- runs ------------------------------------------------------------------------------------------


def test_a_run_from_start_to_end(server: Any, glue: Any, make: Callable[..., str]) -> None:
    job = make(
        """
import os, sys
import boto3
print(" ".join(sys.argv[1:]))
print("to the error log", file=sys.stderr)
print(boto3.client("sts").get_caller_identity()["Arn"])
print(sorted(k for k in os.environ if "SERVER_SECRET" in k))
""",
        DefaultArguments={"--a": "default", "--b": "default"},
        NonOverridableArguments={"--c": "fixed"},
    )
    ended = run(glue, job, Arguments={"--b": "run", "--c": "ignored"})
    assert ended["JobRunState"] == "SUCCEEDED", ended.get("ErrorMessage")
    assert ended["Attempt"] == 0
    assert ended["Arguments"] == {"--b": "run", "--c": "ignored"}
    assert ended["LogGroupName"] == "/aws-glue/python-jobs"
    assert ended["CompletedOn"] >= ended["StartedOn"]
    assert ended["ExecutionTime"] >= 0
    assert "ErrorMessage" not in ended
    assert ended["MaxCapacity"] == 0.0625
    printed = lines(server, "/aws-glue/python-jobs/output", ended["Id"])
    assert printed[0].startswith("--a default --b run --c fixed ")
    assert f"--JOB_NAME {job}" in printed[0]
    assert ":assumed-role/glue/GlueJobRunnerSession" in printed[1]
    assert printed[2] == "[]"
    assert lines(server, "/aws-glue/python-jobs/error", ended["Id"]) == ["to the error log"]


@pytest.mark.parametrize(
    ("command", "script", "message"),
    [
        (
            "pythonshell",
            "raise ValueError('no good')",
            "Command failed with exit code 1: ValueError: no good",
        ),
        ("pythonshell", "import sys; sys.exit(7)", "Command failed with exit code 7"),
        ("pythonshell", "import no_such_module", "No module named 'no_such_module'"),
        ("pythonshell", "def (", "SyntaxError"),
        ("pythonshell", "import os; os.kill(os.getpid(), 9)", "signal 9 (SIGKILL)"),
        ("glueetl", "raise KeyError('k')", "KeyError: 'k'"),
        ("glueetl", "import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_failures_tell_the_reason(
    glue: Any, make: Callable[..., str], command: str, script: str, message: str
) -> None:
    ended = run(glue, make(script, command=command))
    assert ended["JobRunState"] == "FAILED"
    assert message in ended["ErrorMessage"]


def test_what_no_database_can_keep_does_not_keep_a_run_from_its_end(
    server: Any, glue: Any, make: Callable[..., str]
) -> None:
    ended = run(glue, make("print('a\\0b')\nraise ValueError('half \\ud800 and nothing \\0.')"))
    assert ended["JobRunState"] == "FAILED"
    assert ended["ErrorMessage"].endswith("ValueError: half \\ud800 and nothing \N{SYMBOL FOR NULL}.")
    assert lines(server, "/aws-glue/python-jobs/output", ended["Id"]) == ["a\0b"]


def test_where_lines_go_is_the_jobs_choice(server: Any, glue: Any, make: Callable[..., str]) -> None:
    script = "import sys\nprint('out')\nprint('err', file=sys.stderr)"
    job = make(script, command="glueetl", GlueVersion="5.0")
    custom = {"--custom-logGroup-prefix": f"/{job}/logs", "--custom-logStream-prefix": "mine/own"}
    ended = run(glue, job, Arguments=custom)
    assert (ended["JobRunState"], ended["LogGroupName"]) == ("SUCCEEDED", f"/{job}/logs")
    assert lines(server, f"/{job}/logs/output", "mine/own-driver") == ["out"]
    assert lines(server, f"/{job}/logs/error", "mine/own-driver") == ["err"]
    continuous = {
        "--enable-continuous-cloudwatch-log": "true",
        "--continuous-log-logGroup": f"/{job}/continuous",
        "--continuous-log-logStreamPrefix": "pre",
    }
    ended = run(glue, job, Arguments=continuous)
    assert lines(server, "/aws-glue/jobs/output", ended["Id"]) == ["out"]
    assert sorted(lines(server, f"/{job}/continuous", "pre-driver")) == ["err", "out"]


def test_exit_zero_is_success(glue: Any, make: Callable[..., str]) -> None:
    assert run(glue, make("import sys; sys.exit(0)", command="glueetl"))["JobRunState"] == "SUCCEEDED"


def test_a_missing_script(glue: Any, name: str) -> None:
    command = {"Name": "pythonshell", "ScriptLocation": f"s3://{name}/none.py"}
    glue.create_job(Name=name, Role="r", Command=command)
    ended = run(glue, name)
    assert ended["JobRunState"] == "FAILED"
    assert f"s3://{name}/none.py" in ended["ErrorMessage"]
    assert "NoSuchBucket" in ended["ErrorMessage"]


def test_retries_are_runs_of_their_own(glue: Any, make: Callable[..., str]) -> None:
    job = make("raise SystemExit('never')", MaxRetries=2)
    first = glue.start_job_run(JobName=job)["JobRunId"]
    last = f"{first}_attempt_2"
    deadline = time.monotonic() + 3000
    while time.monotonic() < deadline:
        runs = glue.get_job_runs(JobName=job)["JobRuns"]
        if runs[0]["Id"] == last and runs[0]["JobRunState"] == "FAILED":
            break
        time.sleep(0.05)
    assert [(r["Id"], r["Attempt"], r["JobRunState"]) for r in runs] == [
        (last, 2, "FAILED"),
        (f"{first}_attempt_1", 1, "FAILED"),
        (first, 0, "FAILED"),
    ]
    assert runs[0]["PreviousRunId"] == runs[1]["Id"]


def test_concurrency_stop_and_the_whole_process_tree(
    server: Any, glue: Any, make: Callable[..., str], tmp_path: Any
) -> None:
    beat = tmp_path / "beat"
    job = make(
        f"""
import subprocess, sys, time
child = "import time\\nwhile True: open({str(beat)!r}, 'a').write('x'); time.sleep(0.05)"
subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
print("up", flush=True)
time.sleep(600)
"""
    )
    running = glue.start_job_run(JobName=job)["JobRunId"]
    code, message = refusal(glue.start_job_run, JobName=job)
    assert (code, message) == ("ConcurrentRunsExceededException", f"Concurrent runs exceeded for {job}")
    deadline = time.monotonic() + 300
    while not beat.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    stopped = glue.batch_stop_job_run(JobName=job, JobRunIds=[running, "jr_none"])
    assert stopped["SuccessfulSubmissions"] == [{"JobName": job, "JobRunId": running}]
    assert stopped["Errors"][0]["ErrorDetail"]["ErrorCode"] == "EntityNotFoundException"
    assert finished(glue, job, running)["JobRunState"] == "STOPPED"
    size = beat.stat().st_size
    time.sleep(0.3)
    assert beat.stat().st_size == size
    again = glue.batch_stop_job_run(JobName=job, JobRunIds=[running])
    assert again["SuccessfulSubmissions"] == []
    assert "STOPPED" in again["Errors"][0]["ErrorDetail"]["ErrorMessage"]


def test_a_queued_run_waits_for_its_place(glue: Any, make: Callable[..., str], tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.05)"
    job = make(script, JobRunQueuingEnabled=True)
    first = glue.start_job_run(JobName=job)["JobRunId"]
    second = glue.start_job_run(JobName=job)["JobRunId"]
    waiting = glue.get_job_run(JobName=job, RunId=second)["JobRun"]
    assert waiting["JobRunState"] == "WAITING"
    assert "maximum of concurrent runs" in waiting["StateDetail"]
    gate.touch()
    one, two = finished(glue, job, first), finished(glue, job, second)
    assert (one["JobRunState"], two["JobRunState"]) == ("SUCCEEDED", "SUCCEEDED")
    assert two["CompletedOn"] > one["CompletedOn"]


def test_a_waiting_run_can_be_stopped(glue: Any, make: Callable[..., str]) -> None:
    job = make("import time; time.sleep(600)", JobRunQueuingEnabled=True)
    runs = [glue.start_job_run(JobName=job)["JobRunId"] for _ in range(2)]
    glue.batch_stop_job_run(JobName=job, JobRunIds=runs[::-1])
    assert [finished(glue, job, r)["JobRunState"] for r in runs] == ["STOPPED", "STOPPED"]


def test_overrides_of_a_run(glue: Any, make: Callable[..., str]) -> None:
    job = make("print(1)", command="glueetl", WorkerType="G.1X", NumberOfWorkers=2, GlueVersion="4.0")
    ended = run(glue, job, WorkerType="G.2X", NumberOfWorkers=3, Timeout=5)
    assert (ended["WorkerType"], ended["NumberOfWorkers"], ended["MaxCapacity"]) == ("G.2X", 3, 6.0)
    assert ended["Timeout"] == 5
    assert refusal(glue.start_job_run, JobName=job, WorkerType="G.2X", NumberOfWorkers=3, MaxCapacity=2.0)[
        0
    ] == ("InvalidInputException")
    flexible = run(glue, job, ExecutionClass="FLEX")
    assert flexible["DPUSeconds"] == flexible["ExecutionTime"] * 2.0


def test_runs_page_newest_first(glue: Any, make: Callable[..., str]) -> None:
    job = make("print(1)", ExecutionProperty={"MaxConcurrentRuns": 10})
    ids = [glue.start_job_run(JobName=job)["JobRunId"] for _ in range(5)]
    pages = list(glue.get_paginator("get_job_runs").paginate(JobName=job, PaginationConfig={"PageSize": 2}))
    assert [len(page["JobRuns"]) for page in pages] == [2, 2, 1]
    assert [r["Id"] for page in pages for r in page["JobRuns"]] == ids[::-1]
    assert glue.get_job_runs(JobName=job, MaxResults=1)["JobRuns"][0]["Id"] == ids[-1]
    for r in ids:
        assert finished(glue, job, r)["JobRunState"] == "SUCCEEDED"


def test_extra_files(server: Any, glue: Any, make: Callable[..., str], name: str) -> None:
    s3 = server.client("s3")
    job = make(
        "import helper_module; print(helper_module.WORD); print(open('data.txt').read())",
        DefaultArguments={
            "--extra-py-files": f"s3://{name}/lib/helper_module.py",
            "--extra-files": f"s3://{name}/lib/data.txt",
        },
    )
    s3.put_object(Bucket=name, Key="lib/helper_module.py", Body=b"WORD = 'from the module'")
    s3.put_object(Bucket=name, Key="lib/data.txt", Body=b"from the file")
    ended = run(glue, job)
    assert ended["JobRunState"] == "SUCCEEDED", ended.get("ErrorMessage")
    assert lines(server, "/aws-glue/python-jobs/output", ended["Id"]) == ["from the module", "from the file"]


def test_what_is_not_served_is_refused(glue: Any, make: Callable[..., str]) -> None:
    job = make("print(1)", DefaultArguments={"--python-virtual-env": "s3://b/env.tar.gz"})
    ended = run(glue, job)
    assert ended["JobRunState"] == "FAILED"
    assert "--python-virtual-env" in ended["ErrorMessage"]


def test_a_call_that_is_sent_again_starts_one_run(server: Any, make: Callable[..., str]) -> None:
    job = make("print(1)", ExecutionProperty={"MaxConcurrentRuns": 10})
    client = server.client("glue", user_agent_extra="exec-env/AWS_Lambda_python3.12")
    headers: dict[str, str] = {}

    def add(request: Any, **_: Any) -> None:
        for header, value in headers.items():
            request.headers[header] = value

    client.meta.events.register("before-sign.glue", add)

    def start(root: str, parent: str, **arguments: str) -> str:
        headers["X-Amzn-Trace-Id"] = f"Root={root};Parent={parent};Sampled=0"
        return str(client.start_job_run(JobName=job, Arguments=arguments)["JobRunId"])

    first = [
        start("1-a", "p1", **{"--k": "1"}),
        start("1-a", "p1", **{"--k": "1"}),
        start("1-a", "p1", **{"--k": "2"}),
    ]
    assert len(set(first)) == 3
    # the second delivery repeats the calls, in another order, and goes one further
    assert start("1-a", "p2", **{"--k": "2"}) == first[2]
    assert start("1-a", "p2", **{"--k": "1"}) == first[0]
    assert start("1-a", "p2", **{"--k": "1"}) == first[1]
    fourth = start("1-a", "p2", **{"--k": "1"})
    assert fourth not in first
    assert start("1-a", "p3", **{"--k": "1"}) == first[0]
    assert start("1-b", "p1", **{"--k": "1"}) not in [*first, fourth]


# -- bookmarks -------------------------------------------------------------------------------------

COMMIT = """
import json, os, urllib.request
def say(**message):
    request = urllib.request.Request(
        os.environ["MASTIC_CHANNEL_URL"], json.dumps({"version": 1, **message}).encode(),
        {"Authorization": "Bearer " + os.environ["MASTIC_CHANNEL_TOKEN"]})
    return json.loads(urllib.request.urlopen(request).read())
before = say(type="bookmark.get")
print(json.dumps(before))
n = ((before["bookmark"] or {}).get("ctx") or {"n": 0})["n"]
say(type="bookmark.commit", bookmark={"ctx": {"n": n + 1}})
"""


def test_bookmarks(server: Any, glue: Any, make: Callable[..., str]) -> None:
    job = make(COMMIT)
    assert refusal(glue.get_job_bookmark, JobName=job)[0] == "EntityNotFoundException"
    first, second = run(glue, job), run(glue, job)
    assert (first["JobRunState"], second["JobRunState"]) == ("SUCCEEDED", "SUCCEEDED")
    entry = glue.get_job_bookmark(JobName=job)["JobBookmarkEntry"]
    assert json.loads(entry["JobBookmark"]) == {"ctx": {"n": 2}}
    assert (entry["Run"], entry["Attempt"], entry["Version"]) == (2, 0, 2)
    assert (entry["RunId"], entry["PreviousRunId"]) == (second["Id"], first["Id"])
    rewound = glue.reset_job_bookmark(JobName=job, RunId=second["Id"])["JobBookmarkEntry"]
    assert json.loads(rewound["JobBookmark"]) == {"ctx": {"n": 1}}
    cleared = glue.reset_job_bookmark(JobName=job)["JobBookmarkEntry"]
    assert json.loads(cleared["JobBookmark"]) == {}
    third = run(glue, job, JobRunId=second["Id"])
    assert third["PreviousRunId"] == second["Id"]
    assert json.loads(glue.get_job_bookmark(JobName=job)["JobBookmarkEntry"]["JobBookmark"]) == {
        "ctx": {"n": 2}
    }
    assert refusal(glue.get_job_bookmark, JobName=job, RunId="jr_none")[0] == "EntityNotFoundException"


BETWEEN = (
    COMMIT.partition("before = ")[0]
    + """
import sys, urllib.error
from awsglue.utils import getResolvedOptions
given = getResolvedOptions(sys.argv, ["first", "last"])
try:
    found = say(**{"type": "bookmark.get", "from": given["first"], "to": given["last"]})
    print(json.dumps([found["bookmark"], found["until"]]))
except urllib.error.HTTPError as error:
    print(error.code, json.loads(error.read())["message"])
"""
)


def test_bookmarks_of_a_range_of_runs(server: Any, glue: Any, name: str, make: Callable[..., str]) -> None:
    job = make(COMMIT)
    first, second = run(glue, job)["Id"], run(glue, job)["Id"]
    glue.reset_job_bookmark(JobName=job)  # what runs left is known all the same
    server.client("s3").put_object(Bucket=name, Key=f"{job}.py", Body=BETWEEN.encode())

    def answer(start: str, end: str) -> str:
        asked = run(glue, job, Arguments={"--first": start, "--last": end})
        assert asked["JobRunState"] == "SUCCEEDED", asked
        return lines(server, "/aws-glue/python-jobs/output", asked["Id"])[0]

    one, two = {"ctx": {"n": 1}}, {"ctx": {"n": 2}}
    assert json.loads(answer(first, second)) == [one, two]
    third = glue.get_job_runs(JobName=job)["JobRuns"][0]["Id"]  # it committed nothing
    assert json.loads(answer(second, third)) == [two, two]
    assert answer(first, "jr_none") == f"400 job {job} has no run jr_none"


def test_the_channel_knows_its_own(server: Any) -> None:
    import urllib.error
    import urllib.request

    def status(token: str | None) -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(
            f"{server.endpoint}/_mastic/channel/v1", b'{"version": 1, "type": "bookmark.get"}', headers
        )
        with pytest.raises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(request)
        return raised.value.code

    assert status(None) == 401
    assert status("made-up") == 403

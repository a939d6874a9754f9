"""Jobs kept in a git repository, a real one on this machine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.jobs import lines, refusal, run
from tests.conftest import Server


def git(place: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
    ran = subprocess.run(
        ["git", *identity, *arguments], cwd=place, capture_output=True, text=True, check=True
    )
    return ran.stdout.strip()


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """A bare repository with a branch "main"."""
    bare, work = tmp_path / "hub" / "acme" / "etl.git", tmp_path / "work"
    for folder in (bare, work):
        folder.mkdir(parents=True)
    git(bare, "init", "--bare", "--quiet")
    git(work, "init", "--quiet")
    (work / "README").write_text("jobs\n")
    git(work, "add", "README")
    git(work, "commit", "--quiet", "--message", "first")
    git(work, "push", "--quiet", str(bare), "HEAD:refs/heads/main")
    return bare


@pytest.fixture
def server(tmp_path: Path, hub: Path) -> Iterator[Server]:
    address = f"file://{tmp_path}/hub/{{owner}}/{{repository}}.git"
    running = Server(tmp_path / "data", env={"MASTIC_SOURCE_CONTROL_URL": address}).start()
    yield running
    running.stop()


def test_there_and_back(server: Server, hub: Path, tmp_path: Path) -> None:
    glue, s3 = server.client("glue"), server.client("s3")
    s3.create_bucket(Bucket="scripts")
    s3.put_object(Bucket="scripts", Key="nightly.py", Body=b"print('one')\n")
    command = {"Name": "pythonshell", "ScriptLocation": "s3://scripts/nightly.py", "PythonVersion": "3.9"}
    glue.create_job(
        Name="nightly", Role="r", Command=command, Timeout=33, DefaultArguments={"--x": "1"}, MaxCapacity=1.0
    )
    where: dict[str, Any] = {
        "Provider": "GITHUB", "RepositoryName": "etl", "RepositoryOwner": "acme", "BranchName": "main",
        "Folder": "jobs",
    }  # fmt: skip
    code, message = refusal(glue.update_source_control_from_job, JobName="nightly")
    assert (code, "Provider" in message) == ("InvalidInputException", True)
    secret = {"AuthStrategy": "AWS_SECRETS_MANAGER", "AuthToken": "no-such-secret"}
    for operation in (glue.update_source_control_from_job, glue.update_job_from_source_control):
        code, message = refusal(operation, JobName="nightly", **where, **secret)
        assert (code, "secret no-such-secret cannot be read" in message) == ("InvalidInputException", True)
    assert "SourceControlDetails" not in glue.get_job(JobName="nightly")["Job"]
    glue.update_source_control_from_job(
        JobName="nightly", AuthStrategy="PERSONAL_ACCESS_TOKEN", AuthToken="s3cret", **where
    )
    assert git(hub, "show", "main:jobs/nightly/nightly.py") == "print('one')"
    stored = json.loads(git(hub, "show", "main:jobs/nightly/nightly.json"))
    assert (stored["Timeout"], stored["Command"], stored["DefaultArguments"]) == (33, command, {"--x": "1"})
    first = git(hub, "rev-parse", "main")
    details = glue.get_job(JobName="nightly")["Job"]["SourceControlDetails"]
    assert details == {
        "Provider": "GITHUB", "Repository": "etl", "Owner": "acme", "Branch": "main", "Folder": "jobs",
        "LastCommitId": first, "AuthStrategy": "PERSONAL_ACCESS_TOKEN",
    }  # fmt: skip

    # Somebody changes both in the repository; the job remembers where that is.
    work = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--branch", "main", str(hub), str(work))
    (work / "jobs/nightly/nightly.py").write_text("print('two')\n")
    (work / "jobs/nightly/nightly.json").write_text(json.dumps({**stored, "Timeout": 44, "Nonsense": 1}))
    git(work, "commit", "--all", "--quiet", "--message", "second")
    git(work, "push", "--quiet", "origin", "main")
    glue.update_job_from_source_control(JobName="nightly")
    job = glue.get_job(JobName="nightly")["Job"]
    assert (job["Timeout"], job["DefaultArguments"], job["MaxCapacity"]) == (44, {"--x": "1"}, 1.0)
    assert job["SourceControlDetails"]["LastCommitId"] == git(hub, "rev-parse", "main")
    ended = run(glue, "nightly")
    assert lines(server, "/aws-glue/python-jobs/output", ended["Id"]) == ["two"]

    # What is no definition of a job changes nothing.
    (work / "jobs/nightly/nightly.json").write_text(json.dumps({**stored, "Timeout": "soon"}))
    git(work, "commit", "--all", "--quiet", "--message", "third")
    git(work, "push", "--quiet", "origin", "main")
    code, message = refusal(glue.update_job_from_source_control, JobName="nightly")
    assert (code, message) == ("SerializationException", "STRING_VALUE cannot be converted to Integer")
    assert glue.get_job(JobName="nightly")["Job"]["Timeout"] == 44

    # And back to an earlier commit.
    glue.update_job_from_source_control(JobName="nightly", CommitId=first)
    assert glue.get_job(JobName="nightly")["Job"]["Timeout"] == 33

    # The same from a commit on: what was changed after it is not overwritten.
    for commit, said in [
        (first, "was changed after the commit"),
        ("0" * 40, "merge-base"),
        ("main", "no commit id"),
    ]:
        code, message = refusal(glue.update_source_control_from_job, JobName="nightly", CommitId=commit)
        assert (code, said in message) == ("InvalidInputException", True)
    third = git(hub, "rev-parse", "main")
    (work / "README").write_text("more jobs\n")
    git(work, "commit", "--all", "--quiet", "--message", "fourth")
    git(work, "push", "--quiet", "origin", "main")
    glue.update_source_control_from_job(JobName="nightly", CommitId=third)
    last = git(hub, "rev-parse", "main")
    assert git(hub, "rev-parse", "main~2") == third
    assert glue.get_job(JobName="nightly")["Job"]["SourceControlDetails"]["LastCommitId"] == last
    assert json.loads(git(hub, "show", "main:jobs/nightly/nightly.json"))["Timeout"] == 33
    git(work, "pull", "--quiet")

    # Where its script cannot be stored, its definition is not changed.
    elsewhere = {**stored, "Timeout": 55, "Command": {**command, "ScriptLocation": "s3://nowhere/nightly.py"}}
    (work / "jobs/nightly/nightly.json").write_text(json.dumps(elsewhere))
    git(work, "commit", "--all", "--quiet", "--message", "fifth")
    git(work, "push", "--quiet", "origin", "main")
    code, message = refusal(glue.update_job_from_source_control, JobName="nightly")
    assert (code, "s3://nowhere/nightly.py" in message) == ("InvalidInputException", True)
    assert glue.get_job(JobName="nightly")["Job"]["Timeout"] == 33

    for given, said in [
        ({"CommitId": "0" * 40}, "checkout"),
        ({"BranchName": "none"}, "clone"),
        ({"BranchName": "--upload-pack=x"}, "no name of a branch"),
        ({"RepositoryName": "../etl"}, "no name of a repository"),
        ({"RepositoryOwner": "../hub/acme"}, "no name of a repository"),
        ({"Folder": "../../x"}, "no folder of the repository"),
    ]:
        code, message = refusal(glue.update_job_from_source_control, JobName="nightly", **given)
        assert code == "InvalidInputException"
        assert said in message
    code, _ = refusal(glue.update_job_from_source_control, JobName="nightly", Folder="elsewhere")
    assert code == "EntityNotFoundException"


def test_what_a_job_remembers_of_its_repository(server: Server, hub: Path) -> None:
    glue, s3 = server.client("glue"), server.client("s3")
    s3.create_bucket(Bucket="scripts")
    command = {"Name": "glueetl", "ScriptLocation": "s3://scripts/etl.py"}
    details = {
        "Provider": "BITBUCKET", "Repository": "acme/etl", "AuthStrategy": "PERSONAL_ACCESS_TOKEN", "AuthToken": "t"
    }  # fmt: skip
    glue.create_job(
        Name="etl",
        Role="r",
        Command=command,
        WorkerType="G.1X",
        NumberOfWorkers=3,
        SourceControlDetails=details,
    )
    code, message = refusal(glue.update_source_control_from_job, JobName="etl")
    assert (code, "s3://scripts/etl.py: NoSuchKey" in message) == ("InvalidInputException", True)
    s3.put_object(Bucket="scripts", Key="etl.py", Body=b"pass\n")
    # A workspace stands before the repository; no branch is the default one.
    git(hub, "symbolic-ref", "HEAD", "refs/heads/main")
    glue.update_source_control_from_job(JobName="etl")
    job = glue.get_job(JobName="etl")["Job"]
    first = git(hub, "rev-parse", "main")
    assert job["SourceControlDetails"] == {**details, "LastCommitId": first}
    assert job["NumberOfWorkers"] == 3
    glue.update_job_from_source_control(JobName="etl")
    assert glue.get_job(JobName="etl")["Job"]["SourceControlDetails"] == {**details, "LastCommitId": first}
    # What is of one provider is not told another.
    glue.update_source_control_from_job(
        JobName="etl", Provider="GITHUB", RepositoryOwner="acme", RepositoryName="etl"
    )
    assert "AuthToken" not in glue.get_job(JobName="etl")["Job"]["SourceControlDetails"]
    code, message = refusal(
        glue.update_source_control_from_job, JobName="etl", Provider="GITLAB", RepositoryName="x/y"
    )
    assert (code, "no name of a repository" in message) == ("InvalidInputException", True)

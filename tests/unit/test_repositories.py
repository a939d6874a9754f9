"""What is written into a git repository stays in it; what takes too long ends, and leaves nothing."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from mastic.executors.base import GitRefused, Remote
from mastic.executors.repositories import Repositories


def git(place: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *arguments], cwd=place, capture_output=True, check=True)


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    """A repository whose ``jobs/a.py`` is a link to a file beside it."""
    place = tmp_path / "work"
    (place / "jobs").mkdir(parents=True)
    git(place, "init", "--quiet")
    (place / "jobs" / "a.py").symlink_to(tmp_path / "outside.py")
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "--message", "first")
    git(tmp_path, "clone", "--quiet", "--bare", str(place), "hub.git")
    return Remote(url=f"file://{tmp_path}/hub.git", branch="main")


def test_neither_names_nor_links_lead_out(tmp_path: Path, remote: Remote) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text("mine")
    repositories = Repositories(directory=tmp_path / "clones")
    with pytest.raises(GitRefused, match="no regular file"):
        repositories.write(remote, "jobs", {"a.py": b"theirs"}, "a")
    for name in (f"../../../..{outside}", str(outside), "../.git/config", ".."):
        with pytest.raises(GitRefused, match="no name of a file"):
            repositories.write(remote, "jobs", {name: b"theirs"}, "b")
    assert outside.read_text() == "mine"
    repositories.write(remote, "jobs", {"b.py": b"ours"}, "c")
    assert repositories.read(remote, "jobs", None)[1] == {"b.py": b"ours"}


def test_what_takes_too_long_ends_with_its_children(
    tmp_path: Path, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A git whose child sleeps on."""
    said = tmp_path / "child"
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {said}\nwait\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
    clones = tmp_path / "clones"
    with pytest.raises(GitRefused, match="git clone took longer than 2 seconds"):
        Repositories(directory=clones, longest=2.0).read(remote, "jobs", None)
    child = Path(f"/proc/{said.read_text().strip()}/stat")
    deadline = time.monotonic() + 60
    while child.exists() and child.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline, "the child of git lives on"
        time.sleep(0.05)
    assert list(clones.iterdir()) == []


def test_what_a_killed_server_left_goes(tmp_path: Path) -> None:
    (tmp_path / "clones" / "tmpabc").mkdir(parents=True)
    Repositories(directory=tmp_path / "clones")
    assert not (tmp_path / "clones").exists()

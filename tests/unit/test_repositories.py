"""What is written into a git repository stays in it."""

from __future__ import annotations

import subprocess
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
    repositories = Repositories()
    with pytest.raises(GitRefused, match="no regular file"):
        repositories.write(remote, "jobs", {"a.py": b"theirs"}, "a")
    for name in (f"../../../..{outside}", str(outside), "../.git/config", ".."):
        with pytest.raises(GitRefused, match="no name of a file"):
            repositories.write(remote, "jobs", {name: b"theirs"}, "b")
    assert outside.read_text() == "mine"
    repositories.write(remote, "jobs", {"b.py": b"ours"}, "c")
    assert repositories.read(remote, "jobs", None)[1] == {"b.py": b"ours"}

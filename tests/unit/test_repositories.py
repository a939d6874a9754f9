"""What is written into a git repository stays in it; what takes too long ends, and leaves nothing."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mastic.executors import processes
from mastic.executors.base import GitForbidden, GitRefused, Remote
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
    assert repositories.read(remote, "jobs", ["a.py", "b.py"], None)[1] == {"b.py": b"ours"}


def test_what_takes_too_long_ends_with_its_children(
    tmp_path: Path, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A git whose child sleeps on."""
    said = tmp_path / "child"
    clones = tmp_path / "clones"
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {said}\nwait\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
    for longest in (2, 20, 200):  # a busy machine may not get as far as to start the child
        with pytest.raises(GitRefused, match=f"git clone took longer than {longest} seconds"):
            Repositories(directory=clones, longest=float(longest)).read(
                remote, "jobs", ["a.py", "b.py"], None
            )
        if said.exists() and said.read_text().strip():
            break
    child = processes.identify(int(said.read_text()))
    deadline = time.monotonic() + 120
    while child is not None and processes.alive(child):
        assert time.monotonic() < deadline, "the child of git lives on"
        time.sleep(0.05)
    assert list(clones.iterdir()) == []


def test_what_a_killed_server_left_goes(tmp_path: Path) -> None:
    (tmp_path / "clones" / "tmpabc").mkdir(parents=True)
    Repositories(directory=tmp_path / "clones")
    assert not (tmp_path / "clones").exists()


def test_what_the_repository_ignores_is_stored_all_the_same(tmp_path: Path, remote: Remote) -> None:
    repositories = Repositories(directory=tmp_path / "clones")
    before = repositories.write(remote, "", {".gitignore": b"*.json\n"}, "ignore")
    after = repositories.write(remote, "jobs", {"a.json": b"{}"}, "a")
    assert after != before
    assert repositories.read(remote, "jobs", ["a.json"], None) == (after, {"a.json": b"{}"})
    # What is there already is no reason for a commit.
    assert repositories.write(remote, "jobs", {"a.json": b"{}"}, "again") == after


def test_branches(tmp_path: Path, remote: Remote) -> None:
    hub = tmp_path / "hub.git"
    git(hub, "branch", "other", "main")
    git(hub, "tag", "v1", "main")
    repositories = Repositories(directory=tmp_path / "clones")
    commit = repositories.write(Remote(url=remote.url), "jobs", {"b.py": b"main"}, "to the default one")
    assert repositories.read(remote, "jobs", ["b.py"], None) == (commit, {"b.py": b"main"})
    other = Remote(url=remote.url, branch="other")
    assert repositories.read(other, "jobs", ["b.py"], None)[1] == {}
    with pytest.raises(GitRefused, match="'v1' is a tag"):
        repositories.write(Remote(url=remote.url, branch="v1"), "jobs", {"b.py": b"tag"}, "to a tag")
    # A commit that is not of the branch is none of it.
    with pytest.raises(GitRefused, match="checkout"):
        repositories.read(other, "jobs", ["b.py"], commit)
    with pytest.raises(GitRefused, match="is no folder"):
        repositories.write(remote, "jobs/b.py", {"c.py": b""}, "below a file")


def test_pushes_at_the_same_time_all_arrive(tmp_path: Path, remote: Remote) -> None:
    repositories = Repositories(directory=tmp_path / "clones")
    names = ["one.py", "two.py", "three.py"]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: repositories.write(remote, "jobs", {name: name.encode()}, name), names))
    assert repositories.read(remote, "jobs", names, None)[1] == {name: name.encode() for name in names}


@contextmanager
def serving(handler: Any) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_token_goes_where_it_belongs_and_nowhere_else(tmp_path: Path, remote: Remote) -> None:
    hub = tmp_path / "hub.git"
    git(hub, "update-server-info")
    commit = subprocess.run(
        ["git", "rev-parse", "main"], cwd=hub, capture_output=True, text=True
    ).stdout.strip()
    expected = "Basic " + base64.b64encode(b"oauth2:s3cret").decode()
    told: list[str | None] = []

    class Guarded(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            told.append(self.headers.get("Authorization"))
            if told[-1] == expected:
                super().do_GET()
            else:
                self.send_response(401)
                self.send_header("WWW-Authenticate", "Basic")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *_: object) -> None: ...

    repositories = Repositories(directory=tmp_path / "clones")
    with serving(partial(Guarded, directory=str(tmp_path))) as address:
        known = Remote(url=f"{address}/hub.git", branch="main", token="s3cret", user="oauth2")
        # Files alone cannot give less than all of their history: a commit asks for that.
        assert repositories.read(known, "jobs", [], commit) == (commit, {})
        for token in ("", "wrong", "oauth2:wrong"):
            with pytest.raises(GitForbidden) as refused:
                repositories.read(Remote(url=known.url, branch="main", token=token), "jobs", [], commit)
            assert not token or token not in str(refused.value)
        pair = Remote(url=known.url, branch="main", token="oauth2:s3cret")
        assert repositories.read(pair, "jobs", [], commit) == (commit, {})

        class Elsewhere(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(302)
                self.send_header("Location", address + self.path)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        told.clear()
        with serving(Elsewhere) as moved, pytest.raises(GitRefused):
            repositories.read(
                Remote(url=f"{moved}/hub.git", branch="main", token="s3cret"), "jobs", [], commit
            )
        assert told == []

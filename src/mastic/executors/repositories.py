"""Git repositories: reading a folder of a branch, and putting files into it with a commit and a push.

Every use is a clone of its own in a directory that is gone afterwards. A token goes to git by its environment,
never by an argument or a file. Owns the directory of these clones.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mastic.executors.base import GitRefused, Remote

LONGEST = 120.0  # seconds for one command
TOLD = 500  # characters of git's own words that a message has
_COMMIT = re.compile(r"[0-9a-f]{7,64}\Z")
_BRANCH = re.compile(r"(?!-)[^\s~^:?*\[\\\x00-\x20]{1,255}\Z")


class Repositories:
    """Runs git in ``directory``, for ``longest`` seconds at most. What a killed server left there goes at once."""

    def __init__(self, *, directory: Path, longest: float = LONGEST) -> None:
        self._directory = directory
        self._longest = longest
        shutil.rmtree(directory, ignore_errors=True)

    def read(self, remote: Remote, folder: str, commit: str | None) -> tuple[str, dict[str, bytes]]:
        """(commit, files of the folder by name) of the branch's end, or of a commit of it. Raises GitRefused."""
        with self._clone(remote, whole=commit is not None) as place:
            if commit is not None:
                if not _COMMIT.match(commit):
                    raise GitRefused(f"{commit!r} is no commit id")
                self._git(place, remote, "checkout", "--quiet", "--detach", commit)
            found = {one.name: one.read_bytes() for one in _files(place, folder)}
            return self._git(place, remote, "rev-parse", "HEAD").strip(), found

    def write(self, remote: Remote, folder: str, files: Mapping[str, bytes], message: str) -> str:
        """Put files into a folder of the branch, which is made if need be; returns the commit. Raises GitRefused."""
        with self._clone(remote, whole=False) as place:
            target = _inside(place, folder)
            target.mkdir(parents=True, exist_ok=True)
            for name, content in files.items():
                _writable(target, name).write_bytes(content)
            self._git(place, remote, "add", "--all", "--", str(target))
            if self._git(place, remote, "status", "--porcelain").strip():
                self._git(place, remote, "commit", "--quiet", "--message", message)
                self._git(place, remote, "push", "--quiet", "origin", f"HEAD:refs/heads/{remote.branch}")
            return self._git(place, remote, "rev-parse", "HEAD").strip()

    @contextmanager
    def _clone(self, remote: Remote, *, whole: bool) -> Iterator[Path]:
        if not _BRANCH.match(remote.branch):
            raise GitRefused(f"{remote.branch!r} is no name of a branch")
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=self._directory) as folder:
            place = Path(folder) / "tree"
            depth = [] if whole else ["--depth", "1"]
            self._git(
                Path(folder), remote, "clone", "--quiet", *depth, "--branch", remote.branch, "--single-branch",
                "--", remote.url, str(place),
            )  # fmt: skip
            yield place

    def _git(self, place: Path, remote: Remote, *arguments: str) -> str:
        try:
            process = subprocess.Popen(
                ["git", *arguments],
                cwd=place,
                env=_environment(remote),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise GitRefused("git is not installed on the machine of this server") from None
        with process:
            try:
                said, complaint = process.communicate(timeout=self._longest)
            except BaseException as error:
                # Git has children of its own (for a fetch over HTTP, say), which would go on writing.
                os.killpg(process.pid, signal.SIGKILL)
                if isinstance(error, subprocess.TimeoutExpired):
                    what = f"git {arguments[0]} took longer than {self._longest:.0f} seconds"
                    raise GitRefused(what) from None
                raise
        if process.returncode:
            raise GitRefused(f"git {arguments[0]}: {complaint.strip()[-TOLD:]}")
        return said


def _environment(remote: Remote) -> dict[str, str]:
    kept = (
        "PATH",
        "LANG",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "HTTPS_PROXY",
        "https_proxy",
        "NO_PROXY",
        "no_proxy",
    )
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment |= {
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        # What a repository's address may lead to: nothing that runs a program.
        "GIT_ALLOW_PROTOCOL": "https:http:file",
    }
    for role in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{role}_NAME": "Mastic", f"GIT_{role}_EMAIL": "mastic@localhost"}
    if remote.token:
        pair = base64.b64encode(f"x-access-token:{remote.token}".encode()).decode()
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "http.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {pair}",
        }
    return environment


def _inside(place: Path, folder: str) -> Path:
    """A folder of the clone. Raises GitRefused for one that leads out of it."""
    target = (place / folder.strip("/")).resolve()
    if not target.is_relative_to(place.resolve()) or ".git" in target.relative_to(place.resolve()).parts:
        raise GitRefused(f"{folder!r} is no folder of the repository")
    return target


def _writable(folder: Path, name: str) -> Path:
    """A file of a folder to write to. Raises GitRefused for a name that is none, and for a link that could lead out."""
    target = folder / name
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise GitRefused(f"{name!r} is no name of a file")
    if target.is_symlink() or (target.exists() and not target.is_file()):
        raise GitRefused(f"{name!r} of the repository is no regular file")
    return target


def _files(place: Path, folder: str) -> list[Path]:
    target = _inside(place, folder)
    # A link could lead anywhere on this machine.
    return (
        [one for one in target.iterdir() if one.is_file() and not one.is_symlink()] if target.is_dir() else []
    )

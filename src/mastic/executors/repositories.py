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
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mastic.executors.base import GitForbidden, GitRefused, Remote

LONGEST = 120.0  # seconds for one command
TRIES = 5  # of a push that others overtake
TOLD = 500  # characters of git's own words that a message has
_COMMIT = re.compile(r"[0-9a-f]{7,64}\Z")
# In git's own words, and by the answer's number: what a server itself says, everybody says differently.
_FORBIDDEN = re.compile(
    r"Authentication failed|could not read Username|could not read Password|returned error: 40[13]\b"
)
_OVERTAKEN = re.compile(
    r"rejected\].*\((fetch first|non-fast-forward|cannot lock ref|failed to update ref|incorrect old)"
)
_BRANCH = re.compile(r"(?!-)[^\s~^:?*\[\\\x00-\x20]{1,255}\Z")


class _Overtaken(GitRefused):
    """Somebody else has pushed since the clone."""


class Repositories:
    """Runs git in ``directory``, for ``longest`` seconds at most. What a killed server left there goes at once."""

    def __init__(self, *, directory: Path, longest: float = LONGEST) -> None:
        self._directory = directory
        self._longest = longest
        shutil.rmtree(directory, ignore_errors=True)

    def read(
        self, remote: Remote, folder: str, names: Collection[str], commit: str | None
    ) -> tuple[str, dict[str, bytes]]:
        """(commit, those of the files that the folder has) of the branch's end, or of a commit of it.

        Raises GitRefused.
        """
        with self._clone(remote, whole=commit is not None) as (place, _):
            if commit is not None:
                self._git(place, remote, "checkout", "--quiet", "--detach", _commit_id(commit))
            found = {one.name: one.read_bytes() for one in _files(place, folder) if one.name in names}
            return self._git(place, remote, "rev-parse", "HEAD").strip(), found

    def write(
        self, remote: Remote, folder: str, files: Mapping[str, bytes], message: str, since: str | None = None
    ) -> str:
        """Put files into a folder of the branch, which is made if need be; returns the commit.

        ``since`` is a commit of the branch after which nobody may have changed the folder. Raises GitRefused.
        """
        for _ in range(TRIES - 1):
            try:
                return self._write(remote, folder, files, message, since)
            except _Overtaken:
                continue  # somebody else has pushed meanwhile: on top of that
        return self._write(remote, folder, files, message, since)

    def _write(
        self, remote: Remote, folder: str, files: Mapping[str, bytes], message: str, since: str | None
    ) -> str:
        with self._clone(remote, whole=since is not None) as (place, branch):
            target = _inside(place, folder)
            if since is not None:
                self._refuse_changes(place, remote, folder, since)
            try:
                target.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise GitRefused(f"{folder!r} of the repository is no folder: {error.strerror}") from None
            written = []
            for name, content in files.items():
                one = _writable(target, name)
                one.write_bytes(content)
                written.append(str(one))
            # Forced: what the repository ignores would be left out without a word.
            self._git(place, remote, "add", "--force", "--", *written)
            if self._git(place, remote, "diff", "--cached", "--name-only"):
                self._git(place, remote, "commit", "--quiet", "--message", message)
                self._git(place, remote, "push", "--quiet", "origin", f"HEAD:{branch}")
            return self._git(place, remote, "rev-parse", "HEAD").strip()

    def _refuse_changes(self, place: Path, remote: Remote, folder: str, since: str) -> None:
        commit = _commit_id(since)
        self._git(place, remote, "merge-base", commit, "HEAD")  # whether the branch has it at all
        changed = self._git(place, remote, "diff", "--name-only", commit, "HEAD", "--", f":(literal){folder}")
        if changed:
            raise GitRefused(f"{folder} of the repository was changed after the commit {since}")

    @contextmanager
    def _clone(self, remote: Remote, *, whole: bool) -> Iterator[tuple[Path, str]]:
        """(the clone, the full name of its branch)."""
        if remote.branch and not _BRANCH.match(remote.branch):
            raise GitRefused(f"{remote.branch!r} is no name of a branch")
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=self._directory) as folder:
            place = Path(folder) / "tree"
            options = [] if whole else ["--depth", "1"]
            options += ["--branch", remote.branch] if remote.branch else []
            self._git(
                Path(folder),
                remote,
                "clone",
                "--quiet",
                *options,
                "--single-branch",
                "--",
                remote.url,
                str(place),
            )
            branch = self._git(place, remote, "rev-parse", "--symbolic-full-name", "HEAD").strip()
            if not branch.startswith("refs/heads/"):
                # git takes tags for branches, too, and would make a branch of that name.
                raise GitRefused(f"{remote.branch!r} is a tag, and no branch")
            yield place, branch

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
                encoding="utf-8",
                errors="replace",
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
            reason = f"git {arguments[0]}: {complaint.strip()[-TOLD:]}"
            if _FORBIDDEN.search(complaint):
                raise GitForbidden(reason)
            raise _Overtaken(reason) if _OVERTAKEN.search(complaint) else GitRefused(reason)
        return said


def _commit_id(given: str) -> str:
    if not _COMMIT.match(given):
        raise GitRefused(f"{given!r} is no commit id")
    return given


def _environment(remote: Remote) -> dict[str, str]:
    kept = (
        "PATH",
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
        # Its complaints are looked into; names of files are UTF-8 all the same.
        "LC_ALL": "C.UTF-8",
        "LANGUAGE": "C",
        # What a repository's address may lead to: nothing that runs a program.
        "GIT_ALLOW_PROTOCOL": "https:http:file",
    }
    for role in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{role}_NAME": "Mastic", f"GIT_{role}_EMAIL": "mastic@localhost"}
    if remote.token:
        # A pair as some providers give it out, or a token alone.
        pair = remote.token if ":" in remote.token else f"{remote.user}:{remote.token}"
        header = f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}"
        # The token goes to the address that was asked for, and to no other that this one might name.
        settings = {"http.extraHeader": header, "http.followRedirects": "false"}
        environment["GIT_CONFIG_COUNT"] = str(len(settings))
        for number, (name, value) in enumerate(settings.items()):
            environment |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
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

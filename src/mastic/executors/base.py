"""What the runner asks of a place where job processes run. Owns no state."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import orjson

ORDER_VERSION = 1
RUN_VARIABLE = "MASTIC_RUN_ID"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessId:
    """A process, told apart from a later one of the same number by when it started (in the kernel's own unit)."""

    pid: int
    started: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What a job process is told; the published schema is ``order.v1.json`` of the ``awsglue`` wheel."""

    run_id: str
    attempt: int
    job_name: str
    command: str
    script: str
    argv: list[str]
    env: dict[str, str | None]
    cwd: str
    python_path: list[str]
    stdout: str
    stderr: str
    result: str
    engine: str
    arguments: dict[str, str]
    memory_mb: int
    cores: int
    engine_reason: str = ""
    version: int = ORDER_VERSION

    def write(self, path: Path) -> None:
        """Store the order, readable by its owner alone: it carries credentials."""
        write_private(path, orjson.dumps(asdict(self)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What a job process left behind; ``result.v1.json`` of the ``awsglue`` wheel."""

    state: str
    exit_code: int
    error_class: str = ""
    error_message: str = ""
    traceback: str = ""
    error_line: int | None = None
    engine: str = ""
    engine_reason: str = ""
    refusal: dict[str, Any] | None = None
    script_started_at: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a process may use: ``memory_mb`` of its own memory; ``niceness`` keeps the server ahead of its jobs."""

    memory_mb: int | None = None
    niceness: int = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What a process and its descendants have used: processor time so far, memory now."""

    cpu_seconds: float
    memory_bytes: int


class Waiting(Protocol):
    """A prepared process that does not know yet what to do. It ends by itself when nobody tells it."""

    @property
    def process(self) -> ProcessId: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ModuleSet:
    """Python modules as the installer is told them. ``files`` are those of them that were fetched, by their names.

    ``archive`` is a whole environment, packed, in place of modules; ``library_set`` a set of Mastic's own, beside them.
    """

    modules: tuple[str, ...] = ()
    library_set: str = ""
    options: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    archive: Path | None = None


class InstallationFailed(Exception):
    """Modules could not be installed; ``str()`` is the installer's reason."""


class InstallationAbandoned(Exception):
    """Nobody needs the modules any more that were being installed."""


class GitRefused(Exception):
    """Something could not be done; ``str()`` is git's reason."""


class GitForbidden(GitRefused):
    """Whoever asks may not do it: the token is missing, wrong, or good for less."""


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A branch of a repository ("": its default one) and who asks for it. Tokens come with a ``user`` for HTTP."""

    url: str
    branch: str = ""
    token: str = ""
    user: str = "x-access-token"


class RuntimeMissing(Exception):
    """The environment that a job needs is not installed; ``str()`` says how to install it."""


class Executor(Protocol):
    """A place where job processes run. ``memory_mb`` and ``cores`` are the most that one of them can have."""

    host: str
    memory_mb: int
    cores: int

    def places(self) -> int:
        """How many processes may run here at a time."""
        ...

    def take(self, runtime: str, python: Path | None = None) -> Waiting:
        """A process of this runtime, prepared ahead if there is one, or of ``python``, an environment over it.

        Raises RuntimeMissing.
        """
        ...

    def begin(self, waiting: Waiting, order: Path, limits: Limits) -> bool:
        """Tell a process its order; false when it is gone."""
        ...

    def discard(self, waiting: Waiting) -> None:
        """Let a process go that has not been told anything."""
        ...

    def watch(self, process: ProcessId, ended: Callable[[], None]) -> None:
        """Call ``ended`` once, from any thread, when the process has ended; at once when it is gone already."""
        ...

    def alive(self, process: ProcessId) -> bool:
        """Whether this very process still runs."""
        ...

    def exit_code(self, process: ProcessId) -> int | None:
        """The exit code (negative: the signal) of a process that was a child of this server, else None."""
        ...

    def usage(self, process: ProcessId) -> Usage | None:
        """What the process and its descendants use; None when it is gone."""
        ...

    def complaint(self, process: ProcessId) -> str:
        """What a process said before it knew where to write; for one that never began."""
        ...

    def forget(self, process: ProcessId) -> None:
        """Nothing more will be asked about a process that has ended."""
        ...

    def kill(self, run_id: str, process: ProcessId | None, *, grace: float) -> bool:
        """End every process of the run, politely for ``grace`` seconds, then by force; false when some survive."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class RunDirectory:
    """The directory of one launch and the files in it."""

    path: Path

    @property
    def stdout(self) -> Path:
        """Standard output; it exists as soon as the process has read its order."""
        return self.path / "stdout.log"

    @property
    def stderr(self) -> Path:
        """Standard error."""
        return self.path / "stderr.log"

    @property
    def order(self) -> Path:
        """The order."""
        return self.path / "order.json"

    @property
    def result(self) -> Path:
        """The result: there whole, or not at all."""
        return self.path / "result.json"

    @property
    def work(self) -> Path:
        """The script's working directory."""
        return self.path / "work"

    @property
    def temporary(self) -> Path:
        """The script's temporary files."""
        return self.path / "tmp"

    @property
    def profiles(self) -> Path:
        """The AWS profiles that the script sees: none."""
        return self.path / "profiles"

    @property
    def began(self) -> bool:
        """Whether the process has read its order, and so may have run some of the script."""
        return self.stdout.exists()

    def aside(self) -> Path:
        """A further directory of this launch that has a short name: sockets in this one would have too long names."""
        place = Path(tempfile.mkdtemp(prefix="mastic-"))
        (self.path / "aside").symlink_to(place)
        return place

    def remove(self) -> None:
        """Remove everything of this launch."""
        link = self.path / "aside"
        if link.is_symlink():
            shutil.rmtree(link.readlink(), ignore_errors=True)
        shutil.rmtree(self.path, ignore_errors=True)

    def make(self) -> None:
        """Create the directory, for its owner alone."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (self.work, self.temporary):
            folder.mkdir(exist_ok=True, mode=0o700)
        self.profiles.touch()

    def read_result(self) -> Result | None:
        """The result, or None when the process left none. Raises ValueError for one that cannot be read."""
        try:
            body = orjson.loads(self.result.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ValueError(f"{self.result.name}: {error.strerror}") from error
        if not isinstance(body, dict) or body.get("version") != ORDER_VERSION:
            raise ValueError(f"{self.result.name} is not of version {ORDER_VERSION}")
        if body.get("state") not in ("SUCCEEDED", "FAILED", "EXPIRED") or not isinstance(
            body.get("exit_code"), int
        ):
            raise ValueError(f"{self.result.name} does not say how the process ended")
        return Result(
            **{name: body[name] for name in Result.__dataclass_fields__ if body.get(name) is not None}
        )


def write_private(path: Path, data: bytes) -> None:
    """Write a file that its owner alone can read, whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    Path(temporary).replace(path)

"""Runtimes: isolated Python environments, each with the job library and one engine.

A runtime is built in a directory of its own beside the others, named after what it is made of, and becomes
visible by one rename of a link: so it is there whole or not at all, and a job that runs in the former one keeps
it. Owns the directory of runtimes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mastic import bundled
from mastic.errors import Refused

Progress = Callable[[str], None]

LOCKS = Path(__file__).parent / "locks"


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What a runtime is made of: ``locks/<name>.txt`` (``make lock``), and what the fields say.

    ``library``: the job library is in it. ``proof``: the module whose import shows that it works.
    ``bare``: ``locks/<name>.bare.txt`` names packages that are installed without what they require. ``archive``: the
    module that, run once, makes its later starts quick.
    """

    library: bool
    proof: str
    bare: bool = False
    archive: str = ""


# What makes the archive of classes from which Spark's JVM starts quickly.
ARCHIVE = "awsglue._runtime.classic.archive"
RUNTIMES = {
    "sail": Runtime(library=True, proof="awsglue._runtime.launch"),
    # The jars for S3 come in a package that asks for an old Spark of its own.
    "spark-3.5": Runtime(library=True, proof="awsglue._runtime.launch", bare=True, archive=ARCHIVE),
    "spark-4.1": Runtime(library=True, proof="awsglue._runtime.launch", bare=True, archive=ARCHIVE),
    "ray": Runtime(library=True, proof="ray.data"),
    "neighbours": Runtime(library=False, proof="ministack.app"),
}
STAMP = "mastic-runtime.json"


class Runtimes:
    """The runtimes of one directory. ``overrides`` names interpreters to be used instead of installed ones."""

    def __init__(self, directory: Path, *, overrides: dict[str, Path] | None = None) -> None:
        self._directory = directory
        self._overrides = dict(overrides or {})

    def names(self) -> list[str]:
        """Every runtime there can be."""
        return list(RUNTIMES)

    def interpreter(self, name: str) -> Path | None:
        """The runtime's Python; None when it is not installed."""
        if name in self._overrides:
            return self._overrides[name]
        python = self._directory / name / "bin" / "python"
        return python if self._stamp(name) is not None and python.exists() else None

    def installed(self, name: str) -> bool:
        """Whether the runtime is there and made of what this version of Mastic would make it of."""
        self._check(name)
        return name in self._overrides or self._stamp(name) == self._wanted(name)

    def install(self, name: str, progress: Progress = lambda line: None) -> Path:
        """Build the runtime unless it is there; returns its Python. Raises Refused with the reason."""
        self._check(name)
        if name in self._overrides:
            return self._overrides[name]
        self._directory.mkdir(parents=True, exist_ok=True)
        with self._lock(name, progress):
            if not self.installed(name):
                self._build(name, progress)
        return self._directory / name / "bin" / "python"

    def _check(self, name: str) -> None:
        if name not in self.names():
            raise Refused(f"there is no runtime {name!r}: choose one of {', '.join(self.names())}")

    # -- building ----------------------------------------------------------------------------------

    def _build(self, name: str, progress: Progress) -> None:
        wanted = self._wanted(name)
        digest = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:12]
        place = self._directory / f"{name}.{digest}"
        if place.exists():
            shutil.rmtree(place)
        progress(f"making an environment in {place}")
        uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
        python = str(place / "bin" / "python")
        try:
            if uv is not None:
                _run([uv, "venv", "--quiet", "--python", sys.executable, str(place)], progress)
                pip = [uv, "pip", "install", "--python", python, "--compile-bytecode"]
            else:
                _run([sys.executable, "-m", "venv", str(place)], progress)
                pip = [python, "-m", "pip", "install", "--disable-pip-version-check"]
            for what, arguments in _ingredients(name):
                progress(f"installing {what}")
                _run([*pip, *arguments], progress)
            _run([python, "-c", f"import {RUNTIMES[name].proof}"], progress)
            _archive(name, python, progress)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        (place / STAMP).write_text(json.dumps(wanted, sort_keys=True))
        self._publish(name, place)

    def _publish(self, name: str, place: Path) -> None:
        link = self._directory / name
        former = link.resolve() if link.is_symlink() else None
        if link.exists() and not link.is_symlink():
            aside = self._directory / f"{name}.replaced"
            shutil.rmtree(aside, ignore_errors=True)
            link.rename(aside)
        fresh = self._directory / f"{name}.link"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(place.name)
        fresh.replace(link)
        # Jobs may still run in the former one; those before it are of no use to anybody.
        for old in self._directory.glob(f"{name}.*"):
            if old.is_dir() and not old.is_symlink() and old.resolve() not in (place.resolve(), former):
                shutil.rmtree(old, ignore_errors=True)

    @contextmanager
    def _lock(self, name: str, progress: Progress) -> Iterator[None]:
        with (self._directory / f"{name}.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                progress(f"waiting: somebody else is installing {name}")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    # -- what a runtime is made of -----------------------------------------------------------------

    def _stamp(self, name: str) -> dict[str, str] | None:
        try:
            stamp: dict[str, str] = json.loads((self._directory / name / STAMP).read_text())
        except (OSError, ValueError):
            return None
        return stamp

    def _wanted(self, name: str) -> dict[str, str]:
        stamp = {
            "python": ".".join(map(str, sys.version_info[:3])),
            "packages": _digest(sorted(LOCKS.glob(f"{name}*.txt"))),
        }
        if RUNTIMES[name].archive:
            stamp["archive"] = "1"
        if RUNTIMES[name].library:
            source, editable = package_source()
            # In a checkout the library is linked and needs no building again.
            stamp |= (
                {"linked": str(source)} if editable else {"library": _digest(sorted(source.rglob("*.py")))}
            )
        return stamp


def _digest(files: Iterable[Path]) -> str:
    content = hashlib.sha256()
    for file in files:
        content.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return content.hexdigest()


def _ingredients(name: str) -> Iterator[tuple[str, list[str]]]:
    """What to install for a runtime, step by step, and how the installer is told."""
    made_of = RUNTIMES[name]
    yield f"what {name} needs", ["--require-hashes", "-r", str(LOCKS / f"{name}.txt")]
    if made_of.bare:
        yield "jars", ["--no-deps", "--require-hashes", "-r", str(LOCKS / f"{name}.bare.txt")]
    if made_of.library:
        source, editable = package_source()
        yield "the job library", ["--no-deps", *(["-e"] if editable else []), str(source)]


def _archive(name: str, python: str, progress: Progress) -> None:
    """Make later starts quick, where that can be done: without it they only take longer."""
    module = RUNTIMES[name].archive
    if not module:
        return
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        progress("no Java here: Spark needs it (17), and its starts will be slow")
        return
    progress("preparing quick starts")
    try:
        _run([python, "-m", module], progress)
    except Refused as error:
        progress(f"starts will be slow: {error}")


def package_source() -> tuple[Path, bool]:
    """Where the job library's source is, and whether that is a checkout. Raises Refused when there is none."""
    return bundled.find("awsglue", "packages/awsglue")


def _run(command: list[str], progress: Progress) -> None:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")
    }
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip())
            progress(line.rstrip())
    if process.returncode:
        tail = "\n".join(lines[-15:])
        raise Refused(f"{' '.join(command)} ended with {process.returncode}:\n{tail}")

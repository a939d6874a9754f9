"""``mastic doctor``: looks at this machine and says what to do. Owns no state."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console

from mastic.config import Config
from mastic.executors.runtimes import Runtimes

_NEEDED_FOR = {
    "sail": "installed on first use",
    "neighbours": "installed on the first use of SQS, SNS, KMS, DynamoDB and their like",
    "spark-3.5": "only for --engine spark, and for what the embedded engine does not serve",
    "spark-4.1": "only for jobs with GlueVersion 6.0",
    "ray": "only for Ray jobs",
}
_NEEDED_MEMORY, _NEEDED_DISK = 2 * 1024**3, 2 * 1024**3


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was looked at. ``level`` is ok, note (works without) or bad (will not work)."""

    subject: str
    level: str
    text: str


def examine(config: Config, console: Console) -> int:
    """Print the findings; returns 1 when something will not work."""
    findings = [finding for check in _CHECKS for finding in check(config)]
    marks = {"ok": "[green]✓[/green]", "note": "[yellow]•[/yellow]", "bad": "[red]✗[/red]"}
    for finding in findings:
        console.print(
            f" {marks[finding.level]} {finding.subject:18} {finding.text}", highlight=False, soft_wrap=True
        )
    return int(any(f.level == "bad" for f in findings))


def _python(config: Config) -> Iterator[Finding]:
    yield Finding(subject="Python", level="ok", text=f"{sys.version.split()[0]} at {sys.executable}")


def _data_dir(config: Config) -> Iterator[Finding]:
    place = config.data_dir
    while not place.exists():
        place = place.parent
    writable = os.access(place, os.W_OK)
    text = (
        str(config.data_dir)
        if writable
        else f"{config.data_dir} cannot be written: choose another with --data-dir"
    )
    yield Finding(subject="data directory", level="ok" if writable else "bad", text=text)
    free = shutil.disk_usage(place).free
    enough = free > _NEEDED_DISK
    yield Finding(subject="disk", level="ok" if enough else "note", text=f"{free / 1024**3:.0f} GiB free")


def _memory(config: Config) -> Iterator[Finding]:
    memory = psutil.virtual_memory().available
    level = "ok" if memory > _NEEDED_MEMORY else "note"
    yield Finding(
        subject="memory", level=level, text=f"{memory / 1024**3:.1f} GiB available, {os.cpu_count()} cores"
    )


def _port(config: Config) -> Iterator[Finding]:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as error:
            text = (
                f"{config.host}:{config.port} is taken ({error.strerror}): a running Mastic, or choose --port"
            )
            yield Finding(subject="port", level="note", text=text)
        else:
            yield Finding(subject="port", level="ok", text=f"{config.host}:{config.port} is free")


def _runtimes(config: Config) -> Iterator[Finding]:
    runtimes = Runtimes(config.runtimes_dir)
    for name in runtimes.names():
        installed = runtimes.installed(name)
        needed = _NEEDED_FOR.get(name, "on request")
        text = "installed" if installed else f"not installed ({needed}): mastic runtime install {name}"
        yield Finding(subject=f"runtime {name}", level="ok" if installed else "note", text=text)


def _java(config: Config) -> Iterator[Finding]:
    found = shutil.which("java")
    text = found or "none: only Apache Spark (--engine spark) needs one"
    yield Finding(subject="Java", level="ok" if found else "note", text=text)


def _links(config: Config) -> Iterator[Finding]:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "a"
        source.write_bytes(b"x")
        try:
            (Path(folder) / "b").hardlink_to(source)
        except OSError:
            yield Finding(
                subject="file system", level="note", text="no hard links: queries copy the files they read"
            )
        else:
            yield Finding(subject="file system", level="ok", text="hard links work")


_CHECKS: tuple[Callable[[Config], Iterator[Finding]], ...] = (
    _python,
    _data_dir,
    _memory,
    _port,
    _runtimes,
    _java,
    _links,
)

"""What a run's arguments say of Spark's event logs, and where those lie meanwhile. Owns no state."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mastic.executors.base import RunDirectory
from mastic.glue.jobs.engines import Unprepared, asked

STANDARD, LEGACY = "--enable-spark-ui", "--enable-spark-ui-legacy-path"
PATH = "--spark-event-logs-path"
SCHEMES = ("s3", "s3a", "s3n")


def wanted(merged: Mapping[str, str]) -> bool:
    """Whether the run asks for event logs and says where to. Raises Unprepared for a place that is none."""
    if not (asked(merged, STANDARD) or asked(merged, LEGACY)) or not merged.get(PATH):
        return False
    scheme, _, rest = merged[PATH].partition("://")
    if scheme not in SCHEMES or not rest.partition("/")[0]:
        raise Unprepared(f"{PATH} {merged[PATH]!r} is not an S3 path.")
    return True


def folder(directory: RunDirectory) -> Path:
    """Where Spark writes the logs of a launch."""
    return directory.path / "event-logs"


def places(merged: Mapping[str, str], run_id: str) -> tuple[str, list[str]]:
    """(bucket, prefixes): by default a folder of the run's own, at the legacy place all runs together."""
    bucket, _, key = merged[PATH].partition("://")[2].partition("/")
    base = f"{key.strip('/')}/" if key.strip("/") else ""
    found = [f"{base}{run_id}/"] if asked(merged, STANDARD) else []
    return bucket, found + ([base] if asked(merged, LEGACY) else [])

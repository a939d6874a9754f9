"""Spark's event logs of a run, stored where the run wants them when its processes have ended, however they ended.

What a killed JVM has written is stored as far as it goes, under Spark's own suffix for it. Storing them once more
changes nothing, so a server that is killed here begins anew. Owns no state.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mastic.errors import ServiceError
from mastic.executors.base import RunDirectory
from mastic.glue.jobs import spark_ui
from mastic.objects.base import Objects
from mastic.store.job_runs import JobRun


def store(run: JobRun, directory: RunDirectory, objects: Objects) -> Iterator[str]:
    """Store what there is, if the run asked for it; yields what is to be said of it in the run's log."""
    folder = spark_ui.folder(directory)
    if not folder.is_dir():
        return
    files = sorted(file for file in folder.rglob("*") if _is_log(file))
    if not files:
        yield "mastic: no event log of Spark was written: the script has not come to use Spark"
        return
    encryption = (run.plan.get("Encryption") or {}).get("S3")
    bucket, prefixes = spark_ui.places(run.plan["Arguments"], run.id)
    for file in files:
        for prefix in prefixes:
            key = prefix + name(file.relative_to(folder))
            try:
                objects.put(bucket, key, file, encryption=encryption)
            except (ServiceError, OSError) as error:
                # An event log is no reason for a run not to end.
                reason = error.message if isinstance(error, ServiceError) else str(error)
                yield f"mastic: Spark's event log could not be stored at s3://{bucket}/{key}: {reason}"


def _is_log(file: Path) -> bool:
    return file.is_file() and not file.is_symlink() and not file.name.startswith(".")


def name(file: Path) -> str:
    """A log's name below its place: Spark on one machine calls local-… what is named spark-application-… in Glue.

    Rolled logs are folders that name their application within: these stay as Spark has made them.
    """
    text = file.as_posix()
    return text if len(file.parts) > 1 else text.replace("local-", "spark-application-", 1)

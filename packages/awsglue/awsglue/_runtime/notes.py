"""Arguments of a job that are taken and change nothing here: said in the job's error log, and why."""

from __future__ import annotations

import sys
from collections.abc import Mapping

NO_EFFECT = {
    "--auto-scale-within-microbatch": "a run has all its workers from the beginning",
    "--continuous-log-conversionPattern": "lines are logged as the script writes them",
    "--custom-logStream-prefix": "log streams are named after the run",
    "--enable-data-lineage": "no lineage is recorded",
    "--enable-spark-ui": "no event logs of Spark are written",
    "--executor-cores": "a run is one process, with the cores of all its workers",
    "--write-shuffle-files-to-s3": "rows are exchanged on this machine",
    "--write-shuffle-spills-to-s3": "rows are exchanged on this machine",
}


def without_effect(arguments: Mapping[str, str]) -> list[str]:
    """A line for each argument that asks for something which is not done."""
    return [
        f"{name} has no effect: {reason}"
        for name, reason in NO_EFFECT.items()
        if arguments.get(name, "").strip().lower() not in ("", "false")
    ]


def tell(arguments: Mapping[str, str]) -> None:
    """Write the lines."""
    for line in without_effect(arguments):
        sys.stderr.write(f"mastic: {line}\n")

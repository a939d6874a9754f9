"""Arguments of a job that are taken and change nothing here: said in the job's error log, and why."""

from __future__ import annotations

import sys
from collections.abc import Mapping

NO_EFFECT = {
    "--auto-scale-within-microbatch": "a run has all its workers from the beginning",
    "--continuous-log-conversionPattern": "lines are logged as the script writes them",
    "--enable-data-lineage": "no lineage is recorded",
    "--executor-cores": "a run is one process, with the cores of all its workers",
    "--write-shuffle-files-to-s3": "rows are exchanged on this machine",
    "--write-shuffle-spills-to-s3": "rows are exchanged on this machine",
}


SPARK_UI = ("--enable-spark-ui", "--enable-spark-ui-legacy-path")


def without_effect(arguments: Mapping[str, str], *, spark: bool, connected: bool = False) -> list[str]:
    """A line for each argument that asks for something which is not done.

    ``spark``: the engine is Apache Spark; ``connected``: that of a Connect server.
    """
    reasons = dict(NO_EFFECT)
    if not spark:
        reasons |= dict.fromkeys(
            SPARK_UI, "event logs are Apache Spark's, which this engine is not (--engine spark)"
        )
    elif connected:
        reasons |= dict.fromkeys(SPARK_UI, "the event log is the Spark Connect server's own")
    elif not arguments.get("--spark-event-logs-path"):
        reasons |= dict.fromkeys(SPARK_UI, "--spark-event-logs-path does not say where event logs go")
    return [
        f"{name} has no effect: {reason}"
        for name, reason in reasons.items()
        if arguments.get(name, "").strip().lower() not in ("", "false")
    ]


def tell(arguments: Mapping[str, str], *, spark: bool, connected: bool = False) -> None:
    """Write the lines."""
    for line in without_effect(arguments, spark=spark, connected=connected):
        sys.stderr.write(f"mastic: {line}\n")

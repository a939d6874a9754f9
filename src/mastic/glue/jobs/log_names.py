"""Which log groups and streams a run's lines go to, and whether those names can be had. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson

from mastic.glue.jobs import arguments, capacity
from mastic.store.job_runs import JobRun

GROUP_PREFIX, STREAM_PREFIX = "--custom-logGroup-prefix", "--custom-logStream-prefix"
CONTINUOUS = "--enable-continuous-cloudwatch-log"
CONTINUOUS_GROUP, CONTINUOUS_STREAM = "--continuous-log-logGroup", "--continuous-log-logStreamPrefix"
_GROUP = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")
_STREAM = re.compile(r"[^:*\0]{1,400}")


def destinations(run: JobRun, name: str) -> list[tuple[str, str]]:
    """(group, stream) for the lines of a run's "stdout" or "stderr"."""
    command, merged = run.plan["Command"]["Name"], run.plan["Arguments"]
    if command == "glueray":
        # A Ray script has one log.
        return [(f"{run.body['LogGroupName']}/script-log", run.id)] if has_ray_logs(run) else []
    stream = run.id
    if command in capacity.SPARK and merged.get(STREAM_PREFIX):
        stream = f"{merged[STREAM_PREFIX]}-driver"
    found = [(f"{run.body['LogGroupName']}/{'output' if name == 'stdout' else 'error'}", stream)]
    if arguments.enabled(merged, CONTINUOUS):
        continuous = merged.get(CONTINUOUS_GROUP) or "/aws-glue/jobs/logs-v2"
        found.append((continuous, f"{merged.get(CONTINUOUS_STREAM) or run.id}-driver"))
    return found


def refusal(merged: Mapping[str, str]) -> str:
    """Why lines cannot go where these arguments say; empty when they can."""
    continuous = arguments.enabled(merged, CONTINUOUS)
    for name in (GROUP_PREFIX, *([CONTINUOUS_GROUP] if continuous else [])):
        if merged.get(name) and not _GROUP.fullmatch(f"{merged[name]}/script-log"):
            return f"{name} {merged[name]!r} cannot begin the name of a log group: letters, digits and . - _ / # can."
    for name in (STREAM_PREFIX, *([CONTINUOUS_STREAM] if continuous else [])):
        if merged.get(name) and not _STREAM.fullmatch(merged[name]):
            return (
                f"{name} {merged[name]!r} cannot begin the name of a log stream: it has at most 400 characters, "
                "and neither : nor *."
            )
    return ""


def has_ray_logs(run: JobRun) -> bool:
    """Whether ``--logging_configuration`` leaves a Ray job its logs."""
    try:
        asked = orjson.loads(run.plan["Arguments"].get("--logging_configuration") or "{}")
        return str(asked.get("CLOUDWATCH_LOGS", {}).get("IS_ENABLED", "True")).lower() != "false"
    except (orjson.JSONDecodeError, AttributeError):
        return True  # what cannot be read switches nothing off

"""What a job definition must be, and what it becomes when it is stored. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mastic.errors import invalid_input
from mastic.glue.jobs import arguments, capacity

KEPT = (
    "Description",
    "LogUri",
    "Role",
    "Command",
    "DefaultArguments",
    "NonOverridableArguments",
    "Connections",
    "SecurityConfiguration",
    "NotificationProperty",
    "CodeGenConfigurationNodes",
    "ExecutionClass",
    "SourceControlDetails",
    "MaintenanceWindow",
)
MOST_RETRIES = 10
RAY_RUNTIMES = ("Ray2.4",)


def definition(given: Mapping[str, Any], *, default_version: str) -> dict[str, Any]:
    """The stored body of a CreateJob input or a JobUpdate: checked, defaults filled in.

    Raises InvalidInputException.
    """
    if not given.get("Role"):
        raise invalid_input("Role cannot be null or empty")
    command = _command(given.get("Command"))
    body: dict[str, Any] = {name: given[name] for name in KEPT if given.get(name) is not None}
    body["Command"] = command
    if command["Name"] == "glueray":
        body["GlueVersion"] = given.get("GlueVersion") or "4.0"
    elif command["Name"] == "pythonshell":
        body["GlueVersion"] = given.get("GlueVersion") or "3.0"
    else:
        body["GlueVersion"] = given.get("GlueVersion") or default_version
    capacity.version(body["GlueVersion"])
    visual = bool(given.get("CodeGenConfigurationNodes"))
    if visual and command["Name"] not in capacity.SPARK:
        raise invalid_input(f"CodeGenConfigurationNodes are not supported for {command['Name']} jobs.")
    body["JobMode"] = given.get("JobMode") or ("VISUAL" if visual else "SCRIPT")
    body["JobRunQueuingEnabled"] = bool(given.get("JobRunQueuingEnabled"))
    body["MaxRetries"] = _retries(given.get("MaxRetries"))
    body["ExecutionProperty"] = {"MaxConcurrentRuns": _concurrency(given.get("ExecutionProperty"))}
    timeout = given.get("Timeout") or capacity.default_timeout(command["Name"], body["GlueVersion"])
    capacity.check_timeout(timeout)
    if timeout is not None:
        body["Timeout"] = timeout
    body.update(capacity.resolve({**given, "Command": command, "GlueVersion": body["GlueVersion"]}))
    capacity.check_execution_class(command["Name"], body["GlueVersion"], body.get("ExecutionClass"))
    notification(body.get("NotificationProperty"))
    if body.get("MaintenanceWindow") and command["Name"] != "gluestreaming":
        raise invalid_input("Maintenance window is only supported for streaming jobs.")
    for name in ("DefaultArguments", "NonOverridableArguments"):
        arguments.check(name, body.get(name))
    return body


def notification(value: Mapping[str, Any] | None) -> None:
    """NotifyDelayAfter counts minutes, from 1; raises InvalidInputException."""
    if value and value.get("NotifyDelayAfter") is not None and value["NotifyDelayAfter"] < 1:
        raise invalid_input("NotifyDelayAfter should be at least 1 minute.")


def _command(given: Mapping[str, Any] | None) -> dict[str, Any]:
    if not given:
        raise invalid_input("Command cannot be null or empty")
    command = dict(given)
    command.setdefault("Name", "glueetl")
    if command["Name"] not in capacity.COMMANDS:
        raise invalid_input(f"Command name {command['Name']} is not one of {', '.join(capacity.COMMANDS)}")
    if command["Name"] != "glueray":
        command.setdefault("PythonVersion", "3")
    elif command.get("Runtime", RAY_RUNTIMES[0]) not in RAY_RUNTIMES:
        raise invalid_input(f"Runtime {command['Runtime']} is not one of {', '.join(RAY_RUNTIMES)}")
    return command


def _retries(given: int | None) -> int:
    retries = given or 0
    if not 0 <= retries <= MOST_RETRIES:
        raise invalid_input(f"MaxRetries should be between 0 and {MOST_RETRIES}.")
    return retries


def _concurrency(given: Mapping[str, Any] | None) -> int:
    wanted = (given or {}).get("MaxConcurrentRuns")
    if wanted is None:
        return 1
    if wanted < 1:
        raise invalid_input("MaxConcurrentRuns should be at least 1.")
    return int(wanted)

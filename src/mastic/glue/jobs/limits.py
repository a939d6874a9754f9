"""What a usage profile lets its principals ask for, and what it fills in for them. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from mastic.context import Context
from mastic.errors import invalid_input

# A profile's names of what it limits, and the API's.
_MEMBERS = {"workerType": "WorkerType", "numberOfWorkers": "NumberOfWorkers", "timeout": "Timeout"}
_WORKERS = ("workerType", "numberOfWorkers")
_NUMBERS = ("numberOfWorkers", "timeout")


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """A usage profile; ``limits`` is its JobConfiguration."""

    name: str
    limits: Mapping[str, Mapping[str, Any]]


# The usage profile that a caller is under, if any.
ProfileOf = Callable[[Connection, Context], Profile | None]


def no_profile(tx: Connection, context: Context) -> None:
    """Nobody is under a profile."""


def fill(given: Mapping[str, Any], profile: Profile | None) -> dict[str, Any]:
    """A definition with the profile's defaults where the caller said nothing."""
    filled = dict(given)
    if profile is None:
        return filled
    shell = (given.get("Command") or {}).get("Name") == "pythonshell"
    sized = shell or any(given.get(name) is not None for name in ("MaxCapacity", "AllocatedCapacity"))
    for key, member in _MEMBERS.items():
        default = profile.limits.get(key, {}).get("DefaultValue")
        if default is None or filled.get(member) is not None or (key in _WORKERS and sized):
            continue
        filled[member] = _number(profile, key, default) if key in _NUMBERS else default
    return filled


def check(body: Mapping[str, Any], profile: Profile | None) -> None:
    """Raise InvalidInputException for a job or run that goes beyond the profile."""
    if profile is None:
        return
    for key, member in _MEMBERS.items():
        limit = profile.limits.get(key)
        if not limit:
            continue
        value = body.get(member)
        if value is None and key in _WORKERS and "MaxCapacity" in body and body["MaxCapacity"] >= 2:
            raise invalid_input(f"Usage profile {profile.name} limits {member}: it has to be given.")
        if value is not None:
            _check_one(profile, key, member, value, limit)


def _check_one(profile: Profile, key: str, member: str, value: Any, limit: Mapping[str, Any]) -> None:
    said = f"{member} {value} is not allowed by usage profile {profile.name}"
    allowed = limit.get("AllowedValues") or []
    if allowed and str(value) not in allowed:
        raise invalid_input(f"{said}: use one of {', '.join(allowed)}.")
    if key not in _NUMBERS:
        return
    if limit.get("MinValue") is not None and value < _number(profile, key, limit["MinValue"]):
        raise invalid_input(f"{said}: it has to be at least {limit['MinValue']}.")
    if limit.get("MaxValue") is not None and value > _number(profile, key, limit["MaxValue"]):
        raise invalid_input(f"{said}: it can be at most {limit['MaxValue']}.")


def _number(profile: Profile, key: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise invalid_input(
            f"Usage profile {profile.name}: {key} has {text!r} where a number is due."
        ) from None

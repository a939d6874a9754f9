"""The life of a job run, as data. Owns no state."""

from __future__ import annotations

TRANSITIONS: dict[str, frozenset[str]] = {
    "WAITING": frozenset({"STARTING", "STOPPING", "EXPIRED"}),
    "STARTING": frozenset({"RUNNING", "STOPPING", "FAILED", "ERROR", "TIMEOUT"}),
    "RUNNING": frozenset({"SUCCEEDED", "FAILED", "STOPPING", "TIMEOUT", "EXPIRED"}),
    "STOPPING": frozenset({"STOPPED"}),
    "SUCCEEDED": frozenset(),
    "FAILED": frozenset(),
    "STOPPED": frozenset(),
    "TIMEOUT": frozenset(),
    "ERROR": frozenset(),
    "EXPIRED": frozenset(),
}

TERMINAL = frozenset(state for state, following in TRANSITIONS.items() if not following)

# A run may be stopped while one of its transitions leads there.
STOPPABLE = frozenset(state for state, following in TRANSITIONS.items() if "STOPPING" in following)

# What EventBridge is told: states that have a "Glue Job State Change" event, with its severity.
SEVERITY = {"SUCCEEDED": "INFO", "FAILED": "ERROR", "TIMEOUT": "WARN", "STOPPED": "INFO"}
MESSAGE = {
    "SUCCEEDED": "Job run succeeded",
    "FAILED": "Job run failed",
    "TIMEOUT": "Job run timed out",
    "STOPPED": "Job run stopped",
}


def check(current: str, following: str) -> None:
    """Raise ValueError for a step that a run cannot make."""
    if following not in TRANSITIONS[current]:
        raise ValueError(f"a job run does not go from {current} to {following}")

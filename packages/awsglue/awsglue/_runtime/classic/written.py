"""What Spark's own file writers have written, from the numbers that it keeps of each statement. Owns nothing.

The rows and files of a write are those of its committed tasks. Its bytes are those of its stages, which are the files'
as long as no task of them had to be tried again.
"""

from __future__ import annotations

import re
import sys
import time
from typing import Any

from awsglue._runtime.throughput import Amount

COMMAND = "InsertIntoHadoopFsRelationCommand"
_PLACE = re.compile(rf"{COMMAND} (?P<place>.+?), (?:true|false)\b")
# Seconds that the numbers of a statement are waited for, and between two looks.
PATIENCE, PAUSE = 20.0, 0.05
ROWS, FILES = "number of output rows", "number of written files"


def writes(session: Any) -> list[tuple[str, Amount]]:
    """(place, amount) of every write that has succeeded, oldest first."""
    store = _store(session)
    executions = store.executionsList()
    return [one for index in range(executions.size()) for one in _of(session, store, executions.apply(index))]


def kept(session: Any) -> bool:
    """Whether Spark still knows all its statements: it forgets the oldest."""
    executions = _store(session).executionsList()
    return executions.isEmpty() or int(executions.head().executionId()) == 0


def records(session: Any, folder: str) -> int | None:
    """The records of the last write to a folder; None is not known. (A job does not fail for want of a number.)"""
    from py4j.protocol import Py4JError

    from awsglue._runtime.throughput import plain

    try:
        store = _store(session)
        executions = store.executionsList()
        for index in reversed(range(executions.size())):
            for place, amount in _of(session, store, executions.apply(index)):
                if plain(place) == plain(folder):
                    return amount.records
    except Py4JError as error:
        sys.stderr.write(f"what Spark has written to {folder} is not known: {error}\n")
    return None


def _store(session: Any) -> Any:
    # Statements end before the listeners that count them have heard of it.
    session.sparkContext._jsc.sc().listenerBus().waitUntilEmpty()
    return session._jsparkSession.sharedState().statusStore()


def _of(session: Any, store: Any, execution: Any) -> list[tuple[str, Amount]]:
    """What one statement has written. The numbers of one that has just ended are made in the background."""
    if COMMAND not in execution.physicalPlanDescription():
        return []
    identity = execution.executionId()
    deadline = time.monotonic() + PATIENCE
    while True:
        execution = store.execution(identity).get()
        error, found = execution.errorMessage(), []
        if execution.completionTime().isDefined():
            if error.isDefined() and error.get():
                return []
            found = _amounts(session, store, execution)
        if (found and all(one.records is not None for _, one in found)) or time.monotonic() > deadline:
            return found
        time.sleep(PAUSE)


def _amounts(session: Any, store: Any, execution: Any) -> list[tuple[str, Amount]]:
    identity = execution.executionId()
    nodes = store.planGraph(identity).allNodes()
    values = store.executionMetrics(identity)
    found = []
    for index in range(nodes.size()):
        node = nodes.apply(index)
        named = _PLACE.search(node.desc())
        if named is None or not node.name().endswith(COMMAND):
            continue
        numbers = _numbers(node.metrics(), values)
        amount = Amount(records=numbers.get(ROWS), files=numbers.get(FILES), bytes=_bytes(session, execution))
        found.append((named["place"], amount))
    return found


def _numbers(metrics: Any, values: Any) -> dict[str, int]:
    """The metrics of a node that are plain sums."""
    found = {}
    for index in range(metrics.size()):
        metric = metrics.apply(index)
        if metric.name() in (ROWS, FILES):
            text = values.get(metric.accumulatorId())
            digits = str(text.get()).replace(",", "") if text.isDefined() else ""
            if digits.isdigit():
                found[metric.name()] = int(digits)
    return found


def _bytes(session: Any, execution: Any) -> int | None:
    from py4j.protocol import Py4JError

    status = session.sparkContext._jsc.sc().statusStore()
    total, stages = 0, execution.stages().iterator()
    try:
        while stages.hasNext():
            stage = status.lastStageAttempt(stages.next())
            if stage.attemptId() or stage.numFailedTasks() or stage.numKilledTasks():
                return None
            total += stage.outputBytes()
    except Py4JError:
        return None  # forgotten
    return total

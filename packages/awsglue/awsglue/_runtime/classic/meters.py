"""What Spark itself counts of a job: stages, tasks, records, shuffles. Owns nothing: Spark's own status is read when a
context ends, and told to the server under Glue's names."""

from __future__ import annotations

import sys
from typing import Any

PREFIX = "glue.driver.aggregate."


def install() -> None:
    """Tell of a context before it stops: afterwards nothing is known of it."""
    from pyspark.context import SparkContext

    native = SparkContext.stop

    def stop(self: Any) -> None:
        report(self)
        native(self)

    SparkContext.stop = stop  # type: ignore[method-assign]


def report(context: Any) -> None:
    """Tell the server of this context, unless that has been done. What fails here must not fail the job."""
    from py4j.protocol import Py4JError

    from awsglue._runtime.channel import Channel, ChannelError
    from awsglue._runtime.engine import STATE

    if context._jsc is None or getattr(context, "_mastic_told", False) or not _wanted():
        return
    context._mastic_told = True
    try:
        values = counted(context)
        if values:
            Channel.from_environment().metrics(values)
        _take_writes(context)
    except (Py4JError, ChannelError, OSError) as error:
        STATE.written.incomplete = True
        sys.stderr.write(f"Spark's metrics of this run are not known: {error}\n")


def end_event_log() -> None:
    """End the application, if there is one: only then is its event log whole. What fails here must not fail the job."""
    from py4j.protocol import Py4JError
    from pyspark.context import SparkContext

    context = SparkContext._active_spark_context
    if context is None:
        return
    try:
        context.stop()
    except (Py4JError, OSError) as error:
        sys.stderr.write(f"Spark's event log of this run has no end: {error}\n")


def counted(context: Any) -> dict[str, float]:
    """Glue's aggregates of a context, from its status; none when Spark has forgotten its first stages."""
    scala = context._jsc.sc()
    # Stages end before the listeners that count them have heard of it.
    scala.listenerBus().waitUntilEmpty()
    jvm, gateway = context._jvm, context._gateway
    none = jvm.java.util.ArrayList()
    stages = scala.statusStore().stageList(none, False, False, gateway.new_array(jvm.double, 0), none)
    found = dict.fromkeys(
        (
            "numCompletedStages", "numCompletedTasks", "numFailedTasks", "numKilledTasks", "recordsRead",
            "shuffleBytesWritten", "shuffleLocalBytesRead",
        ),
        0.0,
    )  # fmt: skip
    oldest = 0 if stages.isEmpty() else 1
    for index in range(stages.size()):
        stage = stages.apply(index)
        oldest = min(oldest, stage.stageId())
        found["numCompletedStages"] += stage.status().toString() == "COMPLETE"
        found["numCompletedTasks"] += stage.numCompleteTasks()
        found["numFailedTasks"] += stage.numFailedTasks()
        found["numKilledTasks"] += stage.numKilledTasks()
        found["recordsRead"] += stage.inputRecords()
        found["shuffleBytesWritten"] += stage.shuffleWriteBytes()
        found["shuffleLocalBytesRead"] += stage.shuffleLocalBytesRead()
    if oldest:
        sys.stderr.write("Spark has forgotten its oldest stages: the sums over all of them are not known\n")
        return {}
    return {PREFIX + name: value for name, value in found.items()}


def _take_writes(context: Any) -> None:
    """Take note of the files that Spark itself has written."""
    from awsglue._runtime import throughput
    from awsglue._runtime.classic import written
    from awsglue._runtime.engine import STATE

    session = STATE.session
    if session is None or session.sparkContext is not context or not throughput.wanted():
        return
    if not written.kept(session):
        sys.stderr.write("Spark has forgotten its oldest statements: what all of them wrote is not known\n")
        STATE.written.incomplete = True
    for place, amount in written.writes(session):
        if not throughput.is_scratch(place):
            STATE.written.wrote(place, amount)


def _wanted() -> bool:
    from awsglue._runtime.engine import STATE

    switches = ("--enable-metrics", "--enable-observability-metrics")
    return any(STATE.arguments.get(name, "false").strip().lower() != "false" for name in switches)

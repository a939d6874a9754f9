"""CloudWatch: logs, metrics, alarms, dashboards."""

from __future__ import annotations

from mastic.app.base import Base
from mastic.aws.cloudwatch.alarms import SIGNAL as ALARMS_CHANGED
from mastic.aws.cloudwatch.alarms import Alarms
from mastic.aws.cloudwatch.dashboards import Dashboards
from mastic.aws.cloudwatch.evaluator import LEADER, Actions, Evaluator
from mastic.aws.cloudwatch.expiry import Expiry
from mastic.aws.cloudwatch.metrics import Metrics
from mastic.aws.cloudwatch.transitions import QUEUE as ALARM_ACTIONS
from mastic.aws.cloudwatch.transitions import Transitions
from mastic.aws.functions import Functions
from mastic.aws.logs.events import LogEvents
from mastic.aws.logs.filters import MetricFilters
from mastic.aws.logs.groups import LogGroups
from mastic.aws.logs.ingest import Logs
from mastic.aws.logs.retention import enforce
from mastic.aws.logs.streams import LogStreams
from mastic.aws.neighbours.deliveries import MessageTargets


def add_logs(base: Base) -> Logs:
    """CloudWatch Logs."""
    logs = Logs(**base.lasting)
    base.handlers(
        "logs",
        LogGroups(**base.lasting),
        LogStreams(**base.lasting),
        LogEvents(logs=logs, **base.lasting),
        MetricFilters(**base.lasting),
    )

    def retention() -> None:
        enforce(base.store, base.clock)

    base.janitor("logs", retention, seconds=600)
    return logs


def add_cloudwatch(base: Base, messages: MessageTargets, functions: Functions) -> Metrics:
    """Metrics, alarms, dashboards."""
    transitions = Transitions(clock=base.clock, ids=base.ids)
    metrics = Metrics(**base.lasting)
    evaluator = Evaluator(transitions=transitions, holder=base.holder, **base.lasting)
    actions = Actions(publish=messages.publish, invoke=functions.invoke, **base.lasting)
    base.handlers(
        "cloudwatch", metrics, Alarms(transitions=transitions, **base.lasting), Dashboards(**base.lasting)
    )
    base.periodic("alarms", evaluator.act, ALARMS_CHANGED, lease=LEADER)
    base.worker(ALARM_ACTIONS, actions.handle, concurrency=2)
    base.janitor("cloudwatch", Expiry(**base.lasting), seconds=3600)
    return metrics

"""Reads metrics as statistics and expressions, for GetMetricData and for alarms. Owns no state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from mastic.aws.cloudwatch import expressions, statistics
from mastic.aws.cloudwatch.expressions import Frame, Series, invalid
from mastic.store import metrics


def read(
    tx: Connection,
    scope: str,
    metric: Mapping[str, Any],
    stat: str,
    period: int,
    start: datetime,
    end: datetime,
    unit: str | None = None,
) -> Series:
    """One statistic of a metric by period; periods follow each other from ``start`` on."""
    statistics.check(stat)
    found = metrics.read(
        tx, scope, metric["Namespace"], metric["MetricName"], dimensions(metric), start, end, unit
    )
    values = ((at, bucket.statistic(stat)) for at, bucket in statistics.buckets(found, start, period).items())
    return {at: value for at, value in values if value is not None}


def dimensions(metric: Mapping[str, Any]) -> dict[str, str]:
    """Dimensions by name."""
    return {each["Name"]: each["Value"] for each in metric.get("Dimensions", ())}


def run(
    tx: Connection, scope: str, queries: Sequence[Mapping[str, Any]], start: datetime, end: datetime
) -> dict[str, Series]:
    """The series of every query by id. Raises ValidationError."""
    by_id = {query["Id"]: query for query in queries}
    if len(by_id) != len(queries):
        raise invalid("The values for parameter Id in MetricDataQueries must be unique")
    periods = {query["Id"]: period_of(query, queries) for query in queries}
    metric_ids = [query["Id"] for query in queries if "MetricStat" in query]
    result: dict[str, Series] = {}
    for query in queries:
        if "MetricStat" in query:
            asked = query["MetricStat"]
            first = statistics.aligned(start, asked["Period"])
            result[query["Id"]] = read(
                tx, scope, asked["Metric"], asked["Stat"], asked["Period"], first, end, asked.get("Unit")
            )
        elif "Expression" not in query:
            raise invalid(f"The query {query['Id']} needs either MetricStat or Expression")
    for query in _in_order([q for q in queries if "MetricStat" not in q], set(result)):
        period = periods[query["Id"]]
        frame = Frame(
            series=result, periods=periods, metrics=metric_ids, instants=instants(start, end, period)
        )
        result[query["Id"]] = expressions.evaluate(query["Expression"], frame)
    return result


def period_of(query: Mapping[str, Any], queries: Sequence[Mapping[str, Any]]) -> int:
    """A query's period: its own, or the longest among the metrics of the request."""
    if "MetricStat" in query:
        return int(query["MetricStat"]["Period"])
    if "Period" in query:
        return int(query["Period"])
    return max((int(q["MetricStat"]["Period"]) for q in queries if "MetricStat" in q), default=300)


def instants(start: datetime, end: datetime, period: int) -> list[datetime]:
    """The beginnings of all periods that touch the range."""
    at, found = statistics.aligned(start, period), []
    while at < end:
        found.append(at)
        at += timedelta(seconds=period)
    return found


def _in_order(queries: list[Mapping[str, Any]], known: set[str]) -> list[Mapping[str, Any]]:
    """Expressions after what they refer to."""
    ordered: list[Mapping[str, Any]] = []
    waiting = queries
    while waiting:
        ready = [q for q in waiting if expressions.references(q["Expression"]) <= known]
        if not ready:
            raise invalid(
                f"Error in expression '{waiting[0]['Expression']}': it refers to unknown ids or to itself"
            )
        ordered += ready
        known = known | {q["Id"] for q in ready}
        waiting = [q for q in waiting if q not in ready]
    return ordered

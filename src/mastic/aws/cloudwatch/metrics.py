"""Metrics: what is put, listed and read back. Owns the rows of ``cloudwatch_metrics`` and ``…_samples``.

Samples are kept as they came and summed up when read; ``expiry`` drops the old ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from mastic.aws.cloudwatch import paging, queries, statistics
from mastic.aws.cloudwatch.expressions import invalid
from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.store import metrics
from mastic.store.engine import Store
from mastic.store.metrics import Sample

OLDEST = timedelta(days=14)
NEWEST = timedelta(hours=2)
MOST_DATAPOINTS = 1440
PAGE = 500


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Operations on metrics, and ``put`` for the parts of Mastic that measure."""

    store: Store
    clock: Clock

    def put(
        self,
        tx: Connection,
        scope: str,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        value: float,
        unit: str = "None",
        at: datetime | None = None,
    ) -> None:
        """Add one value, in the transaction of the change that it measures."""
        sample = Sample(at=at or self.clock.now(), unit=unit, observed=[[float(value), 1.0]])
        metrics.put(tx, scope, namespace, name, dimensions, sample)

    def put_data(self, tx: Connection, scope: str, namespace: str, data: Iterable[Mapping[str, Any]]) -> None:
        """Add samples shaped as PutMetricData's, in the transaction of the change that they measure."""
        for datum in data:
            sample = _sample(datum, self.clock.now())
            metrics.put(tx, scope, namespace, datum["MetricName"], queries.dimensions(datum), sample)

    def put_metric_data(self, context: Context, request: dict[str, Any]) -> None:
        now = self.clock.now()
        if request["Namespace"].startswith("AWS/"):
            raise _bad("The value AWS/ for parameter Namespace is invalid.")
        data = list(request.get("MetricData", []))
        for entity in request.get("EntityMetricData", []):
            data += entity.get("MetricData", [])
        added = [(datum, _sample(datum, now)) for datum in data]
        with self.store.write() as tx:
            for datum, sample in added:
                dimensions = queries.dimensions(datum)
                metrics.put(tx, context.scope, request["Namespace"], datum["MetricName"], dimensions, sample)

    def list_metrics(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        wanted = request.get("Dimensions", [])
        since = self.clock.now() - timedelta(hours=3) if "RecentlyActive" in request else None
        with self.store.read() as tx:
            found = metrics.listing(
                tx, context.scope, namespace=request.get("Namespace"), name=request.get("MetricName"),
                active_since=since, after=int(paging.read(request.get("NextToken"), "metrics") or 0),
            )  # fmt: skip
        matching = [each for each in found if all(_has(each.dimensions, pair) for pair in wanted)]
        shown = [
            {"Namespace": m.namespace, "MetricName": m.name, "Dimensions": _dimensions(m.dimensions)}
            for m in matching[:PAGE]
        ]
        token = paging.token("metrics", str(matching[PAGE - 1].id)) if len(matching) > PAGE else None
        return {"Metrics": shown, "NextToken": token}

    def get_metric_statistics(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        period, start, end = _range(request)
        names = [*request.get("Statistics", []), *request.get("ExtendedStatistics", [])]
        if not names:
            raise ServiceError(
                "MissingParameter",
                "At least one of the parameters Statistics and ExtendedStatistics must be specified.",
                status=400,
            )
        for name in names:
            statistics.check(name)
        with self.store.read() as tx:
            found = metrics.read(
                tx, context.scope, request["Namespace"], request["MetricName"], queries.dimensions(request),
                start, end, request.get("Unit"),
            )  # fmt: skip
        points = []
        for at, bucket in sorted(statistics.buckets(found, start, period).items()):
            simple = {name: bucket.statistic(name) for name in request.get("Statistics", [])}
            extended = {name: bucket.statistic(name) for name in request.get("ExtendedStatistics", [])}
            told = {name: value for name, value in extended.items() if value is not None}
            points.append(
                {"Timestamp": at, **simple, "Unit": bucket.unit, "ExtendedStatistics": told or None}
            )
        return {"Label": request["MetricName"], "Datapoints": points}

    def get_metric_data(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        start, end = request["StartTime"], request["EndTime"]
        if start >= end:
            raise invalid("The parameter StartTime must be less than the parameter EndTime.")
        asked = request["MetricDataQueries"]
        newest_first = request.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        with self.store.read() as tx:
            found = queries.run(tx, context.scope, asked, start, end)
        results = []
        for query in asked:
            if not query.get("ReturnData", True):
                continue
            points = sorted(found[query["Id"]].items(), reverse=newest_first)
            results.append(
                {
                    "Id": query["Id"],
                    "Label": query.get("Label") or _label(query),
                    "Timestamps": [at for at, _ in points],
                    "Values": [value for _, value in points],
                    "StatusCode": "Complete",
                }
            )
        return {"MetricDataResults": results, "Messages": []}


def _has(dimensions: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    value = dimensions.get(wanted["Name"])
    return value is not None and wanted.get("Value", value) == value


def _label(query: Mapping[str, Any]) -> str:
    return str(query["MetricStat"]["Metric"]["MetricName"] if "MetricStat" in query else query["Id"])


def _dimensions(dimensions: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions.items()]


def _sample(datum: Mapping[str, Any], now: datetime) -> Sample:
    at = datum.get("Timestamp", now)
    if not now - OLDEST <= at <= now + NEWEST:
        raise _bad(
            "The parameter MetricData.member.1.Timestamp must specify a time no more than two weeks in the "
            "past and no more than two hours in the future."
        )
    unit = datum.get("Unit", "None")
    given = [member for member in ("Value", "Values", "StatisticValues") if member in datum]
    if len(given) != 1:
        raise ServiceError(
            "InvalidParameterCombination" if given else "MissingParameter",
            "The parameters MetricData.member.1.Value, Values and StatisticValues are mutually exclusive and "
            "one of them is required.",
            status=400,
        )
    if given == ["StatisticValues"]:
        seen = datum["StatisticValues"]
        names = {"count": "SampleCount", "sum": "Sum", "min": "Minimum", "max": "Maximum"}
        return Sample(at=at, unit=unit, observed={k: float(seen[v]) for k, v in names.items()})
    values = datum["Values"] if given == ["Values"] else [datum["Value"]]
    counts = datum.get("Counts", [1.0] * len(values))
    if len(counts) != len(values):
        raise _bad("The parameters MetricData.member.1.Values and Counts must be of the same size.")
    pairs = [[float(value), float(weight)] for value, weight in zip(values, counts, strict=True)]
    if any(value != value or value in (float("inf"), float("-inf")) for value, _ in pairs):
        raise _bad(
            "The value for parameter MetricData.member.1.Value is invalid: it must be a finite number."
        )
    return Sample(at=at, unit=unit, observed=pairs)


def _range(request: Mapping[str, Any]) -> tuple[int, datetime, datetime]:
    period, start, end = int(request["Period"]), request["StartTime"], request["EndTime"]
    if start >= end:
        raise _bad("The parameter StartTime must be less than the parameter EndTime.")
    if period % 60 and period not in (1, 5, 10, 20, 30):
        raise _bad("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.")
    if (end - start).total_seconds() / period > MOST_DATAPOINTS:
        asked = int((end - start).total_seconds() // period)
        raise ServiceError(
            "InvalidParameterCombination",
            f"You have requested up to {asked} datapoints, which exceeds the limit of {MOST_DATAPOINTS}. You "
            "may reduce the datapoints requested by increasing Period, or decreasing the time range.",
            status=400,
        )
    return period, statistics.aligned(start, min(period, 60)), end


def _bad(message: str) -> ServiceError:
    return ServiceError("InvalidParameterValue", message, status=400)

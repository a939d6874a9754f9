"""What an alarm's definition may say. Pure rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mastic.aws.cloudwatch import expressions, statistics
from mastic.aws.cloudwatch.evaluation import COMPARE
from mastic.errors import ServiceError


def check_actions(actions: Iterable[str]) -> None:
    """Refuse actions that nothing would carry out."""
    for action in actions:
        service = action.split(":")[2] if action.startswith("arn:") and action.count(":") >= 5 else ""
        if service not in ("sns", "lambda"):
            raise invalid(
                f"Invalid arn syntax: {action}" if not service
                else f"{action}: Mastic acts on alarms through SNS topics and Lambda functions only"
            )  # fmt: skip


def check_metric_alarm(request: Mapping[str, Any]) -> None:
    """Refuse a definition that contradicts itself or asks for what is not served."""
    for member in ("EvaluationCriteria", "EvaluationWindow", "WarmUpConfiguration", "ThresholdMetricId"):
        if member in request:
            raise invalid(f"{member} is not implemented by Mastic")
    if request.get("EvaluateLowSampleCountPercentile") == "ignore":
        raise invalid("EvaluateLowSampleCountPercentile ignore is not implemented by Mastic")
    for member in ("EvaluationPeriods", "ComparisonOperator", "Threshold"):
        if member not in request:
            raise ServiceError("MissingParameter", f"The parameter {member} is required.", status=400)
    if request["ComparisonOperator"] not in COMPARE:
        raise invalid(
            f"{request['ComparisonOperator']} needs anomaly detection, which Mastic does not implement"
        )
    missing = request.get("TreatMissingData", "missing")
    if missing not in ("breaching", "notBreaching", "ignore", "missing"):
        raise invalid(
            f"Invalid TreatMissingData value: {missing}. Valid values are: breaching, notBreaching, ignore, "
            "missing"
        )
    if request.get("DatapointsToAlarm", 1) > request["EvaluationPeriods"]:
        raise invalid("DatapointsToAlarm must be less than or equal to EvaluationPeriods")
    if "Metrics" in request:
        _check_queries(request)
        return
    _check_metric(request)


def _check_metric(request: Mapping[str, Any]) -> None:
    for member in ("MetricName", "Namespace", "Period"):
        if member not in request:
            raise ServiceError("MissingParameter", f"The parameter {member} is required.", status=400)
    if ("Statistic" in request) == ("ExtendedStatistic" in request):
        raise ServiceError(
            "InvalidParameterCombination" if "Statistic" in request else "MissingParameter",
            "Exactly one of Statistic and ExtendedStatistic must be specified",
            status=400,
        )
    statistics.check(request.get("Statistic") or request["ExtendedStatistic"])
    period = request["Period"]
    if period not in (10, 20, 30) and (period % 60 or not period):
        raise invalid("Period must be 10, 20, 30 or a multiple of 60")
    if period * request["EvaluationPeriods"] > (604800 if period >= 3600 else 86400):
        raise invalid(
            "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400)."
        )


def _check_queries(request: Mapping[str, Any]) -> None:
    single = {"MetricName", "Namespace", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic"}
    if single & request.keys():
        raise ServiceError(
            "InvalidParameterCombination",
            "Metrics cannot be combined with " + ", ".join(sorted(single & request.keys())),
            status=400,
        )  # fmt: skip
    queries = request["Metrics"]
    returned = [query for query in queries if query.get("ReturnData", True)]
    if len(returned) != 1:
        raise invalid("Exactly one element of the metrics list should return data.")
    for query in queries:
        if "MetricStat" in query:
            statistics.check(query["MetricStat"]["Stat"])
        elif "Expression" in query:
            expressions.references(query["Expression"])
        else:
            raise invalid(f"The query {query['Id']} needs either MetricStat or Expression")


def invalid(message: str) -> ServiceError:
    """CloudWatch's ValidationError."""
    return ServiceError("ValidationError", message, status=400)

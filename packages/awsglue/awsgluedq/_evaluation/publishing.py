"""What becomes of outcomes besides the frame: CloudWatch metrics, JSON under an S3 prefix, lines in the log."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from awsgluedq._evaluation.judging import Judged
from awsgluedq.dqdl import rule_text

NAMESPACE = "Glue Data Quality"
PASSED, FAILED = "glue.data.quality.rules.passed", "glue.data.quality.rules.failed"


@dataclass(frozen=True, kw_only=True)
class Publishing:
    """The publishing options of one call."""

    context: str = "default_context"
    metrics: bool = False
    results: bool = True
    prefix: str = ""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Publishing:
        """As a script gives them. Raises ValueError for an option that there is not."""
        known = {
            "dataQualityEvaluationContext": "context",
            "enableDataQualityCloudWatchMetrics": "metrics",
            "enableDataQualityResultsPublishing": "results",
            "resultsS3Prefix": "prefix",
        }
        unknown = sorted(set(options) - set(known))
        if unknown:
            raise ValueError(f"publishing_options: unknown option {', '.join(unknown)}")
        if options.get("resultsS3Prefix") and "://" not in str(options["resultsS3Prefix"]):
            # A bucket and a prefix, as the console writes them.
            options = {**options, "resultsS3Prefix": f"s3://{options['resultsS3Prefix']}"}
        given: dict[str, Any] = {known[name]: value for name, value in options.items() if value is not None}
        for name in ("metrics", "results"):
            if name in given:
                given[name] = given[name] is True or str(given[name]).lower() == "true"
        return cls(**given)


def publish(
    judged: list[Judged],
    analyzers: list[dict[str, Any]],
    publishing: Publishing,
    started: dt.datetime,
    job: Mapping[str, str],
) -> None:
    """Tell whoever was asked for. `job` has what is known of the run: name, id."""
    from awsglue._logger import GlueLogger

    logger = GlueLogger()
    passed = sum(one.passed for one in judged)
    document = result(judged, publishing, started, job)
    if analyzers:
        document["AnalyzerResults"] = analyzers
    score = document["Score"]
    logger.info(
        f"Data quality of {publishing.context}: {passed} of {len(judged)} rules passed, score {score:.2f}"
    )
    if publishing.metrics:
        _put_metrics(passed, len(judged) - passed, publishing.context)
    if publishing.prefix:
        from awsglue._runtime.io.storage import Storage, join

        day = started.strftime("year=%Y/month=%m/day=%d")
        Storage().put(
            join(publishing.prefix, f"{day}/{document['ResultId']}.json"), json.dumps(document).encode()
        )
    if publishing.results:
        logger.warn(
            "enableDataQualityResultsPublishing: results of jobs have no place at the server in this version; "
            "GetDataQualityResult will not find them (resultsS3Prefix keeps them as files)"
        )


def result(
    judged: list[Judged], publishing: Publishing, started: dt.datetime, job: Mapping[str, str]
) -> dict[str, Any]:
    """The result as the service's API shapes it."""
    rules = []
    for index, one in enumerate(judged, 1):
        entry = {
            "Name": f"Rule_{index}",
            "Description": rule_text(one.rule),
            "Result": "PASS" if one.passed else "FAIL",
            "EvaluatedMetrics": dict(one.metrics),
            "EvaluatedRule": rule_text(one.evaluated or one.rule),
        }
        if one.reason:
            entry["EvaluationMessage"] = one.reason
        if one.rule.labels:
            entry["Labels"] = dict(one.rule.labels)
        rules.append(entry)
    return {
        "ResultId": f"dqresult-{uuid.uuid4().hex}",
        "Score": sum(one.passed for one in judged) / len(judged) if judged else 1.0,
        "EvaluationContext": publishing.context,
        "StartedOn": started.isoformat(),
        "CompletedOn": dt.datetime.now(dt.UTC).isoformat(),
        **job,
        "RuleResults": rules,
    }


def _put_metrics(passed: int, failed: int, context: str) -> None:
    import boto3

    dimensions = [{"Name": "EvaluationContext", "Value": context}]
    boto3.client("cloudwatch").put_metric_data(
        Namespace=NAMESPACE,
        MetricData=[
            {"MetricName": name, "Value": float(value), "Unit": "Count", "Dimensions": dimensions}
            for name, value in ((PASSED, passed), (FAILED, failed))
        ],
    )

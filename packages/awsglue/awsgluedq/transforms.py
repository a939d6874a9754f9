"""EvaluateDataQuality: a DQDL ruleset over the records of a frame."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from awsglue.dynamicframe import DynamicFrame, DynamicFrameCollection
from awsglue.transforms import GlueTransform

__all__ = ["EvaluateDataQuality"]

CHOICES: Mapping[str, tuple[str, ...]] = {
    "performanceTuning.caching": ("CACHE_NOTHING", "CACHE_INPUT"),
    "observations.scope": ("ALL", "NONE"),
    "observations.mode": ("SCHEDULED", "FIXED"),
    "compositeRuleEvaluation.method": ("COLUMN", "ROW"),
    "rowLevelConfiguration.filteredRowLabel": ("PASSED", "SKIPPED"),
    "rowLevelConfiguration.ruleWithLabels": ("DISABLED", "ENABLED"),
    "publishAggregatedMetrics.status": ("DISABLED", "ENABLED"),
    "dataQualityResultsPublishing.strategy": ("BEST_EFFORT", "STRICT"),
}


class EvaluateDataQuality(GlueTransform):
    """Evaluates a DQDL ruleset over a frame."""

    arguments: ClassVar[dict[str, str]] = {
        "frame": "DynamicFrame to look at",
        "ruleset": "DQDL text",
        "publishing_options": "Where results go",
    }
    ORIGINAL_DATA_KEY: ClassVar[str] = "originalData"
    RULE_OUTCOMES_KEY: ClassVar[str] = "ruleOutcomes"
    ROW_LEVEL_OUTCOMES_KEY: ClassVar[str] = "rowLevelOutcomes"

    def __call__(
        self,
        frame: DynamicFrame,
        ruleset: str,
        publishing_options: Mapping[str, Any] | None = None,
        additional_options: Mapping[str, Any] | None = None,
        additional_data_sources: Mapping[str, DynamicFrame] | None = None,
        transformation_ctx: str = "",
        **ignored: Any,
    ) -> DynamicFrame:
        """The outcomes, a row for each rule. Raises DqdlError (a ValueError) when the ruleset is wrong."""
        return _evaluate(frame, ruleset, publishing_options, additional_options, additional_data_sources)[
            self.RULE_OUTCOMES_KEY
        ]

    def process_rows(
        self,
        frame: DynamicFrame,
        ruleset: str = "",
        publishing_options: Mapping[str, Any] | None = None,
        additional_options: Mapping[str, Any] | None = None,
        additional_data_sources: Mapping[str, DynamicFrame] | None = None,
        transformation_ctx: str = "",
        **ignored: Any,
    ) -> DynamicFrameCollection:
        """originalData, ruleOutcomes, and rowLevelOutcomes: the records with the rules that they pass and fail."""
        return _evaluate(frame, ruleset, publishing_options, additional_options, additional_data_sources)


def _evaluate(
    frame: DynamicFrame,
    text: str,
    publishing_options: Mapping[str, Any] | None,
    additional_options: Mapping[str, Any] | None,
    additional_data_sources: Mapping[str, DynamicFrame] | None,
) -> DynamicFrameCollection:
    from awsgluedq._evaluation.analyzers import shaped
    from awsgluedq._evaluation.dataset import Dataset
    from awsgluedq._evaluation.evaluate import evaluate
    from awsgluedq._evaluation.history import NoHistory
    from awsgluedq._evaluation.judging import Around
    from awsgluedq._evaluation.publishing import Publishing, publish
    from awsgluedq._evaluation.rows import outcomes
    from awsgluedq.dqdl import parse

    ruleset = parse(text)
    options = _options(additional_options or {})
    publishing = Publishing.of(publishing_options or {})
    if not publishing.prefix:
        # Their results have nowhere to go.
        ruleset = replace(ruleset, analyzers=())
    context = frame.glue_ctx
    df = frame.toDF()
    if options["performanceTuning.caching"] == "CACHE_INPUT":
        df = df.cache()
    started = dt.datetime.now(dt.UTC)
    around = Around(
        data=Dataset(df=df),
        others={
            alias: Dataset(df=one.toDF(), name=alias)
            for alias, one in (additional_data_sources or {}).items()
        },
        spark=context.spark_session,
        history=NoHistory(),
        now=started,
    )
    found = evaluate(ruleset, around, by_row=options["compositeRuleEvaluation.method"] == "ROW")
    publish(found.rules, shaped(found.analyzers), publishing, started, _job())
    skipped = options["rowLevelConfiguration.filteredRowLabel"] == "SKIPPED"
    rows = outcomes(df, found.rules, leaf_checks=found.parts, skipped=skipped)
    labels = options["rowLevelConfiguration.ruleWithLabels"] == "ENABLED"
    named = {
        EvaluateDataQuality.ORIGINAL_DATA_KEY: frame,
        EvaluateDataQuality.RULE_OUTCOMES_KEY: _outcomes(found.rules, context, labels=labels),
        EvaluateDataQuality.ROW_LEVEL_OUTCOMES_KEY: DynamicFrame.fromDF(rows, context, "rowLevelOutcomes"),
    }
    return DynamicFrameCollection(named, context)


def _outcomes(judged: list[Any], context: Any, *, labels: bool) -> DynamicFrame:
    """One row for each rule."""
    from awsgluedq.dqdl import rule_text

    schema = "Rule string, Outcome string, FailureReason string"
    schema += ", EvaluatedMetrics map<string,double>, EvaluatedRule string"
    rows = [
        (
            rule_text(one.rule),
            "Passed" if one.passed else "Failed",
            one.reason,
            {name: float(value) for name, value in one.metrics.items()},
            rule_text(one.evaluated or one.rule),
            *([dict(one.rule.labels)] if labels else []),
        )
        for one in judged
    ]
    if labels:
        schema += ", Labels map<string,string>"
    return DynamicFrame.fromDF(context.spark_session.createDataFrame(rows, schema), context, "ruleOutcomes")


def _options(given: Mapping[str, Any]) -> dict[str, str]:
    """All options, with their defaults. Raises ValueError, and NotImplementedError for what is not built in."""
    from awsglue._logger import GlueLogger

    made = {name: values[0] for name, values in CHOICES.items()}
    for name, value in given.items():
        if name not in CHOICES:
            # A newer script than this library: what it asks for is told, and its rules are evaluated.
            GlueLogger().warn(f"EvaluateDataQuality: the option {name} is not known and has no effect")
            continue
        made[name] = str(value).upper()
        if made[name] not in CHOICES[name]:
            raise ValueError(f"additional_options: {name} is one of {', '.join(CHOICES[name])}, not {value}")
    if made["publishAggregatedMetrics.status"] == "ENABLED":
        raise NotImplementedError(
            "publishAggregatedMetrics is not implemented in this version of the library"
        )
    return made


def _job() -> dict[str, str]:
    """The run that this process is, as far as it knows."""
    import sys

    arguments = dict(zip(sys.argv[1:], sys.argv[2:], strict=False))
    named = {"JobName": arguments.get("--JOB_NAME"), "JobRunId": arguments.get("--JOB_RUN_ID")}
    named["JobRunId"] = os.environ.get("MASTIC_RUN_ID") or named["JobRunId"]
    return {name: value for name, value in named.items() if value}

"""Nodes that look into the data: data quality, sensitive data. A table of kinds at the end; pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mastic.glue.jobs.codegen.calls import Code, Generator, assigned, call, context, literal
from mastic.glue.jobs.codegen.graph import Node

# What is evaluated where nobody wrote a rule.
DEFAULT_RULESET = "Rules = [ ColumnCount > 0 ]"


def publishing(node: Node, given: Mapping[str, Any]) -> str:
    """Where results go, as EvaluateDataQuality is told it."""
    options = {
        "dataQualityEvaluationContext": given.get("EvaluationContext") or node.variable,
        "enableDataQualityCloudWatchMetrics": given.get("CloudWatchMetricsEnabled"),
        "enableDataQualityResultsPublishing": given.get("ResultsPublishingEnabled"),
        "resultsS3Prefix": given.get("ResultsS3Prefix"),
    }
    return literal({name: value for name, value in options.items() if value is not None})


def _evaluate(node: Node) -> Code:
    outcomes = f"{node.variable}_outcomes"
    evaluated = call(
        "EvaluateDataQuality.apply",
        frame=node.inputs[0],
        ruleset=literal(node.body["Ruleset"]),
        publishing_options=publishing(node, node.body.get("PublishingOptions") or {}),
        transformation_ctx=context(node),
    )
    passed_on = node.inputs[0] if node.body.get("Output") == "PrimaryInput" else outcomes
    lines = [f"{outcomes} = {evaluated}", f"{node.variable} = {passed_on}"]
    return _stopping(node, lines, outcomes)


def _evaluate_frames(node: Node) -> Code:
    aliases: Mapping[str, str] = node.body.get("AdditionalDataSources") or {}
    by_id = dict(zip(node.input_ids, node.inputs, strict=True))
    primary = next((one for one in node.input_ids if one not in aliases), node.input_ids[0])
    others = ", ".join(f"{literal(alias)}: {by_id[one]}" for one, alias in aliases.items() if one in by_id)
    options = node.body.get("AdditionalOptions")
    expression = call(
        "EvaluateDataQuality().process_rows",
        frame=by_id[primary],
        additional_data_sources=f"{{{others}}}",
        ruleset=literal(node.body["Ruleset"]),
        publishing_options=publishing(node, node.body.get("PublishingOptions") or {}),
        additional_options=literal(options) if options else None,
        transformation_ctx=context(node),
    )
    chosen = f'SelectFromCollection.apply(dfc={node.variable}, key="ruleOutcomes")'
    return _stopping(node, [f"{node.variable} = {expression}"], chosen)


def _stopping(node: Node, lines: list[str], outcomes: str) -> Code:
    """With what fails the job when rules fail: at once, or when everything has been written."""
    timing = (node.body.get("StopJobOnFailureOptions") or {}).get("StopJobOnFailureTiming")
    needs = ("EvaluateDataQuality", *(("stop_on_failure",) if timing else ()))
    stop = f"stop_on_failure({outcomes}, {literal(node.title)})"
    if timing == "AfterDataLoad":
        return Code(lines=lines, needs=needs, last=(stop,))
    return Code(lines=[*lines, *([stop] if timing else [])], needs=needs)


def _pii(node: Node) -> Code:
    body = node.body
    types = literal(list(body["EntityTypesToDetect"]))
    if body["PiiType"].startswith("Column"):
        return _pii_columns(node, types)
    sensitivity = body.get("DetectionSensitivity")
    given = {"detectionSensitivity": literal(sensitivity)} if sensitivity else {}
    fine = body.get("DetectionParameters")
    if fine or body["PiiType"] == "RowAudit":
        # Actions by entity type, where there are any, are all that happens to the records.
        column = literal(body.get("OutputColumnName") or "DetectedEntities")
        expression = call(
            "EntityDetector().detect", node.inputs[0], literal(fine) if fine else types, column, **given
        )
        return assigned(node, expression, "EntityDetector")
    replace, need = _replacement(body)
    expression = call("detect_rows", "glueContext", node.inputs[0], types, replace, context(node), **given)
    return assigned(node, expression, "detect_rows", *need)


def _replacement(body: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    if body["PiiType"] == "RowHashing":
        return "hashed", ("hashed",)
    if body["PiiType"] == "RowMasking":
        text = literal(body.get("MaskValue") or body.get("RedactText") or "*******")
        return f"lambda text: {text}", ()
    mark = literal(body.get("RedactChar") or "#")
    left, right = (int(body.get(f"Num{side}CharsToExclude") or 0) for side in ("Left", "Right"))
    pattern = literal(body.get("MatchPattern"))
    return f"lambda text: partial(text, {pattern}, {mark}, {left}, {right})", ("partial",)


def _pii_columns(node: Node, types: str) -> Code:
    body = node.body
    fractions = [literal(body.get("SampleFraction") or 1.0), literal(body.get("ThresholdFraction") or 0.1)]
    if body["PiiType"] == "ColumnAudit":
        found = call("EntityDetector().classify_columns", node.inputs[0], types, *fractions)
        rows = f"[(column, str(entities)) for column, entities in {found}.items()]"
        frame = call("spark.createDataFrame", rows, literal("ColumnName string, DetectedEntities string"))
        expression = call("DynamicFrame.fromDF", frame, "glueContext", context(node))
        return assigned(node, expression, "EntityDetector", "DynamicFrame")
    if body["PiiType"] == "ColumnHashing":
        change = 'lambda column: F.sha2(column.cast("string"), 256)'
    else:
        change = (
            f"lambda column: F.lit({literal(body.get('MaskValue') or body.get('RedactText') or '*******')})"
        )
    expression = call(
        "detect_columns", "glueContext", node.inputs[0], types, *fractions, change, context(node)
    )
    return assigned(node, expression, "detect_columns")


QUALITY: dict[str, Generator] = {
    "EvaluateDataQuality": _evaluate,
    "EvaluateDataQualityMultiFrame": _evaluate_frames,
    "PIIDetection": _pii,
}

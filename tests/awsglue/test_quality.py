"""EvaluateDataQuality on every engine: outcomes, metrics, rows."""

from __future__ import annotations

import datetime as dt
import json
import os

import pytest

from awsgluedq.transforms import EvaluateDataQuality

SCHEMA = "i int, s string, d double, n string, t timestamp"
LONG_AGO = dt.datetime(2020, 1, 1)
ROWS = [
    (1, "a", 1.5, "2024-01-01", LONG_AGO),
    (2, "a", 2.5, "x", LONG_AGO),
    (3, "b", None, None, LONG_AGO),
    (4, None, 4.0, "2024-02-01", None),
]
# Rule → (passed?, metric, its value). A metric of None: there is none.
RULES = {
    'IsComplete "i"': (True, "Column.[i].Completeness", 1.0),
    'IsComplete "s"': (False, "Column.[s].Completeness", 0.75),
    'Completeness "s" > 0.7': (True, "Column.[s].Completeness", 0.75),
    'IsComplete "s" where "i < 4"': (True, "Column.[s].Completeness", 1.0),
    'IsUnique "i"': (True, "Column.[i].Uniqueness", 1.0),
    'Uniqueness "s" > 0.5': (False, "Column.[s].Uniqueness", 1 / 3),
    'Uniqueness "s" "i" = 1.0': (True, "Multicolumn.[s,i].Uniqueness", 1.0),
    'UniqueValueRatio "s" = 0.5': (True, "Column.[s].UniqueValueRatio", 0.5),
    'DistinctValuesCount "s" = 2': (True, "Column.[s].DistinctValuesCount", 2.0),
    'IsPrimaryKey "i"': (True, "Column.[i].Uniqueness", 1.0),
    'IsPrimaryKey "s"': (False, "Column.[s].Completeness", 0.75),
    'DuplicateRowCount "s" = 1': (True, "Multicolumn.[s].DuplicateRowCount", 1.0),
    "RowCount between 3 and 5": (True, "Dataset.*.RowCount", 4.0),
    "RowCount between 4 and 5": (False, "Dataset.*.RowCount", 4.0),
    "RowCount not between 4 and 5": (True, "Dataset.*.RowCount", 4.0),
    'RowCount = 2 where "i > 2"': (True, "Dataset.*.RowCount", 2.0),
    "RowCount = 1 + 1 * 2": (True, "Dataset.*.RowCount", 4.0),
    "ColumnCount in [4,5]": (True, "Dataset.*.ColumnCount", 5.0),
    'ColumnExists "I"': (True, None, 0),
    'ColumnExists "zz"': (False, None, 0),
    'ColumnNamesMatchPattern "^[isd]$"': (False, "Dataset.*.ColumnNamesPatternMatchRatio", 0.6),
    'ColumnValues "i" > 0': (True, "Column.[i].Minimum", 1.0),
    'ColumnValues "i" < 4': (False, "Column.[i].Maximum", 4.0),
    'ColumnValues "i" between 0 and 5': (True, "Column.[i].Maximum", 4.0),
    'ColumnValues "i" between 1 and 5': (False, "Column.[i].Minimum", 1.0),
    'ColumnValues "i" not in [7,8]': (True, "Column.[i].ColumnValues.Compliance", 1.0),
    'ColumnValues "d" > 0': (False, "Column.[d].Minimum", 1.5),
    'ColumnValues "d" != 9': (True, "Column.[d].ColumnValues.Compliance", 1.0),
    'ColumnValues "s" in ["a","b"]': (False, "Column.[s].ColumnValues.Compliance", 0.75),
    'ColumnValues "s" in ["a","b",NULL]': (True, "Column.[s].ColumnValues.Compliance", 1.0),
    'ColumnValues "s" not in ["z",NULL]': (False, "Column.[s].ColumnValues.Compliance", 0.75),
    'ColumnValues "s" != NULL': (False, "Column.[s].ColumnValues.Compliance", 0.75),
    'ColumnValues "s" matches "[a-b]" with threshold >= 0.75': (True, "Column.[s].ColumnValues.Compliance", 0.75),
    'ColumnValues "s" not matches "a" with threshold = 0.25': (True, "Column.[s].ColumnValues.Compliance", 0.25),
    'ColumnValues "t" < "2021-01-01" with threshold > 0.7': (True, "Column.[t].ColumnValues.Compliance", 0.75),
    'ColumnValues "t" < (now() - 3 days) where "t is not null"': (True, "Column.[t].ColumnValues.Compliance", 1.0),
    'ColumnValues "s" > 3': (False, None, 0),
    'ColumnLength "s" < 2': (True, "Column.[s].MaximumLength", 1.0),
    'ColumnLength "s" = 1': (False, "Column.[s].MinimumLength", 0.0),
    'ColumnDataType "i" = "INTEGER"': (True, "Column.[i].ColumnDataType.Compliance", 1.0),
    'ColumnDataType "n" = "DATE" with threshold = 0.5': (True, "Column.[n].ColumnDataType.Compliance", 0.5),
    'ColumnDataType "n" = "DATE" with threshold = 0.5 with format = "yyyy-MM-dd"': (
        True, "Column.[n].ColumnDataType.Compliance", 0.5),
    'Mean "i" = 2.5': (True, "Column.[i].Mean", 2.5),
    'Sum "d" = 8': (True, "Column.[d].Sum", 8.0),
    'StandardDeviation "i" < 1.2': (True, "Column.[i].StandardDeviation", 1.118033988749895),
    'Variance "i" = 1.25': (True, "Column.[i].Variance", 1.25),
    'Entropy "s" < 0.64': (True, "Column.[s].Entropy", 0.6365141682948128),
    'ColumnCorrelation "i" "d" > 0.99': (True, "Multicolumn.[i,d].ColumnCorrelation", 0.9971764649527379),
    'DataFreshness "t" > 24 hours where "t is not null"': (True, "Column.[t].DataFreshness.Compliance", 1.0),
    'ReferentialIntegrity "i" "ref.id" = 0.5': (True, "Column.[ref].ReferentialIntegrity", 0.5),
    'ReferentialIntegrity "i,s" "ref.{id,v}" = 0.25': (True, "Column.[ref].ReferentialIntegrity", 0.25),
    'ReferentialIntegrity "i" "none.id" = 1': (False, None, 0),
    'RowCountMatch "ref" = 2': (True, "Dataset.[ref].RowCountMatch", 2.0),
    'SchemaMatch "ref" = 0': (True, "Dataset.[ref].SchemaMatch", 0.0),
    'DatasetMatch "ref" "i->id" "s->v" = 0.25': (True, "Dataset.[ref].DatasetMatch", 0.25),
    'DatasetMatch "ref" "s->v" "i->id" = 1': (False, None, 0),
    'AggregateMatch "sum(i)" "sum(ref.id)" > 3.3': (True, "Column.[i,id].AggregateMatch", 10 / 3),
    'CustomSql "select count(*) from primary p join ref r on p.i = r.id" = 2': (True, "Dataset.*.CustomSQL", 2.0),
    'CustomSql "select i from primary where i < 3" with threshold = 0.5': (
        True, "Dataset.*.CustomSQL.Compliance", 0.5),
    'CustomSql "select nope from primary" = 1': (False, None, 0),
    'IsComplete "i" where "nope = 1"': (False, None, 0),
    '(IsComplete "i") AND (IsComplete "s")': (False, "Column.[s].Completeness", 0.75),
    '(IsComplete "i") OR (IsComplete "s")': (True, "Column.[s].Completeness", 0.75),
}  # fmt: skip


@pytest.fixture
def evaluate(frame, records):
    """Outcomes by rule."""

    def run(rules, *, rows=ROWS, schema=SCHEMA, **options):
        text = rules if isinstance(rules, str) else f"Rules = [ {', '.join(rules)} ]"
        others = {"ref": frame("id int, v string", [(1, "a"), (2, "b")])}
        return EvaluateDataQuality().process_rows(
            frame=frame(schema, rows), additional_data_sources=others, ruleset=text, **options
        )

    return run


@pytest.fixture
def outcomes(evaluate, records):
    """(outcome, reason, metrics) by rule."""

    def run(rules, **options):
        found = records(evaluate(rules, **options)["ruleOutcomes"])
        return {one["Rule"]: (one["Outcome"], one["FailureReason"], one["EvaluatedMetrics"]) for one in found}

    return run


def test_rules(outcomes):
    found = outcomes(list(RULES))
    wrong = {}
    for rule, (passed, metric, value) in RULES.items():
        outcome, reason, metrics = found[rule]
        right = outcome == ("Passed" if passed else "Failed") and (reason is None) == passed
        right = right and (not metrics if metric is None else metrics.get(metric) == pytest.approx(value))
        if not right:
            wrong[rule] = found[rule]
    assert not wrong


def test_reasons(outcomes):
    found = outcomes([
        'IsComplete "s"', 'ColumnValues "s" in ["a","b"]', 'ColumnValues "i" between 0 and 4', 'ColumnExists "zz"',
        'DataFreshness "t" > 24 hours', 'ReferentialIntegrity "i" "none.id" = 1',
        'DatasetMatch "ref" "s->v" "i->id" = 1',
    ])  # fmt: skip
    assert [reason for _, reason, _ in found.values()] == [
        "Value: 0.75 does not meet the constraint requirement!",
        "Value: NULL does not meet the constraint requirement!",
        "Value: 4.0 does not meet the constraint requirement!",
        "Input data does not include column zz!",
        "75.00% of rows passed the threshold",
        "none not found in additional sources",
        "Provided key map not suitable for given data frames",
    ]


def test_rules_on_the_past_are_refused_by_name(outcomes):
    found = outcomes(["RowCount > avg(last(3))", 'DetectAnomalies "RowCount"', "RowCount > 1"])
    assert [outcome for outcome, _, _ in found.values()] == ["Failed", "Failed", "Passed"]
    for rule in ("RowCount > avg(last(3))", 'DetectAnomalies "RowCount"'):
        assert "was not evaluated" in found[rule][1]


def test_a_where_that_is_wrong_fails_its_rule_only(outcomes):
    rules = [
        'IsUnique "i" where "zz > 1"',
        'IsComplete "i" where "zz > 1"',
        'Entropy "i" > 0 where "(("',
        'IsUnique "i"',
    ]
    found = outcomes(rules)
    assert [outcome for outcome, _, _ in found.values()] == ["Failed", "Failed", "Failed", "Passed"]
    assert all("cannot be computed" in found[rule][1] for rule in rules[:3])


def test_what_is_no_number_meets_no_bounds(outcomes):
    rules = ['Mean "n" between 0 and 9', 'Mean "n" not between 0 and 9', 'Sum "n" > 0']
    found = outcomes(rules, rows=[(1, float("nan")), (2, 1.0)], schema="id int, n double")
    assert [outcome for outcome, _, _ in found.values()] == ["Failed"] * 3


def test_fields_of_structs(outcomes):
    rows = [(1, (5, "a")), (2, None)]
    found = outcomes(
        [
            'IsComplete "r.x"',
            'ColumnValues "r.x" > 4 where "id = 1"',
            'ColumnExists "r.y"',
            'ColumnExists "r.z"',
        ],
        rows=rows,
        schema="id int, r struct<x:int,y:string>",
    )
    assert [outcome for outcome, _, _ in found.values()] == ["Failed", "Passed", "Passed", "Failed"]
    assert found['IsComplete "r.x"'][2] == {"Column.[r.x].Completeness": 0.5}


def test_no_rows_at_all(outcomes):
    found = outcomes(['IsComplete "i"', "RowCount = 0", 'ColumnValues "i" > 0'], rows=[])
    assert [outcome for outcome, _, _ in found.values()] == ["Failed", "Passed", "Failed"]


def test_rows(evaluate, records):
    rules = [
        'IsComplete "s"', 'IsUnique "s"', 'ColumnValues "i" > 1', "RowCount > 1", 'IsComplete "s" where "i > 3"',
        '(IsComplete "s") AND (ColumnValues "i" < 3)', 'ReferentialIntegrity "i" "ref.id" = 0.5',
    ]  # fmt: skip
    found = evaluate(rules)["rowLevelOutcomes"]
    added = [
        "DataQualityRulesPass",
        "DataQualityRulesFail",
        "DataQualityRulesSkip",
        "DataQualityEvaluationResult",
    ]
    assert found.toDF().columns == ["i", "s", "d", "n", "t", *added]
    by_row = {one["i"]: one for one in records(found)}
    assert {i: one["DataQualityRulesFail"] for i, one in by_row.items()} == {
        1: [rules[1], rules[2]],
        2: [rules[1]],
        3: [rules[5], rules[6]],
        4: [rules[0], rules[1], rules[4], rules[5], rules[6]],
    }
    assert all(one["DataQualityRulesSkip"] == ["RowCount > 1"] for one in by_row.values())
    assert all(one["DataQualityEvaluationResult"] == "Failed" for one in by_row.values())
    assert by_row[2]["DataQualityRulesPass"] == [rules[0], rules[2], rules[4], rules[5], rules[6]]


def test_rows_that_a_where_leaves_out(evaluate, records):
    options = {"rowLevelConfiguration.filteredRowLabel": "SKIPPED"}
    rule = 'ColumnValues "i" > 1 where "i < 3"'
    found = records(evaluate([rule], additional_options=options)["rowLevelOutcomes"])
    skipped = {one["i"]: one["DataQualityRulesSkip"] for one in found}
    assert skipped == {1: [], 2: [], 3: [rule], 4: [rule]}
    assert {one["i"]: one["DataQualityEvaluationResult"] for one in found} == {
        1: "Failed", 2: "Passed", 3: "Passed", 4: "Passed"
    }  # fmt: skip


def test_composites_by_column_and_by_row(outcomes):
    # No column alone holds; every row has one of the two.
    rule = '(ColumnValues "i" < 3) OR (ColumnValues "i" > 2)'
    assert outcomes([rule])[rule][0] == "Failed"
    by_row = outcomes([rule], additional_options={"compositeRuleEvaluation.method": "ROW"})
    assert by_row[rule][0] == "Passed"


def test_statements_of_rows(evaluate, records):
    found = evaluate(['CustomSql "select i from primary where i < 3"'])
    (outcome,) = records(found["ruleOutcomes"])
    assert (outcome["Outcome"], outcome["EvaluatedMetrics"]) == (
        "Failed",
        {"Dataset.*.CustomSQL.Compliance": 0.5},
    )
    passed = {one["i"]: bool(one["DataQualityRulesPass"]) for one in records(found["rowLevelOutcomes"])}
    assert passed == {1: True, 2: True, 3: False, 4: False}


def test_the_forms_of_the_transform(frame, records):
    source = frame(SCHEMA, ROWS)
    applied = EvaluateDataQuality.apply(
        frame=source, ruleset="Rules = [ RowCount > 1 ]", publishing_options={}
    )
    assert applied.toDF().columns == ["Rule", "Outcome", "FailureReason", "EvaluatedMetrics", "EvaluatedRule"]
    assert records(applied)[0]["Outcome"] == "Passed"
    collection = EvaluateDataQuality().process_rows(source, "Rules = [ RowCount > 1 ]")
    assert set(collection.keys()) == {"originalData", "ruleOutcomes", "rowLevelOutcomes"}
    assert collection["originalData"].count() == 4
    labelled = EvaluateDataQuality().process_rows(
        source,
        'Rules = [ RowCount > 1 labels = ["k"="v"] ]',
        additional_options={
            "rowLevelConfiguration.ruleWithLabels": "ENABLED",
            "performanceTuning.caching": "CACHE_INPUT",
        },
    )
    assert records(labelled["ruleOutcomes"])[0]["Labels"] == {"k": "v"}


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"ruleset": "Rules = [ Foo ]"}, ValueError),
        ({"ruleset": "Rules = [ RowCount > 1 ]", "publishing_options": {"nope": 1}}, ValueError),
        (
            {
                "ruleset": "Rules = [ RowCount > 1 ]",
                "additional_options": {"performanceTuning.caching": "ALL"},
            },
            ValueError,
        ),
        (
            {
                "ruleset": "Rules = [ RowCount > 1 ]",
                "additional_options": {"publishAggregatedMetrics.status": "ENABLED"},
            },
            NotImplementedError,
        ),
    ],
)
def test_what_is_refused(frame, arguments, kind):
    with pytest.raises(kind):
        EvaluateDataQuality().process_rows(frame(SCHEMA, ROWS), **arguments)


def test_files(evaluate, records, tmp_path):
    folder, other = tmp_path / "a", tmp_path / "b"
    for one in (folder, other):
        one.mkdir()
        (one / "x.txt").write_text("hello")
        (one / "y.txt").write_text("hello" if one is other else "world")
    os.utime(folder / "x.txt", (0, 0))
    at = f"file://{folder}"
    digest = "486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7"
    rules = {
        f'FileSize "{at}" between 4 B and 6 B': True,
        f'FileSize "{at}" > 1 KB': False,
        f'FileFreshness "{at}" > "2000-01-01"': False,
        f'FileFreshness "{at}" > "2000-01-01" with recentFiles = 1': True,
        f'FileFreshness "{at}" > (now() - 2 days) with threshold >= 0.5': True,
        f'FileUniqueness "{at}" = 1.0': True,
        f'FileUniqueness "file://{other}" = 0.5': True,
        f'FileMatch "{at}" "file://{other}"': False,
        f'FileMatch "{at}" "file://{other}" with matchFileName = "true"': True,
        f'FileMatch "{at}" in ["{digest}"] with uriRegex = "y[.]txt"': True,
        f'FileMatch "{at}" not in ["{digest}"] with uriRegex = "y[.]txt"': False,
        f'FileMatch "{at}" != "{digest}" with uriRegex = "y[.]txt"': False,
        f'FileMatch "{at}" != "{digest}" with uriRegex = "x[.]txt"': True,
        f'FileMatch "{at}" matches "{digest}" with uriRegex = "y[.]txt"': False,
        "FileSize > 1 B": False,
    }
    found = records(evaluate(list(rules))["ruleOutcomes"])
    assert {one["Outcome"] == "Passed" for one in found} == {True, False}
    assert [one["Outcome"] == "Passed" for one in found] == list(rules.values())
    assert found[-1]["FailureReason"] == "Unable to parse file path from DataFrame"


def test_results_are_published(evaluate, server, tmp_path, capsys):
    import boto3

    bucket = f"results-{os.getpid()}"
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=bucket)
    evaluate(
        """Rules = [ RowCount > 1, IsComplete "s" ]
        Analyzers = [ Completeness "s", AllStatistics "i", ColumnLength "s", Distribution "i" with bins = 3,
            Distribution "s", Mean "zz", CustomSql "select max(i) from primary" ]""",
        publishing_options={
            "dataQualityEvaluationContext": "mine",
            "enableDataQualityCloudWatchMetrics": True,
            "resultsS3Prefix": f"{bucket}/dq",
        },
    )
    (written,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    document = json.loads(s3.get_object(Bucket=bucket, Key=written["Key"])["Body"].read())
    assert (document["Score"], document["EvaluationContext"]) == (0.5, "mine")
    assert [one["Result"] for one in document["RuleResults"]] == ["PASS", "FAIL"]
    found = [one["EvaluatedMetrics"] for one in document["AnalyzerResults"]]
    assert found[0] == {"Column.[s].Completeness": 0.75}
    assert {name: found[1][f"Column.[i].{name}"] for name in ("Minimum", "Maximum", "Mean", "Sum", "Uniqueness")} == {
        "Minimum": 1.0, "Maximum": 4.0, "Mean": 2.5, "Sum": 10.0, "Uniqueness": 1.0,
    }  # fmt: skip
    assert found[1]["Dataset.*.RowCount"] == 4.0
    assert found[2] == {"Column.[s].MinimumLength": 0.0, "Column.[s].MaximumLength": 1.0}
    bins, values = (document["AnalyzerResults"][i]["EvaluatedDistributions"] for i in (3, 4))
    assert bins["Column.[i].Distribution"] == {"BinEdges": ["1.0", "2.0", "3.0", "4.0"], "Count": [1, 1, 2]}
    assert values["Column.[s].Distribution"] == {"BinEdges": ["a", "b"], "Count": [2, 1]}
    assert "zz" in document["AnalyzerResults"][5]["EvaluationMessage"]
    assert found[6] == {"Dataset.*.CustomSQL": 4.0}
    listed = boto3.client("cloudwatch").list_metrics(Namespace="Glue Data Quality")["Metrics"]
    assert {one["MetricName"] for one in listed} == {
        "glue.data.quality.rules.passed",
        "glue.data.quality.rules.failed",
    }
    assert "GetDataQualityResult will not find them" in capsys.readouterr().err


def test_the_call_that_visual_jobs_make(frame, capsys):
    found = EvaluateDataQuality().process_rows(
        frame=frame(SCHEMA, ROWS),
        ruleset="""
    Rules = [
        ColumnCount > 0
    ]
""",
        publishing_options={
            "dataQualityEvaluationContext": "EvaluateDataQuality_node1",
            "enableDataQualityResultsPublishing": True,
        },
        additional_options={
            "dataQualityResultsPublishing.strategy": "BEST_EFFORT",
            "observations.scope": "ALL",
            "performanceTuning.caching": "CACHE_NOTHING",
            "of.tomorrow": "x",
        },
    )
    assert found["rowLevelOutcomes"].count() == 4
    assert "of.tomorrow is not known" in capsys.readouterr().err


def test_analyzers_alone_have_no_outcomes(frame):
    found = EvaluateDataQuality().process_rows(frame(SCHEMA, ROWS), "Analyzers = [ RowCount ]")
    assert found["ruleOutcomes"].count() == 0
    assert found["rowLevelOutcomes"].count() == 4

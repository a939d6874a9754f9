"""DQDL: what is a ruleset and what is not, and how rules are spelled."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awsgluedq.dqdl import DqdlError, analyzer_text, parse, rule_text

SPELLED = [
    ('IsComplete "id"', 'IsComplete "id"'),
    ("IsComplete id", 'IsComplete "id"'),
    ('Completeness  of "a"\n> 0.50', 'Completeness "a" > 0.50'),
    ('ColumnCorrelation of "a" and "b" between -1 and 0.5', 'ColumnCorrelation "a" "b" between -1 and 0.5'),
    ('ColumnValues "a" in ["u", NULL , EMPTY]', 'ColumnValues "a" in ["u",NULL,EMPTY]'),
    ('ColumnValues "a" not in [1,2]', 'ColumnValues "a" not in [1,2]'),
    ('ColumnValues "a" != null', 'ColumnValues "a" != NULL'),
    ('ColumnValues "d" > (now() - 3 days)', 'ColumnValues "d" > (now() - 3 days)'),
    (r'ColumnValues "a" matches "[a-z]\d+\"x"', r'ColumnValues "a" matches "[a-z]\d+\"x"'),
    ('ColumnValues "n" > 1 where "b = 2" with threshold >= 0.9',) * 2,
    ('DataFreshness "d" between 2 days and 90 hours',) * 2,
    ('FileSize "s3://b/" between 1 MB and 2 GB', 'FileSize "s3://b/" between 1 MB and 2 GB'),
    ('FileSize "s3://b/" > 10', 'FileSize "s3://b/" > 10'),
    ("RowCount between min(last(10))-1 and max(last(10))+1",
     "RowCount between min(last(10)) - 1 and max(last(10)) + 1"),
    ("RowCount > last()", "RowCount > last()"),
    ("RowCount > index(last(3), 1) * 0.8", "RowCount > index(last(3),1) * 0.8"),
    ('(IsComplete "a") and ((IsUnique "b") OR (RowCount > 1))',
     '(IsComplete "a") AND ((IsUnique "b") OR (RowCount > 1))'),
    ('(IsComplete "a") and (IsUnique "b") or (RowCount > 1)',
     '((IsComplete "a") AND (IsUnique "b")) OR (RowCount > 1)'),
    ('CustomSql "select count(*) from primary" = 1 * 2 + 3',) * 2,
    ('ReferentialIntegrity "a,b" "r.{c,d}" = 1.0',) * 2,
    ('FileMatch "s3://a/" "s3://b/"',) * 2,
    ('FileFreshness "s3://b/" > "9:30 AM" with filterOrder = ["uriRegex", "recentFiles"]',
     'FileFreshness "s3://b/" > "9:30 AM" with filterOrder = ["uriRegex","recentFiles"]'),
    ('ColumnDataType "x" = "DATE" with format = "dd/MM/yyyy" with threshold > 0.3',
     'ColumnDataType "x" = "DATE" with threshold > 0.3 with format = "dd/MM/yyyy"'),
]  # fmt: skip

WRONG = [
    "", "Rules = []", "Rules = [] Analyzers = []", 'Rules = [IsComplete "a",]', 'Rules = {IsComplete "a"}',
    "rules = [RowCount > 1]", "Rules = [Foo > 1]", "Rules = [JobStatus = \"x\"]",
    "Rules = [11ColumnValues > 1]",
    'Rules = [IsComplete "a" > 1]', 'Rules = [Completeness "a"]', 'Rules = [IsComplete "a" "b"]',
    "Rules = [IsComplete 'a']",
    'Rules = [ColumnValues "a" in [1,"2"]]', 'Rules = [ColumnValues "a" in []]', 'Rules = [RowCount > "a"]',
    'Rules = [RowCount matches "a"]', 'Rules = [DataFreshness "d" <= 3]',
    'Rules = [DataFreshness "d" between 2 and 4 days]',
    'Rules = [ColumnValues "d" > now() - 3 days]', 'Rules = [ColumnValues "d" > (now() - 3 weeks)]',
    "Rules = [RowCount > last(5)]", "Rules = [RowCount > nope(last(5))]", 'Rules = [RowCount > 1 where ""]',
    'Rules = [ColumnCount > 1 where "a"]', "Rules = [RowCount > 1 with threshold > 0.5]",
    'Rules = [ColumnValues "a" > 1 with threshold > 0.5 with threshold > 0.4]',
    'Rules = [FileSize "a" > 1 B with x != 2]',
    'Rules = [(IsComplete "a") And (IsComplete "b")]', 'Rules = [IsComplete "a" and IsComplete "b"]',
    'Rules = [AllStatistics "a"]', 'Analyzers = [IsComplete "a"]', "Analyzers = [RowCount > 1]",
    "Metadata = {} Rules = [RowCount > 1]", 'Metadata = {"x": "y"} Rules = [RowCount > 1]',
    'DataSources = {"AdditionalDataSources": "a"} Rules = [RowCount > 1]', "Rules = [RowCount > $m]",
    'm = "1" Rules = [RowCount > $m]', 'm = 1 Rules = [RowCount > 1]', 'm = "a" m = "b" Rules = [IsComplete $m]',
    '_m = "a" Rules = [IsComplete $_m]', 'm = ["a","b"] Rules = [IsComplete $m]',
    'a = "x" m = "$a" Rules = [IsComplete $m]',
    'Rules = [RowCount > 1 labels = []]', 'Rules = [RowCount > 1 labels = ["a"="b","a"="c"]]',
    "Rules = [RowCount > .5]",
    "Rules = [RowCount > 1e3]", 'Rules = [FileMatch "a"]', "Analyzers = [RowCount] Rules = [RowCount > 1]",
]  # fmt: skip


@pytest.mark.parametrize(("written", "spelled"), SPELLED)
def test_rules_have_one_spelling(written, spelled):
    (rule,) = parse(f"Rules = [ {written} ]").rules
    assert rule_text(rule) == spelled
    (again,) = parse(f"Rules=[{spelled}]").rules
    assert again == rule


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_ruleset(text):
    with pytest.raises(DqdlError) as refused:
        parse(text)
    assert refused.value.problems


def test_all_problems_are_told_at_once():
    with pytest.raises(DqdlError) as refused:
        parse('Rules = [ Foo > 1, IsComplete "a" > 2, RowCount > $x ]')
    assert len(refused.value.problems) >= 3


def test_sections_variables_and_labels():
    ruleset = parse("""
        # who may read this
        Metadata = { "Version": "1.0" }
        DataSources = { "Primary": "orders", "AdditionalDataSources": ["customers"] }
        wanted = ["open", "closed", NULL]
        column = "state"
        DefaultLabels = ["team"="sales", "level"="low"]
        Rules = [
            ColumnValues $column in $wanted labels = ["level"="high"],  # a comment
            ((IsComplete "a") or (IsComplete "b")) labels = ["k"="v"]
        ]
        Analyzers = [ RowCount, Distribution "a" with bins = 10, AllStatistics AllColumns ]
    """)
    assert rule_text(ruleset.rules[0]) == 'ColumnValues "state" in ["open","closed",NULL]'
    assert ruleset.rules[0].labels == {"team": "sales", "level": "high"}
    assert ruleset.rules[1].labels == {"team": "sales", "level": "low", "k": "v"}
    assert (ruleset.primary, ruleset.additional) == ("orders", ("customers",))
    assert [analyzer_text(one) for one in ruleset.analyzers] == [
        "RowCount",
        'Distribution "a" with bins = "10"',
        'AllStatistics "AllColumns"',
    ]


@settings(deadline=None)
@given(st.text(min_size=1))
def test_any_text_survives_as_parameter_and_operand(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", " ")
    (rule,) = parse(f'Rules = [ ColumnValues "{escaped}" = "{escaped}" ]').rules
    assert rule.parameters == (text.replace("\r", " "),)
    assert parse(f"Rules = [ {rule_text(rule)} ]").rules == (rule,)


@settings(deadline=None)
@given(st.text(alphabet='Rules=[]() "$,.#andorRowCount>12with\n'))
def test_no_text_breaks_the_parser(text):
    with contextlib.suppress(DqdlError):
        assert parse(text).rules or parse(text).analyzers


def test_checked_by_another_process():
    """A server that must not load the library asks it this way."""
    answers = subprocess.run(
        [sys.executable, "-m", "awsgluedq.dqdl"],
        input="\n".join(json.dumps(one) for one in ("Rules=[RowCount>1]", "Rules=[Foo]")) + "\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout.splitlines()
    assert json.loads(answers[0]) == {"rules": ["RowCount > 1"], "analyzers": []}
    assert "Foo" in json.loads(answers[1])["problems"][0]

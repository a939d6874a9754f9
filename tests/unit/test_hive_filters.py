"""Hive's filters, names and patterns as the Data Catalog understands them."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mastic.glue.catalog import expressions
from mastic.glue.catalog.expressions import Key
from mastic.glue.hive import names
from mastic.glue.hive.failures import Failure
from mastic.glue.hive.partition_filters import translate
from mastic.store import catalog_conditions as conditions

KEYS = [Key(name="y", type="int"), Key(name="s", type="string"), Key(name="d", type="date")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("y = 1", '"y" = 1'),
        ('y==1 AND s<>"a\'b"', "\"y\" = 1 and \"s\" <> 'a''b'"),
        ("'a' <= s or (y != 2)", '"s" >= \'a\' or ("y" <> 2)'),
        ("d = 2024-01-31", "\"d\" = '2024-01-31'"),
        ("d >= date '2024-01-31'", "\"d\" >= '2024-01-31'"),
        ('s = "q\\"t"', '"s" = \'q"t\''),
        ("y in (1, 2) and s not in ('a')", '"y" in (1, 2) and not "s" in (\'a\')'),
        ("y not between 1 and 2", 'not ("y" between 1 and 2)'),
        ('s like "a_b.*"', "(\"s\" >= 'a_b' and \"s\" < 'a_c')"),
        ('s like ".*b"', "\"s\" like '%b'"),
        ('s like "a.c.*d"', "\"s\" like 'a_c%d'"),
        ('s like "a\\\\.b"', "\"s\" = 'a.b'"),
        ('s like "plain"', "\"s\" = 'plain'"),
        ("s like '.*%' or y = 1", "\"s\" like '%\\%' escape '\\' or \"y\" = 1"),
    ],
)
def test_translations(text: str, expected: str) -> None:
    assert translate(text) == expected
    if expected:
        expressions.parse(expected, KEYS)


@pytest.mark.parametrize(
    "text",
    [
        "y",
        "y = ",
        "= 1",
        "y = 1 or",
        "(y = 1",
        "y like 1",
        "s like 'a|b'",
        "y ~ 1",
        "'a' = 'b'",
    ],
)
def test_refusals(text: str) -> None:
    with pytest.raises(Failure):
        translate(text)


@given(st.text(max_size=60))
def test_any_text_is_translated_or_refused(text: str) -> None:
    try:
        written = translate(text)
    except Failure:
        return
    assert isinstance(written, str)


def _admits(pattern: str, value: str) -> bool:
    """As SQLite answers it."""
    quoted = pattern.replace("\\", "\\\\").replace("'", "\\'")
    found = expressions.parse(translate(f"s like '{quoted}' or y = 1"), KEYS)
    sql = conditions.Sql("sqlite")
    text = conditions.clause(found, ["NULL", "v", "NULL"], sql)
    with closing(sqlite3.connect(":memory:")) as connection:
        rows = connection.execute(f"SELECT v FROM (SELECT ? AS v) WHERE {text}", [value, *sql.parameters])
        found_there = any(
            interval.low <= value and (interval.high is None or value < interval.high)
            for interval in conditions.intervals(found, 1)
        )
        matched = rows.fetchone() is not None
    assert found_there or not matched
    return matched


PATTERNS = st.lists(st.sampled_from([".*", ".", "%", "_", "a", "b", "\\\\"]), max_size=6).map(
    lambda parts: "".join([*parts, ".*_.*"])
)


@given(PATTERNS, st.text(st.sampled_from("ab%_\\"), max_size=10))
def test_percent_and_underscore_within_a_pattern_mean_themselves(pattern: str, value: str) -> None:
    assert _admits(pattern, value) == bool(re.fullmatch(pattern, value, re.DOTALL))


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    assert not _admits("a_" + ".*a" * 200 + "b", "a_" + "a" * 1000)


VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(VALUES)
def test_a_value_is_matched_by_its_own_literal(value: str) -> None:
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    condition = expressions.parse(translate(f"s = '{quoted}'"), KEYS)
    direct = expressions.parse("s = '" + value.replace("'", "''") + "'", KEYS)
    assert condition == direct


@given(st.dictionaries(st.from_regex(r"[a-z]+", fullmatch=True), VALUES, min_size=1))
def test_names_of_partitions_come_back(parts: dict[str, str]) -> None:
    name = names.partition_name(list(parts), list(parts.values()))
    assert names.parse_partition_name(name) == parts


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (None, ["a", "ab", "b.c"]),
        ("*", ["a", "ab", "b.c"]),
        (".*", ["a", "ab", "b.c"]),
        ("A*", ["a", "ab"]),
        ("a|b*", ["a", "b.c"]),
        ("[a", []),
        ("", ["a", "ab", "b.c"]),
    ],
)
def test_patterns(pattern: str | None, expected: list[str]) -> None:
    assert names.matching(pattern, ["a", "ab", "b.c"]) == expected

"""Queries mean in DuckDB what they mean in Trino: each case is a value from Trino's documentation and rules."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from mastic.athena.failures import QueryFailure
from mastic.athena.planner import failure_of
from mastic.athena.statements import parse
from mastic.athena.translate import name_columns, to_duckdb


def ask(select: str) -> Any:
    """The first value of the first row."""
    tree = parse(f"SELECT {select}")
    name_columns(tree)
    sql = to_duckdb(tree, {}, "")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            row = connection.execute(sql).fetchone()
        except duckdb.Error as error:
            raise failure_of(error) from error
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    ("select", "value"),
    [
        ("date_diff('day', TIMESTAMP '2020-01-01 23:00:00', TIMESTAMP '2020-01-02 01:00:00')", 0),
        ("date_diff('month', DATE '2020-01-31', DATE '2020-02-28')", 0),
        ("date_trunc('month', DATE '2020-01-31')", date(2020, 1, 1)),
        ("date_trunc('hour', TIMESTAMP '2020-01-31 10:20:30')", datetime(2020, 1, 31, 10)),
        ("date_add('month', 1, DATE '2020-01-31')", date(2020, 2, 29)),
        ("DATE '2020-01-31' - INTERVAL '1' DAY", date(2020, 1, 30)),
        ("x + INTERVAL '1' DAY FROM (SELECT DATE '2020-01-01' AS x)", date(2020, 1, 2)),
        ("extract(dow FROM DATE '2024-01-07')", 7),
        (
            "CAST(TIMESTAMP '2020-01-01 12:00:00' AT TIME ZONE 'Asia/Tokyo' AS timestamp)",
            datetime(2020, 1, 1, 21),
        ),
        ("date_format(TIMESTAMP '2020-01-02 03:04:05', '%Y-%m-%d %H:%i:%s')", "2020-01-02 03:04:05"),
        (r"regexp_extract('abc', '\d')", None),
        (r"regexp_extract('a1c', '([a-z])(\d)', 2)", "1"),
        (r"regexp_replace('abc', '(a)(b)', '$2$1\\\$')", "ba\\$c"),
        ("split_part('a,b', ',', 3)", None),
        ("split_part('a,b', ',', 2)", "b"),
        ("split('a,b', ',')[2]", "b"),
        ("substr('abc', 0)", ""),
        ("substr('abc', -2)", "bc"),
        ("substr('abc', -5)", ""),
        ("trim('\t a ')", "a"),
        ("repeat('a', 2)", ["a", "a"]),
        ("concat('a', CAST(NULL AS varchar))", None),
        ("greatest(1, NULL)", None),
        ("format('%s-%03d', 'x', 5)", "x-005"),
        ("json_extract_scalar('{\"a\": {\"b\": 1}}', '$.a')", None),
        ("json_extract_scalar('{\"a\": {\"b\": 1}}', '$.a.b')", "1"),
        ("json_extract_scalar('no json', '$.a')", None),
        ("array_position(ARRAY[1, 2], 3)", 0),
        ("contains(ARRAY[1, NULL], 2)", None),
        ("array_max(ARRAY[1, NULL])", None),
        ("array_distinct(ARRAY[2, 1, 2, NULL, NULL])", [2, 1, None]),
        ("element_at(ARRAY[1, 2], 3)", None),
        ("element_at(MAP(ARRAY['a'], ARRAY[1]), 'b')", None),
        ("MAP(ARRAY['a'], ARRAY[1])['a']", 1),
        ("sequence(3, 1)", [3, 2, 1]),
        ("sequence(DATE '2020-01-01', DATE '2020-01-02')", [date(2020, 1, 1), date(2020, 1, 2)]),
        ("any_match(ARRAY[1, NULL], x -> x > 1)", None),
        ("max_by(a, b) FROM (VALUES (1, 1), (NULL, 3)) t(a, b)", None),
        ("approx_percentile(x, 0.5) FROM (VALUES 1, 2, 3) t(x)", 2),
        ("avg(x) OVER () FROM (VALUES 1.50, 2.25) t(x)", Decimal("1.88")),
        ("(7 / 2) / 2", 1),
        ("coalesce(7 / 2, 1)", 3),
        ("log10(1000)", 3.0),
        ("CAST(TIMESTAMP '2020-01-02 03:04:05' AS varchar)", "2020-01-02 03:04:05.000"),
        ("CAST(1e10 AS varchar)", "1.0E10"),
        ("CAST(x AS varchar) FROM (VALUES 12345678.9e0) t(x)", "1.23456789E7"),
        ("CAST('abc' AS varchar(2))", "ab"),
        ("CAST(2.5e0 AS integer)", 3),
        ("TRY_CAST('1.7' AS integer)", None),
        (r"CAST(regexp_extract('a12', '\d+') AS integer)", 12),
        ("CAST(element_at(split('a,5', ','), 2) AS integer)", 5),
        ("CAST(from_unixtime(0) AS varchar)", "1970-01-01 00:00:00.000 UTC"),
        ("TRY_CAST('2020-01-02' AS date)", date(2020, 1, 2)),
    ],
)
def test_values_are_trinos(select: str, value: object) -> None:
    found = ask(select)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("select", "reason"),
    [
        ("CAST('1.7' AS integer)", "INVALID_CAST_ARGUMENT: Cannot cast '1.7' to INTEGER"),
        ("CAST(x AS integer) FROM (VALUES '1', '1.7') t(x) ORDER BY 1", "INVALID_CAST_ARGUMENT"),
        ("CAST('yes' AS boolean)", "INVALID_CAST_ARGUMENT"),
        ("ARRAY[1, 2][3]", "INVALID_FUNCTION_ARGUMENT: Array subscript"),
        ("MAP(ARRAY['a'], ARRAY[1])['b']", "INVALID_FUNCTION_ARGUMENT: Key not present"),
        ("CAST(x AS varchar) FROM (VALUES 1e22) t(x)", "NOT_SUPPORTED"),
        ("typeof(1)", "NOT_SUPPORTED: function typeof"),
        ("levenshtein_distance('a', 'b')", "NOT_SUPPORTED: function levenshtein"),
        ("format('%.2f', 0.125)", "NOT_SUPPORTED: function format"),
        ("date_format(current_date, '%U')", "in date formats"),
        ("regexp_extract('b', '(a)|b', 1)", "may take no part"),
        ("regexp_replace('a', 'a', '${name}')", "regexp_replace"),
        ("url_encode('a b')", "FUNCTION_NOT_FOUND: function 'url_encode'"),
        ("DATE '2020-01-02' - DATE '2020-01-01'", "NOT_SUPPORTED"),
        ("TIMESTAMP '2020-01-01 12:00:00' AT TIME ZONE 'Asia/Tokyo'", "NOT_SUPPORTED: AT TIME ZONE"),
        ("CAST('{}' AS json)", "NOT_SUPPORTED: CAST from and to json"),
        ("CAST(ARRAY[1] AS varchar)", "NOT_SUPPORTED: CAST of array"),
    ],
)
def test_what_is_not_certain_is_refused(select: str, reason: str) -> None:
    with pytest.raises(QueryFailure) as refused:
        ask(select)
    assert reason in refused.value.reason

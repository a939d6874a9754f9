"""Filter functions told to the engine in SQL keep exactly the rows that they keep as Python."""

from __future__ import annotations

import itertools

import pytest

from awsglue._frames.predicates import to_sql

SCHEMA = "a int, b bigint, c double, d string, e boolean, s struct<x:int,t:string>, l array<int>"
LIMIT = 5
NAMES = ("x", "y")


def rows():
    numbers = (None, -1, 0, 5, 6)
    for position, (a, c, d, e) in enumerate(
        itertools.product(
            numbers, (None, 0.0, 5.0, float("nan"), 7.5), (None, "", "x", "xyz"), (None, True, False)
        )
    ):
        s = (None, (None, "x"), (a, None), (3, "y"))[position % 4]
        yield (a, None if position % 3 else position - 100, c, d, e, s, None if position % 2 else [1])


TOLD = [
    lambda r: r["a"] > 5,
    lambda r: r["a"] >= LIMIT and r["d"] != "x",
    lambda r: r["a"] == 5 or r["c"] < 7,
    lambda r: not r["a"] > 0,
    lambda r: r["d"] in NAMES,
    lambda r: r["d"] not in ("x", "") and r["a"] is not None,
    lambda r: r["d"] is None,
    lambda r: r["d"] == None,  # noqa: E711
    lambda r: "y" in r["d"],
    lambda r: r["d"],
    lambda r: r["e"] and r["a"],
    lambda r: not r["d"] or not r["e"],
    lambda r: r["s"]["x"] < 4 and r["s"]["t"] == "y",
    lambda r: r.a < r.b,
    lambda r: r["a"] == r["b"],
    lambda r: r["c"] > 5.5,
    lambda r: not r["c"] > 5.5,
    lambda r: r["c"] != 5,
    lambda r: 0 < r["a"] < 6,
    lambda r: True if r["a"] == 0 else r["d"] > "w",
    lambda r: r["nothing"] == 1,
    lambda r: r["a"] == 5 or r["nothing"] == 1,
    lambda r: r["l"] is None,
    lambda r: False,
    lambda r: 1,
    lambda r: None,
]
PYTHON = [
    lambda r: r["a"] + 1 > 5,
    lambda r: len(r["d"]) == 1,
    lambda r: (r["d"] or "").startswith("x"),
    lambda r: r.get("a") == 5,
    lambda r: "a" in r,
    lambda r: r["a"] > "5",
    lambda r: r["d"] > 5,
    lambda r: any(n == r["a"] for n in (5, 6)),
    lambda r: r["l"][0] == 1,
    lambda r: r["c"] in (5, 7.5),
    lambda r: int(r["d"]) == 1,
    lambda r: dict(r)["a"] == 5 and next(iter(r.keys())) == "a" and len(r) == 7,
]


def guarded(r):
    try:
        return r["a"] > 5
    except TypeError:
        return True


def statements(r):
    limit = 5
    if r["a"] is None:
        return r["d"] == "x"
    if r["a"] > limit:
        return True
    return r["d"] == "xyz"


def by_python(function, schema_names):
    from awsglue.dynamicframe import DynamicRecord

    kept = []
    for row in rows():
        record = DynamicRecord(dict(zip(schema_names, row, strict=True)))
        if row[5] is not None:
            record["s"] = {"x": row[5][0], "t": row[5][1]}
        try:
            if function(record):
                kept.append(row)
        except (KeyError, ValueError, TypeError):
            pass
    return kept


@pytest.fixture(scope="module")
def source(spark):
    from awsglue.context import GlueContext
    from awsglue.dynamicframe import DynamicFrame

    return DynamicFrame.fromDF(spark.createDataFrame(list(rows()), SCHEMA), GlueContext(spark), "f")


@pytest.mark.parametrize(
    ("function", "told"),
    [*((one, True) for one in [*TOLD, statements]), *((one, False) for one in [*PYTHON, guarded])],
)
def test_same_rows(source, function, told):
    assert (to_sql(function, source.schema()) is not None) == told
    expected = by_python(function, [field.name for field in source.schema()])
    found = [
        (
            row["a"],
            row["b"],
            row["c"],
            row["d"],
            row["e"],
            tuple(row["s"]) if row["s"] is not None else None,
            row["l"],
        )
        for row in source.filter(function).toDF().collect()
    ]
    assert sorted(map(repr, found)) == sorted(map(repr, expected))
    assert source.filter(function).errorsCount() == 0

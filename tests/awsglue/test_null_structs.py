"""A member of a null struct is null, wherever the struct comes from."""

from __future__ import annotations

import pytest

ROWS = [(1, (5, "a"), [(7,), None]), (2, None, None)]
SCHEMA = "id int, r struct<x:int,y:string>, l array<struct<x:int>>"


def members(frame):
    return [tuple(row) for row in frame.select("r.x").collect()]


def test_of_local_rows(spark):
    frame = spark.createDataFrame(ROWS, SCHEMA)
    assert [tuple(row) for row in frame.select("r.x", "r.y").orderBy("id").collect()] == [
        (5, "a"),
        (None, None),
    ]
    assert frame.filter("r.x IS NULL").count() == 1
    found = frame.selectExpr("id", "explode(l) AS e").select("e.x").collect()
    assert sorted((row.x for row in found), key=str) == [7, None]


def test_of_deep_local_rows(spark):
    schema = "m map<string,struct<x:int>>, s struct<t:struct<x:int>>"
    frame = spark.createDataFrame([({"a": None, "b": (1,)}, (None,)), (None, None)], schema)
    found = frame.selectExpr("m['a'].x AS a", "m['b'].x AS b", "s.t.x AS t", "s.t IS NULL AS n").collect()
    assert [tuple(row) for row in found] == [(None, 1, None, True), (None, None, None, True)]


def test_of_functions_over_batches_and_groups(spark):
    pandas = pytest.importorskip("pandas")

    # Within the test, so that workers are sent them whole.
    def by_pandas(batches):
        for batch in batches:
            yield batch.assign(r=None)[["r"]]

    def by_arrow(batches):
        import pyarrow as pa

        for batch in batches:
            nulls = pa.array([None] * batch.num_rows, pa.struct([("x", pa.int32())]))
            yield pa.RecordBatch.from_arrays([nulls], names=["r"])

    frame, schema = spark.range(2), "r struct<x:int>"
    assert members(frame.mapInPandas(by_pandas, schema)) == [(None,), (None,)]
    assert members(frame.mapInArrow(by_arrow, schema)) == [(None,), (None,)]
    by_group = frame.groupBy("id").applyInPandas(lambda _: pandas.DataFrame({"r": [None]}), schema)
    assert members(by_group) == [(None,), (None,)]

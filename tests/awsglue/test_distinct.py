"""dropDuplicates of rows on their way to a writer: of each key the first row, whatever the keys are made of."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numpy")
pytest.importorskip("pyarrow")
pytest.importorskip("pyspark")

from hypothesis import given, settings
from hypothesis import strategies as st

from awsglue._runtime.engine import installed
from awsglue._runtime.flow.seen import SeenKeys

SAIL = installed() == "sail"
TEXTS = st.one_of(
    st.sampled_from(["", "\0", "\x01", "a", "a\0", "a\x01", "x" * 7, "x" * 8, "x" * 9]),
    st.builds(lambda text, times: text * times, st.text(max_size=3), st.integers(0, 60)),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "int": st.integers(-3, 3),
    "bigint": st.sampled_from([0, 1, -1, 2**63 - 1, -(2**63), 2**32]),
    "double": st.sampled_from([0.0, 1.5, float("nan"), float("inf"), -1.5]),
    "boolean": st.booleans(),
    "date": st.dates(datetime.date(2021, 1, 1), datetime.date(2021, 1, 5)),
    "string": TEXTS,
    "binary": st.binary(max_size=9),
    "decimal(20,2)": st.sampled_from(
        [Decimal("0.00"), Decimal("-0.01"), Decimal(10**17), Decimal(-(10**17))]
    ),
}


@settings(max_examples=150, deadline=None)
@given(data=st.data(), kinds=st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4))
def test_the_first_row_of_each_key(data: st.DataObject, kinds: list[str]) -> None:
    import pyarrow as pa

    types = {
        "int": pa.int32(),
        "bigint": pa.int64(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "string": pa.string(),
        "binary": pa.binary(),
        "decimal(20,2)": pa.decimal128(20, 2),
    }
    row = st.tuples(*[st.none() | VALUES[kind] for kind in kinds])
    seen, known = SeenKeys(kinds, 1 << 30), set()
    for rows in data.draw(st.lists(st.lists(row, max_size=40), max_size=4)):
        columns = [
            # A slice, as batches of an engine are.
            pa.array([None, *(item[place] for item in rows)], types[kind]).slice(1)
            for place, kind in enumerate(kinds)
        ]
        keys = [tuple("nan" if value != value else value for value in item) for item in rows]
        assert seen.unknown(columns).tolist() == [key not in known for key in keys]
        expected = []
        for key in keys:
            expected.append(key not in known)
            known.add(key)
        assert seen.first(columns).tolist() == expected
        assert not seen.full()


def test_many_keys() -> None:
    import numpy as np
    import pyarrow as pa

    seen = SeenKeys(["bigint"], 4 << 20)
    numbers = np.random.default_rng(1).integers(0, 50_000, (10, 20_000))
    found = [seen.first([pa.array(batch)]) for batch in numbers]
    flat = numbers.ravel()
    expected = np.zeros(len(flat), bool)
    expected[np.unique(flat, return_index=True)[1]] = True
    assert (np.concatenate(found) == expected).all()
    assert not seen.unknown([pa.array(flat)]).any()
    assert seen.unknown([pa.array([-1, 50_000])]).all()
    assert not seen.full()
    seen.first([pa.array(np.arange(1_000_000))])
    assert seen.full()


def test_texts_that_are_too_long_to_be_kept() -> None:
    import pyarrow as pa

    seen = SeenKeys(["string", "int"], 4 << 20)
    number = pa.array([1, 1], pa.int32())
    short, long = pa.array(["a", None]), pa.array(["a", "a" * 100_000])
    assert seen.takes([short, number])
    assert seen.takes([short.slice(2), number.slice(2)])
    assert not seen.takes([long, number])
    assert seen.first([short, number]).tolist() == [True, True]
    assert seen.unknown([long, number]).tolist() == [False, True]


@pytest.mark.parametrize("room", ["for all keys", "for the first batch's", "for no key"])
def test_rows_are_written_once(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: str
) -> None:
    if SAIL and room != "for all keys":
        from awsglue._runtime.flow import distinct, queries, seen

        monkeypatch.setattr(distinct, "SHARE", 1 << 60)
        if room == "for no key":
            monkeypatch.setattr(seen, "LONGEST", 1)
        monkeypatch.setattr(queries, "BATCH", 2048)
    folder = tmp_path / "in"
    folder.mkdir()
    lines = [f"{row % 7000},k{row % 3},{row}" for row in range(20_000)] + [",k0,-1", "x,k0,-2"]
    (folder / "part.csv").write_text("\n".join(["a,b,c", *lines]) + "\n")
    frame = spark.read.option("header", "true").csv(f"file://{folder}")
    frame = frame.select(frame.a.cast("int").alias("a"), "b", frame.c.cast("int").alias("c"))
    frame.dropDuplicates(["a", "b"]).filter("c <> 5").write.parquet(f"file://{tmp_path / 'o'}")
    found = sorted(tuple(row) for row in spark.read.parquet(f"file://{tmp_path / 'o'}").fillna(-9).collect())
    # One row of each key, as it stood; -9 for the two that have none.
    keys = {(row % 7000, f"k{row % 3}") for row in range(20_000)}
    assert len(found) in (len(keys), len(keys) + 1)
    assert {(a, b) for a, b, _ in found} | {(5, "k2")} == keys | {(-9, "k0")}
    assert all(c % 7000 == a and f"k{c % 3}" == b for a, b, c in found if a != -9)
    assert all(c in (-1, -2) for a, _, c in found if a == -9)


@pytest.mark.skipif(not SAIL, reason="on Spark it depends on which task is the first to deliver")
def test_of_sorted_rows_the_first_is_written(spark: Any, tmp_path: Path) -> None:
    rows = [(place % 50, float(place), f"t{place}") for place in range(5000)]
    frame = spark.createDataFrame(rows, "k int, v double, t string").repartition(4)
    frame = frame.sort("v", ascending=False).dropDuplicates(["k"])
    frame.coalesce(1).write.parquet(f"file://{tmp_path / 'o'}")
    found = {row.k: (row.v, row.t) for row in spark.read.parquet(f"file://{tmp_path / 'o'}").collect()}
    assert found == {key: (float(4950 + key), f"t{4950 + key}") for key in range(50)}

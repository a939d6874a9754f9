"""Rows that a script takes one by one: some of them, all of them, several answers at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("pyspark")

from awsglue._runtime.engine import installed

ROWS = 300_000


def test_some_rows_are_taken_and_the_rest_is_left(spark):
    frame = spark.range(ROWS)
    taken = [row.id for row, _ in zip(frame.toLocalIterator(), range(3), strict=False)]
    assert taken == [0, 1, 2]
    assert frame.count() == ROWS


def test_every_row_comes_once(spark):
    assert [row.id for row in spark.range(ROWS).toLocalIterator()] == list(range(ROWS))


def test_two_answers_are_read_in_turn(spark):
    pairs = zip(
        spark.range(ROWS).toLocalIterator(), spark.range(ROWS, 2 * ROWS).toLocalIterator(), strict=True
    )
    assert sum(two.id - one.id for one, two in pairs) == ROWS * ROWS


def test_threads_have_answers_of_their_own(spark):
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda n: spark.range(1000 * n).count(), range(16))) == [
            1000 * n for n in range(16)
        ]


@pytest.mark.skipif(installed() != "sail", reason="classic sessions are interrupted by job groups")
def test_rows_of_an_interrupted_statement_are_not_taken_for_all(spark, tmp_path):
    """Neither by a script nor by a writer: what has come so far is no answer."""
    frame = spark.range(20_000_000).selectExpr("id", "cast(id as string) t")
    place = tmp_path / "out"
    for act in (frame.toArrow, lambda: frame.write.parquet(str(place))):
        ended = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(_interrupt_until, ended, spark)
            try:
                with pytest.raises(Exception, match=r"\w"):
                    act()
            finally:
                ended.set()
    assert not list(place.glob("*.parquet"))


def _interrupt_until(ended, spark):
    while not ended.wait(0.2):
        spark.interruptAll()

"""Simple pipelines give the same rows whichever part of the runtime does them; what is expected is Apache Spark's."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("pyspark")

from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql.types import StringType

from awsglue._runtime.engine import installed
from awsglue._runtime.io.text_casts import cast_column

SAIL = installed() == "sail"
DAY = datetime.date(2021, 3, 1)
# What Apache Spark 3.5 casts each text to (or "None"), by type.
CASTS: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parent / "data" / "text_casts.json").read_text()
)
ODD = st.one_of(
    st.sampled_from(
        ["1", "-7", "2.5", "2021-03-01", "0x1F", "inf", "nan", "", " 3", "1e9", "x", "2147483648"]
    ),
    st.text(st.sampled_from("0129-+.eExXdfTinNa _"), max_size=10),
)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each write so far was a pipeline of our own."""
    found: list[bool] = []
    if SAIL:
        from awsglue._runtime.flow import running

        original = running.pipeline

        def pipeline(*arguments: Any) -> Any:
            made = original(*arguments)
            found.append(made is not None)
            return made

        monkeypatch.setattr(running, "pipeline", pipeline)
    return found


def csv(spark: Any, folder: Path, lines: list[str], header: str = "a,b,c") -> Any:
    folder.mkdir(exist_ok=True)
    (folder / "part.csv").write_text("\n".join([header, *lines]) + "\n")
    return spark.read.option("header", "true").csv(f"file://{folder}")


def written(spark: Any, frame: Any, folder: Path) -> list[Any]:
    frame.write.mode("overwrite").parquet(f"file://{folder}")
    return sorted((tuple(row) for row in spark.read.parquet(f"file://{folder}").collect()), key=repr)


@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize("kind", ["int", "bigint", "double", "date"])
def test_texts_are_cast_while_they_are_read(spark: Any, tmp_path: Path, taken: list[bool], kind: str) -> None:
    plain = {"int": "12", "bigint": "-5000000000", "double": "1.25", "date": "2021-03-01"}[kind]
    expected = {"int": 12, "bigint": -5000000000, "double": 1.25, "date": DAY}[kind]
    good = csv(spark, tmp_path / "good", [f"{plain},x,1"] * 3 + [",y,2"])
    frame = good.select(good.a.cast(kind).alias("a"), "b")
    assert written(spark, frame, tmp_path / "o") == sorted([(expected, "x")] * 3 + [(None, "y")], key=repr)
    # Texts that a CSV file holds as they are; Spark does not write dates before its calendar's change to Parquet.
    texts = [text for text in CASTS[kind] if text.strip() == text and text.isprintable() and '"' not in text]
    if kind == "date":
        texts = [text for text in texts if CASTS[kind][text][0] not in "0-"]
    odd = csv(spark, tmp_path / "odd", [f"{text},{place},z" for place, text in enumerate(texts)])
    frame = odd.select(odd.a.cast(kind).alias("a"), odd.b.cast("int").alias("b"))
    frame.write.parquet(f"file://{tmp_path / 'p'}")
    shown = "cast(a as string) a" if kind == "date" else "a"
    found = spark.read.parquet(f"file://{tmp_path / 'p'}").selectExpr("b", shown)
    made = {texts[row.b]: str(row.a) for row in found.collect()}
    assert {text: simple(value) for text, value in made.items()} == {
        text: simple(CASTS[kind][text]) for text in texts
    }
    assert taken == [True, True] * SAIL


def simple(text: str) -> str:
    """A number's text, however it is written."""
    try:
        return str(float(text))
    except ValueError:
        return text


@pytest.mark.parametrize("kind", ["int", "bigint", "double", "date"])
def test_texts_are_cast_value_by_value(kind: str) -> None:
    import pyarrow as pa

    column = cast_column(pa.array([*CASTS[kind], None]), kind)
    if kind == "date":
        import numpy

        days = column.cast(pa.int32()).to_pylist()
        found = ["None" if day is None else str(numpy.datetime64(day, "D")) for day in days]
    else:
        found = [str(value) for value in column.to_pylist()]
    assert found == [*(text.removeprefix("+") for text in CASTS[kind].values()), "None"]


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.tuples(ODD, ODD, ODD, ODD), min_size=1, max_size=6))
def test_columns_cast_in_parsing_are_those_cast_afterwards(rows: list[tuple[str, ...]]) -> None:
    from awsglue._runtime.io.csv_columns import ChosenColumns, Wanted
    from awsglue._runtime.io.csv_options import csv_options

    schema = SimpleNamespace(fields=[SimpleNamespace(name=name, dataType=StringType()) for name in "abcd"])
    text = "".join(",".join(row) + "\n" for row in rows).encode()
    kinds = dict(zip("abcd", ("int", "bigint", "double", "date"), strict=True))

    def read(wanted: list[Wanted]) -> list[Any]:
        columns = ChosenColumns(csv_options({}), schema, wanted)
        return [column for batch in columns.batches(iter([text])) for column in batch.columns]

    quick = read([Wanted(name=name, source=name, cast=kind) for name, kind in kinds.items()])
    plain = read([Wanted(name=name, source=name) for name in kinds])
    assert [repr(column.to_pylist()) for column in map(as_numbers, quick)] == [
        repr(as_numbers(cast_column(column, kind)).to_pylist())
        for column, kind in zip(plain, kinds.values(), strict=True)
    ]


def as_numbers(column: Any) -> Any:
    import pyarrow as pa

    return column.cast(pa.int32()) if pa.types.is_date(column.type) else column


@pytest.mark.usefixtures("lenient")
def test_conditions_and_columns(spark: Any, tmp_path: Path, taken: list[bool]) -> None:
    frame = csv(
        spark, tmp_path / "in", ["1,x,2021-03-01", "2,y,2020-12-31", "nan,x,", ",,2021-01-01", "3,é,x"]
    )
    frame = frame.select(
        frame.a.cast("double").alias("n"), frame.b.alias("t"), frame.c.cast("date").alias("d")
    )
    conditions = {
        "n > 1.5": ["nan", "2.0", "3.0"],
        "n >= 2 AND t <> 'x'": ["2.0", "3.0"],
        "NOT (t = 'x')": ["2.0", "3.0"],
        "t IN ('x', 'é') OR n IS NULL": ["1.0", "nan", "3.0", "None"],
        "d < DATE '2021-01-01'": ["2.0"],
        "year(d) = 2021 and month(d) = 3": ["1.0"],
        "d > '2020-12-31'": ["1.0", "None"],
        "n <=> null": ["None"],
        "t > 'x'": ["2.0", "3.0"],
    }
    for number, (condition, expected) in enumerate(conditions.items()):
        found = written(spark, frame.filter(condition), tmp_path / f"o{number}")
        assert sorted(str(row[0]) for row in found) == sorted(expected), condition
    # `n <=> null` compares with a literal that has no type: that is for the engine.
    assert taken == [condition != "n <=> null" for condition in conditions] * SAIL
    by_column = frame.filter((frame.n == 3) | frame.t.isNull()).withColumn("t", frame.d).drop("n")
    assert written(spark, by_column, tmp_path / "c") == sorted(
        [(None, None), (datetime.date(2021, 1, 1),) * 2], key=repr
    )


def test_duplicates_are_dropped_by_whole_rows(spark: Any, tmp_path: Path, taken: list[bool]) -> None:
    lines = [f"{number % 50},{number % 7 or ''},{number}" for number in range(1000)]
    frame = csv(spark, tmp_path / "in", lines).selectExpr("cast(a as int) a", "b", "cast(c as bigint) c")
    found = written(spark, frame.dropDuplicates(["A", "b"]), tmp_path / "o")
    assert len({row[:2] for row in found}) == len(found) == 350
    assert all(row == (row[2] % 50, str(row[2] % 7) if row[2] % 7 else None, row[2]) for row in found)
    assert len(written(spark, frame.drop("c").dropDuplicates(), tmp_path / "p")) == 350
    # Below: something that only the engine does; above: more of it, so that all is the engine's.
    made = frame.selectExpr("a % 5 as a", "concat(b, 'x') as b", "c").dropDuplicates(["a"])
    assert sorted(row[0] for row in written(spark, made, tmp_path / "q")) == [0, 1, 2, 3, 4]
    assert len(written(spark, made.selectExpr("a + 1 as a"), tmp_path / "r")) == 5
    doubles = spark.createDataFrame(
        [(0.0, 1), (-0.0, 2), (float("nan"), 3), (float("nan"), 4)], "a double, b int"
    )
    assert len(written(spark, doubles.dropDuplicates(["a"]), tmp_path / "s")) == 2
    assert taken == [True, True, True, False, True] * SAIL


def test_a_pipeline_that_fails_tells_the_real_error(spark: Any, tmp_path: Path) -> None:
    frame = csv(spark, tmp_path / "in", ["1,x,1"]).dropDuplicates(["a"])
    (tmp_path / "in" / "part.csv").unlink()
    with pytest.raises(Exception, match=r"part\.csv"):
        frame.write.parquet(f"file://{tmp_path / 'out'}")
    assert not list(tmp_path.glob("out/*.parquet"))


def test_partitions_by_many_columns_of_many_values() -> None:
    import pyarrow as pa

    from awsglue._runtime.io import saving

    count = 2000
    # 2000 ** 7 combinations are more than a code of 64 bits tells apart.
    columns = [
        pa.array([(number * step) % count for number in range(count)] * 2)
        for step in (1, 3, 7, 9, 11, 13, 17)
    ]
    names = [f"k{place}" for place in range(len(columns))]
    batch = pa.record_batch([*columns, pa.array(range(2 * count))], names=[*names, "n"])
    found = [(key, rows.column("n").to_pylist()) for key, rows in saving._grouped(batch, names)]
    assert found == [
        ([column[number].as_py() for column in columns], [number, number + count]) for number in range(count)
    ]


def test_only_the_columns_that_a_plan_means_are_read(spark: Any, tmp_path: Path) -> None:
    from pyspark.sql import functions as fn

    frame = csv(spark, tmp_path / "in", ["1,x,10,q", "2,y,20,r", "2,x,30,s"], header="a,B,my c,d.e")
    total = frame.filter(fn.col("b") == "x").groupBy("a").agg(fn.sum(fn.col("my c").cast("int")).alias("n"))
    assert sorted(map(tuple, total.collect())) == [("1", 10), ("2", 30)]
    assert frame.agg(fn.count("*")).collect()[0][0] == frame.count() == 3
    assert [tuple(row) for row in frame.selectExpr("`d.e` AS e", "upper(b) AS b").orderBy("e").collect()] == [
        ("q", "X"),
        ("r", "Y"),
        ("s", "X"),
    ]
    joined = (
        frame.alias("l").join(frame.alias("r"), fn.col("l.a") == fn.col("r.B"), "left").select("l.`my c`")
    )
    assert sorted(row[0] for row in joined.collect()) == ["10", "20", "30"]
    assert sorted(row[0] for row in frame.join(frame.select("a"), ["a"]).select("B").collect()) == list(
        "xxxyy"
    )
    assert (
        frame.select("a", fn.input_file_name().alias("f")).filter("a = 1").collect()[0].f.endswith("part.csv")
    )
    assert len(frame.select("*").collect()[0]) == 4
    if SAIL:
        import pyarrow.parquet as pq

        from awsglue._runtime.engine import services

        (scan,) = services()._scans_of(frame)
        read = [set(pq.read_schema(path).names) for path in scan._spools.values()]
        assert {"a", "B", "my c"} in read
        assert {"d.e", "B"} in read


def test_values_of_all_types_pass_unchanged(spark: Any, tmp_path: Path, taken: list[bool]) -> None:
    from decimal import Decimal

    moment = datetime.datetime(2021, 3, 1, 10, 30, 15, 123456)
    row = (1, 2**40, 1.5, True, b"\x00\xff", moment, DAY, Decimal("12.3400"), "é\u20ac", 0.25, 7)
    schema = (
        "i int, l bigint, d double, o boolean, y binary, m timestamp, a date, e decimal(20,4), s string, f float,"
        " h smallint"
    )
    frame = spark.createDataFrame([row, row, (None,) * 11], schema)
    found = written(spark, frame.dropDuplicates(["i", "m", "e", "d"]).coalesce(1), tmp_path / "o")
    shown = [
        tuple(bytes(value) if isinstance(value, bytearray) else value for value in each) for each in found
    ]
    assert sorted(shown, key=repr) == sorted([row, (None,) * 11], key=repr)
    assert spark.read.parquet(f"file://{tmp_path / 'o'}").dtypes == frame.dtypes
    assert len(list((tmp_path / "o").glob("*.parquet"))) == 1
    assert taken == [True] * SAIL


def test_literals_as_keys(spark: Any, tmp_path: Path) -> None:
    from pyspark.sql import functions as fn

    frame = (
        csv(spark, tmp_path / "in", ["1,x,1", "2,y,2"])
        .withColumn("n", fn.lit(2))
        .withColumn("t", fn.lit("z"))
    )
    assert len(written(spark, frame.dropDuplicates(["n"]), tmp_path / "o")) == 1
    assert len(written(spark, frame.dropDuplicates(["t", "a"]), tmp_path / "p")) == 2

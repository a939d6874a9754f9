"""Keys and partition folders of Hudi tables: the forms of single keys, folders made of points in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

WRITE = "hoodie.datasource.write."
TIMES = "hoodie.keygen.timebased."
GENERATOR = WRITE + "keygenerator.class"
TIMESTAMP = "org.apache.hudi.keygen.TimestampBasedKeyGenerator"
CUSTOM = "org.apache.hudi.keygen.CustomKeyGenerator"
COMPLEX = "org.apache.hudi.keygen.ComplexKeyGenerator"
NEW_ENCODING = "hoodie.write.complex.keygen.new.encoding"


def folder(value: Any, **given: str) -> str:
    from awsglue._runtime.hudi import timestamps

    return timestamps.rules({TIMES + key.replace("_", "."): text for key, text in given.items()}).folder(
        value
    )


MILLIS = {"timestamp_type": "EPOCHMILLISECONDS", "output_dateformat": "yyyy-MM-dd hh"}
TEXT = {"timestamp_type": "DATE_STRING"}
DAYS = {
    "timestamp_type": "SCALAR",
    "timestamp_scalar_time_unit": "days",
    "output_dateformat": "yyyy-MM-dd hh",
}
ISO = "yyyy-MM-dd'T'HH:mm:ssZ,yyyy-MM-dd'T'HH:mm:ss.SSSZ"


@pytest.mark.parametrize(
    ("value", "given", "wanted"),
    [
        # What Hudi's own generator makes of these.
        (1578283932000, {**MILLIS, "timezone": "GMT+8:00"}, "2020-01-06 12"),
        (Decimal("1578283932000.0001"), {**MILLIS, "timezone": "GMT+8:00"}, "2020-01-06 12"),
        (1578283932000, {**MILLIS, "timezone": "GMT"}, "2020-01-06 04"),
        (None, {**MILLIS, "timezone": "GMT+8:00"}, "1970-01-01 08"),
        (20000, {**DAYS, "timezone": "GMT"}, "2024-10-04 12"),
        (None, {**DAYS, "timezone": "GMT"}, "1970-01-02 12"),
        (
            "2020-01-06 12:12:12",
            {
                **TEXT,
                "timezone": "GMT",
                "input_dateformat": "yyyy-MM-dd hh:mm:ss",
                "output_dateformat": "yyyy-MM-dd hh",
            },
            "2020-01-06 12",
        ),
        (
            None,
            {
                **TEXT,
                "timezone": "GMT",
                "input_dateformat": "yyyy-MM-dd hh:mm:ss",
                "output_dateformat": "hh:mm:ss",
            },
            "12:00:00",
        ),
        (
            1578283932123456,
            {**MILLIS, "timestamp_type": "EPOCHMICROSECONDS", "timezone": "GMT+8:00"},
            "2020-01-06 12",
        ),
        (
            "2020-04-01T13:01:33.428Z",
            {**TEXT, "input_dateformat": ISO, "output_dateformat": "yyyyMMddHH"},
            "2020040113",
        ),
        (
            "2020-04-01T13:01:33Z",
            {**TEXT, "input_dateformat": ISO, "output_dateformat": "yyyyMMddHH"},
            "2020040113",
        ),
        (
            "2020-04-01T13:01:33.123-05:00",
            {**TEXT, "input_dateformat": ISO, "output_dateformat": "yyyyMMddHH", "output_timezone": "UTC"},
            "2020040118",
        ),
        (
            "20200401",
            {
                **TEXT,
                "input_dateformat": f"{ISO},yyyyMMdd",
                "input_timezone": "UTC",
                "output_dateformat": "MM/dd/yyyy",
            },
            "04/01/2020",
        ),
        # Without any zone a text's own offset is that of the folder.
        (
            "2020-04-01T23:30:00-05:00",
            {**TEXT, "input_dateformat": ISO, "output_dateformat": "yyyy/MM/dd/HH"},
            "2020/04/01/23",
        ),
        (
            "2020-04-01T23:30:00",
            {
                **TEXT,
                "input_dateformat": "yyyy-MM-dd'T'HH:mm:ss",
                "input_timezone": "America/New_York",
                "output_timezone": "UTC",
                "output_dateformat": "yyyy-MM-dd",
            },
            "2020-04-02",
        ),
        # A field takes fewer digits than it has letters, and gives none back.
        ("2020-1-5", {**TEXT, "input_dateformat": "yyyy-MM-dd", "output_dateformat": "yyyyMMdd"}, "20200105"),
        (
            "2020115",
            {**TEXT, "input_dateformat": "yyyyMMdd", "output_dateformat": "yyyy.MM.dd"},
            "2020.11.05",
        ),
        (-1, {**MILLIS, "output_dateformat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS"}, "1969-12-31T23:59:59.999000"),
        (-1, {"timestamp_type": "EPOCHMICROSECONDS", "output_dateformat": "yy'y'DDD''h"}, "70y001'12"),
        (1.9, {"timestamp_type": "UNIX_TIMESTAMP", "output_dateformat": "ss"}, "01"),
    ],
)
def test_folders_of_points_in_time(value: Any, given: dict[str, str], wanted: str) -> None:
    assert folder(value, **given) == wanted


@pytest.mark.parametrize(
    ("value", "pattern"),
    [
        ("20201", "yyyyMMdd"),
        ("2020-02-30", "yyyy-MM-dd"),
        ("2020-01-06 13:00", "yyyy-MM-dd hh:mm"),
        ("2020-01-06", "yyyy-MM-dd HH"),
        ("", "yyyy"),
        ("x", "yyyy"),
        ("٢٠٢٠", "yyyy"),
        (5, "yyyy"),
        ("2021-03-14 02:30", "yyyy-MM-dd HH:mm"),
    ],
)
def test_what_is_no_point_in_time_is_an_error(value: Any, pattern: str) -> None:
    from awsglue._runtime.hudi.errors import HoodieKeyGeneratorException

    more = {"input_dateformat": pattern, "output_dateformat": "yyyy", "timezone": "America/New_York"}
    with pytest.raises(HoodieKeyGeneratorException, match="Unable to parse input partition field"):
        folder(value, **TEXT, **more)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({**MILLIS, "output_dateformat": "yyyy-MMM-dd"}, "'MMM'"),
        ({**MILLIS, "output_dateformat": "xxxx-ww"}, "'xxxx'"),
        ({**MILLIS, "output_dateformat": "yyyy-MM-dd a"}, "'a'"),
        ({**MILLIS, "timezone": "EST"}, "EST"),
        ({**MILLIS, "timezone": "Nowhere/City"}, "Nowhere/City"),
        ({**MILLIS, "timestamp_type": "MIXED"}, "MIXED"),
        ({**TEXT, "input_dateformat": "yy-MM-dd", "output_dateformat": "yyyy"}, "yy-MM-dd"),
        ({**TEXT, "input_dateformat": "HH:mm", "output_dateformat": "yyyy"}, "HH:mm"),
        ({**TEXT, "input_dateformat": "yyyy MM MM", "output_dateformat": "yyyy"}, "yyyy MM MM"),
    ],
)
def test_what_is_not_mapped_is_refused_by_name(given: dict[str, str], named: str) -> None:
    from awsglue._runtime.failures import EngineRefused

    with pytest.raises(EngineRefused, match=named):
        folder(1, **given)


ZONES = st.sampled_from(["UTC", "GMT+05:30", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])


@settings(max_examples=200, deadline=None)
@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)), ZONES, ZONES)
def test_a_text_and_its_number_have_one_folder(when: datetime, zone: str, shown: str) -> None:
    """Judged by the standard library: a point in time, told as a number and as a text with its offset."""
    known = {"UTC": UTC, "GMT+05:30": ZoneInfo("Asia/Kolkata")}
    if "GMT+05:30" in (zone, shown):
        # (The city had other offsets before.)
        when = when.replace(year=max(when.year, 1950)) if when.month != 2 else when.replace(year=1960, day=1)
    moment = when.replace(microsecond=when.microsecond // 1000 * 1000, tzinfo=UTC)
    local = moment.astimezone(known.get(shown) or ZoneInfo(shown))
    wanted = local.strftime(f"{local.year:04d}/%m/%d/%H-%M-%S.") + f"{local.microsecond // 1000:03d}"
    output = {"output_dateformat": "yyyy/MM/dd/HH-mm-ss.SSS"}
    millis = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    number = {**output, "timestamp_type": "EPOCHMILLISECONDS", "output_timezone": shown}
    assert folder(millis, **number) == wanted
    there = moment.astimezone(known.get(zone) or ZoneInfo(zone))
    if there.utcoffset() is None or there.utcoffset().seconds % 60:
        return
    text = (
        there.strftime(f"{there.year:04d}-%m-%d %H:%M:%S.")
        + f"{there.microsecond // 1000:03d}"
        + there.strftime("%z")
    )
    read = {**TEXT, **output, "input_dateformat": "yyyy-MM-dd HH:mm:ss.SSSZ", "output_timezone": shown}
    assert folder(text, **read) == wanted


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "events")


@pytest.fixture
def write(spark: Any, path: str) -> Callable[..., None]:
    def writing(*values: tuple[Any, ...], schema: str, **more: str) -> None:
        given = {
            "hoodie.table.name": "events",
            WRITE + "recordkey.field": "id",
            WRITE + "precombine.field": "n",
            **more,
        }
        frame = spark.createDataFrame(list(values), schema)
        frame.write.format("hudi").options(**given).mode("append").save(path)

    return writing


def found(spark: Any, path: str, *names: str) -> list[tuple[Any, ...]]:
    """Rows as we and the `hudi` library read them."""
    import pyarrow as pa
    from hudi import HudiTableBuilder

    rows = spark.read.format("hudi").load(path).select(*names).collect()
    table = HudiTableBuilder.from_base_uri(f"file://{path}").build()
    said = [row for batch in table.read() for row in pa.record_batch(batch).to_pylist()]
    assert sorted(tuple(row[name] for name in names) for row in said) == sorted(tuple(row) for row in rows)
    return sorted(tuple(row) for row in rows)


def test_tables_partitioned_by_points_in_time(spark: Any, path: str, write: Callable[..., None]) -> None:
    from awsglue._runtime.hudi import lake
    from awsglue._runtime.hudi.errors import HoodieException
    from awsglue._runtime.io.storage import Storage

    schema, day = "id bigint, at bigint, n bigint", 86_400_000
    times = {
        GENERATOR: TIMESTAMP,
        WRITE + "partitionpath.field": "at",
        "hoodie.deltastreamer.keygen.timebased.timestamp.type": "EPOCHMILLISECONDS",
        TIMES + "output.dateformat": "yyyy/MM/dd",
    }
    write((1, day, 1), (2, 2 * day, 1), (3, None, 1), schema=schema, **times)
    names = ("_hoodie_record_key", "_hoodie_partition_path", "id", "at", "n")
    assert found(spark, path, *names[:3]) == [
        ("1", "1970/01/02", 1), ("2", "1970/01/03", 2), ("3", "1970/01/01", 3)
    ]  # fmt: skip
    kept = lake.opened(Storage(), path).config.entries
    assert kept["hoodie.table.keygenerator.class"] == TIMESTAMP
    assert kept[TIMES + "timestamp.type"] == "EPOCHMILLISECONDS"
    # What the table knows need not be said again: another moment of the same day is the same partition.
    write((1, day + 5, 2), schema=schema)
    write((2, 2 * day + 5, 2), schema=schema, **{WRITE + "operation": "delete"})
    assert found(spark, path, "_hoodie_partition_path", "id", "at", "n") == [
        ("1970/01/01", 3, None, 1),
        ("1970/01/02", 1, day + 5, 2),
    ]
    with pytest.raises(HoodieException, match="Config conflict"):
        write((1, day, 3), schema=schema, **{TIMES + "output.dateformat": "yyyy-MM-dd"})


def test_custom_keys_with_points_in_time(spark: Any, path: str, write: Callable[..., None]) -> None:
    from awsglue._runtime.failures import EngineRefused

    schema = "id bigint, region string, at string, n bigint"
    times = {
        GENERATOR: COMPLEX,
        WRITE + "partitionpath.field": "region:SIMPLE,at:TIMESTAMP",
        WRITE + "hive_style_partitioning": "true",
        TIMES + "timestamp.type": "DATE_STRING",
        TIMES + "input.dateformat": "yyyy-MM-dd HH:mm:ss",
        TIMES + "output.dateformat": "yyyyMMdd",
    }
    with pytest.raises(EngineRefused, match="without CustomKeyGenerator"):
        write((1, "eu", "2020-02-29 10:00:00", 1), schema=schema, **times)
    times[GENERATOR] = CUSTOM
    write((1, "eu", "2020-02-29 10:00:00", 1), (2, None, "2020-03-01 00:00:00", 1), schema=schema, **times)
    # Without the kinds of fields nobody knows which one is a point in time.
    plain = {key: value for key, value in times.items() if "partitionpath" not in key}
    with pytest.raises(EngineRefused, match="which fields are :TIMESTAMP"):
        write((1, "eu", "2020-02-29 11:00:00", 2), schema=schema, **plain)
    write((1, "eu", "2020-02-29 11:00:00", 2), schema=schema, **times)
    assert found(spark, path, "_hoodie_record_key", "_hoodie_partition_path", "at") == [
        ("1", "region=eu/at=20200229", "2020-02-29 11:00:00"),
        ("2", "region=__HIVE_DEFAULT_PARTITION__/at=20200301", "2020-03-01 00:00:00"),
    ]


@pytest.mark.parametrize(("bare", "key"), [("", "id:1"), ("false", "id:1"), ("true", "1")])
def test_single_keys_of_the_complex_generator_keep_the_form_they_have(
    spark: Any, path: str, write: Callable[..., None], bare: str, key: str
) -> None:
    schema = "id bigint, region string, n bigint"
    given = {GENERATOR: COMPLEX, WRITE + "partitionpath.field": "region"}
    write((1, "eu", 1), (2, "eu", 1), schema=schema, **given, **({NEW_ENCODING: bare} if bare else {}))
    # Another version of Hudi would make the other form of it: the rows that are there decide.
    other = {NEW_ENCODING: "false" if bare == "true" else "true"}
    write((1, "eu", 2), (3, "us", 1), schema=schema, **given, **other)
    write((2, "eu", 2), schema=schema, **given, **{WRITE + "operation": "delete"})
    rows = found(spark, path, "id", "n", "_hoodie_record_key")
    assert rows == [(1, 2, key), (3, 1, key.replace("1", "3"))]


def test_the_catalog_is_told_of_folders_of_several_levels() -> None:
    from awsglue._runtime.hudi import keys, properties

    single = {"hoodie.table.keygenerator.class": TIMESTAMP, properties.PARTITION_FIELDS: "at"}
    styled = {**single, "hoodie.datasource.write.hive_style_partitioning": "true"}
    for entries, place in ((single, "2020/01/31"), (styled, "at=2020/01/31")):
        assert keys.partition_values(place, properties.TableConfig(entries=entries)) == ["2020/01/31"]

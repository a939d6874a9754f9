"""The transforms of Glue Studio's canvas, as its scripts call them."""

from __future__ import annotations

import datetime as dt
import importlib

import pytest

from awsglue._visual.steps import STEPS

SCHEMA = "id int, s string, n double, l array<string>, r struct<x:int,y:struct<z:string>>"
ROWS = [(1, "a b", 1.5, ["p", "q"], (7, ("u",))), (2, "c d", None, None, None)]


@pytest.fixture(autouse=True)
def steps():
    """Scripts import the steps that they call."""
    for name in (*STEPS, "gs_parse_json"):
        importlib.import_module(name)


@pytest.fixture
def source(frame):
    return frame(SCHEMA, ROWS)


def values(records, dynamic_frame, *names):
    found = sorted(records(dynamic_frame), key=lambda one: str(one.get("id")))
    return [one[names[0]] if len(names) == 1 else tuple(one[name] for name in names) for one in found]


def test_columns(source, records):
    assert values(records, source.gs_derived(colName="m", expr="id * 10"), "m") == [10, 20]
    joined = source.gs_concat(colName="c", colList=["id", "s"], spacer="-")
    assert values(records, joined, "c") == ["1-a b", "2-c d"]
    parts = source.gs_split(colName="s", pattern="\\s", newColName="parts")
    assert values(records, parts, "parts") == [["a", "b"], ["c", "d"]]
    assert values(records, parts.gs_array_to_cols(colName="parts", colList="one, two"), "one", "two") == [
        ("a", "b"),
        ("c", "d"),
    ]
    assert values(records, parts.gs_array_to_cols(colName="parts", colList="last", indexes="2"), "last") == [
        "b",
        "d",
    ]
    found = source.gs_regex_extract(colName="s", regex=r"(a) (\w)", newCols="first,second")
    assert values(records, found, "first", "second") == [("a", "b"), (None, None)]
    assert values(records, source.gs_regex_extract("s", "^\\S*", "word"), "word") == ["a", "c"]
    ids = values(records, source.gs_uuid(colName="key"), "key")
    assert len(set(ids)) == 2
    assert len(ids[0]) == 36
    numbers = values(records, source.gs_sequence_id(colName="number", unique=True), "number")
    assert len(set(numbers)) == 2


def test_rows(source, records, frame):
    assert sorted(values(records, source.gs_explode(colName="l", newCol="one"), "one")) == ["p", "q"]
    assert source.gs_explode(colName="l", newCol="one", outer=True).count() == 3
    empty = frame("a string, b int", [(None, None), ("", None), ("x", None), (None, 1)])
    assert empty.gs_null_rows().count() == 3
    assert empty.gs_null_rows(extended=True).count() == 2
    assert source.gs_repartition(numPartitionsStr="1").count() == 2
    wide = frame(
        "k string, m string, v double", [("a", "x", 1.0), ("a", "x", 3.0), ("a", "y", 5.0), ("b", "y", 7.0)]
    )
    pivoted = wide.gs_pivot(aggCol="v", aggFunction="mean", colList=["m"])
    assert sorted(records(pivoted), key=lambda one: one["k"]) == [
        {"k": "a", "x": 2.0, "y": 5.0},
        {"k": "b", "x": None, "y": 7.0},
    ]


def test_structs(source, frame, records):
    flat = source.gs_flatten()
    assert flat.toDF().columns == ["id", "s", "n", "l", "r.x", "r.y.z"]
    assert source.gs_flatten(maxLevels=1, separator="_").toDF().columns == ["id", "s", "n", "l", "r_x", "r_y"]
    assert values(records, flat.gs_derived(colName="d", expr="`r.x` + 1"), "d") == [8, None]
    assert values(records, flat.gs_concat("c", ["`r.x`", "`r.y.z`"], ":"), "c") == ["7:u", ""]
    texts = frame("id int, j string", [(1, '{"a": 1}'), (2, '{"a": 2}')])
    assert values(records, texts.gs_parse_json(colName="j"), "j") == [{"a": 1}, {"a": 2}]


def test_times(frame, records, source):
    times = frame(
        "id int, ms bigint, s string", [(1, 1700000000123, "2024-01-02 03:04:05"), (2, None, "nothing")]
    )
    at = dt.datetime(2023, 11, 14, 22, 13, 20, 123000)
    assert values(records, times.gs_to_timestamp(colName="ms", colType="milliseconds"), "ms") == [at, None]
    assert values(
        records, times.gs_to_timestamp(colName="ms", colType="autodetect", newColName="t"), "t"
    ) == [at, None]
    read = times.gs_to_timestamp(colName="s", colType="autodetect")
    assert values(records, read, "s") == [dt.datetime(2024, 1, 2, 3, 4, 5), None]
    assert values(records, read.gs_format_timestamp(colName="s", dateFormat="%d/%m/%Y"), "s") == [
        "02/01/2024",
        None,
    ]
    assert values(records, read.gs_format_timestamp("s", "yyyy-MM-dd", "day"), "day") == ["2024-01-02", None]
    (first, second) = values(records, source.gs_now(colName="at"), "at")
    assert first == second
    assert isinstance(first, dt.datetime)
    (day, _) = values(records, source.gs_now(colName="at", dateFormat="%Y%m%d"), "at")
    assert len(day) == 8
    with pytest.raises(ValueError, match="cannot be read"):
        times.gs_to_timestamp(colName="s", colType="nope")


def test_on_data_frames(source):
    assert source.toDF().gs_derived(colName="m", expr="id + 1").columns[-1] == "m"


def test_modules_that_scripts_import():
    from awsglue import DynamicFrame, transforms
    from awsglue.transforms.apply_mapping import ApplyMapping
    from awsglue.transforms.drop_nulls import DropNullFields
    from awsglue.transforms.dynamicframe_filter import Filter
    from awsglue.transforms.field_transforms import DropFields, RenameField, SelectFields, SplitFields
    from awsglue.transforms.resolve_choice import ResolveChoice

    for one in (
        ApplyMapping,
        DropNullFields,
        Filter,
        DropFields,
        RenameField,
        SelectFields,
        SplitFields,
        ResolveChoice,
    ):
        assert one is getattr(transforms, one.__name__)
    assert DynamicFrame.__module__ == "awsglue.dynamicframe"


def test_the_shell_has_what_scripts_begin_with(spark):
    from awsglue.glue_shell import names

    given = names()
    assert given["glueContext"].spark_session.range(2).count() == 2
    assert {"sc", "spark", "ApplyMapping", "DynamicFrame", "Job"} <= set(given)


@pytest.mark.parametrize("name", ["crawler_undo", "crawler_redo_from_backup", "activate_etl_connector"])
def test_maintenance_scripts_refuse(name):
    with pytest.raises(NotImplementedError, match=name):
        importlib.import_module(f"awsglue.scripts.{name}").main()


def test_columns_into_rows(frame, records):
    source = frame("id int, jan int, feb int", [(1, 10, 11), (2, 20, None)])
    expected = [(1, "feb", 11), (1, "jan", 10), (2, "feb", None), (2, "jan", 20)]
    for given in (
        {"namesColumn": "month", "valuesColumn": "sold", "columnList": ["jan", "feb"]},
        {"unpivot_name_col": "month", "unpivot_value_col": "sold", "unpivotCols": "jan, feb"},
    ):
        found = records(source.gs_unpivot(**given))
        assert sorted(((one["id"], one["month"], one["sold"]) for one in found), key=str) == expected
    assert source.gs_unpivot("month", "sold", ["jan"]).count() == 2
    with pytest.raises(TypeError, match="gs_unpivot needs"):
        source.gs_unpivot(namesColumn="month").count()
    with pytest.raises(ValueError, match="no column mar"):
        source.gs_unpivot("month", "sold", "mar").count()


def test_rows_of_a_catalog_table_are_looked_up(frame, records, spark):
    spark.sql(
        "create or replace temporary view people as "
        "select * from values (1, 'EU', 'Ada', 7), (2, 'US', 'Bob', 8) as t(id, region, name, n)"
    )
    source = frame("user_id int, region string", [(1, "EU"), (2, "EU"), (None, "US")])
    expected = [(1, "Ada", 7), (2, None, None), (None, None, None)]
    for given in (
        {"lookupTable": "people", "columnsToMatch": "user_id=id, region", "columnsToTake": "name,n"},
        {"tableName": "people", "lookupKeyCols": ["user_id=id", "region"], "lookupCols": ["name", "n"]},
    ):
        found = records(source.gs_lookup(**given))
        assert sorted(((one["user_id"], one["name"], one["n"]) for one in found), key=str) == expected
    with pytest.raises(TypeError, match="gs_lookup needs"):
        source.gs_lookup(tableName="people").count()
    with pytest.raises(TypeError, match="does not know the parameter x"):
        source.gs_lookup("people", "user_id=id", "name", x=1).count()

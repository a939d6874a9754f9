"""Transforms of fields on every engine."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from awsglue.transforms import (
    ApplyMapping,
    DropFields,
    DropNullFields,
    RenameField,
    SelectFields,
    SplitFields,
)

NESTED = "id int, s struct<x:int,t:struct<y:string,z:double>>, l array<struct<p:int,q:string>>, `a.b` string"
ROWS = [(1, (5, ("u", 1.5)), [(1, "a"), (2, "b")], "dot"), (2, None, None, None)]


def test_apply_mapping_casts_values_of_maps(frame, records):
    source = frame("m map<string,int>", [({"k": 1},), (None,)])
    texts = source.apply_mapping([("m", "map", "m", "map<string,string>")])
    assert records(texts) == [{"m": {"k": "1"}}, {"m": None}]


def test_apply_mapping_writes_doubles_as_java_does(frame, records):
    rows = [(1e10, 0.1, (2.5, (1e-5,))), (None, None, None), (float("nan"), float("inf"), (-0.0, None))]
    source = frame("d double, f float, s struct<x:double,t:struct<y:float>>", rows)
    kinds = [("d", "double", "d", "string"), ("f", "float", "f", "string"), ("s.t.y", "float", "y", "string")]
    assert records(source.apply_mapping([*kinds, ("s", "struct", "s", "struct<x:string>")])) == [
        {"d": "1.0E10", "f": "0.1", "y": "1.0E-5", "s": {"x": "2.5"}},
        {"d": None, "f": None, "y": None, "s": None},
        {"d": "NaN", "f": "Infinity", "y": None, "s": {"x": "-0.0"}},
    ]


def test_apply_mapping_makes_texts_of_what_is_deep_within(frame, records):
    source = frame(
        "a struct<b:struct<n:int,d:date>,l:array<struct<k:bigint>>>", [(((7, dt.date(2020, 1, 2)), [(5,)]),)]
    )
    kinds = [("a.b.n", "int", "n", "string"), ("a.b.d", "date", "x.d", "string")]
    kinds.append(("a.l", "array", "l", "array<struct<k:string>>"))
    assert records(source.apply_mapping(kinds)) == [{"n": "7", "x": {"d": "2020-01-02"}, "l": [{"k": "5"}]}]


def test_apply_mapping_tells_of_fields_that_are_not_there(frame, records, capsys):
    source = frame("i int, l array<struct<p:int>>", [(1, [(2,)])])
    assert records(source.apply_mapping([("i", "i"), ("l.p", "p"), ("nope", "n")])) == [{"i": 1}]
    told = capsys.readouterr().err
    assert "no field l.p" in told
    assert "no field nope" in told


def test_fields_that_come_to_one_name_are_not_lost(frame):
    source = frame("a struct<b:int>, `a.b` int", [((1,), 2)])
    for open_all in (source.unnest, lambda: source.relationalize("root", "/tmp/never")["root"]):
        with pytest.raises(ValueError, match=r"several fields would be named a\.b"):
            open_all().toDF()


def test_apply_mapping_casts_and_nests(frame, records):
    source = frame("a string, b string, c string", [("1", "2.5", "2020-01-02"), ("x", "", None)])
    mapped = ApplyMapping.apply(
        frame=source,
        mappings=[
            ("a", "string", "n.a", "int"),
            ("b", "string", "n.b", "double"),
            ("c", "string", "day", "date"),
        ],
    )
    assert records(mapped) == [
        {"n": {"a": 1, "b": 2.5}, "day": dt.date(2020, 1, 2)},
        {"n": {"a": None, "b": None}, "day": None},
    ]
    assert [field.name for field in mapped.schema()] == ["n", "day"]


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("12", "long", 12),
        ("12", "bigint", 12),
        ("12", "short", 12),
        ("12", "byte", 12),
        ("300", "byte", None),
        ("1.5", "float", 1.5),
        ("1e3", "double", 1000.0),
        ("true", "boolean", True),
        ("no", "boolean", None),
        ("1.239", "decimal(10,2)", Decimal("1.24")),
        ("99999", "decimal(4,2)", None),
        ("1.239", "decimal", Decimal("1.24")),
        (" 7 ", "int", 7),
        ("2020-02-30", "date", None),
        ("2020-01-02 03:04:05", "timestamp", dt.datetime(2020, 1, 2, 3, 4, 5)),
        ("3000000000", "int", None),
        ("abc", "string", "abc"),
    ],
)
def test_casts(frame, records, value, kind, expected):
    mapped = frame("a string", [(value,)]).apply_mapping([("a", "string", "b", kind)])
    assert records(mapped) == [{"b": expected}]


def test_a_plain_decimal_of_a_script_is_glues_own(frame):
    """Ten digits, two after the point; a catalog's plain decimal is Hive's, of whole numbers."""
    from awsglue import gluetypes as g
    from awsglue._frames.encoding import parse_type, script_type

    source = frame("a double, s struct<p:string>", [(1.25, ("2.5",))])
    for mapped in (
        source.apply_mapping([("a", "double", "a", "Decimal"), ("s.p", "string", "s.p", "decimal")]),
        source.resolveChoice(specs=[("a", "cast:decimal"), ("s.p", "cast:decimal")]),
    ):
        assert mapped.toDF().schema.simpleString() == "struct<a:decimal(10,2),s:struct<p:decimal(10,2)>>"
    kinds = script_type("struct<decimal:array<decimal>,`decimal`:decimal(5,1)>").fields
    assert [field.dataType for field in kinds] == [g.ArrayType(g.DecimalType(10, 2)), g.DecimalType(5, 1)]
    assert parse_type("decimal") == g.DecimalType(10, 0)


def test_mapping_leaves_out_missing_sources_and_unmapped_fields(frame):
    mapped = frame("a int, b int", [(1, 2)]).apply_mapping(
        [("a", "int", "x", "int"), ("zz", "int", "y", "int")]
    )
    assert mapped.toDF().columns == ["x"]


def test_mapping_reads_nested_and_literal_dots(frame, records):
    source = frame(NESTED, ROWS)
    mapped = source.apply_mapping(
        [("s.t.y", "string", "y", "string"), ("`a.b`", "string", "`c.d`", "string")]
    )
    assert records(mapped) == [{"y": "u", "c.d": "dot"}, {"y": None, "c.d": None}]
    assert mapped.toDF().columns == ["y", "c.d"]


def test_mapping_ignores_case_unless_told(frame):
    source = frame("Name string", [("x",)])
    assert source.apply_mapping([("name", "string", "n", "string")]).toDF().columns == ["n"]
    assert source.apply_mapping([("name", "string", "n", "string")], case_sensitive=True).toDF().columns == []


def test_mapping_tuples_of_two_and_three(frame, records):
    source = frame("a string", [("4",)])
    assert records(source.apply_mapping([("a", "b")])) == [{"b": "4"}]
    assert records(source.apply_mapping([("a", "b", "int")])) == [{"b": 4}]
    with pytest.raises(ValueError, match="length"):
        source.apply_mapping([("a",)])
    with pytest.raises(TypeError):
        source.apply_mapping(["a"])


def test_drop_fields_nested_in_structs_and_arrays(frame, records):
    dropped = DropFields.apply(frame(NESTED, ROWS), ["s.t.y", "l[].p", "nothing", "a.b"])
    assert records(dropped) == [
        {"id": 1, "s": {"x": 5, "t": {"z": 1.5}}, "l": [{"q": "a"}, {"q": "b"}], "a.b": "dot"},
        {"id": 2, "s": None, "l": None, "a.b": None},
    ]


def test_select_fields_keeps_nesting(frame, records):
    chosen = SelectFields.apply(frame(NESTED, ROWS), paths=["s.t.z", "id", "`a.b`", "l[].q", "none"])
    assert chosen.toDF().columns == ["s", "id", "a.b", "l"]
    assert records(chosen) == [
        {"s": None, "id": 2, "a.b": None, "l": None},
        {"s": {"t": {"z": 1.5}}, "id": 1, "a.b": "dot", "l": [{"q": "a"}, {"q": "b"}]},
    ]


def test_rename_field(frame, records):
    source = frame(NESTED, ROWS[:1])
    assert source.rename_field("id", "key").toDF().columns == ["key", "s", "l", "a.b"]
    assert source.rename_field("`a.b`", "ab").toDF().columns == ["id", "s", "l", "ab"]
    moved = RenameField.apply(source, "s.t.y", "s.t.why")
    assert records(moved)[0]["s"] == {"x": 5, "t": {"why": "u", "z": 1.5}}
    up = source.rename_field("s.x", "x")
    assert records(up)[0]["x"] == 5
    assert records(up)[0]["s"] == {"t": {"y": "u", "z": 1.5}}
    assert source.rename_field("nothing", "else").toDF().columns == source.toDF().columns


def test_split_fields(frame):
    parts = SplitFields.apply(frame("a int, b int, c int", [(1, 2, 3)]), ["a", "c"])
    assert list(parts.keys()) == ["frame1", "frame2"]
    assert parts.select("frame1").toDF().columns == ["a", "c"]
    assert parts["frame2"].toDF().columns == ["b"]


def test_drop_null_fields_goes_by_the_schema(glue, spark, capsys):
    from awsglue.dynamicframe import DynamicFrame

    df = spark.sql(
        "select 1 as a, cast(null as string) as b, null as c, named_struct('x', 1, 'y', null) as s"
    )
    kept = DropNullFields.apply(DynamicFrame.fromDF(df, glue, "f"))
    assert [field.name for field in kept.schema()] == ["a", "b", "s"]
    assert [field.name for field in kept.schema().getField("s").dataType] == ["x"]
    assert "null_fields ['c', 's.y']" in capsys.readouterr().out


def test_print_schema(frame, capsys):
    frame("a int, l array<struct<p:bigint>>, d decimal(5,1), m map<string,int>", []).printSchema()
    assert capsys.readouterr().out == (
        "root\n|-- a: int\n|-- l: array\n|    |-- element: struct\n|    |    |-- p: long\n"
        "|-- d: decimal(5,1)\n|-- m: map\n|    |-- keyType: string\n|    |-- valueType: int\n\n"
    )


def test_show_prints_json(frame, capsys):
    frame("a int, s struct<x:string>", [(1, ("é",))]).show()
    assert capsys.readouterr().out == '{"a": 1, "s": {"x": "é"}}\n'

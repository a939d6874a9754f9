"""Glue's types: names, JSON, merging."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsglue import gluetypes as g

ATOMIC = [
    g.BinaryType(),
    g.BooleanType(),
    g.ByteType(),
    g.DateType(),
    g.DoubleType(),
    g.FloatType(),
    g.IntegerType(),
    g.LongType(),
    g.NullType(),
    g.ShortType(),
    g.StringType(),
    g.TimestampType(),
    g.TimestampNTZType(),
    g.DecimalType(12, 3),
    g.EnumType(["a", "b"]),
    g.UnknownType(),
]
types = st.recursive(
    st.sampled_from(ATOMIC),
    lambda inner: st.one_of(
        inner.map(g.ArrayType),
        inner.map(g.MapType),
        inner.map(g.SetType),
        st.lists(inner, max_size=3).map(g.ChoiceType),
        st.dictionaries(st.sampled_from("abcd"), inner, max_size=3).map(
            lambda fields: g.StructType([g.Field(name, kind) for name, kind in fields.items()])
        ),
    ),
    max_leaves=8,
)


@given(types)
def test_json_there_and_back(kind):
    assert g._deserialize_json_string(g._serialize_schema(kind)) == kind


@given(types, types)
def test_merging_keeps_both(first, second):
    merged = g.mergeDataTypes(first, second)
    assert g.mergeDataTypes(merged, first) == merged
    assert g.mergeDataTypes(merged, second) == merged


@given(types)
def test_merging_with_itself(kind):
    merged = g.mergeDataTypes(kind, kind)
    assert g.mergeDataTypes(merged, kind) == merged


def test_names():
    assert [
        kind.typeName() for kind in (g.IntegerType(), g.LongType(), g.TimestampNTZType(), g.ChoiceType([]))
    ] == [
        "int",
        "long",
        "timestampntz",
        "choice",
    ]
    assert g.StructType([g.Field("x", g.DecimalType())]).jsonValue() == {
        "dataType": "struct",
        "properties": {},
        "fields": [
            {
                "name": "x",
                "container": {"dataType": "decimal", "properties": {}, "precision": 10, "scale": 2},
                "properties": {},
            }
        ],
    }
    assert g.ArrayType() == g.ArrayType(g.UnknownType())


def test_nothing_widens():
    merged = g.mergeDataTypes(g.IntegerType(), g.LongType())
    assert merged == g.ChoiceType([g.IntegerType(), g.LongType()])
    assert g.mergeDataTypes(merged, g.StringType()) == g.ChoiceType(
        [g.IntegerType(), g.LongType(), g.StringType()]
    )
    assert g.mergeDataTypes(g.NullType(), g.DateType()) == g.DateType()


def test_structs_merge_field_by_field():
    first = g.StructType([g.Field("a", g.IntegerType()), g.Field("b", g.StringType())])
    second = g.StructType([g.Field("b", g.IntegerType()), g.Field("c", g.DateType())])
    assert g.mergeDataTypes(first, second) == g.StructType(
        [
            g.Field("a", g.IntegerType()),
            g.Field("b", g.ChoiceType([g.IntegerType(), g.StringType()])),
            g.Field("c", g.DateType()),
        ]
    )
    assert g.mergeDataTypes(g.EnumType(["a"]), g.EnumType(["b"])) == g.EnumType(["a", "b"])


def test_type_names_of_glue_hive_and_spark():
    from awsglue._frames.encoding import TypeNameError, ddl, parse_type

    for text, kind in (
        ("bigint", g.LongType()),
        ("Integer", g.IntegerType()),
        ("varchar(20)", g.StringType()),
        ("decimal(5, 2)", g.DecimalType(5, 2)),
        ("array<struct<a:int,b:map<string,double>>>", None),
    ):
        assert kind is None or parse_type(text) == kind
        assert parse_type(ddl(parse_type(text))) == parse_type(text)
    for text in ("", "strange", "array<int", "struct<a>", "int)"):
        with pytest.raises(TypeNameError):
            parse_type(text)


def test_paths():
    from awsglue._frames.paths import PathError, parse, text

    for path, steps in (
        ("a.b", ("a", "b")),
        ("`a.b`.c", ("a.b", "c")),
        ("l[].x", ("l", "[]", "x")),
        ("l[][]", ("l", "[]", "[]")),
    ):
        assert parse(path) == steps
        assert parse(text(steps)) == steps
    for bad in ("", ".", "a.", ".a", "`a", "a..b"):
        with pytest.raises(PathError):
            parse(bad)


@given(
    st.lists(
        st.text(st.characters(blacklist_characters="`[]", blacklist_categories=("Cs",)), min_size=1),
        min_size=1,
        max_size=4,
    )
)
def test_paths_there_and_back(steps):
    from awsglue._frames.paths import parse, text

    assert parse(text(tuple(steps))) == tuple(steps)

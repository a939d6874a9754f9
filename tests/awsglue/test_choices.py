"""ChoiceType: how it comes about and how it is resolved, on every engine."""

from __future__ import annotations

import pytest

from awsglue.transforms import ResolveChoice

MIXED = ({"id": 1, "v": 5}, {"id": 2, "v": "6"}, {"id": 3, "v": "x"}, {"id": 4, "v": None})


def kinds(frame, name):
    return list(frame.schema().getField(name).dataType.choices)


def test_records_that_disagree_make_a_choice(json_frame, records, capsys):
    source = json_frame(*MIXED)
    assert kinds(source, "v") == ["int", "string"]
    source.printSchema()
    assert capsys.readouterr().out == "root\n|-- id: int\n|-- v: choice\n|    |-- int\n|    |-- string\n\n"
    assert records(source) == list(MIXED)


def test_numbers_do_not_widen(json_frame):
    source = json_frame({"n": 1}, {"n": 3_000_000_000}, {"n": 1.5})
    assert kinds(source, "n") == ["double", "int", "long"]


def test_to_df_gives_a_struct_per_choice(json_frame):
    rows = {row["id"]: row["v"] for row in json_frame(*MIXED).toDF().collect()}
    assert (rows[1]["int"], rows[1]["string"]) == (5, None)
    assert (rows[2]["int"], rows[2]["string"]) == (None, "6")
    assert rows[4] is None


def test_to_df_with_options(json_frame):
    from awsglue.dynamicframe import ResolveOption
    from awsglue.gluetypes import LongType

    projected = json_frame(*MIXED).toDF([ResolveOption("v", "Project", LongType())])
    assert dict(projected.dtypes)["v"] == "bigint"
    assert sorted(row["v"] for row in projected.collect() if row["v"] is not None) == [5, 6]
    with pytest.raises(Exception, match=r"[Tt]arget"):
        json_frame(*MIXED).toDF([ResolveOption("v", "Project")])


def test_cast_gives_null_for_what_does_not_fit(json_frame, records):
    cast = ResolveChoice.apply(json_frame(*MIXED), specs=[("v", "cast:long")])
    assert records(cast) == [{"id": 1, "v": 5}, {"id": 2, "v": 6}, {"id": 3, "v": None}, {"id": 4, "v": None}]
    assert cast.schema().getField("v").dataType.typeName() == "long"


def test_doubles_become_texts_as_java_writes_them(json_frame, records):
    source = json_frame({"v": 1}, {"v": 2.5}, {"v": "x"}, {"v": 1e10}, {"v": None})
    assert [row["v"] for row in records(source.resolveChoice(choice="cast:string"))] == [
        "1",
        "2.5",
        "x",
        "1.0E10",
        None,
    ]


def test_rows_are_split_by_the_values_that_can_be_compared(json_frame, records):
    source = json_frame({"v": 1}, {"v": "2"}, {"v": 2.5}, {"v": True}, {"v": None})

    def chosen(test):
        return [row["v"] for row in records(source.split_rows({"v": test}, "yes", "no")["yes"])]

    assert chosen({">": 0}) == [1, 2.5]
    assert chosen({"=": "2"}) == ["2"]
    assert chosen({"=": True}) == [True]
    assert source.split_rows({"v": {">": 0}}, "yes", "no")["no"].count() == 3


def test_choices_within_arrays_become_structs(json_frame, records):
    made = json_frame({"l": [1, "x"]}, {"l": None}).resolveChoice(specs=[("l[]", "make_struct")])
    assert records(made) == [{"l": [{"int": 1, "string": None}, {"int": None, "string": "x"}]}, {"l": None}]


def test_project(json_frame, records):
    projected = json_frame(*MIXED).resolveChoice(specs=[("v", "project:string")])
    assert records(projected) == [
        {"id": 1, "v": "5"},
        {"id": 2, "v": "6"},
        {"id": 3, "v": "x"},
        {"id": 4, "v": None},
    ]


def test_make_cols(json_frame, records):
    spread = json_frame(*MIXED[:2]).resolveChoice(choice="make_cols")
    assert records(spread) == [
        {"id": 1, "v_int": 5, "v_string": None},
        {"id": 2, "v_int": None, "v_string": "6"},
    ]


def test_make_struct_and_keep_as_struct(json_frame, records):
    for action in ("make_struct", "KeepAsStruct"):
        held = json_frame(*MIXED[:2]).resolveChoice(choice=action)
        assert records(held) == [
            {"id": 1, "v": {"int": 5, "string": None}},
            {"id": 2, "v": {"int": None, "string": "6"}},
        ]


def test_choices_in_structs_and_arrays(json_frame, records):
    source = json_frame({"l": [{"p": 1}, {"p": "2"}], "s": {"q": 1}}, {"l": [], "s": {"q": True}})
    resolved = source.resolveChoice(specs=[("l[].p", "cast:double"), ("s.q", "make_cols")])
    assert records(resolved) == [
        {"l": [{"p": 1.0}, {"p": 2.0}], "s": {"q_boolean": None, "q_int": 1}},
        {"l": [], "s": {"q_boolean": True, "q_int": None}},
    ]


def test_structs_and_scalars_in_one_field(json_frame, records):
    values = ({"v": {"a": 1}}, {"v": "x"}, {"v": [1, "y"]})
    source = json_frame(*values)
    assert kinds(source, "v") == ["array", "string", "struct"]
    assert records(source) == list(values)
    spread = source.resolveChoice(choice="make_cols")
    assert {"v_array": None, "v_string": None, "v_struct": {"a": 1}} in records(spread)


def test_specs_and_choice_exclude_each_other(json_frame):
    source = json_frame(*MIXED)
    for arguments in ({}, {"specs": [("v", "cast:int")], "choice": "make_cols"}):
        with pytest.raises(Exception, match=r"[Ee]ither specs or choice"):
            source.resolveChoice(**arguments)
    with pytest.raises(ValueError, match="explode"):
        source.resolveChoice(specs=[("v", "explode")])
    with pytest.raises(ValueError, match="nothing"):
        source.resolveChoice(choice="cast:nothing")


def test_choices_survive_transforms(json_frame, records):
    source = json_frame(*MIXED)
    renamed = source.rename_field("v", "w").filter(lambda r: isinstance(r["w"], str))
    assert records(renamed) == [{"id": 2, "w": "6"}, {"id": 3, "w": "x"}]
    assert kinds(renamed, "w") == ["int", "string"]
    same = source.map(lambda r: r)
    assert kinds(same, "v") == ["int", "string"]
    assert records(same) == list(MIXED)
    assert {"id": None, "v": 2.5} in records(source.union(json_frame({"v": 2.5})))


def test_mapping_a_choice_converts_each_value(json_frame, records):
    mapped = json_frame(*MIXED).apply_mapping([("v", "choice", "v", "string")])
    assert records(mapped) == [{"v": "5"}, {"v": "6"}, {"v": "x"}, {"v": None}]

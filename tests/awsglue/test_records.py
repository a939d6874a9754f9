"""User functions, joins, splits, unions, nesting and error records on every engine."""

from __future__ import annotations

from datetime import datetime

import pytest

from awsglue.dynamicframe import DynamicFrame
from awsglue.transforms import Filter, FlatMap, Join, Map, MapToCollection, Relationalize, SplitRows, Union

NESTED = "id int, s struct<x:int,t:struct<y:string>>, l array<struct<p:int,q:array<string>>>"
ROWS = [(1, (5, ("u",)), [(1, ["a", "b"]), (2, [])]), (2, None, None), (3, (6, None), [])]


def test_filter_keeps_rows_and_types(frame, records):
    source = frame(NESTED, ROWS)
    kept = Filter.apply(frame=source, f=lambda r: r["s"]["x"] > 5 or r.s.t.y == "u")
    assert sorted(row["id"] for row in records(kept)) == [1, 3]
    assert kept.schema() == source.schema()


def test_filter_drops_on_key_value_and_type_errors(frame, records):
    source = frame("a int, b string", [(1, "x"), (None, "y"), (3, "z")])
    assert records(source.filter(lambda r: r["a"] > 1)) == [{"a": 3, "b": "z"}]
    assert records(source.filter(lambda r: r["nothing"] == 1)) == []
    assert records(source.filter(lambda r: int(r["b"]) == 1)) == []
    assert source.filter(lambda r: r["nothing"] == 1).errorsCount() == 0


def test_filter_other_exceptions_make_error_records(frame, records):
    source = frame("a int, `b.c` string", [(0, "x"), (2, "y")])
    kept = source.filter(lambda r: 4 / r["a"] > 1)
    assert records(kept) == [{"a": 2, "b.c": "y"}]
    assert kept.errorsCount() == 1
    assert kept.stageErrorsCount() == 1
    (error,) = records(kept.errorsAsDynamicFrame())
    assert error["error"]["callsite"]["info"] == ""
    assert "division by zero" in error["error"]["msg"]
    assert error["error"]["dynamicRecord"] == {"a": 0, "b.c": "x"}
    assert "ZeroDivisionError" in error["error"]["stackTrace"]


def test_map_changes_shape(frame, records):
    def change(record):
        record["full"] = {"id": record["id"], "half": record["id"] / 2}
        record.tags = ["t", str(record.id)]
        del record["s"]
        del record["l"]
        return record

    mapped = Map.apply(frame=frame(NESTED, ROWS[:2]), f=change)
    assert records(mapped) == [
        {"id": 1, "full": {"id": 1, "half": 0.5}, "tags": ["t", "1"]},
        {"id": 2, "full": {"id": 2, "half": 1.0}, "tags": ["t", "2"]},
    ]
    assert [field.name for field in mapped.schema()] == ["id", "full", "tags"]
    assert mapped.schema().getField("tags").dataType.elementType.typeName() == "string"


def test_map_keeps_types_of_fields_it_leaves_alone(frame):
    source = frame(
        "a bigint, b smallint, c float, d decimal(9,3), e timestamp, f date, g map<string,bigint>, h array<tinyint>",
        [],
    )
    filled = source.union(source)
    from awsglue.dynamicframe import DynamicFrame

    rows = filled.glue_ctx.sql(
        "select cast(1 as bigint) a, cast(2 as smallint) b, cast(1.5 as float) c, cast(2.5 as decimal(9,3)) d, "
        "timestamp '2020-01-02 03:04:05' e, date '2020-01-02' f, map('k', cast(3 as bigint)) g, "
        "array(cast(1 as tinyint)) h"
    )
    original = DynamicFrame.fromDF(rows, filled.glue_ctx, "x")
    mapped = original.map(lambda r: r)
    assert mapped.schema() == original.schema()
    assert mapped.toDF().collect() == rows.collect()


def test_map_results_that_disagree_make_a_choice(frame, records):
    mapped = frame("a int", [(1,), (2,), (3,)]).map(lambda r: {"v": r["a"] if r["a"] < 2 else str(r["a"])})
    assert mapped.schema().getField("v").dataType.typeName() == "choice"
    assert list(mapped.schema().getField("v").dataType.choices) == ["int", "string"]
    assert records(mapped) == [{"v": 1}, {"v": "2"}, {"v": "3"}]
    assert sorted(str(row[0]) for row in mapped.toDF().collect()) == [
        "Row(int=1, string=None)",
        "Row(int=None, string='2')",
        "Row(int=None, string='3')",
    ]


def test_map_exceptions_and_falsy_results_are_errors(frame, records):
    def change(record):
        record["a"] = record["a"] + 1
        if record["a"] == 2:
            raise RuntimeError("two!")
        return None if record["a"] == 3 else record

    mapped = frame("a int", [(1,), (2,), (3,)]).map(change)
    assert records(mapped) == [{"a": 4}]
    assert mapped.errorsCount() == 2
    errors = records(mapped.errorsAsDynamicFrame())
    assert sorted((e["error"]["dynamicRecord"]["a"], e["error"]["msg"]) for e in errors) == [
        (1, "two!"),
        (2, "User-specified function returned None instead of DynamicRecord"),
    ]


def test_errors_add_up_and_thresholds_fail_the_action(frame):
    source = frame("a int", [(0,), (1,), (2,)])
    first = source.map(lambda r: {"a": 1 // r["a"], "b": r["a"]})
    second = first.filter(lambda r: [1][r["b"] - 1] == 1)
    assert (first.errorsCount(), second.stageErrorsCount(), second.errorsCount()) == (1, 1, 2)
    assert second.count() == 1
    assert second.drop_fields("b").errorsCount() == 2
    limited = first.filter(lambda r: [1][r["b"] - 1] == 1, totalThreshold=1)
    with pytest.raises(Exception, match="total error threshold"):
        limited.count()
    with pytest.raises(Exception, match="stage error threshold"):
        source.map(lambda r: None, stageThreshold=2).toDF()
    assert source.map(lambda r: None, stageThreshold=3).count() == 0


def test_map_partitions(frame, records):
    mapped = (
        frame("a int", [(1,), (2,)])
        .coalesce(1)
        .mapPartitions(lambda rows: [{"n": sum(r["a"] for r in rows)}])
    )
    assert sum(row["n"] for row in records(mapped)) == 3


def test_transforms_are_lazy(frame):
    calls = []

    def never(record):
        calls.append(1)
        raise AssertionError("not yet")

    frame("a int", [(1,)]).map(never).filter(never).drop_fields("a")
    assert calls == []


def test_join_marks_conflicting_names(frame, records):
    left = frame("id int, name string", [(1, "a"), (2, "b")])
    right = frame("id int, key int, name string", [(10, 1, "x"), (11, 1, "y"), (12, 3, "z")])
    joined = Join.apply(left, right, "id", "key")
    assert joined.toDF().columns == ["id", "name", ".id", "key", ".name"]
    assert records(joined) == [
        {"id": 1, "name": "a", ".id": 10, "key": 1, ".name": "x"},
        {"id": 1, "name": "a", ".id": 11, "key": 1, ".name": "y"},
    ]
    assert joined.drop_fields([".id", ".name"]).toDF().columns == ["id", "name", "key"]
    assert left.join(["id"], ["id"], left).count() == 2


def test_join_on_nested_and_several_keys(frame):
    left = frame("s struct<x:int>, b int", [((1,), 2), ((1,), 3)])
    right = frame("c int, d int", [(1, 2)])
    assert left.join(["s.x", "b"], ["c", "d"], right).count() == 1
    with pytest.raises(ValueError, match="nothing"):
        left.join(["nothing"], ["c"], right).count()


def test_split_rows(frame, records):
    source = frame("a int, b string", [(1, "x"), (5, "x"), (7, "y"), (None, "x")])
    parts = SplitRows.apply(source, {"a": {">": 2, "<": 9}, "b": {"=": "x"}}, "in", "out")
    assert records(parts["in"]) == [{"a": 5, "b": "x"}]
    assert records(parts["out"]) == [{"a": 1, "b": "x"}, {"a": 7, "b": "y"}, {"a": None, "b": "x"}]


def test_union_merges_schemas(frame, records):
    both = Union.apply(frame("a int, b string", [(1, "x")]), frame("b int, c struct<z:int>", [(2, (3,))]))
    assert records(both) == [{"a": 1, "b": "x", "c": None}, {"a": None, "b": 2, "c": {"z": 3}}]
    assert list(both.schema().getField("b").dataType.choices) == ["int", "string"]


def test_merge_dynamic_frame(frame, records):
    source = frame("id int, v string", [(1, "old"), (1, "old too"), (2, "stays"), (None, "no key")])
    stage = frame("id int, v string, w int", [(1, "new", 7), (3, "added", 8), (3, "added", 9)])
    assert records(source.mergeDynamicFrame(stage, ["id"])) == [
        {"id": 2, "v": "stays", "w": None},
        {"id": None, "v": "no key", "w": None},
        {"id": 1, "v": "new", "w": 7},
        {"id": 3, "v": "added", "w": 8},
        {"id": 3, "v": "added", "w": 9},
    ]


def test_a_source_without_files_joins_merges_and_splits(glue, frame, records, tmp_path):
    nothing = glue.create_dynamic_frame.from_options("s3", {"paths": [f"file://{tmp_path}/none"]}, "json")
    source = frame("id int, v string", [(1, "a")])
    for joined in (Join.apply(source, nothing, ["id"], ["id"]), Join.apply(nothing, source, ["id"], ["id"])):
        assert (joined.count(), [field.name for field in joined.schema()]) == (0, ["id", "v"])
    assert records(source.mergeDynamicFrame(nothing, ["id"])) == [{"id": 1, "v": "a"}]
    assert records(nothing.mergeDynamicFrame(source, ["id"])) == [{"id": 1, "v": "a"}]
    parts = nothing.split_rows({"id": {">": 1}}, "yes", "no")
    assert (parts["yes"].count(), parts["no"].count()) == (0, 0)


def test_merged_times_are_timestamps(frame, records):
    source = frame("id int, at timestamp", [(1, datetime(2024, 1, 1)), (2, datetime(2024, 1, 2))])
    stage = frame("id int, at timestamp_ntz", [(2, datetime(2024, 2, 2))])
    merged = source.mergeDynamicFrame(stage, ["id"])
    assert merged.toDF().dtypes == [("id", "int"), ("at", "timestamp")]
    assert sorted(str(row["at"])[:10] for row in merged.toDF().collect()) == ["2024-01-01", "2024-02-02"]


def test_columns_of_one_name_become_one_field(frame, records, capfd):
    left = frame("id int, x string", [(1, "a"), (2, "b")]).toDF()
    right = frame("id int, y int", [(1, 10), (3, 30)]).toDF()
    left.createOrReplaceTempView("some")
    right.createOrReplaceTempView("others")
    both = left.sparkSession.sql("SELECT * FROM some LEFT JOIN others ON some.id = others.id")
    assert both.columns == ["id", "x", "id", "y"]
    made = DynamicFrame.fromDF(both, frame("a int", []).glue_ctx, "made")
    assert records(made.drop_fields(["y"])) == [{"id": 1, "x": "a"}, {"id": None, "x": "b"}]
    assert made.toDF().columns == ["id", "x", "y"]
    assert "several columns named 'id'" in capfd.readouterr().err


def test_unnest(frame, records):
    flat = frame("id int, s struct<x:int,t:struct<y:string>>", [(1, (5, ("u",))), (2, None)]).unnest()
    assert records(flat) == [{"id": 1, "s.x": 5, "s.t.y": "u"}, {"id": 2, "s.x": None, "s.t.y": None}]


def test_relationalize(frame, records):
    tables = Relationalize.apply(frame(NESTED, ROWS), staging_path="/tmp/x", name="root")
    assert sorted(tables.keys()) == ["root", "root_l", "root_l.val.q"]
    root, items, tags = (records(tables[name]) for name in ("root", "root_l", "root_l.val.q"))
    by_id = {row["id"]: row for row in root}
    assert set(by_id[1]) == {"id", "s.x", "s.t.y", "l"}
    assert by_id[2]["l"] is None
    assert by_id[3]["l"] is not None
    mine = sorted((row for row in items if row["id"] == by_id[1]["l"]), key=lambda row: row["index"])
    assert [(row["index"], row["l.val.p"]) for row in mine] == [(0, 1), (1, 2)]
    assert len(items) == 2
    assert [(row["index"], row["l.val.q.val"]) for row in sorted(tags, key=lambda row: row["index"])] == [
        (0, "a"),
        (1, "b"),
    ]
    assert {row["id"] for row in tags} == {mine[0]["l.val.q"]}


def test_relationalize_maps(frame, records):
    tables = frame("id int, m map<string,int>", [(1, {"k": 5})]).relationalize("r")
    (row,) = records(tables["r_m"])
    assert (row["index"], row["m.val.key"], row["m.val.value"]) == (0, "k", 5)


def test_collections(frame):
    parts = frame("a int, b int", [(1, 2)]).split_fields(["a"], "one", "two")
    renamed = MapToCollection.apply(parts, lambda frame, ctx: frame.rename_field("a", "z"))
    assert renamed["one"].toDF().columns == ["z"]
    assert parts.select("none").toDF().columns == []
    with pytest.raises(TypeError):
        parts.map(lambda frame, ctx: 1)
    from awsglue.transforms import DropFields

    assert FlatMap.apply(parts, DropFields, "frame", paths=["b"])["one"].count() == 1


def test_error_records_tell_where_and_for_what(frame, records):
    source = frame("a string", [("it's",)])
    for made in (
        Map.apply(frame=source, f=lambda r: None, info="first 'step'"),
        Filter.apply(frame=source, f=lambda r: 1 / 0, info="first 'step'"),
        source.unbox("a", "json", info="first 'step'"),
    ):
        (error,) = records(made.errorsAsDynamicFrame())
        assert error["error"]["callsite"]["info"] == "first 'step'"
        assert "test_records.py" in error["error"]["callsite"]["site"]


def test_unbox_parses_in_place(frame, records):
    source = frame("id int, raw string", [(1, '{"a": 1, "b": ["x"]}'), (2, None), (3, "{broken")])
    opened = source.unbox("raw", "json")
    assert records(opened) == [{"id": 1, "raw": {"a": 1, "b": ["x"]}}, {"id": 2, "raw": None}]
    assert opened.errorsCount() == 1
    lines = frame("raw string", [("1;x",)]).unbox("raw", "csv", separator=";")
    assert records(lines) == [{"raw": {"col0": "1", "col1": "x"}}]


def test_unbox_with_schema(frame, records):
    from awsglue import gluetypes as g

    kind = g.StructType([g.Field("a", g.LongType()), g.Field("z", g.ArrayType(g.StringType()))])
    schema = g._serialize_schema(kind)
    texts = frame(
        "o struct<raw:string>", [(('{"a": "7", "z": 1, "more": 0}',),), (('{"a": "x"}',),), (None,)]
    )
    opened = texts.unbox("o.raw", "json", withSchema=schema)
    assert opened.schema() == g.StructType([g.Field("o", g.StructType([g.Field("raw", kind)]))])
    assert records(opened) == [
        {"o": {"raw": {"a": 7, "z": ["1"]}}},
        {"o": {"raw": {"a": None, "z": None}}},
        {"o": None},
    ]
    lines = frame("raw string", [("1,2",)]).unbox("raw", "csv", withSchema=schema)
    assert records(lines) == [{"raw": {"a": 1, "z": ["2"]}}]
    with pytest.raises(ValueError, match="withSchema"):
        texts.unbox("o.raw", "json", withSchema="[1]")


def test_spigot_writes_a_sample(frame, records, tmp_path):
    import json

    source = frame("a int", [(n,) for n in range(20)])
    passed = source.spigot(f"file://{tmp_path}/sample", {"topk": 3})
    assert not list(tmp_path.iterdir())
    assert passed.count() == 20
    lines = [line for file in (tmp_path / "sample").iterdir() for line in file.read_text().splitlines()]
    assert len(lines) == 3
    assert all(0 <= json.loads(line)["a"] < 20 for line in lines)


def test_repartition_and_coalesce(frame):
    source = frame("a int", [(n,) for n in range(10)])
    assert source.repartition(3).count() == 10
    assert source.coalesce(1).getNumPartitions() == 1

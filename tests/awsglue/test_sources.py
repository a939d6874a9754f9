"""Files as sources: formats with their options, which files are meant, on every engine."""

from __future__ import annotations

import bz2
import gzip
import json

import pytest


@pytest.fixture
def put(tmp_path):
    """Write a file below the test's folder; gives the folder as a path for a source."""

    def write(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return f"file://{tmp_path}"

    return write


@pytest.fixture
def read(glue):
    def source(path, format, format_options=None, ctx="", predicate="", **options):
        return glue.create_dynamic_frame.from_options(
            connection_type="s3",
            connection_options={"paths": [path], **options},
            format=format,
            format_options=format_options or {},
            transformation_ctx=ctx,
            push_down_predicate=predicate,
        )

    return source


def test_csv_without_header_is_col0_and_text(put, read, records):
    frame = read(put("a.csv", 'id,name\n1,"x, y"\n2,\n'), "csv")
    assert records(frame) == [
        {"col0": "id", "col1": "name"},
        {"col0": "1", "col1": "x, y"},
        {"col0": "2", "col1": ""},
    ]


def test_csv_with_header_stays_text(put, read, records):
    frame = read(put("a.csv", 'id,a b\n1,"say ""hi"""\n'), "csv", {"withHeader": True})
    assert records(frame) == [{"id": "1", "a b": 'say "hi"'}]
    assert {field.dataType.typeName() for field in frame.schema()} == {"string"}


def test_csv_options(put, read, records):
    path = put("a.csv", "skip;me\n1;'x;y'\n")
    options = {"separator": ";", "quoteChar": "'", "skipFirst": True}
    assert records(read(path, "csv", options)) == [{"col0": "1", "col1": "x;y"}]
    assert records(read(put("a.csv", '1,"x\n'), "csv", {"quoteChar": -1})) == [{"col0": "1", "col1": '"x'}]


@pytest.mark.parametrize("multi_line", [False, True])
def test_csv_escaper(put, read, records, multi_line):
    options = {"withHeader": True, "escaper": "\\", "multiLine": multi_line}
    path = put("a.csv", 'a,b\nx\\,y,"p\\"q"\n1\\n2\\t3,\\\\n\\q\n"a\\n""b",\n')
    rows = [{"a": "x,y", "b": 'p"q'}, {"a": "1\n2\t3", "b": "\\nq"}, {"a": 'a\n"b', "b": ""}]
    assert records(read(path, "csv", options)) == rows


def test_csv_escaper_with_folders_and_other_headers(put, read, records):
    put("k=v/a.csv", "a|b\nx\\|y|z|more\n")
    path = put("k=__HIVE_DEFAULT_PARTITION__/b.csv", "b|c\n1\n")
    assert records(read(path, "csv", {"withHeader": True, "separator": "|", "escaper": "\\"})) == [
        {"a": "x|y", "b": "z", "c": None, "k": "v"},
        {"a": None, "b": "1", "c": "", "k": None},
    ]


def test_csv_escaper_with_files_without_records(put, read, records):
    options = {"withHeader": True, "escaper": "\\"}
    path = put("a.csv", "a,b\n")
    alone = read(path, "csv", options)
    assert [field.name for field in alone.schema().fields] == ["a", "b"]
    assert records(alone) == []
    put("b.csv", "c\n1\n")
    assert records(read(path, "csv", options)) == [{"a": None, "b": None, "c": "1"}]


def test_csv_escaper_at_the_end_and_long_fields(put, read, records):
    long = "x" * 200_000
    path = put("a.csv", f'{long},"b\\\nc,d\\\n')
    rows = [{"col0": long, "col1": "b\\"}, {"col0": "c", "col1": "d\\"}]
    assert records(read(path, "csv", {"escaper": "\\"})) == rows


def test_a_brace_that_is_never_closed_is_a_letter(put, read, records):
    path = put("{a/a.json", '{"v": 1}\n')
    folder = path.removesuffix("/") if path.endswith("{a") else path
    assert records(read(f"{folder}/{{*", "json", recurse=True)) == [{"v": 1}]
    assert records(read(f"{folder}/{{b", "json", recurse=True)) == []


def test_csv_tab_by_its_name_and_a_folder_without_value(put, read, records):
    path = put("k=__HIVE_DEFAULT_PARTITION__/a.csv", "a\tb\n1\t\n")
    assert records(read(path, "csv", {"withHeader": True, "separator": "\\t"})) == [
        {"a": "1", "b": "", "k": None}
    ]


@pytest.mark.parametrize(("kind", "pack"), [("gzip", gzip.compress), ("bzip2", bz2.compress)])
def test_compression_that_no_name_tells(put, read, records, kind, pack):
    path = put("part-00000", pack(b'id,t\n1,"a,b"\n2,\n'))
    frame = read(path, "csv", {"withHeader": True}, compressionType=kind, attachFilename="file")
    rows = records(frame)
    assert [(row["id"], row["t"]) for row in rows] == [("1", "a,b"), ("2", "")]
    assert all(row["file"].endswith("/part-00000") for row in rows)


def test_with_schema_knows_arrays_of_one_at_any_depth(put, read, records):
    from awsglue import gluetypes as g

    item = g.StructType([g.Field("n", g.StringType()), g.Field("tag", g.ArrayType(g.LongType()))])
    box = g.StructType([g.Field("item", g.ArrayType(item))])
    schema = g._serialize_schema(g.StructType([g.Field("box", box)]))
    one = "<item><n>5</n><tag>1</tag></item>"
    path = put(
        "a.xml", f"<r><o><box>{one}</box></o><o><box>{one}<item><tag>2</tag><tag>x</tag></item></box></o></r>"
    )
    assert records(read(path, "xml", {"rowTag": "o", "withSchema": schema})) == [
        {"box": {"item": [{"n": "5", "tag": [1]}]}},
        {"box": {"item": [{"n": "5", "tag": [1]}, {"n": None, "tag": [2, None]}]}},
    ]


def test_json_documents_in_one_line(put, read, records):
    frame = read(put("a.json", '{"a": 1}{"a": 2} {"a": 3}\n{"a": 4} x\n{"a": 5}[1]\n'), "json")
    assert [row["a"] for row in records(frame)] == [1, 2, 3]
    assert frame.errorsCount() == 2


def test_xml_elements_within_others_of_their_name(put, read, records):
    path = put("a.xml", "<r><b><n>1</n><b><n>2</n></b></b><b><n>3</n></b></r>")
    assert records(read(path, "xml", {"rowTag": "b"})) == [{"n": 1, "b": {"n": 2}}, {"n": 3, "b": None}]


def test_paths_may_be_patterns(put, read, records):
    for name in ("in/2024/a.json", "in/2024/x/b.json", "in/2025/c.json", "in/2025/d.txt", "in/20[2]4/e.json"):
        root = put(name, json.dumps({"n": name.rpartition("/")[2][0]}) + "\n")

    def found(pattern, **options):
        return sorted(row["n"] for row in records(read(f"{root}/{pattern}", "json", **options)))

    assert found("in/*/*.json") == ["a", "c", "e"]
    assert found("in/202?/") == ["a", "c", "d"]
    assert found("in/202?/", recurse=True) == ["a", "b", "c", "d"]
    assert found("in/{2024,2025}/[a-c].json") == ["a", "c"]
    # What is there by this very name is meant.
    assert found("in/20[2]4") == ["e"]
    assert found("in/19*/*.json") == []


def test_csv_multi_line(put, read, records):
    path = put("a.csv", 'id,t\n1,"two\nlines"\n')
    assert records(read(path, "csv", {"withHeader": "true", "multiLine": "true"})) == [
        {"id": "1", "t": "two\nlines"}
    ]


def test_csv_files_with_other_headers_are_merged_by_name(put, read, records):
    put("a.csv", "id,x\n1,p\n")
    assert records(read(put("b.csv", "x,y\nq,r\n"), "csv", {"withHeader": True})) == [
        {"id": "1", "x": "p", "y": None},
        {"id": None, "x": "q", "y": "r"},
    ]


def test_csv_compressed(put, read, records):
    put("a.csv.gz", gzip.compress(b"id\n1\n"))
    assert records(read(put("b.csv.bz2", bz2.compress(b"id\n2\n")), "csv", {"withHeader": True})) == [
        {"id": "1"},
        {"id": "2"},
    ]


def test_json_lines_and_errors(put, read, records):
    frame = read(put("a.json", '{"a": 1, "b": {"c": [1, 2]}}\n{broken\n\n{"a": 2}\n'), "json")
    assert records(frame) == [{"a": 1, "b": {"c": [1, 2]}}, {"a": 2, "b": None}]
    assert frame.errorsCount() == 1
    (error,) = records(frame.errorsAsDynamicFrame())
    assert error["error"]["source"].endswith("a.json")
    with pytest.raises(ValueError, match="Unable to parse"):
        read(put("a.json", "{broken\n"), "json", isFailFast=True).count()


def test_json_objects_without_members(put, read, records):
    lines = [
        {"a": 1, "n": {}, "m": {"x": 1}, "s": "t", "c": 1, "l": [{}], "d": {"e": {}}},
        {"m": {}, "s": {}, "c": "x"},
    ]
    lines += [{"c": {"y": 2}}, {"c": {}}, {}]
    frame = read(put("a.json", "".join(json.dumps(line) + "\n" for line in lines)), "json")
    rows = records(frame)
    assert len(rows) == 5
    first, second = ({k: v for k, v in row.items() if v is not None} for row in list(rows)[:2])
    assert first == {"a": 1, "m": {"x": 1}, "s": "t", "c": 1, "l": [None], "d": {"e": None}}
    assert second == {"m": {"x": None}, "c": "x"}
    assert {"y": None} in [row["c"] for row in rows]
    assert {"y": 2} in [row["c"] for row in rows]
    assert frame.map(lambda r: {"k": {}, "a": r["a"]}).count() == 5


def test_json_multi_line_and_arrays(put, read, records):
    assert records(read(put("a.json", '[{"a": 1},\n {"a":\n 2}]'), "json", {"multiLine": True})) == [
        {"a": 1},
        {"a": 2},
    ]


def test_json_path(put, read, records):
    path = put("a.json", json.dumps({"r": {"items": [{"a": 1}, {"a": 2}]}, "n": 3}, indent=1))
    assert records(read(path, "json", {"jsonPath": "$.r.items[*]"})) == [{"a": 1}, {"a": 2}]
    assert records(read(path, "json", {"jsonPath": "$['r']['items'][1]"})) == [{"a": 2}]


def test_json_null_fields_have_the_null_type(put, read):
    from awsglue.transforms import DropNullFields

    frame = read(put("a.json", '{"a": 1, "b": null, "c": {"d": null}, "e": []}\n'), "json")
    assert frame.schema().getField("b").dataType.typeName() == "null"
    assert [field.name for field in DropNullFields.apply(frame).schema()] == ["a", "e"]


def test_parquet_and_files_that_disagree(put, read, records, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "t").mkdir()
    pq.write_table(pa.table({"a": pa.array([1], pa.int64()), "b": ["x"]}), tmp_path / "t" / "1.parquet")
    path = f"file://{tmp_path}/t"
    assert records(read(path, "parquet")) == [{"a": 1, "b": "x"}]
    pq.write_table(pa.table({"a": ["one"], "c": [True]}), tmp_path / "t" / "2.parquet")
    frame = read(path, "parquet")
    assert list(frame.schema().getField("a").dataType.choices) == ["long", "string"]
    assert records(frame) == [{"a": 1, "b": "x", "c": None}, {"a": "one", "b": None, "c": True}]


def test_partition_folders_become_text_columns(put, read, records):
    put("year=2020/month=01/a.csv", "v\n1\n")
    path = put("year=2021/month=02/a.csv", "v\n2\n")
    assert records(read(path, "csv", {"withHeader": True})) == [
        {"v": "1", "year": "2020", "month": "01"},
        {"v": "2", "year": "2021", "month": "02"},
    ]
    kept = read(path, "csv", {"withHeader": True}, predicate="year > '2020' and month in ('02', '03')")
    assert records(kept) == [{"v": "2", "year": "2021", "month": "02"}]
    put("year=2020/month=01/a.json", '{"w": 1}\n')
    assert {"w": 1, "year": "2020", "month": "01"} in records(read(path, "json", exclusions='["**.csv"]'))


def test_parquet_partition_folders_stay_text(put, read, records, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "d=01").mkdir()
    pq.write_table(pa.table({"a": [1]}), tmp_path / "d=01" / "1.parquet")
    assert records(read(f"file://{tmp_path}", "parquet")) == [{"a": 1, "d": "01"}]


def test_recurse_and_exclusions_and_hidden_files(put, read):
    put("a.json", '{"n": 1}\n')
    put("sub/b.json", '{"n": 2}\n')
    put("sub/deep/c.json", '{"n": 3}\n')
    path = put("_hidden.json", '{"n": 4}\n')
    assert read(path, "json").count() == 1
    assert read(path, "json", recurse=True).count() == 3
    assert read(path, "json", recurse="true", exclusions='["sub/**"]').count() == 1
    assert read(path, "json", recurse=True, exclusions='["**b.json"]').count() == 2


def test_attach_file_name(put, read, records):
    path = put("a.json", '{"n": 1}\n')
    assert records(read(path, "json", attachFilename="f")) == [
        {"n": 1, "f": f"{path.removeprefix('file://')}/a.json"}
    ]


def test_a_place_without_files_is_an_empty_frame(read, tmp_path):
    frame = read(f"file://{tmp_path}/nothing", "csv")
    assert frame.count() == 0
    assert list(frame.schema()) == []
    assert frame.toDF().columns == []


def test_xml(put, read, records):
    text = '<r><b id="1"><t>A</t><p>9.5</p><p>8</p></b><b id="x"><t lang="de">Ö</t><p> </p></b></r>'
    assert records(read(put("a.xml", text), "xml", {"rowTag": "b"})) == [
        {"_id": 1, "t": "A", "p": [9.5, 8]},
        {"_id": "x", "t": {"_lang": "de", "_VALUE": "Ö"}, "p": " "},
    ]
    with pytest.raises(ValueError, match="rowTag"):
        read(put("a.xml", text), "xml").count()


def test_grok(put, read, records):
    path = put("a.log", "10.0.0.1 GET /x 200\nnothing of the kind\n10.0.0.2 PUT - 404\n")
    frame = read(
        path,
        "grokLog",
        {
            "logFormat": r"%{IP:client} %{METHOD:verb} %{NOTSPACE:path} %{INT:status}",
            "customPatterns": "METHOD [A-Z]+",
        },
    )
    assert records(frame) == [
        {"client": "10.0.0.1", "verb": "GET", "path": "/x", "status": "200"},
        {"client": "10.0.0.2", "verb": "PUT", "path": None, "status": "404"},
    ]
    assert frame.errorsCount() == 1


def test_avro(put, read, records, tmp_path):
    fastavro = pytest.importorskip("fastavro")
    schema = {
        "type": "record",
        "name": "r",
        "fields": [
            {"name": "a", "type": "int"},
            {"name": "b", "type": ["null", "string"]},
            {"name": "c", "type": {"type": "array", "items": "double"}},
        ],
    }
    with open(tmp_path / "a.avro", "wb") as file:
        fastavro.writer(file, schema, [{"a": 1, "b": "x", "c": [1.5]}, {"a": 2, "b": None, "c": []}])
    assert records(read(f"file://{tmp_path}", "avro")) == [
        {"a": 1, "b": "x", "c": [1.5]},
        {"a": 2, "b": None, "c": []},
    ]


def test_ion(put, read, records):
    pytest.importorskip("amazon.ion")
    path = put("a.ion", '{a: 1, b: "x", s: sym, d: 1.50, t: 2020-01-02T00:00:00Z}\n{a: 2, b: null.string}\n')
    found = records(read(path, "ion"))
    assert [(one["a"], one["b"], one["s"]) for one in found] == [(1, "x", "sym"), (2, None, None)]


def test_excel(read, records, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["id", "name"], [1, "x"], [2, None], ["total", 3]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    frame = read(f"file://{tmp_path}", "excel", {"SkipFooter": 1})
    assert records(frame) == [{"id": 1, "name": "x"}, {"id": 2, "name": None}]


def test_unknown_formats_and_connections_are_refused(read, glue, tmp_path):
    with pytest.raises(ValueError, match="xyz"):
        read(f"file://{tmp_path}", "xyz")
    with pytest.raises(NotImplementedError, match="vertica"):
        glue.create_dynamic_frame.from_options("vertica", {})
    with pytest.raises(ValueError, match="gibberish"):
        glue.create_dynamic_frame.from_options("gibberish", {})


def test_orc(read, records, tmp_path):
    import pyarrow as pa
    from pyarrow import orc

    orc.write_table(pa.table({"a": [1, 2], "b": ["x", None]}), str(tmp_path / "a.orc"))
    assert records(read(f"file://{tmp_path}", "orc")) == [{"a": 1, "b": "x"}, {"a": 2, "b": None}]


def test_bounded_execution(put, read):
    for n in range(4):
        path = put(f"{n}.json", '{"n": 1}\n')
    assert read(path, "json", boundedFiles="3").count() == 3
    assert read(path, "json", boundedSize="20").count() == 2
    with pytest.raises(ValueError, match="boundedSize"):
        read(path, "json", boundedFiles="1", boundedSize="1").count()


def test_samples(put, glue):
    for n in range(4):
        path = put(f"{n}.json", '{"n": 1}\n{"n": 2}\n')
    options = {"paths": [path]}
    assert glue.create_sample_dynamic_frame_from_options("s3", options, num=3, format="json").count() == 3
    limited = glue.create_sample_dynamic_frame_from_options(
        "s3", options, num=100, sample_options={"maxSampleFilesPerPartition": 1}, format="json"
    )
    assert limited.count() == 2


def test_with_schema_says_what_columns_there_are(put, read, records):
    from awsglue.gluetypes import ArrayType, Field, IntegerType, StringType, StructType

    schema = StructType(
        [
            Field("id", IntegerType()),
            Field("tag", ArrayType(StringType())),
            Field("missing", StringType()),
        ]
    )
    path = put(
        "a.xml",
        "<r><x><id>1</id><tag>a</tag><tag>b</tag><no>n</no></x><x><id>two</id><tag>c</tag></x><x><id>3</id></x></r>",
    )
    options = {"rowTag": "x", "withSchema": json.dumps(schema.jsonValue())}
    frame = read(path, "xml", options)
    assert [field.name for field in frame.schema()] == ["id", "tag", "missing"]
    assert records(frame) == [
        {"id": 1, "tag": ["a", "b"], "missing": None},
        {"id": None, "tag": ["c"], "missing": None},
        {"id": 3, "tag": None, "missing": None},
    ]
    with pytest.raises(ValueError, match="withSchema"):
        read(path, "xml", {"rowTag": "x", "withSchema": "{"}).count()


def test_file_names_and_times_as_columns(put, read, records, tmp_path):
    import os

    path = put("a.csv", "1\n2\n")
    put("b.csv", "3\n")
    os.utime(tmp_path / "a.csv", (1_600_000_000, 1_600_000_000))
    os.utime(tmp_path / "b.csv", (1_700_000_000, 1_700_000_000))
    times = records(read(path, "csv", attachTimestamp="at"))
    assert times == [
        {"col0": "1", "at": 1_600_000_000_000},
        {"col0": "2", "at": 1_600_000_000_000},
        {"col0": "3", "at": 1_700_000_000_000},
    ]
    both = read(path, "csv", attachTimestamp="at", attachFilename="file")
    assert [field.name for field in both.schema()] == ["col0", "file", "at"]
    assert {row["file"].rsplit("/", 1)[1] for row in records(both)} == {"a.csv", "b.csv"}


def test_options_about_tasks_are_checked_and_change_no_row(put, read, records):
    path = put("a.csv", "1\n2\n")
    put("b.csv", "3\n")
    for options in (
        {"groupFiles": "inPartition", "groupSize": "1048576"},
        {"groupFiles": "none"},
        {"groupFiles": "acrossPartition", "groupSize": 10},
    ):
        assert records(read(path, "csv", **options)) == [{"col0": "1"}, {"col0": "2"}, {"col0": "3"}]
    for wrong in ({"groupFiles": "all"}, {"groupSize": "1 MB"}, {"boundedFiles": "-1"}, {"boundedSize": "x"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            read(path, "csv", **wrong).count()

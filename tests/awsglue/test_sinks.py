"""Files as sinks: formats, names, partition folders; catalog tables read, written, created and evolved."""

from __future__ import annotations

import gzip
import json
import re

import pytest


@pytest.fixture
def write(glue, tmp_path):
    """Write a frame below the test's folder; gives the written files by their path below it."""

    def run(frame, format, format_options=None, name="out", **options):
        target = tmp_path / name
        glue.write_dynamic_frame.from_options(
            frame,
            "s3",
            {"path": f"file://{target}", **options},
            format=format,
            format_options=format_options or {},
        )
        return {str(path.relative_to(target)): path for path in sorted(target.rglob("*")) if path.is_file()}

    return run


def texts(files):
    return sorted(line for path in files.values() for line in path.read_text().splitlines())


def test_json(frame, write):
    files = write(frame("a int, s struct<x:string>, d date", [(1, ("é",), None)]), "json")
    assert texts(files) == ['{"a":1,"s":{"x":"é"}}']
    assert all(re.fullmatch(r"run-\d{13}-part-r-\d{5}", name) for name in files)


def test_json_keeps_the_values_of_choices(json_frame, write):
    files = write(json_frame({"v": 1, "n": {"w": [1, "x"]}}, {"v": "x"}), "json")
    assert sorted((json.loads(line) for line in texts(files)), key=str) == [
        {"v": "x"},
        {"v": 1, "n": {"w": [1, "x"]}},
    ]


def test_csv(frame, write):
    source = frame("id int, t string, l array<int>", [(1, 'x, "y"', [1]), (2, None, None)]).coalesce(1)
    assert texts(write(source, "csv")) == sorted(["id,t,l", '1,"x, ""y""",[1]', "2,,"])
    plain = write(
        source.select_fields(["id", "t"]),
        "csv",
        {"writeHeader": False, "separator": ";", "quoteChar": -1},
        name="o2",
    )
    assert texts(plain) == sorted(['1;x, "y"', "2;"])


def test_csv_values_are_written_as_they_are(frame, write):
    source = frame(
        "a string, b string", [("", " p "), ("x,y", '"q"'), ("\x1e\x1e", "r\x1e"), (None, "  ")]
    ).coalesce(1)
    (plain,) = write(source, "csv", {"writeHeader": False, "quoteChar": -1}).values()
    assert sorted(plain.read_text().split("\n")[:-1]) == sorted([", p ", 'x,y,"q"', "\x1e\x1e,r\x1e", ",  "])
    (packed,) = write(source, "csv", {"quoteChar": "-1"}, name="packed", compression="gzip").values()
    assert gzip.decompress(packed.read_bytes()).decode().split("\n")[:3] == ["a,b", ", p ", 'x,y,"q"']
    (quoted,) = write(source, "csv", {"writeHeader": False}, name="quoted").values()
    lines = [line.replace('"', "") for line in quoted.read_text().split("\n")]
    assert {", p ", ",  "} <= set(lines)


def test_compression(frame, write):
    (path,) = write(frame("a int", [(1,)]).coalesce(1), "json", compression="gzip").values()
    assert path.suffix == ".gz"
    assert gzip.decompress(path.read_bytes()) == b'{"a":1}\n'


@pytest.mark.parametrize(("given", "codec"), [("gzip", b"deflate"), ("bzip2", b"bzip2"), ("none", b"null")])
def test_avro_blocks_are_compressed(frame, write, glue, records, tmp_path, given, codec):
    (path,) = write(frame("a int", [(1,)]).coalesce(1), "avro", compression=given).values()
    assert b"avro.codec" + bytes([len(codec) * 2]) + codec in path.read_bytes()
    assert records(
        glue.create_dynamic_frame.from_options("s3", {"paths": [f"file://{tmp_path}/out"]}, format="avro")
    ) == [{"a": 1}]


def test_parquet_and_back(frame, write, glue, records, tmp_path):
    source = frame("a bigint, t timestamp, d decimal(9,2), l array<struct<p:int>>", [])
    files = write(source, "parquet")
    assert files == {}
    spark = glue.spark_session
    from awsglue.dynamicframe import DynamicFrame

    rows = DynamicFrame.fromDF(
        spark.sql(
            "select cast(1 as bigint) a, timestamp '2020-01-02 03:04:05' t, cast(1.5 as decimal(9,2)) d, "
            "array(named_struct('p', 1)) l"
        ),
        glue,
        "x",
    )
    files = write(rows, "glueparquet")
    assert all(name.endswith("-snappy.parquet") and name.startswith("run-") for name in files)
    back = glue.create_dynamic_frame.from_options(
        "s3", {"paths": [f"file://{tmp_path}/out"]}, format="parquet"
    )
    assert back.schema() == source.schema()
    assert records(back) == records(rows)


def test_partition_keys_become_folders(frame, write):
    source = frame("y int, m string, v int", [(2020, "a/b", 1), (2020, "c", 2), (2021, None, 3)])
    files = write(source, "json", partitionKeys=["y", "m"])
    assert {name.rsplit("/", 1)[0]: path.read_text() for name, path in files.items()} == {
        "y=2020/m=a%2Fb": '{"v":1}\n',
        "y=2020/m=c": '{"v":2}\n',
        "y=2021/m=__HIVE_DEFAULT_PARTITION__": '{"v":3}\n',
    }
    with pytest.raises(ValueError, match="zz"):
        write(source, "json", partitionKeys=["zz"])


def test_writing_appends(frame, write):
    source = frame("a int", [(1,)])
    write(source, "json")
    assert texts(write(source, "json")) == ['{"a":1}', '{"a":1}']


@pytest.mark.parametrize("format", ["json", "csv", "parquet", "glueparquet", "orc", "avro"])
def test_a_source_without_files_writes_nothing(glue, tmp_path, write, format):
    from awsglue.transforms import ApplyMapping

    (tmp_path / "none").mkdir()
    source = glue.create_dynamic_frame.from_options(
        "s3", {"paths": [f"file://{tmp_path}/none"]}, format="json"
    )
    mapped = ApplyMapping.apply(frame=source, mappings=[("a", "int", "a", "int"), ("y", "int", "y", "int")])
    assert write(mapped, format, partitionKeys=["y"]) == {}


def test_an_empty_frame_writes_nothing(frame, write):
    for format in ("json", "csv", "parquet", "orc"):
        assert write(frame("a int", []), format, name=format) == {}


def test_avro_and_back(frame, write, glue, records, tmp_path):
    pytest.importorskip("fastavro")
    source = frame("a int, s struct<x:string>, d date", [(1, ("q",), None), (2, None, None)])
    write(source, "avro", {"version": "1.8"})
    back = glue.create_dynamic_frame.from_options("s3", {"paths": [f"file://{tmp_path}/out"]}, format="avro")
    assert records(back) == [{"a": 1, "s": {"x": "q"}, "d": None}, {"a": 2, "s": None, "d": None}]


def test_collections_go_to_folders_of_their_names(frame, write, glue, tmp_path):
    parts = frame("a int, b int", [(1, 2)]).split_fields(["a"], "one", "two")
    files = write(parts, "json")
    assert {name.split("/")[0]: path.read_text() for name, path in files.items()} == {
        "one": '{"a":1}\n',
        "two": '{"b":2}\n',
    }
    with pytest.raises(TypeError):
        glue.write_dynamic_frame.from_options("no frame", "s3", {"path": f"file://{tmp_path}"}, format="json")


def test_sink_objects(frame, glue, tmp_path):
    sink = glue.getSink("s3", path=f"file://{tmp_path}/o")
    sink.setFormat("json")
    errors = sink.writeFrame(frame("a int", [(1,)], name="f"))
    assert (errors.name, errors.count()) == ("f_errors", 0)
    with pytest.raises(ValueError, match="format"):
        glue.getSink("s3", path=f"file://{tmp_path}/o").writeFrame(frame("a int", [(1,)]))
    with pytest.raises(NotImplementedError, match="teradata"):
        glue.write_dynamic_frame.from_options(frame("a int", [(1,)]), "teradata", {})


# --- the catalog -----------------------------------------------------------------------------------------------------


def updating(glue, path, database, table, behavior="UPDATE_IN_DATABASE", keys=("y",), format="json"):
    sink = glue.getSink(
        connection_type="s3",
        path=path,
        enableUpdateCatalog=True,
        updateBehavior=behavior,
        partitionKeys=list(keys),
    )
    sink.setFormat(format)
    sink.setCatalogInfo(catalogDatabase=database, catalogTableName=table)
    return sink


@pytest.mark.parametrize("format", ["json", "csv", "glueparquet"])
def test_tables_appear_and_evolve(frame, glue, catalog, records, tmp_path, format):
    client, database = catalog
    path = f"file://{tmp_path}/t"
    updating(glue, path, database, "t", format=format).writeFrame(frame("y int, a int", [(2020, 1)]))
    table = client.get_table(DatabaseName=database, Name="t")["Table"]
    assert [(one["Name"], one["Type"]) for one in table["StorageDescriptor"]["Columns"]] == [("a", "int")]
    assert [(one["Name"], one["Type"]) for one in table["PartitionKeys"]] == [("y", "int")]
    assert table["Parameters"]["classification"] == {"glueparquet": "parquet"}.get(format, format)
    if format == "csv":
        return
    updating(glue, path, database, "t", format=format).writeFrame(
        frame("y int, a int, b struct<c:string>", [(2021, 2, ("x",)), (2020, 3, None)])
    )
    table = client.get_table(DatabaseName=database, Name="t")["Table"]
    assert [(one["Name"], one["Type"]) for one in table["StorageDescriptor"]["Columns"]] == [
        ("a", "int"),
        ("b", "struct<c:string>"),
    ]
    partitions = client.get_partitions(DatabaseName=database, TableName="t")["Partitions"]
    assert sorted(one["Values"] for one in partitions) == [["2020"], ["2021"]]
    read = glue.create_dynamic_frame.from_catalog(database, "t")
    assert records(read) == [
        {"a": 1, "b": None, "y": 2020},
        {"a": 2, "b": {"c": "x"}, "y": 2021},
        {"a": 3, "b": None, "y": 2020},
    ]
    pruned = glue.create_dynamic_frame.from_catalog(database, "t", push_down_predicate="y > 2020")
    assert [row["a"] for row in records(pruned)] == [2]
    server_side = glue.create_dynamic_frame.from_catalog(
        database, "t", additional_options={"catalogPartitionPredicate": "y = '2020'"}
    )
    assert sorted(row["a"] for row in records(server_side)) == [1, 3]


def test_log_leaves_the_schema_alone(frame, glue, catalog, tmp_path):
    client, database = catalog
    path = f"file://{tmp_path}/t"
    updating(glue, path, database, "t").writeFrame(frame("y int, a int", [(2020, 1)]))
    updating(glue, path, database, "t", behavior="LOG").writeFrame(
        frame("y int, a int, b int", [(2021, 1, 2)])
    )
    table = client.get_table(DatabaseName=database, Name="t")["Table"]
    assert [one["Name"] for one in table["StorageDescriptor"]["Columns"]] == ["a"]
    assert len(client.get_partitions(DatabaseName=database, TableName="t")["Partitions"]) == 2
    with pytest.raises(ValueError, match="updateBehavior"):
        updating(glue, path, database, "t", behavior="DROP").writeFrame(frame("y int, a int", [(2020, 1)]))


def csv_table(client, database, folder, columns, header="1"):
    client.create_table(
        DatabaseName=database,
        TableInput={
            "Name": "c",
            "Parameters": {"classification": "csv", "skip.header.line.count": header},
            "StorageDescriptor": {
                "Columns": [{"Name": name, "Type": kind} for name, kind in columns],
                "Location": f"file://{folder}",
                "SerdeInfo": {
                    "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
                    "Parameters": {"field.delim": ","},
                },
            },
        },
    )


def test_catalog_types_against_data(glue, catalog, records, tmp_path):
    client, database = catalog
    (tmp_path / "a.csv").write_text("id,n,t\n1,10,x\n2,,y\n3,oops,z\n")
    csv_table(client, database, tmp_path, [("id", "bigint"), ("n", "bigint"), ("t", "string")])
    read = glue.create_dynamic_frame.from_catalog(name_space=database, table_name="c")
    assert read.schema().getField("id").dataType.typeName() == "long"
    assert list(read.schema().getField("n").dataType.choices) == ["long", "string"]
    assert records(read) == [
        {"id": 1, "n": 10, "t": "x"},
        {"id": 2, "n": None, "t": "y"},
        {"id": 3, "n": "oops", "t": "z"},
    ]
    matched = read.resolveChoice(choice="match_catalog", database=database, table_name="c")
    assert records(matched) == [
        {"id": 1, "n": 10, "t": "x"},
        {"id": 2, "n": None, "t": "y"},
        {"id": 3, "n": None, "t": "z"},
    ]
    assert (
        str(glue.get_catalog_schema_as_spark_schema(database, "c").simpleString())
        == "struct<id:bigint,n:bigint,t:string>"
    )


def test_writing_to_a_catalog_table(frame, glue, catalog, records, tmp_path):
    client, database = catalog
    csv_table(client, database, tmp_path / "d", [("id", "int"), ("t", "string")])
    glue.write_dynamic_frame.from_catalog(frame("id int, t string", [(1, "x")]), database, "c")
    assert records(glue.create_dynamic_frame.from_catalog(database=database, table_name="c")) == [
        {"id": 1, "t": "x"}
    ]


def test_catalog_arguments(glue):
    with pytest.raises(Exception, match="both"):
        glue.create_dynamic_frame.from_catalog(database="a", name_space="b", table_name="t")
    with pytest.raises(Exception, match="missing"):
        glue.create_dynamic_frame.from_catalog(table_name="t")
    with pytest.raises(Exception, match="table_name"):
        glue.create_dynamic_frame.from_catalog(database="a")


def test_partition_keys_in_another_case(glue, frame, tmp_path):
    made = frame("recordId string, a int", [("r1", 1), ("r2", 2)])
    made.write("s3", {"path": f"file://{tmp_path}/t", "partitionKeys": ["recordid"]}, format="json")
    assert sorted(one.name for one in (tmp_path / "t").iterdir() if one.is_dir()) == [
        "recordid=r1",
        "recordid=r2",
    ]


def test_purge(glue, catalog, frame, tmp_path):
    client, database = catalog
    path = f"file://{tmp_path}/t"
    updating(glue, path, database, "t").writeFrame(
        frame("y int, a int", [(2018, 1), (2019, 1), (2020, 1), (2021, 1)])
    )
    glue.purge_table(database, "t", {})
    assert len(client.get_partitions(DatabaseName=database, TableName="t")["Partitions"]) == 4
    glue.purge_table(
        database,
        "t",
        {
            "retentionPeriod": 0,
            # Spark's SQL, as in push_down_predicate.
            "partitionPredicate": "(y=='2020' ) or (year(to_date(cast(y AS string), 'yyyy')) < 2020 )",
            "manifestFilePath": f"file://{tmp_path}/m",
        },
    )
    assert [
        one["Values"] for one in client.get_partitions(DatabaseName=database, TableName="t")["Partitions"]
    ] == [["2021"]]
    told = (tmp_path / "m" / "Success.csv").read_text()
    assert all(part in told for part in ("y=2018", "y=2019", "y=2020"))
    glue.purge_s3_path(path, {"retentionPeriod": 0})
    assert [one for one in (tmp_path / "t").rglob("*") if one.is_file()] == []

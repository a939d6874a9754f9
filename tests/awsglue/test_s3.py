"""The same over S3: a real server's buckets as sources and sinks, with catalog tables and bookmarks on them."""

from __future__ import annotations

import uuid

import pytest

from awsglue.transforms import ApplyMapping, Filter


@pytest.fixture
def bucket(server):
    import boto3

    client = boto3.client("s3")
    name = f"b-{uuid.uuid4().hex[:10]}"
    client.create_bucket(Bucket=name)
    return client, name


def test_a_whole_job(glue, bucket, catalog, records):
    client, name = bucket
    _, database = catalog
    client.put_object(Bucket=name, Key="in/day=1/a.csv", Body=b"id,amount\n1,10.5\n2,x\n")
    client.put_object(Bucket=name, Key="in/day=2/b.csv", Body=b"id,amount\n3,7\n")
    source = glue.create_dynamic_frame.from_options(
        "s3", {"paths": [f"s3://{name}/in/"]}, format="csv", format_options={"withHeader": True}
    )
    mapped = ApplyMapping.apply(
        source,
        [
            ("id", "string", "id", "long"),
            ("amount", "string", "amount", "double"),
            ("day", "string", "day", "string"),
        ],
    )
    kept = Filter.apply(mapped, lambda r: r["amount"] is not None)
    sink = glue.getSink(
        "s3",
        path=f"s3://{name}/out/",
        enableUpdateCatalog=True,
        updateBehavior="UPDATE_IN_DATABASE",
        partitionKeys=["day"],
    )
    sink.setFormat("glueparquet")
    sink.setCatalogInfo(catalogDatabase=database, catalogTableName="t")
    sink.writeFrame(kept)
    keys = [one["Key"] for one in client.list_objects_v2(Bucket=name, Prefix="out/")["Contents"]]
    assert sorted(key.rsplit("/", 1)[0] for key in keys) == ["out/day=1", "out/day=2"]
    back = glue.create_dynamic_frame.from_catalog(database, "t", push_down_predicate="day = '2'")
    assert records(back) == [{"id": 3, "amount": 7.0, "day": "2"}]
    assert records(glue.create_dynamic_frame.from_catalog(database, "t")) == [
        {"id": 1, "amount": 10.5, "day": "1"},
        {"id": 3, "amount": 7.0, "day": "2"},
    ]


def test_persisted_rows_outlive_their_files(glue, bucket, spark):
    client, name = bucket
    path = f"s3://{name}/t/"
    made = spark.createDataFrame([(1, "eu"), (2, "us"), (3, "eu")], "id int, region string")
    made.repartition("region").write.partitionBy("region").parquet(path)
    kept, lost = spark.read.parquet(path).filter("id > 1"), spark.read.parquet(path)
    assert (kept.cache().count(), lost.count()) == (2, 3)
    for one in client.list_objects_v2(Bucket=name, Prefix="t/")["Contents"]:
        client.delete_object(Bucket=name, Key=one["Key"])
    assert sorted(kept.collect()) == [(2, "us"), (3, "eu")]
    kept.write.parquet(path)
    assert sorted(spark.read.parquet(path).collect()) == [(2, "us"), (3, "eu")]
    client.put_object(Bucket=name, Key="c/a.csv", Body=b"id,x\n1,a\n2,b\n")
    texts = spark.read.csv(f"s3://{name}/c/", header=True).dropDuplicates(["x"]).persist()
    assert texts.count() == 2
    client.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "c/a.csv"}]})
    texts.write.csv(f"s3://{name}/d/")
    assert sorted(spark.read.csv(f"s3://{name}/d/").collect()) == [("1", "a"), ("2", "b")]
    # What was not persisted is missed, as by Spark: no rows would be a wrong answer.
    with pytest.raises(Exception, match=r"No such file|does not exist"):
        lost.collect()


def test_json_and_missing_places(glue, bucket, records):
    client, name = bucket
    client.put_object(Bucket=name, Key="j/a.json", Body=b'{"a": 1}\n{"a": "x"}\n')
    read = glue.create_dynamic_frame.from_options("s3", {"paths": [f"s3://{name}/j"]}, format="json")
    assert records(read) == [{"a": 1}, {"a": "x"}]
    assert (
        glue.create_dynamic_frame.from_options("s3", {"paths": [f"s3://{name}/none/"]}, format="json").count()
        == 0
    )


def test_purge_and_transition(glue, bucket):
    client, name = bucket
    client.put_object(Bucket=name, Key="p/a", Body=b"x")
    glue.purge_s3_path(f"s3://{name}/p/")
    assert client.list_objects_v2(Bucket=name)["KeyCount"] == 1
    with pytest.raises(ValueError, match="accountId"):
        glue.transition_s3_path(f"s3://{name}/p/", "STANDARD_IA", {"retentionPeriod": 0})
    glue.transition_s3_path(
        f"s3://{name}/p/", "STANDARD_IA", {"retentionPeriod": 0, "accountId": "1", "roleArn": "arn"}
    )
    assert client.head_object(Bucket=name, Key="p/a")["StorageClass"] == "STANDARD_IA"
    glue.purge_s3_path(f"s3://{name}/p/", {"retentionPeriod": 0, "excludeStorageClasses": ["STANDARD_IA"]})
    assert client.list_objects_v2(Bucket=name)["KeyCount"] == 1
    glue.purge_s3_path(f"s3://{name}/p/", {"retentionPeriod": 0})
    assert client.list_objects_v2(Bucket=name)["KeyCount"] == 0


def test_storage_classes_that_are_left_out(glue, bucket, records):
    s3, name = bucket
    s3.put_object(Bucket=name, Key="in/warm.json", Body=b'{"n": 1}')
    s3.put_object(Bucket=name, Key="in/cold.json", Body=b'{"n": 2}', StorageClass="GLACIER_IR")
    options = {"paths": [f"s3://{name}/in/"]}
    read = glue.create_dynamic_frame.from_options
    assert records(read("s3", options, format="json")) == [{"n": 1}, {"n": 2}]
    left_out = {**options, "excludeStorageClasses": ["GLACIER_IR"]}
    assert records(read("s3", left_out, format="json")) == [{"n": 1}]


HIVE = "org.apache.hadoop.hive.ql.io."
LAYOUTS = {
    "csv": ("org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"),
    "json": ("org.apache.hadoop.mapred.TextInputFormat", "org.openx.data.jsonserde.JsonSerDe"),
    "parquet": (HIVE + "parquet.MapredParquetInputFormat", HIVE + "parquet.serde.ParquetHiveSerDe"),
}


def bytes_of(kind, rows):
    import io
    import json

    import pyarrow as pa
    import pyarrow.parquet as pq

    if kind == "csv":
        return "".join(f"{one['id']},{one['name']}\n" for one in rows).encode()
    if kind == "json":
        return "\n".join(map(json.dumps, rows)).encode()
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


@pytest.mark.parametrize("kind", LAYOUTS)
def test_partitions_in_folders_that_do_not_name_them(glue, bucket, catalog, records, spark, kind):
    """As a crawler finds 2024/01/, which it calls partition_0 and partition_1."""
    client, name = bucket
    api, database = catalog
    table = f"{kind}_places"
    places = {("2024", "01"): "in/2024/01/", ("2024", "02"): "in/2024/a b=c/", ("2023", "12"): "else/x=1/"}
    for number, folder in enumerate(places.values()):
        rows = [{"id": number * 10 + each, "name": f"n{each}"} for each in range(2)]
        client.put_object(Bucket=name, Key=f"{folder}f.{kind}", Body=bytes_of(kind, rows))
    layout, library = LAYOUTS[kind]
    descriptor = {
        "Columns": [{"Name": "id", "Type": "bigint"}, {"Name": "name", "Type": "string"}],
        "Location": f"s3://{name}/in/",
        "InputFormat": layout,
        "SerdeInfo": {
            "SerializationLibrary": library,
            "Parameters": {"field.delim": ","} if kind == "csv" else {},
        },
    }
    api.create_table(
        DatabaseName=database,
        TableInput={
            "Name": table,
            "StorageDescriptor": descriptor,
            "PartitionKeys": [{"Name": f"partition_{each}", "Type": "string"} for each in range(2)],
            "Parameters": {"classification": kind},
        },
    )
    for values, folder in places.items():
        own = {**descriptor, "Location": f"s3://{name}/{folder}"}
        part = {"Values": list(values), "StorageDescriptor": own}
        api.create_partition(DatabaseName=database, TableName=table, PartitionInput=part)
    found = {row["id"]: row for row in records(glue.create_dynamic_frame.from_catalog(database, table))}
    assert {key: (row["partition_0"], row["partition_1"]) for key, row in found.items()} == {
        number * 10 + each: values for number, values in enumerate(places) for each in range(2)
    }
    assert list(found[0]) == ["id", "name", "partition_0", "partition_1"]
    kept = glue.create_dynamic_frame.from_catalog(
        database, table, push_down_predicate="partition_0 == '2024' and partition_1 == '02'"
    )
    assert sorted(row["id"] for row in records(kept)) == [10, 11]
    assert sorted(map(tuple, spark.table(f"{database}.{table}").collect())) == sorted(
        (row["id"], row["name"], row["partition_0"], row["partition_1"]) for row in found.values()
    )


def test_several_slashes_are_one(glue, bucket, catalog, records, spark):
    """As Hadoop understands paths; scripts make such by joining folders that end in slashes."""
    client, name = bucket
    spark.range(3).write.parquet(f"s3://{name}/lake//frames///n/")
    frame = glue.create_dynamic_frame.from_options(
        "s3", {"paths": [f"s3://{name}//lake/frames//n"]}, "parquet"
    )
    sink = glue.getSink(
        connection_type="s3", path=f"s3://{name}/lake//out//", enableUpdateCatalog=True, partitionKeys=[]
    )
    sink.setFormat("json")
    sink.setCatalogInfo(catalogDatabase=catalog[1], catalogTableName="slashes")
    sink.writeFrame(frame)
    keys = [one["Key"] for one in client.list_objects_v2(Bucket=name)["Contents"]]
    assert {key.rpartition("/")[0] for key in keys if key[-1] != "/"} == {"lake/frames/n", "lake/out"}
    expected = [{"id": 0}, {"id": 1}, {"id": 2}]
    read = [tuple(row) for row in spark.read.json(f"s3://{name}/lake//out").collect()]
    assert sorted(read) == [(0,), (1,), (2,)]
    again = records(glue.create_dynamic_frame.from_catalog(catalog[1], "slashes"))
    assert sorted(again, key=lambda row: row["id"]) == expected


def test_keys_are_those_of_the_environment_now(monkeypatch):
    from awsglue._runtime.io import access

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "first")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    assert (access.keys().access_key, access.keys().token) == ("first", None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "second")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "for an hour")
    assert (access.keys().access_key, access.keys().token) == ("second", "for an hour")

"""Services of which no server can be had here: what their clients are asked, and how they fail when nobody answers."""

from __future__ import annotations

import datetime as dt
import json
import socket
import uuid
from decimal import Decimal
from typing import Any

import pytest

from awsglue._sources import outside


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_mongodb_that_does_not_answer(glue: Any, frame: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pymongo = pytest.importorskip("pymongo")
    from awsglue._sources import mongodb

    monkeypatch.setattr(mongodb, "WAIT_MS", 300)
    options = {"connection.uri": f"mongodb://127.0.0.1:{closed_port()}", "database": "d", "collection": "c"}
    read = glue.create_dynamic_frame.from_options(
        "mongodb", {**options, "partitioner": "MongoSamplePartitioner"}
    )
    with pytest.raises(pymongo.errors.ServerSelectionTimeoutError):
        read.count()
    with pytest.raises(pymongo.errors.ServerSelectionTimeoutError):
        glue.write_dynamic_frame.from_options(frame("a int", [(1,)]), "documentdb", options)
    with pytest.raises(ValueError, match="partitioner"):
        glue.create_dynamic_frame.from_options("mongodb", {**options, "partitioner": "Other"})
    with pytest.raises(ValueError, match="collection"):
        glue.create_dynamic_frame.from_options("mongodb", {**options, "collection": ""})
    with pytest.raises(ValueError, match="JSON"):
        glue.create_dynamic_frame.from_options("mongodb", {**options, "matchQuery": "{"})


def test_bson_values_there_and_back() -> None:
    """Through BSON itself: what a frame writes comes back as it was; ObjectIds come as text."""
    bson = pytest.importorskip("bson")
    from awsglue._sinks.mongodb import bson_of
    from awsglue._sources.mongodb import documents

    record = {
        "i": 1,
        "l": 2**40,
        "f": 1.5,
        "d": Decimal("1.20"),
        "t": dt.datetime(2020, 1, 2, 3, 4, 5, 6000),
        "b": b"\x00\xff",
        "n": None,
        "s": {"x": [1, {"y": "é"}]},
        "o": True,
    }
    raw = bson.encode({name: bson_of(value) for name, value in record.items()})
    aware = bson.CodecOptions(tz_aware=True)
    (back,) = documents([bson.decode(raw, codec_options=aware)])
    assert back == record
    key = bson.ObjectId()
    assert list(documents([{"_id": key}])) == [{"_id": str(key)}]
    assert bson_of(dt.date(2020, 1, 2)) == dt.datetime(2020, 1, 2)


def test_opensearch_that_does_not_answer(glue: Any, frame: Any) -> None:
    opensearchpy = pytest.importorskip("opensearchpy")
    options = {
        "opensearch.nodes": "http://127.0.0.1",
        "opensearch.port": str(closed_port()),
        "opensearch.resource": "i",
    }
    with pytest.raises(opensearchpy.exceptions.ConnectionError):
        glue.create_dynamic_frame.from_options("opensearch", options).count()
    with pytest.raises(opensearchpy.exceptions.ConnectionError):
        glue.write_dynamic_frame.from_options(frame("a int", [(1,)]), "opensearch", options)
    wrong = {**options, "opensearch.write.operation": "upsert"}
    with pytest.raises(ValueError, match=r"mapping\.id"):
        glue.write_dynamic_frame.from_options(frame("a int", [(1,)]), "opensearch", wrong)
    with pytest.raises(ValueError, match="JSON"):
        glue.create_dynamic_frame.from_options("opensearch", {**options, "opensearch.query": "{"})


def test_opensearch_queries_and_actions(frame: Any) -> None:
    from awsglue._sinks.opensearch import actions
    from awsglue._sources.opensearch import documents, query_of

    assert query_of("") == {"query": {"match_all": {}}}
    assert query_of('{"range": {"a": {"gt": 1}}}') == {"query": {"range": {"a": {"gt": 1}}}}
    assert query_of("?q=a:b") == {"query": {"query_string": {"query": "a:b"}}}
    hits = [{"_source": {"tags": "x", "n": 1}}, {"_source": {"tags": ["y"]}}]
    assert list(documents(hits, {"tags"})) == [{"tags": ["x"], "n": 1}, {"tags": ["y"]}]
    rows = frame("id int, d date", [(7, dt.date(2020, 1, 2))])._checked()
    assert list(actions(rows, "i", "upsert", "id")) == [
        {
            "_index": "i",
            "_op_type": "update",
            "_id": 7,
            "doc": {"id": 7, "d": "2020-01-02"},
            "doc_as_upsert": True,
        }
    ]


@pytest.mark.parametrize(
    ("kind", "package", "options"),
    [
        (
            "snowflake",
            "snowflake.connector",
            {"sfUrl": "x.snowflakecomputing.com", "sfUser": "u", "dbtable": "t"},
        ),
        ("bigquery", "google.cloud.bigquery", {"parentProject": "p", "table": "d.t", "credentials": "e30="}),
    ],
)
def test_large_clients_are_asked_for_by_name(
    glue: Any, kind: str, package: str, options: dict[str, str]
) -> None:
    import importlib.util

    try:
        present = importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:
        present = False
    if present:
        pytest.skip(f"{package} is installed here")
    with pytest.raises(ImportError, match="--additional-python-modules"):
        glue.create_dynamic_frame.from_options(kind, options).count()


def test_options_of_warehouses_are_checked(glue: Any) -> None:
    make = glue.create_dynamic_frame.from_options
    with pytest.raises(ValueError, match="one of"):
        make("snowflake", {"sfUrl": "x", "dbtable": "t", "query": "select 1"})
    with pytest.raises(ValueError, match="must be a table"):
        make("snowflake", {"sfUrl": "x", "dbtable": "(select 1) t"})
    with pytest.raises(ValueError, match="parentProject"):
        make("bigquery", {"table": "d.t"})
    with pytest.raises(ValueError, match="sourceType"):
        make("bigquery", {"parentProject": "p", "sourceType": "view"})
    with pytest.raises(NotImplementedError, match="teradata"):
        make("teradata", {})


def test_rows_for_bigquery_have_the_types_of_the_frame(spark: Any) -> None:
    from awsglue._frames.body import Encoded
    from awsglue._sinks.bigquery import table_of

    df = spark.sql(
        "select cast(null as string) s, cast(1.5 as decimal(20,2)) d, timestamp'2020-01-01 05:00:00' t, "
        "cast(2 as int) i, array(1, 2) a"
    )
    made = table_of(Encoded.of(df))
    assert [str(one) for one in made.schema.types] == [
        "string",
        "decimal128(20, 2)",
        "timestamp[us, tz=UTC]",
        "int32",
        "string",
    ]
    (row,) = made.to_pylist()
    assert (row["s"], str(row["d"]), row["t"].isoformat(), row["a"]) == (
        None,
        "1.50",
        "2020-01-01T05:00:00+00:00",
        "[1,2]",
    )


def test_connections_and_secrets_complete_the_options(server: str) -> None:
    import boto3

    name = f"c{uuid.uuid4().hex[:8]}"
    boto3.client("secretsmanager").create_secret(
        Name=name, SecretString=json.dumps({"username": "me", "password": "hidden"})
    )
    boto3.client("glue").create_connection(
        ConnectionInput={
            "Name": name,
            "ConnectionType": "MONGODB",
            "ConnectionProperties": {"CONNECTION_URL": "mongodb://h:27017/db", "SECRET_ID": name},
        }
    )
    found = outside.settings({"connectionName": name, "collection": "c", "username": "other"})
    assert (found["connection.uri"], found["collection"]) == ("mongodb://h:27017/db", "c")
    assert (found["username"], found["password"]) == ("other", "hidden")

"""PyIceberg's REST catalog, as it is, against ``/iceberg``; and beside PyIceberg's Glue catalog."""

from __future__ import annotations

import io
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import (
    BadRequestError,
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NamespaceNotEmptyError,
    NoSuchNamespaceError,
    NoSuchTableError,
    NoSuchViewError,
    TableAlreadyExistsError,
    ViewAlreadyExistsError,
)
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import DayTransform, IdentityTransform
from pyiceberg.types import LongType, NestedField, StringType
from pyiceberg.view.metadata import SQLViewRepresentation, ViewRepresentation, ViewVersion

if TYPE_CHECKING:
    from tests.conftest import Server

SCHEMA = pa.schema([("a", pa.int64()), ("b", pa.string())])
ROWS = pa.table({"a": [1, 2], "b": ["x", "y"]})

SIGNED = {
    "rest.sigv4-enabled": "true",
    "rest.signing-name": "glue",
    "rest.signing-region": "us-east-1",
    "client.region": "us-east-1",
    "client.access-key-id": "test",
    "client.secret-access-key": "test",
}


def rest(server: Server, **properties: str) -> RestCatalog:
    return RestCatalog("rest", uri=f"{server.endpoint}/iceberg", **properties)


def glue(server: Server) -> GlueCatalog:
    return GlueCatalog(
        "glue",
        **{
            "glue.endpoint": server.endpoint,
            "glue.region": "us-east-1",
            "glue.access-key-id": "test",
            "glue.secret-access-key": "test",
            "s3.endpoint": server.endpoint,
            "s3.region": "us-east-1",
            "s3.access-key-id": "test",
            "s3.secret-access-key": "test",
        },
    )


@pytest.fixture
def catalog(request: pytest.FixtureRequest, server: Server) -> RestCatalog:
    """Signed, unless the test asks for the other."""
    return rest(server, **(SIGNED if getattr(request, "param", "signed") == "signed" else {}))


both = pytest.mark.parametrize("catalog", ["unsigned", "signed"], indirect=True)


@pytest.fixture
def bucket(server: Server, name: str) -> str:
    server.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def namespace(catalog: RestCatalog, bucket: str) -> str:
    catalog.create_namespace(bucket, {"location": f"s3://{bucket}/warehouse"})
    return bucket


@both
def test_namespaces(catalog: RestCatalog, server: Server, name: str) -> None:
    catalog.create_namespace(name, {"comment": "mine", "location": "s3://b/x", "k": "v"})
    with pytest.raises(NamespaceAlreadyExistsError):
        catalog.create_namespace(name)
    database = server.client("glue").get_database(Name=name)["Database"]
    assert (database["Description"], database["LocationUri"]) == ("mine", "s3://b/x")
    assert database["Parameters"] == {"k": "v"}
    assert catalog.load_namespace_properties(name) == {"comment": "mine", "location": "s3://b/x", "k": "v"}
    summary = catalog.update_namespace_properties(name, removals={"k", "none"}, updates={"comment": "new"})
    assert (summary.removed, summary.updated, summary.missing) == (["k"], ["comment"], ["none"])
    assert catalog.load_namespace_properties(name) == {"comment": "new", "location": "s3://b/x"}
    assert catalog.namespace_exists(name)
    assert (name,) in catalog.list_namespaces()
    assert catalog.list_namespaces(name) == []
    catalog.drop_namespace(name)
    assert not catalog.namespace_exists(name)
    with pytest.raises(NoSuchNamespaceError):
        catalog.load_namespace_properties(name)
    with pytest.raises(NoSuchNamespaceError):
        catalog.drop_namespace(name)
    with pytest.raises(NoSuchNamespaceError):
        catalog.list_tables(name)


def test_there_are_no_nested_namespaces(catalog: RestCatalog, namespace: str) -> None:
    with pytest.raises(BadRequestError, match="one level"):
        catalog.create_namespace((namespace, "inner"))
    with pytest.raises(NoSuchNamespaceError):
        catalog.load_namespace_properties((namespace, "inner"))
    # How Spark asks whether db.t.snapshots is a metadata table.
    with pytest.raises(NoSuchTableError):
        catalog.load_table((namespace, "t", "snapshots"))


def test_names_are_folded(catalog: RestCatalog, name: str, bucket: str) -> None:
    upper = name.upper()
    catalog.create_namespace(upper, {"location": f"s3://{bucket}/w"})
    assert (name,) in catalog.list_namespaces()
    catalog.create_table((upper, "Orders"), SCHEMA)
    assert catalog.list_tables(upper) == [(name, "orders")]
    assert catalog.table_exists((name, "ORDERS"))


def test_pages(server: Server, bucket: str) -> None:
    paged = rest(server, **{"rest-page-size": "2"})
    paged.create_namespace(bucket, {"location": f"s3://{bucket}/w"})
    for number in range(5):
        paged.create_table((bucket, f"t{number}"), SCHEMA)
    server.client("glue").create_table(DatabaseName=bucket, TableInput={"Name": "t2b"})
    assert paged.list_tables(bucket) == [(bucket, f"t{number}") for number in range(5)]
    assert (bucket,) in paged.list_namespaces()


@both
def test_a_table_from_end_to_end(catalog: RestCatalog, server: Server, namespace: str) -> None:
    identifier = (namespace, "t")
    spec = PartitionSpec(PartitionField(source_id=2, field_id=1000, transform=IdentityTransform(), name="b"))
    schema = Schema(
        NestedField(1, "a", LongType(), required=False), NestedField(2, "b", StringType(), required=False)
    )
    table = catalog.create_table(identifier, schema, partition_spec=spec, properties={"comment": "about"})
    with pytest.raises(TableAlreadyExistsError):
        catalog.create_table(identifier, SCHEMA)
    table.append(ROWS)
    with table.update_schema() as change:
        change.add_column("c", StringType())
        change.update_column("a", doc="the key")
    table.append(pa.table({"a": [3], "b": ["z"], "c": ["new"]}))
    with table.update_spec() as change:
        change.remove_field("b")
    with table.transaction() as transaction:
        transaction.set_properties({"k": "v"})
        transaction.remove_properties("comment")
    again = catalog.load_table(identifier)
    assert sorted(row["a"] for row in again.scan().to_arrow().to_pylist()) == [1, 2, 3]
    assert again.scan(snapshot_id=again.snapshots()[0].snapshot_id).to_arrow().num_rows == 2
    assert again.properties == {"k": "v"}
    assert len(again.metadata.metadata_log) == 5

    seen = server.client("glue").get_table(DatabaseName=namespace, Name="t")["Table"]
    assert seen["TableType"] == "EXTERNAL_TABLE"
    assert seen["Parameters"]["table_type"] == "ICEBERG"
    assert seen["Parameters"]["metadata_location"] == again.metadata_location
    assert seen["Parameters"]["previous_metadata_location"] == again.metadata.metadata_log[-1].metadata_file
    assert seen["StorageDescriptor"]["Location"] == f"s3://{namespace}/warehouse/t"
    assert [c["Name"] for c in seen["StorageDescriptor"]["Columns"]] == ["a", "b", "c"]
    assert seen["StorageDescriptor"]["Columns"][0]["Comment"] == "the key"
    assert "Description" not in seen

    by_glue = glue(server).load_table(identifier)
    by_glue.append(pa.table({"a": [4], "b": ["g"], "c": ["glue"]}))
    assert table.refresh().scan().to_arrow().num_rows == 4


def test_types_of_partitions_and_sorting_survive(catalog: RestCatalog, namespace: str) -> None:
    schema = pa.schema([("at", pa.timestamp("us")), ("n", pa.list_(pa.struct([("x", pa.int32())])))])
    table = catalog.create_table((namespace, "t"), schema)
    with table.update_spec() as change:
        change.add_field("at", DayTransform(), "day")
    with table.update_sort_order() as change:
        change.asc("at", IdentityTransform())
    again = catalog.load_table((namespace, "t"))
    assert [field.name for field in again.spec().fields] == ["day"]
    assert len(again.sort_order().fields) == 1


def test_renaming_and_dropping(catalog: RestCatalog, server: Server, namespace: str) -> None:
    other = f"{namespace}2"
    catalog.create_namespace(other)
    table = catalog.create_table((namespace, "one"), SCHEMA)
    table.append(ROWS)
    catalog.create_table((namespace, "taken"), SCHEMA)
    arn = f"arn:aws:glue:us-east-1:123456789012:table/{namespace}/one"
    tags = server.client("glue")
    tags.tag_resource(ResourceArn=arn, TagsToAdd={"team": "a"})
    with pytest.raises(TableAlreadyExistsError):
        catalog.rename_table((namespace, "one"), (namespace, "taken"))
    with pytest.raises(NoSuchNamespaceError):
        catalog.rename_table((namespace, "one"), ("nowhere", "x"))
    moved = catalog.rename_table((namespace, "one"), (other, "two"))
    assert moved.scan().to_arrow().num_rows == 2
    assert not catalog.table_exists((namespace, "one"))
    assert tags.get_tags(ResourceArn=arn.replace(f"{namespace}/one", f"{other}/two"))["Tags"] == {"team": "a"}
    with pytest.raises(NoSuchTableError):
        catalog.rename_table((namespace, "one"), (namespace, "x"))
    with pytest.raises(NamespaceNotEmptyError):
        catalog.drop_namespace(other)
    catalog.drop_table((other, "two"))
    with pytest.raises(NoSuchTableError):
        catalog.drop_table((other, "two"))
    catalog.drop_namespace(other)
    # Dropping leaves the files: the table can come back.
    again = catalog.register_table((namespace, "back"), moved.metadata_location)
    assert again.scan().to_arrow().num_rows == 2
    with pytest.raises(TableAlreadyExistsError):
        catalog.register_table((namespace, "back"), moved.metadata_location)


@pytest.mark.parametrize("with_data", [True, False])
def test_purging_takes_the_files_of_the_table_only(server: Server, bucket: str, with_data: bool) -> None:
    catalog = rest(server)
    catalog.create_namespace(bucket, {"location": f"s3://{bucket}/w"})
    table = catalog.create_table((bucket, "t"), SCHEMA)
    for _ in range(2):
        table.append(ROWS)
    if not with_data:
        with table.transaction() as transaction:
            transaction.set_properties({"gc.enabled": "false"})
    s3 = server.client("s3")
    s3.put_object(Bucket=bucket, Key="w/t/mine.txt", Body=b"not of the table")
    taken_in = io.BytesIO()
    parquet.write_table(ROWS, taken_in)
    s3.put_object(Bucket=bucket, Key="elsewhere/x.parquet", Body=taken_in.getvalue())
    table.add_files([f"s3://{bucket}/elsewhere/x.parquet"])

    def keys() -> list[str]:
        return [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]]

    data = [key for key in keys() if key.startswith("w/") and key.endswith(".parquet")]
    assert len(data) == 2
    catalog.purge_table((bucket, "t"))
    assert not catalog.table_exists((bucket, "t"))
    wanted = ["elsewhere/x.parquet", "w/t/mine.txt", *([] if with_data else data)]
    deadline = time.monotonic() + 300
    while sorted(keys()) != sorted(wanted) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert sorted(keys()) == sorted(wanted)


def test_purging_leaves_what_another_name_still_reads(server: Server, bucket: str) -> None:
    catalog = rest(server)
    catalog.create_namespace(bucket, {"location": f"s3://{bucket}/w"})
    table = catalog.create_table((bucket, "t"), SCHEMA)
    table.append(ROWS)
    again = catalog.register_table((bucket, "again"), table.metadata_location)
    third = catalog.create_table((bucket, "third"), SCHEMA)
    catalog.purge_table((bucket, "t"))
    # Purges go one after the other: when the second is through, so is the first.
    catalog.purge_table((bucket, "third"))
    s3 = server.client("s3")
    deadline = time.monotonic() + 300
    while "Contents" in s3.list_objects_v2(Bucket=bucket, Prefix="w/third/"):
        assert time.monotonic() < deadline, third.metadata_location
        time.sleep(0.1)
    assert again.refresh().scan().to_arrow().num_rows == len(ROWS)


@both
def test_a_staged_table_appears_with_its_commit(catalog: RestCatalog, namespace: str) -> None:
    identifier = (namespace, "staged")
    with catalog.create_table_transaction(identifier, SCHEMA, properties={"k": "v"}) as transaction:
        assert not catalog.table_exists(identifier)
        transaction.append(ROWS)
    table = catalog.load_table(identifier)
    assert table.scan().to_arrow().num_rows == 2
    assert table.properties["k"] == "v"
    assert table.format_version == 2
    late = catalog.create_table_transaction((namespace, "late"), SCHEMA)
    catalog.create_table((namespace, "late"), SCHEMA)
    with pytest.raises(CommitFailedException):
        late.commit_transaction()


def test_what_is_no_iceberg_table_is_not_there(catalog: RestCatalog, server: Server, namespace: str) -> None:
    server.client("glue").create_table(DatabaseName=namespace, TableInput={"Name": "hive"})
    assert catalog.list_tables(namespace) == []
    with pytest.raises(NoSuchTableError):
        catalog.load_table((namespace, "hive"))
    with pytest.raises(NoSuchTableError):
        catalog.drop_table((namespace, "hive"))
    with pytest.raises(TableAlreadyExistsError):
        catalog.create_table((namespace, "hive"), SCHEMA)


def _version(sql: str, namespace: str, dialect: str = "spark") -> ViewVersion:
    return ViewVersion(
        schema_id=0,
        representations=[ViewRepresentation(SQLViewRepresentation(type="sql", sql=sql, dialect=dialect))],
        default_namespace=[namespace],
    )


@both
def test_views(catalog: RestCatalog, server: Server, namespace: str) -> None:
    identifier = (namespace, "v")
    view = catalog.create_view(identifier, SCHEMA, _version(f"SELECT a, b FROM {namespace}.t", namespace))
    with pytest.raises(ViewAlreadyExistsError):
        catalog.create_view(identifier, SCHEMA, _version("SELECT 1", namespace))
    with pytest.raises(TableAlreadyExistsError):
        catalog.create_table(identifier, SCHEMA)
    assert catalog.list_views(namespace) == [identifier]
    assert catalog.list_tables(namespace) == []
    assert catalog.view_exists(identifier)
    assert not catalog.table_exists(identifier)
    loaded = catalog.load_view(identifier)
    assert loaded.metadata == view.metadata
    seen = server.client("glue").get_table(DatabaseName=namespace, Name="v")["Table"]
    assert seen["TableType"] == "VIRTUAL_VIEW"
    assert seen["Parameters"]["table_type"] == "ICEBERG-VIEW"
    assert seen["ViewOriginalText"] == f"SELECT a, b FROM {namespace}.t"
    assert [c["Type"] for c in seen["StorageDescriptor"]["Columns"]] == ["bigint", "string"]
    catalog.drop_view(identifier)
    with pytest.raises(NoSuchViewError):
        catalog.load_view(identifier)
    with pytest.raises(NoSuchViewError):
        catalog.drop_view(identifier)
    again = catalog.register_view(identifier, seen["Parameters"]["metadata_location"])
    assert again.metadata == view.metadata


def test_appends_through_both_doors_at_once(server: Server, bucket: str) -> None:
    identifier, catalog = (bucket, "t"), rest(server)
    catalog.create_namespace(bucket, {"location": f"s3://{bucket}/w"})
    properties = {
        "commit.retry.num-retries": "30", "commit.retry.min-wait-ms": "10", "commit.retry.max-wait-ms": "200",
    }  # fmt: skip
    catalog.create_table(identifier, SCHEMA, properties=properties)

    def append(writer: int) -> None:
        door: Any = rest(server) if writer % 2 else glue(server)
        for number in range(3):
            row = pa.table({"a": [writer * 100 + number], "b": ["x"]})
            door.load_table(identifier).append(row)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(append, range(4)))
    table = catalog.load_table(identifier)
    rows = sorted(table.scan().to_arrow()["a"].to_pylist())
    assert rows == sorted(writer * 100 + number for writer in range(4) for number in range(3))
    assert len(table.snapshots()) == 12


def test_other_catalogs_are_warehouses(server: Server, bucket: str) -> None:
    server.client("glue").create_catalog(Name=bucket, CatalogInput={})
    inner = rest(server, warehouse=f"123456789012:{bucket}")
    inner.create_namespace("inner_only", {"location": f"s3://{bucket}/w"})
    inner.create_table(("inner_only", "t"), SCHEMA).append(ROWS)
    assert inner.list_namespaces() == [("inner_only",)]
    assert inner.load_table(("inner_only", "t")).scan().to_arrow().num_rows == 2
    assert ("inner_only",) not in rest(server).list_namespaces()
    found = server.client("glue").get_table(
        CatalogId=f"123456789012:{bucket}", DatabaseName="inner_only", Name="t"
    )
    assert found["Table"]["CatalogId"] == f"123456789012:{bucket}"


def test_long_columns_are_longs(catalog: RestCatalog, namespace: str) -> None:
    table = catalog.create_table((namespace, "t"), pa.schema([("n", pa.int32())]))
    with table.update_schema() as change:
        change.update_column("n", LongType())
    assert catalog.load_table((namespace, "t")).schema().find_type("n") == LongType()

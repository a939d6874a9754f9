"""PyIceberg's Glue catalog, as it is, against a server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import (
    NamespaceAlreadyExistsError,
    NamespaceNotEmptyError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.types import StringType

if TYPE_CHECKING:
    from tests.conftest import Server

SCHEMA = pa.schema([("a", pa.int64()), ("b", pa.string())])
ROWS = pa.table({"a": [1, 2], "b": ["x", "y"]})


@pytest.fixture
def iceberg(server: Server, tmp_path: Path) -> GlueCatalog:
    return GlueCatalog(
        "glue",
        **{
            "glue.endpoint": server.endpoint,
            "glue.region": "us-east-1",
            "glue.access-key-id": "test",
            "glue.secret-access-key": "test",
            "warehouse": f"file://{tmp_path}",
        },
    )


def test_namespaces_and_tables(iceberg: GlueCatalog, name: str) -> None:
    iceberg.create_namespace(name, {"comment": "mine", "k": "v"})
    with pytest.raises(NamespaceAlreadyExistsError):
        iceberg.create_namespace(name)
    assert iceberg.load_namespace_properties(name)["k"] == "v"
    iceberg.update_namespace_properties(name, removals={"k"}, updates={"l": "w"})
    assert "k" not in iceberg.load_namespace_properties(name)
    iceberg.create_table((name, "one"), SCHEMA)
    with pytest.raises(TableAlreadyExistsError):
        iceberg.create_table((name, "one"), SCHEMA)
    with pytest.raises(NoSuchNamespaceError):
        iceberg.create_table((name + "x", "one"), SCHEMA)
    iceberg.rename_table((name, "one"), (name, "two"))
    assert iceberg.list_tables(name) == [(name, "two")]
    with pytest.raises(NoSuchTableError):
        iceberg.load_table((name, "one"))
    iceberg.drop_table((name, "two"))
    iceberg.drop_namespace(name)
    assert (name,) not in iceberg.list_namespaces()


def test_snapshots_and_schema_changes(iceberg: GlueCatalog, server: Server, name: str) -> None:
    iceberg.create_namespace(name)
    table = iceberg.create_table((name, "t"), SCHEMA)
    table.append(ROWS)
    with table.update_schema() as change:
        change.add_column("c", StringType())
    table.overwrite(pa.table({"a": [9], "b": ["z"], "c": ["new"]}))
    again = iceberg.load_table((name, "t"))
    assert again.scan().to_arrow().to_pylist() == [{"a": 9, "b": "z", "c": "new"}]
    assert again.scan(snapshot_id=again.snapshots()[0].snapshot_id).to_arrow().num_rows == 2
    seen = server.client("glue").get_table(DatabaseName=name, Name="t")["Table"]
    assert seen["Parameters"]["metadata_location"] == again.metadata_location
    assert [c["Name"] for c in seen["StorageDescriptor"]["Columns"]] == ["a", "b", "c"]


def test_no_concurrent_append_is_lost(iceberg: GlueCatalog, name: str) -> None:
    iceberg.create_namespace(name)
    iceberg.create_table((name, "t"), SCHEMA, properties={"commit.retry.num-retries": "20"})

    def append(_: int) -> None:
        for _ in range(3):
            iceberg.load_table((name, "t")).append(ROWS)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(append, range(3)))
    table = iceberg.load_table((name, "t"))
    assert table.scan().to_arrow().num_rows == 18
    assert len(table.snapshots()) == 9


def test_the_rest_of_a_tables_life(iceberg: GlueCatalog, server: Server, name: str, tmp_path: Path) -> None:
    iceberg.create_namespace(name)
    iceberg.create_namespace(name + "_other", {"location": f"file://{tmp_path}/elsewhere"})
    table = iceberg.create_table_if_not_exists(
        (name, "t"), SCHEMA, properties={"owner": "me", "format-version": "2"}
    )
    assert iceberg.table_exists((name, "t"))
    table.append(ROWS)

    with table.update_spec() as change:
        change.add_identity("b")
    table.dynamic_partition_overwrite(pa.table({"a": [7], "b": ["y"]}))
    table.upsert(pa.table({"a": [1, 5], "b": ["x2", "z"]}), join_cols=["a"])
    table.delete("a = 7")
    table.manage_snapshots().create_tag(table.current_snapshot().snapshot_id, "kept").commit()
    with table.transaction() as transaction:
        transaction.set_properties({"k": "v"})
        transaction.remove_properties("owner")
    again = iceberg.load_table((name, "t"))
    assert sorted(again.scan().to_arrow().to_pylist(), key=lambda row: row["a"]) == [
        {"a": 1, "b": "x2"},
        {"a": 5, "b": "z"},
    ]
    assert (again.properties.get("k"), again.properties.get("owner")) == ("v", None)
    assert "kept" in again.metadata.refs

    iceberg.rename_table((name, "t"), (name + "_other", "moved"))
    moved = iceberg.load_table((name + "_other", "moved"))
    with pytest.raises(NamespaceNotEmptyError):
        iceberg.drop_namespace(name + "_other")
    iceberg.drop_table((name + "_other", "moved"))
    registered = iceberg.register_table((name, "back"), moved.metadata_location)
    assert registered.scan().to_arrow().num_rows == 2
    with pytest.raises(TableAlreadyExistsError):
        iceberg.register_table((name, "back"), moved.metadata_location)
    versions = server.client("glue").get_table_versions(DatabaseName=name, TableName="back")["TableVersions"]
    assert [version["VersionId"] for version in versions] == ["0"]
    iceberg.purge_table((name, "back"))
    assert not iceberg.table_exists((name, "back"))
    iceberg.drop_namespace(name)

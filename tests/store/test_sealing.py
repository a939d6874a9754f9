"""Sealed rows on both databases: what is written under a key is nowhere in clear, and is lost with the key alone."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from mastic.clock import ManualClock
from mastic.context import Context
from mastic.errors import Refused, ServiceError
from mastic.glue.account.keys import CatalogKeys, master_key
from mastic.glue.account.security import CatalogEncryption
from mastic.glue.connections.secrets import ConnectionSecrets
from mastic.ids import Ids
from mastic.store import catalog_databases, sealing
from mastic.store.engine import Store
from mastic.store.sealing import DataKey
from tests.store.conftest import Catalog


class NoKms:
    """For settings that name no key of KMS: it has none."""

    def generate(self, scope: str, key_id: str) -> tuple[bytes, bytes]:
        raise ServiceError("NotFoundException", key_id)

    def encrypt(self, scope: str, key_id: str, plain: bytes) -> bytes:
        raise ServiceError("NotFoundException", key_id)

    def decrypt(self, scope: str, box: bytes) -> bytes:
        raise ServiceError("NotFoundException", "unknown")


def keyed(store: Store, clock: ManualClock, secret: bytes) -> CatalogKeys:
    keys = CatalogKeys(
        store=store,
        clock=clock,
        ids=Ids(),
        master=DataKey(id=f"server-{secret.hex()[:6]}", secret=secret),
        kms=NoKms(),
    )
    store.sealing.connect(keys)
    return keys


def everything(store: Store) -> str:
    """All that the catalog's tables hold, as text."""
    names = (
        "catalog_databases",
        "catalog_tables",
        "catalog_table_versions",
        "catalog_partitions",
        "catalog_descriptors",
    )
    with store.read() as tx:
        return "".join(str(tx.execute(text(f"SELECT * FROM {name}")).all()) for name in names)


def switch(store: Store, catalog: Catalog, keys: CatalogKeys, mode: str) -> None:
    handlers = CatalogEncryption(store=store, clock=catalog.clock, keys=keys, kms=NoKms())
    settings: dict[str, Any] = {"EncryptionAtRest": {"CatalogEncryptionMode": mode}}
    handlers.put_data_catalog_encryption_settings(Context(), {"DataCatalogEncryptionSettings": settings})


def test_rows_are_sealed_and_opened(store: Store) -> None:
    catalog, secret = Catalog(store), os.urandom(32)
    keys = keyed(store, catalog.clock, secret)
    switch(store, catalog, keys, "SSE-KMS")
    described = {"Description": "hidden-word"}
    catalog("CreateDatabase", DatabaseInput={"Name": "d", **described})
    table = {
        "Name": "t", **described, "PartitionKeys": [{"Name": "y", "Type": "int"}],
        "StorageDescriptor": {"Location": "s3://hidden-word"},
    }  # fmt: skip
    catalog("CreateTable", DatabaseName="d", TableInput=table)
    catalog("UpdateTable", DatabaseName="d", TableInput={**table, "Owner": "hidden-word"})
    at = {"DatabaseName": "d", "TableName": "t"}
    for year in "123":
        given = {
            "Values": [year],
            "StorageDescriptor": {
                "Location": f"s3://hidden-word/{year}",
                "SerdeInfo": {"Name": "hidden-word"},
            },
        }
        catalog("BatchCreatePartition", **at, PartitionInputList=[given])
    catalog(
        "UpdatePartition",
        **at,
        PartitionValueList=["3"],
        PartitionInput={"Values": ["4"], "Parameters": {"p": "hidden-word"}},
    )
    assert "hidden-word" not in everything(store)
    # Partitions still share one descriptor.
    with store.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM catalog_descriptors")).scalar() == 1
    catalog.clock.advance(minutes=2)
    assert catalog("GetTable", DatabaseName="d", Name="t")["Table"]["Owner"] == "hidden-word"
    assert len(catalog("GetTableVersions", **at)["TableVersions"]) == 2
    found = catalog("GetPartitions", **at, Expression="y > 1")["Partitions"]
    assert found[0]["StorageDescriptor"]["Location"] == "s3://hidden-word/2"
    assert found[0]["StorageDescriptor"]["SerdeInfo"] == {"Name": "hidden-word"}
    assert found[1]["Parameters"] == {"p": "hidden-word"}
    # Another key opens nothing.
    keyed(store, catalog.clock, os.urandom(32))
    with pytest.raises(ServiceError, match="encryption_key"):
        catalog("GetTable", DatabaseName="d", Name="t")
    keys = keyed(store, catalog.clock, secret)
    switch(store, catalog, keys, "DISABLED")
    catalog("UpdateTable", DatabaseName="d", TableInput={**table, "Owner": "plain-word"})
    assert "plain-word" in everything(store)
    assert len(catalog("GetTableVersions", **at)["TableVersions"]) == 3


def test_a_write_that_names_no_catalog_is_never_kept_in_clear(store: Store) -> None:
    catalog = Catalog(store)
    keys = keyed(store, catalog.clock, os.urandom(32))
    new: dict[str, Any] = {
        "catalog": "123456789012:us-east-1",
        "name": "x",
        "body": {},
        "created": catalog.clock.now(),
        "created_by": "",
    }
    with store.write() as tx:
        catalog_databases.add(tx, **new)
    switch(store, catalog, keys, "SSE-KMS")
    with pytest.raises(Exception, match="catalog="), store.write() as tx:
        catalog_databases.add(tx, **{**new, "name": "y"})
    with store.write(catalog="123456789012:us-east-1") as tx:
        catalog_databases.add(tx, **{**new, "name": "y"})


def test_a_sealed_text_cannot_be_changed_or_take_another_keys_name() -> None:
    one, other = (DataKey(id=id_, secret=os.urandom(32)) for id_ in ("one", "two"))
    box = sealing.sealed(one, "text")
    assert sealing.opened(one, box) == "text"
    assert sealing.sealed(one, "text") != box
    renamed = box.replace("one:", "two:")
    for wrong in (renamed, box[:-8] + "AAAAAAA="):
        with pytest.raises(ValueError, match="sealed"):
            sealing.opened(other if wrong is renamed else one, wrong)


def test_the_servers_key_is_kept_or_given(tmp_path: Any) -> None:
    path = tmp_path / "catalog.key"
    assert master_key("", path, shared=True) is None
    made = master_key("", path, shared=False)
    assert made is not None
    assert master_key("", path, shared=False) == made
    assert path.stat().st_mode & 0o777 == 0o600
    given = master_key("a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=", path, shared=True)
    assert given is not None
    assert given.secret == b"k" * 32
    with pytest.raises(Exception, match="32 bytes"):
        master_key("short", path, shared=False)


def test_a_server_killed_while_it_made_its_key_makes_another_and_a_damaged_key_is_told(tmp_path: Any) -> None:
    path = tmp_path / "catalog.key"
    (tmp_path / "catalog.key.new").write_bytes(b"half")
    made = master_key("", path, shared=False)
    assert made is not None
    assert path.read_bytes() == made.secret
    assert list(tmp_path.iterdir()) == [path]
    path.write_bytes(b"")
    with pytest.raises(Refused, match="put the file back"):
        master_key("", path, shared=False)


def test_a_password_is_refused_where_there_is_no_key_to_keep_it_under(store: Store) -> None:
    keys = CatalogKeys(
        store=store, clock=ManualClock(datetime(2026, 1, 2, tzinfo=UTC)), ids=Ids(), master=None, kms=NoKms()
    )
    secrets = ConnectionSecrets(keys=keys, kms=NoKms())
    plain = {"ConnectionProperties": {"JDBC_CONNECTION_URL": "jdbc:mysql://db/x", "SECRET_ID": "db"}}
    assert secrets.kept(plain) == plain
    with pytest.raises(ServiceError, match="encryption_key") as refused:
        secrets.kept({"ConnectionProperties": {"USERNAME": "u", "PASSWORD": "p"}})
    assert refused.value.code == "GlueEncryptionException"
    assert "p'" not in str(refused.value)

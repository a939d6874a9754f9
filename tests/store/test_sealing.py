"""Sealed rows on both databases: what is written under a key is nowhere in clear, and is lost with the key alone."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from mastic.clock import ManualClock
from mastic.context import Context
from mastic.errors import Refused, ServiceError
from mastic.glue.account.keys import EVERYWHERE, SETTINGS, CatalogKeys, master_key, switch
from mastic.glue.account.security import CatalogEncryption
from mastic.glue.catalog.entries import Entries, Swap
from mastic.glue.catalog.events import Events
from mastic.glue.connections.secrets import ConnectionSecrets
from mastic.ids import Ids
from mastic.store import catalog_databases, documents, sealing
from mastic.store.engine import Store, hold
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


def switch_to(
    store: Store, catalog: Catalog, keys: CatalogKeys, mode: str, *, region: str = "us-east-1"
) -> None:
    handlers = CatalogEncryption(store=store, clock=catalog.clock, keys=keys, kms=NoKms())
    settings: dict[str, Any] = {"EncryptionAtRest": {"CatalogEncryptionMode": mode}}
    handlers.put_data_catalog_encryption_settings(
        Context(region=region), {"DataCatalogEncryptionSettings": settings}
    )


def test_rows_are_sealed_and_opened(store: Store) -> None:
    catalog, secret = Catalog(store), os.urandom(32)
    keys = keyed(store, catalog.clock, secret)
    switch_to(store, catalog, keys, "SSE-KMS")
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
    switch_to(store, catalog, keys, "DISABLED")
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
    switch_to(store, catalog, keys, "SSE-KMS")
    with pytest.raises(Exception, match="catalog="), store.write() as tx:
        catalog_databases.add(tx, **{**new, "name": "y"})
    with store.write(catalog="123456789012:us-east-1") as tx:
        catalog_databases.add(tx, **{**new, "name": "y"})


def made_ready(keys: CatalogKeys) -> threading.Event:
    """Set when a writer has fetched what it will presumably need, and goes on to its transaction."""
    ready, before = threading.Event(), keys.prepare

    def prepare(catalog: str) -> None:
        before(catalog)
        ready.set()

    keys.prepare = prepare  # type: ignore[method-assign]
    return ready


def test_a_write_that_waited_while_encryption_was_switched_on_is_sealed(store: Store) -> None:
    catalog = Catalog(store)
    keys = keyed(store, catalog.clock, os.urandom(32))
    scope = Context().scope
    key = keys.made(scope, None)
    catalog.clock.advance(minutes=2)  # the key itself is forgotten again
    ready = made_ready(keys)
    new = {"Name": "d", "Description": "hidden-word"}
    writer = threading.Thread(target=lambda: catalog("CreateDatabase", DatabaseInput=new))
    with store.write() as tx:
        hold(tx, switch(scope), alone=True)
        writer.start()
        assert ready.wait(60)
        stored = {"Settings": {"EncryptionAtRest": {"CatalogEncryptionMode": "SSE-KMS"}}, "DataKey": key}
        documents.put(tx, EVERYWHERE, SETTINGS, scope, stored, catalog.clock.now())
    writer.join(60)
    assert "hidden-word" not in everything(store)
    assert catalog("GetDatabase", Name="d")["Database"]["Description"] == "hidden-word"


def test_another_server_seals_from_the_next_write_on(store: Store) -> None:
    """It has just looked at the settings, and remembers them."""
    if store.dialect == "sqlite":
        pytest.skip("an embedded store has one server: its file is locked")
    other = Store(store.url)
    secret = os.urandom(32)
    here, there = Catalog(store), Catalog(other)
    keys = keyed(store, here.clock, secret)
    keyed(other, there.clock, secret)
    there("CreateDatabase", DatabaseInput={"Name": "before", "Description": "plain-word"})
    switch_to(store, here, keys, "SSE-KMS")
    there("CreateDatabase", DatabaseInput={"Name": "after", "Description": "hidden-word"})
    assert "hidden-word" not in everything(store)
    assert "plain-word" in everything(store)
    switch_to(store, here, keys, "DISABLED")
    there("CreateDatabase", DatabaseInput={"Name": "again", "Description": "clear-word"})
    assert "clear-word" in everything(store)
    other.close()


def test_what_is_written_through_a_link_is_sealed_as_its_owner_wants(store: Store) -> None:
    catalog = Catalog(store)
    keys = keyed(store, catalog.clock, os.urandom(32))
    here, far = "us-east-1", "eu-west-1"

    def call(region: str, operation: str, **request: Any) -> Any:
        return catalog.dispatcher.invoke(
            Context(operation=operation, region=region), "glue", operation, request
        )

    for region, other in ((here, far), (far, here)):
        call(region, "CreateDatabase", DatabaseInput={"Name": "own"})
        target = {"CatalogId": Context().account_id, "DatabaseName": "own", "Region": other}
        call(region, "CreateDatabase", DatabaseInput={"Name": "link", "TargetDatabase": target})
        target = {**target, "Name": "t"}
        call(region, "CreateTable", DatabaseName="own", TableInput={"Name": "l", "TargetTable": target})
    switch_to(store, catalog, keys, "SSE-KMS", region=far)
    hidden, plain = {"Name": "t", "Description": "hidden-word"}, {"Name": "t", "Description": "plain-word"}
    keyed_ = {"PartitionKeys": [{"Name": "y", "Type": "int"}]}
    call(here, "CreateTable", DatabaseName="link", TableInput={**hidden, **keyed_})
    call(here, "UpdateTable", DatabaseName="link", TableInput={**hidden, **keyed_, "Owner": "hidden-word"})
    through = {**hidden, **keyed_, "Name": "l", "Owner": "hidden-word"}
    call(here, "UpdateTable", DatabaseName="own", TableInput=through)
    value = {"Values": ["1"], "Parameters": {"p": "hidden-word"}}
    call(here, "CreatePartition", DatabaseName="own", TableName="l", PartitionInput=value)
    assert "hidden-word" not in everything(store)
    call(far, "CreateTable", DatabaseName="link", TableInput=plain)
    assert "plain-word" in everything(store)
    entries = Entries(
        store=store,
        clock=catalog.clock,
        events=Events(ids=Ids(), wanted=lambda tx, scope: False),
        sweeper=catalog.sweeper,
    )
    context = Context(region=here)
    seen = entries.find(context, context.account_id, "link", "t")
    assert seen is not None
    swaps = [
        Swap(database="own", name="a", body={"Name": "a", "Description": "clear-word"}, seen=None),
        Swap(database="link", name="b", body={"Name": "b", "Description": "hidden-word"}, seen=None),
        Swap(database="own", name="l", body={**seen.body, "Owner": "hidden-word"}, seen=seen),
    ]
    entries.swap(context, context.account_id, swaps)
    assert "hidden-word" not in everything(store)
    assert "clear-word" in everything(store)
    assert call(far, "GetTable", DatabaseName="own", Name="b")["Table"]["Description"] == "hidden-word"


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


class WritingKms(NoKms):
    """A service of the same server: what it does, it writes to the same store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.enabled = True

    def _note(self) -> None:
        with self._store.write() as tx:
            documents.put(tx, "kms", "call", "last", {}, datetime(2026, 1, 1, tzinfo=UTC))

    def generate(self, scope: str, key_id: str) -> tuple[bytes, bytes]:
        self._note()
        return b"k" * 32, b"k" * 32

    def decrypt(self, scope: str, box: bytes) -> bytes:
        self._note()
        if not self.enabled:
            raise ServiceError("DisabledException", "disabled")
        return box


def test_what_is_sealed_with_a_key_of_earlier_settings_is_changed_and_deleted(store: Store) -> None:
    catalog, kms = Catalog(store), WritingKms(store)
    keys = CatalogKeys(store=store, clock=catalog.clock, ids=Ids(), master=None, kms=kms)
    store.sealing.connect(keys)
    handlers = CatalogEncryption(store=store, clock=catalog.clock, keys=keys, kms=kms)

    def put(**at_rest: str) -> None:
        handlers.put_data_catalog_encryption_settings(
            Context(), {"DataCatalogEncryptionSettings": {"EncryptionAtRest": at_rest}}
        )

    put(CatalogEncryptionMode="SSE-KMS", SseAwsKmsKeyId="k")
    catalog("CreateDatabase", DatabaseInput={"Name": "d"})
    table = {"Name": "t", "PartitionKeys": [{"Name": "n", "Type": "string"}], "Description": "hidden-word"}
    catalog("CreateTable", DatabaseName="d", TableInput=table)
    at = {"DatabaseName": "d", "TableName": "t"}
    catalog("BatchCreatePartition", **at, PartitionInputList=[{"Values": [n]} for n in "123"])
    put(CatalogEncryptionMode="DISABLED")
    assert "hidden-word" not in everything(store)
    table = {**table, "PartitionKeys": [{"Name": "n", "Type": "int"}]}
    for operation, request in (
        ("UpdatePartition", {**at, "PartitionValueList": ["1"], "PartitionInput": {"Values": ["4"]}}),
        ("BatchDeletePartition", {**at, "PartitionsToDelete": [{"Values": ["4"]}]}),
        ("UpdateTable", {"DatabaseName": "d", "TableInput": table}),
    ):
        # The key is forgotten, and cannot be had for a while: nothing happens.
        catalog.clock.advance(minutes=5)
        kms.enabled = False
        assert catalog.refusal(operation, **request).code == "GlueEncryptionException"
        kms.enabled = True
        catalog.clock.advance(minutes=5)
        catalog(operation, **request)
    assert [p["Values"] for p in catalog.pages("GetPartitions", "Partitions", **at)] == [["2"], ["3"]]
    catalog.clock.advance(minutes=5)
    catalog("DeleteTable", DatabaseName="d", Name="t")
    catalog.clock.advance(minutes=5)
    catalog("DeleteDatabase", Name="d")


def test_what_a_transaction_could_not_read_the_next_one_can(store: Store) -> None:
    """Those that name no catalog, as of loops, begin anew."""
    catalog, kms = Catalog(store), WritingKms(store)
    keys = CatalogKeys(store=store, clock=catalog.clock, ids=Ids(), master=None, kms=kms)
    store.sealing.connect(keys)
    key = keys.find(keys.made(Context().scope, "k"))
    catalog.clock.advance(minutes=5)
    text_ = sealing.sealed(key, "hidden-word")
    with pytest.raises(ServiceError) as raised, store.write():
        store.sealing.open(text_)
    assert raised.value.code == "GlueEncryptionException"
    with store.write():
        assert store.sealing.open(text_) == "hidden-word"

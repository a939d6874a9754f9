"""Partitions, locks and hostile bytes at the Hive Metastore's door."""

from __future__ import annotations

import random
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hive_metastore import ttypes
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.catalog.hive import HiveCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NamespaceNotEmptyError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from thrift.Thrift import TApplicationException
from thrift.transport.TTransport import TTransportException

from tests.api.hive import HiveServer, db, glue, hive, partition, server, table

# One server for both files.
pytestmark = pytest.mark.xdist_group("hive")


@pytest.fixture
def sales(hive: Any, db: str) -> str:
    """A table of partitions of years and regions."""
    hive.create_table(table(db, "sales", keys=[("year", "int"), ("region", "string")]))
    some = [
        partition(db, "sales", y, r) for y in ("2023", "2024", "2025") for r in ("us_east", "us west", "eu")
    ]
    assert hive.add_partitions(some) == 9
    return db


def named(partitions: list[Any]) -> list[str]:
    return sorted("/".join(one.values) for one in partitions)


def test_partitions_both_ways(hive: Any, glue: Any, sales: str) -> None:
    found = hive.get_partition(sales, "sales", ["2024", "us west"])
    assert found.sd.location == f"s3://warehouse/{sales}.db/sales/year=2024/region=us west"
    assert found.parameters == {"numRows": "1"}
    assert hive.get_partition_by_name(sales, "sales", "year=2024/region=us west").values == [
        "2024",
        "us west",
    ]
    seen = glue.get_partition(DatabaseName=sales, TableName="sales", PartitionValues=["2024", "eu"])[
        "Partition"
    ]
    assert seen["StorageDescriptor"]["SerdeInfo"]["Parameters"] == {"a": "b"}
    glue.create_partition(DatabaseName=sales, TableName="sales", PartitionInput={"Values": ["2026", "a=b/c"]})
    bare = hive.get_partition_by_name(sales, "sales", "year=2026/region=a%3Db%2Fc")
    assert bare.sd.location == f"s3://warehouse/{sales}.db/sales/year=2026/region=a%3Db%2Fc"
    assert [c.name for c in bare.sd.cols] == ["id", "text"]
    assert bare.sd.inputFormat.endswith("MapredParquetInputFormat")
    names = hive.get_partition_names(sales, "sales", -1)
    assert (len(names), names[-1]) == (10, "year=2026/region=a%3Db%2Fc")
    assert names == sorted(names)
    assert len(hive.get_partitions(sales, "sales", 4)) == 4
    assert len(hive.get_partitions_by_names(sales, "sales", [*names[:2], names[0], "year=1/region=x"])) == 2
    for missing in (["2024"], ["2024", "nowhere"]):
        with pytest.raises(ttypes.NoSuchObjectException):
            hive.get_partition(sales, "sales", missing)
    with pytest.raises(ttypes.MetaException, match="names no partition"):
        hive.get_partition_by_name(sales, "sales", "month=2")


def test_values_that_are_given_in_part(hive: Any, db: str) -> None:
    hive.create_table(table(db, "t", keys=[("n", "int"), ("s", "string")]))
    hive.add_partitions([partition(db, "t", n, s) for n in ("1", "01", "2") for s in ("a'b", "c")])
    assert named(hive.get_partitions_ps(db, "t", ["1", ""], -1)) == ["1/a'b", "1/c"]
    assert named(hive.get_partitions_ps(db, "t", ["", "a'b"], -1)) == ["01/a'b", "1/a'b", "2/a'b"]
    assert hive.get_partition_names_ps(db, "t", ["01"], -1) == ["n=01/s=a%27b", "n=01/s=c"]
    assert hive.get_partitions_ps_with_auth(db, "t", ["no number"], -1, "u", []) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 9),
        ("year = 2024", 3),
        ("2024 <= year and region != 'eu'", 4),
        ('region = "us west" or region like "us_.*"', 6),
        ('region like ".*west"', 3),
        ('region like ".*s.e.*"', 3),
        ("region like '.*_east'", 3),
        ("year > 2023 and (region like '.*s_e.*')", 2),
        ("region like '.*s%e.*'", 0),
        ("region like '.*s_e.*' or year = 2024", 5),
        ("(region like '.*s%e.*' or region like 'e.') and year <> 2024", 2),
        ("year between 2023 and 2024", 6),
        ("year not in (2023, 2024) and (region = 'eu')", 1),
        ("region not between 'a' and 'f'", 6),
        ("`year` <> 2023", 6),
    ],
)
def test_filters_choose_partitions(hive: Any, sales: str, text: str, expected: int) -> None:
    found = hive.get_partitions_by_filter(sales, "sales", text, -1)
    assert len(found) == expected == hive.get_num_partitions_by_filter(sales, "sales", text)
    request = ttypes.PartitionsByExprRequest(dbName=sales, tblName="sales", expr=text.encode(), maxParts=-1)
    assert named(hive.get_partitions_by_expr(request).partitions) == named(found)


@pytest.mark.parametrize(
    "text", ["month = 1", "year =", "year = 'x'", "region like 'a|b'", "year = 1 2", "(" * 99]
)
def test_filters_that_cannot_be_are_refused(hive: Any, sales: str, text: str) -> None:
    with pytest.raises(ttypes.MetaException):
        hive.get_partitions_by_filter(sales, "sales", text, -1)


def test_a_filter_may_be_longer_than_the_glue_api_takes(hive: Any, sales: str) -> None:
    text = " or ".join(f"(year = {year} and region = 'eu')" for year in range(2000, 2200))
    assert len(text) > 2048
    assert len(hive.get_partitions_by_filter(sales, "sales", text, -1)) == 3


def test_a_serialized_expression_is_left_to_the_client(hive: Any, sales: str) -> None:
    request = ttypes.PartitionsByExprRequest(
        dbName=sales, tblName="sales", expr=b"\x01\xff\x00org.apache", maxParts=-1
    )
    with pytest.raises(TApplicationException) as raised:
        hive.get_partitions_by_expr(request)
    assert raised.value.type == TApplicationException.UNKNOWN_METHOD


def test_partitions_are_added_all_or_none(hive: Any, sales: str) -> None:
    some = [partition(sales, "sales", "2030", str(n)) for n in range(250)]
    with pytest.raises(ttypes.AlreadyExistsException):
        hive.add_partitions([*some, partition(sales, "sales", "2024", "eu")])
    assert len(hive.get_partition_names(sales, "sales", -1)) == 9
    request = ttypes.AddPartitionsRequest(
        dbName=sales,
        tblName="sales",
        ifNotExists=True,
        parts=[*some, partition(sales, "sales", "2024", "eu")],
    )
    assert len(hive.add_partitions_req(request).partitions) == 250
    for wrong in (["2031"], ["2031", "a", "b"]):
        with pytest.raises(ttypes.InvalidObjectException):
            hive.add_partition(partition(sales, "sales", *wrong))
    with pytest.raises(ttypes.InvalidObjectException):
        hive.add_partition(partition(sales, "nothing", "1"))


def test_partitions_change_and_go(hive: Any, server: HiveServer, sales: str) -> None:
    s3 = server.client("s3")
    s3.put_object(Bucket="warehouse", Key=f"{sales}.db/sales/year=2024/region=eu/f", Body=b"x")
    one = hive.get_partition(sales, "sales", ["2024", "eu"])
    one.parameters = {"numRows": "7"}
    hive.alter_partitions(sales, "sales", [one])
    assert hive.get_partition(sales, "sales", ["2024", "eu"]).parameters == {"numRows": "7"}
    one.values = ["2024", "uk"]
    hive.rename_partition(sales, "sales", ["2024", "eu"], one)
    moved = hive.get_partition(sales, "sales", ["2024", "uk"])
    assert moved.sd.location.endswith("/year=2024/region=uk")
    listed = s3.list_objects_v2(Bucket="warehouse", Prefix=f"{sales}.db/")["Contents"]
    assert [found["Key"] for found in listed] == [f"{sales}.db/sales/year=2024/region=uk/f"]
    with pytest.raises(ttypes.InvalidOperationException):
        hive.rename_partition(sales, "sales", ["2024", "eu"], one)
    one.values = ["1999", "x"]
    with pytest.raises(ttypes.InvalidOperationException):
        hive.alter_partition(sales, "sales", one)
    assert hive.drop_partition(sales, "sales", ["2024", "uk"], True)
    assert s3.list_objects_v2(Bucket="warehouse", Prefix=f"{sales}.db/")["KeyCount"] == 0
    with pytest.raises(ttypes.NoSuchObjectException):
        hive.drop_partition(sales, "sales", ["2024", "uk"], True)
    request = ttypes.DropPartitionsRequest(
        dbName=sales,
        tblName="sales",
        parts=ttypes.RequestPartsSpec(names=["year=2023/region=eu", "year=2023/region=none"]),
        ifExists=True,
        deleteData=False,
    )
    assert named(hive.drop_partitions_req(request).partitions) == ["2023/eu"]


def test_newer_clients_have_their_arguments_in_structs(hive: Any, glue: Any, sales: str) -> None:
    of = {"catName": "hive", "dbName": sales, "tblName": "sales"}
    assert [c.name for c in hive.get_fields_req(ttypes.GetFieldsRequest(**of)).fields] == ["id", "text"]
    assert len(hive.get_schema_req(ttypes.GetSchemaRequest(**of)).fields) == 4
    assert len(hive.get_partitions_req(ttypes.PartitionsRequest(maxParts=-1, **of)).partitions) == 9
    one = hive.get_partition_req(ttypes.GetPartitionRequest(partVals=["2024", "eu"], **of)).partition
    assert one.values == ["2024", "eu"]
    request = ttypes.GetPartitionsPsWithAuthRequest(partVals=["2024"], maxParts=2, **of)
    assert len(hive.get_partitions_ps_with_auth_req(request).partitions) == 2
    request = ttypes.GetPartitionNamesPsRequest(partValues=["", "eu"], maxParts=-1, **of)
    assert hive.get_partition_names_ps_req(request).names == [
        f"year={y}/region=eu" for y in (2023, 2024, 2025)
    ]
    changed = {"catName": "hive", "dbName": sales, "tableName": "sales"}
    one.parameters = {"numRows": "9"}
    hive.alter_partitions_req(ttypes.AlterPartitionsRequest(partitions=[one], **changed))
    one.values = ["2024", "uk"]
    request = ttypes.RenamePartitionRequest(partVals=["2024", "eu"], newPart=one, **changed)
    hive.rename_partition_req(request)
    assert hive.get_partition(sales, "sales", ["2024", "uk"]).parameters == {"numRows": "9"}
    hive.truncate_table_req(ttypes.TruncateTableRequest(dbName=sales, tableName="sales", partNames=None))
    desc = ttypes.ColumnStatisticsDesc(isTblLevel=True, dbName=sales, tableName="sales")
    data = ttypes.ColumnStatisticsData(longStats=ttypes.LongColumnStatsData(numNulls=1, numDVs=2))
    made = ttypes.ColumnStatistics(desc, [ttypes.ColumnStatisticsObj("id", "bigint", data)])
    assert hive.update_table_column_statistics_req(ttypes.SetPartitionsStatsRequest(colStats=[made])).result
    assert hive.get_table_column_statistics(sales, "sales", "id").statsObj[0].statsData.longStats.numDVs == 2
    # A link has the partitions of the table that it leads to.
    target = {"CatalogId": "123456789012", "DatabaseName": sales, "Name": "sales"}
    glue.create_table(DatabaseName=sales, TableInput={"Name": "link", "TargetTable": target})
    assert len(hive.get_partition_names(sales, "link", -1)) == 9


# -- locks -------------------------------------------------------------------------------------------------


def lock(kind: int, *where: str, user: str = "u") -> ttypes.LockRequest:
    level = ttypes.LockLevel.TABLE if len(where) > 1 else ttypes.LockLevel.DB
    part = ttypes.LockComponent(type=kind, level=level, dbname=where[0], tablename=(*where, None)[1])
    return ttypes.LockRequest(component=[part], user=user, hostname="h", agentInfo="test")


def test_locks_wait_for_each_other_in_turn(hive: Any, db: str) -> None:
    kinds = ttypes.LockType
    first = hive.lock(lock(kinds.SHARED_READ, db, "t"))
    reader = hive.lock(lock(kinds.SHARED_READ, db, "t"))
    assert first.state == reader.state == ttypes.LockState.ACQUIRED
    writer = hive.lock(lock(kinds.EXCLUSIVE, db, "T"))
    elsewhere = hive.lock(lock(kinds.EXCLUSIVE, db, "other"))
    assert (writer.state, elsewhere.state) == (ttypes.LockState.WAITING, ttypes.LockState.ACQUIRED)
    # Who comes later does not overtake, and the whole database meets its tables.
    late = hive.lock(lock(kinds.SHARED_READ, db, "t"))
    whole = hive.lock(lock(kinds.EXCLUSIVE, db))
    assert late.state == whole.state == ttypes.LockState.WAITING
    shown = hive.show_locks(ttypes.ShowLocksRequest(dbname=db)).locks
    assert [one.lockid for one in shown] == [
        one.lockid for one in (first, reader, writer, elsewhere, late, whole)
    ]
    assert (shown[0].agentInfo, shown[0].tablename) == ("test", "t")
    for gone in (first, reader, elsewhere):
        hive.unlock(ttypes.UnlockRequest(lockid=gone.lockid))

    def state(of: Any) -> int:
        found: int = hive.check_lock(ttypes.CheckLockRequest(lockid=of.lockid)).state
        return found

    assert state(late) == ttypes.LockState.WAITING
    assert state(writer) == ttypes.LockState.ACQUIRED
    hive.heartbeat(ttypes.HeartbeatRequest(lockid=writer.lockid))
    hive.unlock(ttypes.UnlockRequest(lockid=writer.lockid))
    assert (state(late), state(whole)) == (ttypes.LockState.ACQUIRED, ttypes.LockState.WAITING)
    for call in (hive.unlock, hive.heartbeat, hive.check_lock):
        with pytest.raises(ttypes.NoSuchLockException):
            call(ttypes.CheckLockRequest(lockid=writer.lockid))
    with pytest.raises(ttypes.NoSuchTxnException):
        hive.heartbeat(ttypes.HeartbeatRequest(lockid=late.lockid, txnid=3))
    hive.unlock(ttypes.UnlockRequest(lockid=late.lockid))
    hive.unlock(ttypes.UnlockRequest(lockid=whole.lockid))


# -- PyIceberg ---------------------------------------------------------------------------------------------

ROWS = pa.table({"a": [1, 2], "b": ["x", "y"]})


@pytest.fixture
def iceberg(server: HiveServer) -> HiveCatalog:
    return HiveCatalog(
        "hive", uri=server.uri, **{"lock-check-retries": "20", "lock-check-max-wait-time": "0.5"}
    )


def test_pyiceberg_works_with_it(iceberg: HiveCatalog, server: HiveServer, name: str, tmp_path: Path) -> None:
    place = {"location": f"file://{tmp_path}/{name}"}
    iceberg.create_namespace(name, place)
    with pytest.raises(NamespaceAlreadyExistsError):
        iceberg.create_namespace(name, place)
    made = iceberg.create_table((name, "one"), ROWS.schema)
    with pytest.raises(TableAlreadyExistsError):
        iceberg.create_table((name, "one"), ROWS.schema)
    made.append(ROWS)
    with made.update_schema() as change:
        change.add_column("c", made.schema().find_type("b"))
    assert iceberg.load_table((name, "one")).scan().to_arrow().num_rows == 2
    with pytest.raises(NamespaceNotEmptyError):
        iceberg.drop_namespace(name)
    iceberg.rename_table((name, "one"), (name, "two"))
    with pytest.raises(NoSuchNamespaceError):
        iceberg.rename_table((name, "two"), (name + "x", "two"))
    assert iceberg.list_tables(name) == [(name, "two")]
    with pytest.raises(NoSuchTableError):
        iceberg.load_table((name, "one"))
    seen = server.client("glue").get_table(DatabaseName=name, Name="two")["Table"]
    assert [c["Name"] for c in seen["StorageDescriptor"]["Columns"]] == ["a", "b", "c"]
    iceberg.drop_table((name, "two"))
    iceberg.drop_namespace(name)
    with pytest.raises(NoSuchNamespaceError):
        iceberg.load_namespace_properties(name)


def test_no_append_is_lost_between_the_doors(
    iceberg: HiveCatalog, server: HiveServer, name: str, tmp_path: Path
) -> None:
    other = GlueCatalog(
        "glue",
        **{
            "glue.endpoint": server.endpoint,
            "glue.region": "us-east-1",
            "glue.access-key-id": "test",
            "glue.secret-access-key": "test",
        },
    )
    iceberg.create_namespace(name, {"location": f"file://{tmp_path}/{name}"})
    iceberg.create_table((name, "t"), ROWS.schema, properties={"commit.retry.num-retries": "20"})

    def append(catalog: Any) -> int:
        done = 0
        while done < 3:
            try:
                catalog.load_table((name, "t")).append(ROWS)
                done += 1
            except CommitFailedException:
                continue
            except ttypes.MetaException as error:
                # Told that somebody else was first, a writer begins again.
                if "has been modified" not in error.message:
                    raise
        return done

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(append, [iceberg, other, HiveCatalog("h2", uri=server.uri), other])) == 12
    found = other.load_table((name, "t"))
    assert found.scan().to_arrow().num_rows == 24
    assert len(found.snapshots()) == 12


# -- hostile bytes -----------------------------------------------------------------------------------------

HEAD = struct.pack(">Ii", 0x80010001, 9) + b"get_table" + struct.pack(">i", 1)


def talk(server: HiveServer, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.hive_port), timeout=120) as stream:
        try:
            stream.sendall(data)
            stream.shutdown(socket.SHUT_WR)
            return stream.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            return b""


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x01\x00\x00\x00\x05PLAIN",
        HEAD[:-1],
        struct.pack(">Ii", 0x80010001, 2**31 - 1),
        struct.pack(">Ii", 0x80010001, -5),
        HEAD + b"\x0b\x00\x01" + struct.pack(">i", 2**31 - 1) + b"x" * 1000,
        HEAD + b"\x0b\x00\x01" + struct.pack(">i", -1),
        HEAD + b"\x0f\x00\x01\x00" + struct.pack(">i", 2**30),
        HEAD + b"\x0f\x00\x01\x02" + struct.pack(">i", 2**30),
        HEAD + b"\x0c\x00\x01" * 5000,
        HEAD + b"\x63\x00\x01",
        HEAD.replace(b"get_table", b"\xff" * 9) + b"\x00",
        struct.pack(">I", 0x80010002) + HEAD[4:] + b"\x00",
    ],
)
def test_what_is_no_message_ends_the_connection(server: HiveServer, hive: Any, data: bytes) -> None:
    assert talk(server, data) == b""
    assert hive.getStatus() == 2


def test_arguments_of_wrong_types_are_answered(server: HiveServer, hive: Any) -> None:
    for body in (b"\x00", b"\x08\x00\x01\x00\x00\x00\x05\x00", b"\x0b\x00\x01\x00\x00\x00\x02\xff\xfe\x00"):
        reply = talk(server, HEAD + body)
        assert reply[:4] in (b"\x80\x01\x00\x02", b"\x80\x01\x00\x03")
        assert b"get_table" in reply
    for method in ("get_table_req", "create_table_req", "lock", "add_partitions_req"):
        head = struct.pack(">Ii", 0x80010001, len(method)) + method.encode() + struct.pack(">i", 1)
        assert talk(server, head + b"\x00")[:2] == b"\x80\x01"
        assert talk(server, head + b"\x0c\x00\x01\x00\x00")[:2] == b"\x80\x01"
    assert hive.getStatus() == 2


def test_random_bytes_break_nothing(server: HiveServer, hive: Any) -> None:
    dice = random.Random(7)
    sound = HEAD + b"\x0b\x00\x01\x00\x00\x00\x01d\x0b\x00\x02\x00\x00\x00\x01t\x00"
    for _ in range(300):
        data = bytearray(sound)
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        talk(server, bytes(data[: dice.randrange(1, len(data) + 1)]))
    assert hive.getStatus() == 2


def test_more_connections_than_places_push_out_the_quiet_ones(server: HiveServer) -> None:
    quiet = [socket.create_connection(("127.0.0.1", server.hive_port)) for _ in range(230)]
    try:
        with server.metastore() as client:
            assert client.getStatus() == 2
    finally:
        for one in quiet:
            one.close()


def test_a_stopped_server_lets_its_clients_go(tmp_path: Path) -> None:
    running = HiveServer(tmp_path / "data")
    running.start()
    with running.metastore() as client:
        assert client.getStatus() == 2
        client.create_database(ttypes.Database(name="kept"))
        held = client.lock(lock(ttypes.LockType.EXCLUSIVE, "kept"))
        running.stop()
        assert running.process is not None
        assert running.process.returncode == 0
        with pytest.raises((TTransportException, OSError)):
            client.getStatus()
    running.restart()
    with running.metastore() as client:
        assert client.get_all_databases() == ["kept"]
        assert (
            client.check_lock(ttypes.CheckLockRequest(lockid=held.lockid)).state == ttypes.LockState.ACQUIRED
        )
    running.stop()

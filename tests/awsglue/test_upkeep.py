"""Iceberg's procedures that order and choose data files, and that delete what no table knows."""

from __future__ import annotations

import datetime as dt
import io
import itertools
from typing import Any

import pyarrow.parquet as pq
import pytest
from test_tables import database, query

from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.iceberg import maintenance, orphans

__all__ = ["database", "query"]


def bucket_of(name: str) -> str:
    import boto3

    return str(boto3.client("glue").get_database(Name=name)["Database"]["LocationUri"].split("/")[2])


def stored(name: str) -> set[str]:
    import boto3

    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket_of(name))
    return {one["Key"] for page in pages for one in page.get("Contents", ())}


def test_files_are_put_in_order(database: str, spark: Any, query: Any) -> None:
    table = f"glue_catalog.{database}.mixed"
    spark.sql(f"CREATE TABLE {table} (id int, d double, p string) USING iceberg PARTITIONED BY (p)")
    values = [(3, 1.5), (1, None), (None, float("nan")), (2, -1.0), (5, 2.5), (4, None)]
    for number, (id, d) in enumerate(values):
        number_text = "null" if d is None else f"double('{d}')"
        spark.sql(
            f"INSERT INTO {table} VALUES ({'null' if id is None else id}, {number_text}, '{'ab'[number % 2]}')"
        )
    call = f"CALL glue_catalog.system.rewrite_data_files(table => '{database}.mixed'"
    whole = sorted(map(repr, query(f"SELECT * FROM {table}")))

    def files(part: str) -> list[list[Any]]:
        """The rows of each data file of a partition, as they lie."""
        import boto3

        paths = query(f"SELECT file_path FROM {table}.files WHERE file_path LIKE '%p={part}/%'")
        bucket, s3 = bucket_of(database), boto3.client("s3")
        found = []
        for (path,) in paths:
            body = s3.get_object(Bucket=bucket, Key=path.split("/", 3)[3])["Body"].read()
            found.append([tuple(row.values()) for row in pq.read_table(io.BytesIO(body)).to_pylist()])
        return found

    with pytest.raises(Exception, match="is unsorted and no sort order is provided"):
        spark.sql(f"{call}, strategy => 'sort')")
    with pytest.raises(Exception, match="only one rewriter type"):
        spark.sql(f"{call}, strategy => 'binpack', sort_order => 'id')")
    with pytest.raises(Exception, match="Cannot find field 'nothing'"):
        spark.sql(f"{call}, sort_order => 'nothing')")
    with pytest.raises(EngineRefused, match="zorder"):
        spark.sql(f"{call}, strategy => 'sort', sort_order => 'zorder(id, d)')")
    for options, said in [
        ("map('target-file-size-bytes', '0')", "must be a number >= 1"),
        ("map('min-input-files', 'few')", "must be a number >= 1"),
        ("map('target-file-size-bytes', '10', 'max-file-size-bytes', '9')", "and < 'max-file-size-bytes'"),
        ("map('rewrite-all', true)", "texts all of them"),
        ("map('rewrite-all', 'true'), options => map('min-input-files', '2')", "said twice"),
    ]:
        with pytest.raises(Exception, match=said):
            spark.sql(f"{call}, options => {options})")
    few = "options => map('min-input-files', '2')"
    (taken, added, _, failed) = query(
        f"{call}, strategy => 'sort', sort_order => 'id DESC NULLS FIRST', {few})"
    )[0]
    assert (taken, added, failed) == (6, 2, 0)
    (current,) = query(f"SELECT snapshot_id FROM {table}.snapshots ORDER BY committed_at")[-1]
    with pytest.raises(Exception, match=r"Still referenced by refs: \['main'\]"):
        spark.sql(
            call.replace("rewrite_data_files", "expire_snapshots") + f", snapshot_ids => array({current}))"
        )
    assert [[row[0] for row in rows] for rows in files("a")] == [[None, 5, 3]]
    assert [[row[0] for row in rows] for rows in files("b")] == [[4, 2, 1]]
    again = "options => MAP('rewrite-all', 'true')"
    assert query(f"{call}, sort_order => 'd, id desc', {again})")[0][:2] == (2, 2)
    assert [str(row[1]) for row in files("a")[0]] == ["1.5", "2.5", "nan"]
    assert [row[:2] for row in files("b")[0]] == [(4, None), (1, None), (2, -1.0)]
    assert sorted(map(repr, query(f"SELECT * FROM {table}"))) == whole
    assert query(f"SELECT operation FROM {table}.snapshots ORDER BY committed_at")[-1] == ("replace",)


def test_files_have_a_size_and_a_range_each(database: str, spark: Any, query: Any) -> None:
    """So that a query can leave out the files that have none of its rows."""
    import boto3

    table = f"glue_catalog.{database}.ranged"
    spark.sql(f"CREATE TABLE {table} (id int, v string) USING iceberg")
    for number in range(2):
        ids = f"SELECT int(id * 37 % 1000 * 2 + {number}) AS id, repeat('v', 50) AS v FROM range(1000)"
        spark.sql(f"INSERT INTO {table} {ids}")
    call = f"CALL glue_catalog.system.rewrite_data_files(table => '{database}.ranged', sort_order => 'id'"
    options = "map('rewrite-all', 'true', 'target-file-size-bytes', '20000')"
    (taken, added, _, _) = query(f"{call}, options => {options})")[0]
    assert taken == 2
    assert added > 2
    s3, bucket = boto3.client("s3"), bucket_of(database)
    ranges = []
    for (path,) in query(f"SELECT file_path FROM {table}.files"):
        body = s3.get_object(Bucket=bucket, Key=path.split("/", 3)[3])["Body"].read()
        ids = pq.read_table(io.BytesIO(body)).column("id").to_pylist()
        assert ids == sorted(ids)
        ranges.append((ids[0], ids[-1]))
    ranges.sort()
    assert all(first[1] < second[0] for first, second in itertools.pairwise(ranges))
    assert query(f"SELECT count(*), count(distinct id), sum(id) FROM {table}") == [(2000, 2000, 1999000)]


def test_files_are_chosen_by_a_condition(database: str, spark: Any, query: Any) -> None:
    table = f"glue_catalog.{database}.chosen"
    spark.sql(
        f"CREATE TABLE {table} (id int, name string, at timestamp, p string) USING iceberg PARTITIONED BY (p)"
    )
    for number in range(6):
        moment = f"timestamp'2026-01-0{number + 1} 00:00:00'"
        spark.sql(f"INSERT INTO {table} VALUES ({number}, 'n{number}', {moment}, '{'ab'[number % 2]}')")
    call = f"CALL glue_catalog.system.rewrite_data_files(table => '{database}.chosen', "
    every = "options => map('rewrite-all', 'true')"
    rows = query(f"SELECT * FROM {table} ORDER BY id")
    for where, files in [
        ("""'id = 3 and name = "n3"'""", 1),
        ("'ID >= 4 or id in (0)'", 3),
        ("'p = \\'a\\' AND NOT id > 2'", 2),
        ('\'at between timestamp "2026-01-02 00:00:00" and "2026-01-03 12:00:00"\'', 2),
        ("'name is null'", 0),
        ("\"p = 'b'\"", 3),
    ]:
        assert query(f"{call}where => {where}, {every})")[0][0] == files, where
        # Each is told by the files as they are now: the last one has put a partition's together.
    assert query(f"SELECT * FROM {table} ORDER BY id") == rows
    for refused in ("'year(at) = 2026'", "'id = p'", "'nothing = 1'", "'id = \"x\"'", "'id ='"):
        with pytest.raises(EngineRefused, match="with where"):
            spark.sql(f"{call}where => {refused})")
    with pytest.raises(EngineRefused, match="with wher"):
        spark.sql(f"{call}wher => 'id = 1')")


def test_rows_that_the_writer_cannot_tell_apart_are_refused(database: str, spark: Any, query: Any) -> None:
    """They would be written twice, or not at all."""
    table = f"glue_catalog.{database}.doubles"
    spark.sql(f"CREATE TABLE {table} (id int, d double) USING iceberg PARTITIONED BY (d)")
    spark.sql(f"INSERT INTO {table} VALUES (1, double('0.0')), (2, null), (3, double('-infinity'))")
    for value in ("-0.0", "nan"):
        with pytest.raises(Exception, match=r"NaN or -0\.0 in d"):
            spark.sql(f"INSERT INTO {table} VALUES (4, double('0.0')), (5, double('{value}'))")
    call = f"CALL glue_catalog.system.rewrite_data_files(table => '{database}.doubles', "
    assert query(f"{call}options => map('rewrite-all', 'true'))")[0][:2] == (3, 3)
    assert query(f"SELECT id FROM {table} ORDER BY id") == [(1,), (2,), (3,)]
    # Elsewhere than in the partition they are values as any other.
    spark.sql(f"ALTER TABLE {table} DROP PARTITION FIELD d")
    spark.sql(f"INSERT INTO {table} VALUES (4, double('-0.0')), (5, double('nan'))")
    assert query(f"SELECT count(*) FROM {table}") == [(5,)]


def test_files_that_no_table_knows_go(
    database: str, spark: Any, query: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3

    s3, bucket = boto3.client("s3"), bucket_of(database)
    table = f"glue_catalog.{database}.kept"
    spark.sql(f"CREATE TABLE {table} (id int, _h string) USING iceberg PARTITIONED BY (_h)")
    for number in range(3):
        spark.sql(f"INSERT INTO {table} VALUES ({number}, 'x')")
    spark.sql(f"DELETE FROM {table} WHERE id = 0")
    known = stored(database)
    place = f"{database}.db/kept"
    lost = {f"{place}/data/lost.parquet", f"{place}/metadata/lost.avro", f"{place}/data/_h=y/lost.parquet"}
    spared = {
        f"{place}/data/_hidden/lost.parquet",
        f"{place}/data/.lost.crc",
        f"{place}2/data/other.parquet",
        f"{place}/metadata/version-hint.text",
    }
    for key in lost | spared:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    call = f"CALL glue_catalog.system.remove_orphan_files(table => '{database}.kept'"
    assert query(f"{call})") == []  # nothing is three days old
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(hours=23)
    with pytest.raises(Exception, match="less than 24 hours"):
        spark.sql(f"{call}, older_than => TIMESTAMP '{yesterday.isoformat()}')")
    # Four days later.
    later = maintenance.now() + 4 * 24 * 60 * 60 * 1000
    monkeypatch.setattr(orphans, "now", lambda: later)
    found = {f"s3://{bucket}/{key}" for key in lost}
    assert {path for (path,) in query(f"{call}, dry_run => true)")} == found
    assert stored(database) == known | lost | spared
    before = (dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)).isoformat()
    assert query(f"{call}, older_than => TIMESTAMP '{before}')") == []
    assert query(f"{call}, location => 's3://{bucket}/{place}/metadata')") == [
        (f"s3://{bucket}/{place}/metadata/lost.avro",)
    ]
    with pytest.raises(EngineRefused, match="within the table's own"):
        spark.sql(f"{call}, location => 's3://{bucket}/')")
    for elsewhere in (f"s3://{bucket}//{place}", f"s3://{bucket}/{place}/../kept2"):
        with pytest.raises(EngineRefused, match="empty steps"):
            spark.sql(f"{call}, location => '{elsewhere}')")
    with pytest.raises(EngineRefused, match="dry_run yes"):
        spark.sql(f"{call}, dry_run => 'yes')")
    with pytest.raises(EngineRefused, match="file_list_view"):
        spark.sql(f"{call}, file_list_view => 'v')")
    # Other tables of the catalog may need them.
    glue = boto3.client("glue")
    for location in (f"s3://{bucket}/{place}/data/", f"s3a://{bucket}/{database}.db"):
        glue.create_table(
            DatabaseName=database, TableInput={"Name": "other", "StorageDescriptor": {"Location": location}}
        )
        with pytest.raises(EngineRefused, match=rf"files of {database}\.other may lie there"):
            spark.sql(f"{call})")
        glue.delete_table(DatabaseName=database, Name="other")
    assert len(query(f"{call})")) == len(lost) - 1
    assert stored(database) == known | spared
    spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ('gc.enabled' = 'false')")
    with pytest.raises(Exception, match="GC is disabled"):
        spark.sql(f"{call})")
    # Every snapshot can still be read.
    for (snapshot,) in query(f"SELECT snapshot_id FROM {table}.snapshots"):
        query(f"SELECT * FROM {table} VERSION AS OF {snapshot}")
    assert query(f"SELECT id FROM {table} ORDER BY id") == [(1,), (2,)]

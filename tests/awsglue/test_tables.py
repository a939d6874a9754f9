"""Iceberg and Hive-style tables through the Glue catalog of a real server, by the API and the SQL that scripts use."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from awsglue._runtime.failures import EngineRefused

DAY = datetime.datetime(2020, 1, 1)
ORDERS = "id int, region string, amount double, ts timestamp"


@pytest.fixture
def database(server: str, spark: Any) -> Any:
    """A database with a location of its own, in the catalog that scripts call glue_catalog."""
    import boto3

    from awsglue._runtime import engine

    engine.STATE.arguments["--datalake-formats"] = "iceberg"
    name = f"db_{uuid.uuid4().hex[:10]}"
    bucket = f"b-{uuid.uuid4().hex[:10]}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    boto3.client("glue").create_database(
        DatabaseInput={"Name": name, "LocationUri": f"s3://{bucket}/{name}.db/"}
    )
    yield name
    spark.sql("USE spark_catalog")
    for row in spark.sql(f"SHOW TABLES IN {name}").collect():
        if not row.isTemporary:
            boto3.client("glue").delete_table(DatabaseName=name, Name=row.tableName)
    boto3.client("glue").delete_database(Name=name)


@pytest.fixture
def query(spark: Any) -> Callable[[str], list[tuple[Any, ...]]]:
    return lambda text: [tuple(row) for row in spark.sql(text).collect()]


@pytest.fixture
def orders(database: str, spark: Any) -> str:
    table = f"glue_catalog.{database}.orders"
    spark.sql(f"CREATE TABLE {table} ({ORDERS}) USING iceberg PARTITIONED BY (region)")
    spark.sql(
        f"INSERT INTO {table} VALUES (1,'eu',1.5,timestamp'2020-01-01 00:00:00'),(2,'us',2.5,null),(3,'eu',3.5,null)"
    )
    return table


def test_insert_select_and_history(orders: str, query: Any) -> None:
    assert query(f"SELECT id, region, amount FROM {orders} ORDER BY id") == [
        (1, "eu", 1.5),
        (2, "us", 2.5),
        (3, "eu", 3.5),
    ]
    assert query(f"SELECT orders.id FROM {orders} WHERE orders.ts IS NOT NULL") == [(1,)]
    assert query(f"SELECT operation FROM {orders}.snapshots") == [("append",)]
    assert len(query(f"SELECT file_path FROM {orders}.files")) == 2


def test_update_and_delete(orders: str, query: Any, spark: Any) -> None:
    spark.sql(f"UPDATE {orders} SET amount = amount * 10, ts = null WHERE region = 'eu'")
    assert query(f"SELECT id, amount, ts FROM {orders} ORDER BY id") == [
        (1, 15.0, None),
        (2, 2.5, None),
        (3, 35.0, None),
    ]
    spark.sql(f"DELETE FROM {orders} AS o WHERE o.id = 3")
    assert query(f"SELECT id FROM {orders} ORDER BY id") == [(1,), (2,)]
    spark.sql(f"DELETE FROM {orders} WHERE ts > timestamp'2020-01-01'")
    assert query(f"SELECT count(*) FROM {orders}") == [(2,)]


def test_merge(orders: str, query: Any, spark: Any) -> None:
    spark.createDataFrame(
        [(2, "us", 99.0), (7, "ap", 7.0)], "id int, region string, amount double"
    ).createOrReplaceTempView("changes")
    spark.sql(
        f"MERGE INTO {orders} t USING changes s ON t.id = s.id WHEN MATCHED THEN UPDATE SET t.amount = s.amount "
        "WHEN NOT MATCHED THEN INSERT (id, region, amount) VALUES (s.id, s.region, s.amount)"
    )
    assert query(f"SELECT id, region, amount FROM {orders} ORDER BY id") == [
        (1, "eu", 1.5),
        (2, "us", 99.0),
        (3, "eu", 3.5),
        (7, "ap", 7.0),
    ]
    spark.sql(
        f"MERGE INTO {orders} t USING (SELECT id, region, amount + 1 AS amount, ts FROM {orders} WHERE id < 3) s "
        "ON t.id = s.id WHEN MATCHED AND t.id = 1 THEN DELETE WHEN MATCHED THEN UPDATE SET * "
        "WHEN NOT MATCHED BY SOURCE AND t.id = 7 THEN DELETE"
    )
    assert query(f"SELECT id, amount FROM {orders} ORDER BY id") == [(2, 100.0), (3, 3.5)]


def test_merge_refuses_two_sources_for_one_row(orders: str, spark: Any, query: Any) -> None:
    spark.createDataFrame([(2, 1.0), (2, 2.0)], "id int, amount double").createOrReplaceTempView("twice")
    with pytest.raises(Exception, match="MERGE_CARDINALITY_VIOLATION"):
        spark.sql(
            f"MERGE INTO {orders} t USING twice s ON t.id = s.id WHEN MATCHED THEN UPDATE SET amount = s.amount"
        )
    assert query(f"SELECT amount FROM {orders} WHERE id = 2") == [(2.5,)]


def test_time_travel(orders: str, query: Any, spark: Any) -> None:
    first = query(f"SELECT snapshot_id FROM {orders}.snapshots")[0][0]
    spark.sql(f"DELETE FROM {orders}")
    assert query(f"SELECT count(*) FROM {orders}") == [(0,)]
    assert query(f"SELECT count(*) FROM {orders} VERSION AS OF {first}") == [(3,)]
    assert spark.read.option("snapshot-id", first).table(orders).count() == 3
    assert query(f"SELECT * FROM {orders}.history")[0][1] == first


def test_schema_evolution(orders: str, query: Any, spark: Any) -> None:
    spark.sql(f"ALTER TABLE {orders} ADD COLUMNS (note string, qty int)")
    spark.sql(f"ALTER TABLE {orders} RENAME COLUMN note TO remark")
    spark.sql(f"ALTER TABLE {orders} ALTER COLUMN qty TYPE bigint")
    spark.sql(f"ALTER TABLE {orders} DROP COLUMN ts")
    assert spark.table(orders).columns == ["id", "region", "amount", "remark", "qty"]
    spark.createDataFrame(
        [(9, "eu", 1.0, "r", 5)], "id int, region string, amount double, remark string, qty bigint"
    ).writeTo(orders).append()
    assert query(f"SELECT id, remark, qty FROM {orders} WHERE region = 'eu' ORDER BY id") == [
        (1, None, None),
        (3, None, None),
        (9, "r", 5),
    ]


def test_overwrites(orders: str, query: Any, spark: Any) -> None:
    from pyspark.sql import functions as fn

    def rows(*given: tuple[Any, ...]) -> Any:
        return spark.createDataFrame(list(given), ORDERS)

    rows((10, "eu", 1.0, None)).writeTo(orders).overwritePartitions()
    assert query(f"SELECT id FROM {orders} ORDER BY id") == [(2,), (10,)]
    rows((11, "us", 1.0, None)).writeTo(orders).overwrite(fn.col("region") == "us")
    assert query(f"SELECT id FROM {orders} ORDER BY id") == [(10,), (11,)]
    spark.sql(f"INSERT OVERWRITE {orders} SELECT 1, 'ap', 2.0D, null")
    assert query(f"SELECT id FROM {orders}") == [(1,)]


def test_append_checks_columns_and_types(orders: str, spark: Any, query: Any) -> None:
    with pytest.raises(Exception, match="CANNOT_FIND_DATA"):
        spark.createDataFrame([(1,)], "id int").writeTo(orders).append()
    with pytest.raises(Exception, match="CANNOT_SAFELY_CAST"):
        spark.createDataFrame(
            [("x", "eu", 1.0, None)], "id string, region string, amount double, ts timestamp"
        ).writeTo(orders).append()
    with pytest.raises(Exception, match="EXTRA_COLUMNS"):
        spark.createDataFrame([(1, "eu", 1.0, None, 1)], ORDERS + ", more int").writeTo(orders).append()
    assert query(f"SELECT count(*) FROM {orders}") == [(3,)]


def test_create_replace_and_transforms(database: str, spark: Any, query: Any) -> None:
    from pyspark.sql import functions as fn

    table = f"glue_catalog.{database}.made"
    spark.sql(
        f"CREATE TABLE {table} USING iceberg PARTITIONED BY (days(ts)) AS SELECT 1 id, timestamp'2020-01-01' ts"
    )
    assert query(f"SELECT * FROM {table}") == [(1, DAY)]
    with pytest.raises(Exception, match="TABLE_OR_VIEW_ALREADY_EXISTS"):
        spark.range(3).writeTo(table).using("iceberg").create()
    spark.range(3).writeTo(table).using("iceberg").tableProperty("k", "v").createOrReplace()
    assert query(f"SELECT * FROM {table} ORDER BY id") == [(0,), (1,), (2,)]
    assert len(query(f"SELECT * FROM {table}.snapshots")) == 2
    assert ("k", "v") in query(f"SHOW TBLPROPERTIES {table}")
    spark.range(10).writeTo(f"glue_catalog.{database}.b").partitionedBy(fn.bucket(4, "id")).create()
    assert query(f"SELECT count(*) FROM glue_catalog.{database}.b") == [(10,)]


def test_format_versions(database: str, spark: Any, query: Any) -> None:
    """1 becomes 2, never back; 3 and what only it can keep is refused by name, with nothing made."""
    table = f"glue_catalog.{database}.versions"
    for text, said in (
        ("(a int) using iceberg tblproperties ('format-version' = '3')", "format version 3"),
        ("(a int, b variant) using iceberg tblproperties ('format-version'='3')", "format version 3"),
        ("(a int, `the b` string default 'x, y') using iceberg", "`the b`"),
        ("using iceberg tblproperties ('format-version'='3') as select 1 a", "format version 3"),
    ):
        with pytest.raises(NotImplementedError, match=said):
            spark.sql(f"create table {table} {text}")
    with pytest.raises(NotImplementedError, match="format version 3"):
        spark.range(1).writeTo(table).using("iceberg").tableProperty("format-version", "3").create()
    assert [row for row in query(f"show tables in glue_catalog.{database}") if not row[2]] == []

    spark.sql(f"create table {table} (a int) using iceberg tblproperties ('format-version' = '1')")
    spark.sql(f"insert into {table} values (1)")
    spark.sql(f"alter table {table} set tblproperties ('format-version' = '2', 'k' = 'v')")
    properties = {row[0]: row[1] for row in query(f"show tblproperties {table}")}
    assert (properties["format-version"], properties["k"]) == ("2", "v")
    for wrong in ("3", "1"):
        with pytest.raises(Exception, match=r"format version 3|downgrade"):
            spark.sql(f"alter table {table} set tblproperties ('format-version' = '{wrong}')")
    with pytest.raises(NotImplementedError, match="default value of the column c"):
        spark.sql(f"alter table {table} add column c int default 5")
    with pytest.raises(NotImplementedError, match="format version 3"):
        spark.sql(
            f"create or replace table {table} (z int) using iceberg tblproperties ('format-version'='3')"
        )
    assert query(f"select * from {table}") == [(1,)]


def test_concurrent_appends_lose_nothing(orders: str, spark: Any, query: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    frames = [spark.createDataFrame([(100 + n, "eu", 1.0, None)], ORDERS) for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda frame: frame.writeTo(orders).append(), frames))
    assert query(f"SELECT count(*) FROM {orders}") == [(7,)]


def test_concurrent_changes_lose_nothing(orders: str, spark: Any, query: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    acts = [
        lambda: spark.sql(f"UPDATE {orders} SET amount = 100 WHERE id = 1"),
        lambda: spark.sql(f"DELETE FROM {orders} WHERE id = 3"),
        lambda: spark.sql(f"INSERT INTO {orders} VALUES (200, 'eu', 2.0, null)"),
    ]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda act: act(), acts))
    assert query(f"SELECT id, amount FROM {orders} ORDER BY id") == [(1, 100.0), (2, 2.5), (200, 2.0)]


def test_catalog_questions(orders: str, database: str, spark: Any, query: Any) -> None:
    assert spark.catalog.tableExists(orders)
    assert not spark.catalog.tableExists(f"glue_catalog.{database}.nope")
    assert (database, "orders", False) in query(f"SHOW TABLES IN glue_catalog.{database}")
    assert query(f"DESCRIBE {orders}")[:2] == [("id", "int", None), ("region", "string", None)]
    spark.sql(f"USE glue_catalog.{database}")
    assert spark.catalog.currentDatabase() == database
    assert query("SELECT count(*) FROM orders") == [(3,)]
    spark.sql("DROP TABLE orders")
    with pytest.raises(Exception, match="TABLE_OR_VIEW_NOT_FOUND"):
        spark.sql("SELECT * FROM orders")


def test_hive_tables_and_partitions(database: str, spark: Any, query: Any) -> None:
    table = f"{database}.hive1"
    spark.createDataFrame([(1, "a", None), (2, "b", "x")], "id int, v string, p string").write.partitionBy(
        "p"
    ).saveAsTable(table)
    spark.sql(f"INSERT INTO {table} VALUES (3,'c','y')")
    assert query(f"SELECT id, v, p FROM {table} ORDER BY id") == [
        (1, "a", None),
        (2, "b", "x"),
        (3, "c", "y"),
    ]
    assert query(f"SHOW PARTITIONS {table}") == [("p=__HIVE_DEFAULT_PARTITION__",), ("p=x",), ("p=y",)]
    spark.sql(f"INSERT OVERWRITE {table} PARTITION (p='x') SELECT 20, 'bb'")
    assert query(f"SELECT id, p FROM {table} ORDER BY id") == [(1, None), (3, "y"), (20, "x")]
    spark.createDataFrame([(4, "d", "y")], "a int, b string, c string").write.insertInto(table)
    assert query(f"SELECT count(*) FROM {table} WHERE p = 'y'") == [(2,)]


def test_registered_partitions_are_what_is_read(database: str, spark: Any, query: Any) -> None:
    import boto3

    table = f"{database}.parts"
    spark.createDataFrame([(1, "x"), (2, "y")], "id int, p string").write.partitionBy("p").saveAsTable(table)
    boto3.client("glue").delete_partition(DatabaseName=database, TableName="parts", PartitionValues=["y"])
    assert query(f"SELECT id FROM {table}") == [(1,)]
    spark.sql(f"MSCK REPAIR TABLE {table}")
    assert query(f"SELECT id FROM {table} ORDER BY id") == [(1,), (2,)]


def test_small_files_are_put_together_and_old_snapshots_go(database: str, spark: Any, query: Any) -> None:
    import boto3

    table = f"glue_catalog.{database}.small_l"
    spark.sql(f"CREATE TABLE {table} (id int, v string) USING iceberg")
    for number in range(6):
        spark.sql(f"INSERT INTO {table} VALUES ({number}, 'v{number}')")
    spark.sql(f"DELETE FROM {table} WHERE id = 0")
    rows = query(f"SELECT * FROM {table} ORDER BY id")
    call = f"CALL glue_catalog.system.rewrite_data_files(table => '{database}.small_l'"
    (files, added, size, failed) = query(
        f"{call}, strategy => 'binpack', options => map('min-input-files', '2'))"
    )[0]
    assert (files, added, failed) == (5, 1, 0)
    assert size > 0
    assert query(f"{call})") == [(0, 0, 0, 0)]
    assert query(f"SELECT * FROM {table} ORDER BY id") == rows
    assert query(f"SELECT operation FROM {table}.snapshots ORDER BY committed_at")[-1] == ("replace",)
    assert query(f"SELECT count(*) FROM {table}.snapshots") == [(8,)]

    location = boto3.client("glue").get_database(Name=database)["Database"]["LocationUri"].split("/")[2]

    def stored() -> set[str]:
        found = boto3.client("s3").list_objects_v2(Bucket=location, Prefix=f"{database}.db/small_l/data/")
        return {one["Key"] for one in found.get("Contents", [])}

    before = stored()
    expire = f"CALL glue_catalog.system.expire_snapshots(table => '{database}.small_l', older_than => "
    counts = query(f"{expire} TIMESTAMP '2999-01-01 00:00:00', retain_last => 1)")[0]
    assert counts[0] == len(before) - len(stored()) == 6
    assert (counts[1], counts[2], counts[4]) == (0, 0, 7)
    assert query(f"SELECT count(*) FROM {table}.snapshots") == [(1,)]
    assert query(f"SELECT * FROM {table} ORDER BY id") == rows
    assert query(f"{expire} TIMESTAMP '2000-01-01 00:00:00')")[0] == (0, 0, 0, 0, 0, 0)
    with pytest.raises(EngineRefused, match="give a timestamp in quotes"):
        # A part of an expression is another moment.
        spark.sql(f"{expire} TIMESTAMP '2999-01-01 00:00:00' - INTERVAL 900 YEARS)")


def test_plain_text_of_hive(database: str, spark: Any, query: Any) -> None:
    import boto3

    s3 = boto3.client("s3")
    bucket = boto3.client("glue").get_database(Name=database)["Database"]["LocationUri"].split("/")[2]
    s3.put_object(Bucket=bucket, Key="plain/p=1/a", Body=b'1,,2.5\n,\\N,1\n3,"q\nnine,z, 7,more\n')
    spark.sql(
        f"CREATE EXTERNAL TABLE {database}.plain (i int, s string, d double) PARTITIONED BY (p int) ROW FORMAT "
        f"DELIMITED FIELDS TERMINATED BY ',' STORED AS TEXTFILE LOCATION 's3://{bucket}/plain/'"
    )
    spark.sql(f"MSCK REPAIR TABLE {database}.plain")
    first = [(1, "", 2.5, 1), (None, None, 1.0, 1), (3, '"q', None, 1), (None, "z", None, 1)]
    assert query(f"SELECT * FROM {database}.plain") == first
    spark.sql(
        f"INSERT INTO {database}.plain PARTITION (p = 2) VALUES (7, '', null), (8, null, 15e9), "
        "(9, 'x', double('Infinity'))"
    )
    assert query(f"SELECT * FROM {database}.plain WHERE p = 2 ORDER BY i") == [
        (7, "", None, 2),
        (8, None, 15e9, 2),
        (9, "x", float("inf"), 2),
    ]
    assert spark.table(f"{database}.plain").dtypes == [
        ("i", "int"),
        ("s", "string"),
        ("d", "double"),
        ("p", "int"),
    ]


def test_members_of_structs_are_no_tables(database: str, spark: Any, query: Any) -> None:
    spark.createDataFrame([(((5,),),)], "sales struct<dim: struct<last: int>>").createOrReplaceTempView(
        "limits"
    )
    spark.createDataFrame([(4,), (5,)], "n int").write.saveAsTable(f"{database}.numbers")
    assert query("SELECT sales.dim.last FROM limits") == [(5,)]
    units = spark.sql("SELECT cast(sales.dim.last AS string) year, sales.dim.last day FROM limits")
    assert units.columns == ["year", "day"]
    within = f"SELECT n FROM {database}.numbers WHERE n >= (SELECT sales.dim.last FROM limits)"
    assert query(within) == [(5,)]
    assert query(f"SELECT {database}.numbers.n FROM {database}.numbers WHERE numbers.n < 5") == [(4,)]


def test_views(database: str, spark: Any, query: Any) -> None:
    import boto3

    spark.createDataFrame([(1,), (5,)], "id int").write.saveAsTable(f"{database}.base")
    spark.sql(f"CREATE OR REPLACE VIEW {database}.big AS SELECT id FROM {database}.base WHERE id > 3")
    assert query(f"SELECT * FROM {database}.big") == [(5,)]
    spark.sql(
        f"CREATE OR REPLACE PROTECTED MULTI DIALECT VIEW {database}.both SECURITY DEFINER AS "
        f"SELECT id FROM {database}.base"
    )
    row = boto3.client("glue").get_table(DatabaseName=database, Name="both")["Table"]
    assert [item["Dialect"] for item in row["ViewDefinition"]["Representations"]] == ["SPARK"]
    assert query(f"SELECT count(*) FROM {database}.both") == [(2,)]
    spark.sql("CREATE OR REPLACE TEMP VIEW tv AS SELECT 1 x")
    assert query("WITH c AS (SELECT x FROM tv) SELECT c.x FROM c JOIN tv ON c.x = tv.x") == [(1,)]

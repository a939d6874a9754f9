"""Athena over HTTP: what clients ask, on tables whose files are in Mastic's own S3."""

from __future__ import annotations

import gzip
import io
import sqlite3
import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from tests.conftest import Server

Ask = Callable[..., list[list[str | None]]]


class Workspace:
    """A bucket and a database of one test, and ways to ask."""

    def __init__(self, server: Server, name: str) -> None:
        self.bucket = self.database = name
        self.s3 = server.client("s3")
        self.glue = server.client("glue")
        self.athena = server.client("athena")
        self.s3.create_bucket(Bucket=name)
        self.glue.create_database(DatabaseInput={"Name": name})

    def put(self, key: str, body: bytes | str) -> None:
        """Store an object."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def start(self, sql: str, **request: Any) -> str:
        """Start a query with this test's database and output location."""
        started: str = self.athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self.database},
            ResultConfiguration={"OutputLocation": f"s3://{self.bucket}/results/"},
            **request,
        )["QueryExecutionId"]
        return started

    def end(self, id: str) -> dict[str, Any]:
        """Wait for a query's end."""
        for _ in range(6000):
            execution: dict[str, Any] = self.athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]
            if execution["Status"]["State"] in ("SUCCEEDED", "FAILED", "CANCELLED"):
                return execution
            time.sleep(0.05)
        raise AssertionError(f"query {id} does not end")

    def ask(self, sql: str, **request: Any) -> list[list[str | None]]:
        """The rows of a query's result, a SELECT's header first."""
        id = self.start(sql, **request)
        execution = self.end(id)
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        pages = self.athena.get_paginator("get_query_results").paginate(QueryExecutionId=id)
        return [
            [cell.get("VarCharValue") for cell in row["Data"]]
            for page in pages
            for row in page["ResultSet"]["Rows"]
        ]

    def failure(self, sql: str, **request: Any) -> str:
        """Why a query failed."""
        execution = self.end(self.start(sql, **request))
        assert execution["Status"]["State"] == "FAILED", execution["Status"]
        reason: str = execution["Status"]["StateChangeReason"]
        assert execution["Status"]["AthenaError"]["ErrorMessage"] == reason
        return reason

    def trades(self) -> None:
        """A partitioned CSV table of three rows."""
        self.put("trades/dt=2024-01-01/a.csv", 'id,name,amount\n1,"a, b",2.5\n2,,7\n')
        self.put("trades/dt=2024-01-02/b.csv.gz", gzip.compress(b"id,name,amount\n3,zed,9.25\n"))
        self.ask(
            "CREATE EXTERNAL TABLE trades (id int, name string, amount double) PARTITIONED BY (dt string) "
            "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde' "
            f"LOCATION 's3://{self.bucket}/trades/' TBLPROPERTIES ('skip.header.line.count'='1')"
        )
        self.ask("MSCK REPAIR TABLE trades")


@pytest.fixture
def work(server: Server, name: str) -> Workspace:
    """A workspace of the test's own."""
    return Workspace(server, name)


def test_rows_of_a_partitioned_csv_table(work: Workspace) -> None:
    work.trades()
    assert work.ask("SELECT * FROM trades ORDER BY id") == [
        ["id", "name", "amount", "dt"],
        ["1", "a, b", "2.5", "2024-01-01"],
        ["2", "", "7.0", "2024-01-01"],
        ["3", "zed", "9.25", "2024-01-02"],
    ]


@pytest.mark.parametrize(
    ("sql", "row"),
    [
        ("SELECT sum(CASE WHEN (name IS NULL) THEN 1 ELSE 0 END) FROM (SELECT * FROM trades WHERE true) AS a", ["0"]),
        ("WITH a AS (SELECT * FROM trades), b AS (SELECT * FROM a WHERE id = 3) SELECT name, dt FROM b",
         ["zed", "2024-01-02"]),
        ("SELECT id FROM (SELECT *, row_number() OVER (ORDER BY id DESC) AS n FROM trades) WHERE n = 1", ["3"]),
        ("SELECT max(id) FROM (SELECT * FROM trades UNION ALL SELECT * FROM trades)", ["3"]),
        ("SELECT n FROM (SELECT * FROM trades CROSS JOIN UNNEST(ARRAY[7]) AS t(n)) WHERE id = 1", ["7"]),
        ("SELECT max(id) FROM (SELECT t.*, 1 AS one FROM trades t JOIN trades u USING (id)) WHERE one = 1", ["3"]),
        ("SELECT id, count(*) FROM (SELECT * FROM trades a JOIN (SELECT id FROM trades) b USING (id)) "
         "WHERE id = 2 GROUP BY id", ["2", "1"]),
    ],
)  # fmt: skip
def test_what_a_subquerys_star_brings_is_known_around_it(work: Workspace, sql: str, row: list[str]) -> None:
    work.trades()
    assert work.ask(sql)[1:] == [row]


def test_partitions_are_pruned(work: Workspace) -> None:
    work.trades()
    all_bytes = work.end(work.start("SELECT count(*) FROM trades"))["Statistics"]["DataScannedInBytes"]
    execution = work.end(work.start("SELECT sum(amount) FROM trades WHERE dt = '2024-01-02'"))
    assert execution["Status"]["State"] == "SUCCEEDED"
    assert 0 < execution["Statistics"]["DataScannedInBytes"] < all_bytes
    # A partition whose file nobody could read is no obstacle when it is not asked for.
    work.put("trades/dt=2024-01-02/c.csv.gz", b"this is not gzip")
    assert work.ask("SELECT count(*) FROM trades WHERE dt = '2024-01-01'") == [["_col0"], ["2"]]


def test_values_print_as_athena_prints_them(work: Workspace) -> None:
    lines = work.ask(
        "SELECT CAST(NULL AS varchar) a, '' b, 1e10 c, 0.1e0 d, true e, ARRAY[1, 2] f, MAP(ARRAY['k'], ARRAY[1]) g, "
        "CAST(ROW(1, 'x') AS ROW(a integer, b varchar)) h, TIMESTAMP '2020-01-02 03:04:05.678' i, "
        "DATE '2020-01-02' j, CAST(2.50 AS decimal(10,2)) k, X'00ff' l, 7 / 2 m, -7 / 2 n, CAST(2.5e0 AS integer) o"
    )
    assert lines[1] == [
        None, "", "1.0E10", "0.1", "true", "[1, 2]", "{k=1}", "{a=1, b=x}", "2020-01-02 03:04:05.678",
        "2020-01-02", "2.50", "00 ff", "3", "-3", "3",
    ]  # fmt: skip


def test_column_types_are_reported(work: Workspace) -> None:
    id = work.start(
        "SELECT 1 a, CAST(1 AS bigint) b, 1.50 c, 1e0 d, 'x' e, ARRAY[1] f, DATE '2020-01-01' g, sum(1) h"
    )
    work.end(id)
    info = work.athena.get_query_results(QueryExecutionId=id)["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    types = [c["Type"] for c in info]
    assert types == ["integer", "bigint", "decimal", "double", "varchar", "array", "date", "bigint"]
    assert (info[2]["Precision"], info[2]["Scale"]) == (3, 2)


def test_results_are_files_on_s3(work: Workspace) -> None:
    id = work.start("SELECT * FROM (VALUES (1, 'say \"hi\"'), (2, NULL)) t(n, s) ORDER BY n")
    location = work.end(id)["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://{work.bucket}/results/{id}.csv"
    body = work.s3.get_object(Bucket=work.bucket, Key=f"results/{id}.csv")["Body"].read().decode()
    assert body == '"n","s"\n"1","say ""hi"""\n"2",\n'
    assert work.s3.head_object(Bucket=work.bucket, Key=f"results/{id}.csv.metadata")["ContentLength"] > 0


def test_results_page_over_long_and_wide_characters(work: Workspace) -> None:
    sql = "SELECT n, rpad('', 1200, 'é€𝄞') AS s FROM UNNEST(sequence(1, 700)) AS t(n) ORDER BY n"
    id = work.start(sql)
    assert work.end(id)["Status"]["State"] == "SUCCEEDED"
    seen, token = [], None
    while True:
        page = work.athena.get_query_results(
            QueryExecutionId=id, MaxResults=97, **({"NextToken": token} if token else {})
        )
        seen += [r["Data"][0]["VarCharValue"] for r in page["ResultSet"]["Rows"]]
        assert all(r["Data"][1]["VarCharValue"] in ("s", "é€𝄞" * 400) for r in page["ResultSet"]["Rows"])
        token = page.get("NextToken")
        if token is None:
            break
    assert seen == ["n", *map(str, range(1, 701))]
    with pytest.raises(ClientError, match="InvalidRequestException"):
        work.athena.get_query_results(QueryExecutionId=id, NextToken="garbage")


def test_parquet_columns_are_found_by_name(work: Workspace) -> None:
    def parquet(table: pa.Table) -> bytes:
        out = io.BytesIO()
        pq.write_table(table, out)
        return out.getvalue()

    work.put("p/1.parquet", parquet(pa.table({"B": ["x"], "a": pa.array([1], pa.int32())})))
    work.put("p/2.parquet", parquet(pa.table({"a": pa.array([2], pa.int64()), "c": [5]})))
    work.put("p/_SUCCESS", b"")
    work.ask(
        f"CREATE EXTERNAL TABLE p (a bigint, b string) STORED AS PARQUET LOCATION 's3://{work.bucket}/p/'"
    )
    assert work.ask("SELECT a, b FROM p ORDER BY a")[1:] == [["1", "x"], ["2", None]]


def test_json_and_text_tables(work: Workspace) -> None:
    work.put("j/1.json", '{"id": 1, "tags": ["a", "b"], "at": {"x": 1}}\n{"id": 2}\n')
    work.ask(
        "CREATE EXTERNAL TABLE j (id int, tags array<string>, at struct<x:int>) ROW FORMAT SERDE "
        f"'org.openx.data.jsonserde.JsonSerDe' LOCATION 's3://{work.bucket}/j/'"
    )
    assert work.ask("SELECT id, tags[1], at.x FROM j ORDER BY id")[1:] == [["1", "a", "1"], ["2", None, None]]
    work.put("t/1.txt", "1\tone\n2\t\\N\nx\tthree\n")
    work.ask(
        "CREATE EXTERNAL TABLE t (id int, s string) ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\t' "
        f"LOCATION 's3://{work.bucket}/t/'"
    )
    assert work.ask("SELECT id, s FROM t ORDER BY s NULLS LAST")[1:] == [
        ["1", "one"],
        [None, "three"],
        ["2", None],
    ]


def test_a_table_without_files_is_empty(work: Workspace) -> None:
    work.ask(f"CREATE EXTERNAL TABLE e (a int) STORED AS PARQUET LOCATION 's3://{work.bucket}/nothing/'")
    assert work.ask("SELECT a FROM e") == [["a"]]


def test_views(work: Workspace) -> None:
    work.trades()
    work.ask("CREATE VIEW big AS SELECT id, amount * 2 AS twice FROM trades WHERE amount > 5")
    table = work.glue.get_table(DatabaseName=work.database, Name="big")["Table"]
    assert table["TableType"] == "VIRTUAL_VIEW"
    assert table["Parameters"]["presto_view"] == "true"
    assert table["ViewOriginalText"].startswith("/* Presto View: ")
    assert [c["Type"] for c in table["StorageDescriptor"]["Columns"]] == ["int", "double"]
    assert work.ask("SELECT * FROM big ORDER BY id")[1:] == [["2", "14.0"], ["3", "18.5"]]
    assert "already exists" in work.failure("CREATE VIEW big AS SELECT 1 a")
    work.ask("CREATE OR REPLACE VIEW big AS SELECT id FROM trades")
    work.ask("CREATE VIEW bigger AS SELECT max(id) AS top FROM big")
    assert work.ask("SELECT top FROM bigger")[1:] == [["3"]]
    assert "DROP VIEW" in work.failure("DROP TABLE big")
    work.ask("DROP VIEW big")
    assert "TABLE_NOT_FOUND" in work.failure("SELECT * FROM bigger")


def test_views_in_several_dialects(work: Workspace) -> None:
    work.trades()
    spark = {"Dialect": "SPARK", "DialectVersion": "3.5", "ViewOriginalText": "SELECT id FROM trades"}
    work.glue.create_table(
        DatabaseName=work.database,
        TableInput={
            "Name": "mdv",
            "TableType": "VIRTUAL_VIEW",
            "StorageDescriptor": {"Columns": [{"Name": "id", "Type": "int"}]},
            "ViewDefinition": {"IsProtected": True, "Representations": [spark]},
        },
    )
    assert "no ATHENA dialect" in work.failure("SELECT * FROM mdv")
    work.ask("ALTER VIEW mdv ADD DIALECT AS SELECT id FROM trades")
    assert work.ask("SELECT count(*) FROM mdv")[1:] == [["3"]]
    definition = work.glue.get_table(DatabaseName=work.database, Name="mdv")["Table"]["ViewDefinition"]
    assert sorted(r["Dialect"] for r in definition["Representations"]) == ["ATHENA", "SPARK"]
    assert "already" in work.failure("ALTER VIEW mdv ADD DIALECT AS SELECT id FROM trades")
    assert "columns" in work.failure("ALTER VIEW mdv UPDATE DIALECT AS SELECT name FROM trades")
    work.ask("ALTER VIEW mdv DROP DIALECT")
    assert "no ATHENA dialect" in work.failure("SELECT * FROM mdv")


def test_create_table_as_insert_and_unload(work: Workspace) -> None:
    work.trades()
    id = work.start(
        "CREATE TABLE copy WITH (format='PARQUET', partitioned_by=ARRAY['dt']) AS SELECT id, dt FROM trades"
    )
    execution = work.end(id)
    assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
    manifest = execution["Statistics"]["DataManifestLocation"].removeprefix(f"s3://{work.bucket}/")
    listed = work.s3.get_object(Bucket=work.bucket, Key=manifest)["Body"].read().decode().split()
    assert len(listed) == 2
    work.ask("INSERT INTO copy SELECT id + 10, '2024-01-03' FROM trades")
    assert work.ask("SELECT dt, count(*) FROM copy GROUP BY 1 ORDER BY 1")[1:] == [
        ["2024-01-01", "2"],
        ["2024-01-02", "1"],
        ["2024-01-03", "3"],
    ]
    assert work.ask("SHOW PARTITIONS copy") == [["dt=2024-01-01"], ["dt=2024-01-02"], ["dt=2024-01-03"]]
    assert "already exists" in work.failure("CREATE TABLE copy AS SELECT 1 a")
    work.ask(f"UNLOAD (SELECT id FROM copy) TO 's3://{work.bucket}/unloaded/' WITH (format = 'JSON')")
    keys = [o["Key"] for o in work.s3.list_objects_v2(Bucket=work.bucket, Prefix="unloaded/")["Contents"]]
    assert len(keys) == 1
    again = work.failure(f"UNLOAD (SELECT 1 a) TO 's3://{work.bucket}/unloaded/' WITH (format = 'JSON')")
    assert "HIVE_PATH_ALREADY_EXISTS" in again


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT * FROM nope", "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.{db}.nope' does not exist"),
        ("SELECT * FROM nodb.nope", "SCHEMA_NOT_FOUND: line 1:20: Schema 'nodb' does not exist"),
        ("SELECT nope FROM trades", "COLUMN_NOT_FOUND: Column 'nope' cannot be resolved"),
        ("SELECT 1 / 0", "DIVISION_BY_ZERO"),
        ("SELECT CAST('x' AS integer)", "INVALID_CAST_ARGUMENT"),
        ("SELECT no_such_function(1)", "FUNCTION_NOT_FOUND"),
        ("DELETE FROM trades", "NOT_SUPPORTED"),
        ("CREATE TABLE x (a int)", "CREATE TABLE without EXTERNAL"),
    ],
)
def test_failures_say_what_is_wrong(work: Workspace, sql: str, reason: str) -> None:
    work.trades()
    assert reason.format(db=work.database) in work.failure(sql)


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT FROM WHERE", "", "SELECT 1; SELECT 2", "GRANT x TO y"])
def test_malformed_text_is_refused_at_once(work: Workspace, sql: str) -> None:
    with pytest.raises(ClientError) as refused:
        work.start(sql or " ")
    assert refused.value.response["Error"]["Code"] == "InvalidRequestException"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        'SELECT * FROM "/etc/passwd"',
        "SELECT * FROM glob('/*')",
        "SELECT getenv('HOME')",
        "SELECT current_setting('temp_directory')",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM pragma_version()",
        "SELECT content FROM read_blob('/etc/hostname')",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM information_schema.tables, duckdb_secrets()",
        "COPY (SELECT 1) TO '/tmp/x'",
        "ATTACH '/etc/passwd' AS p",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "SELECT * FROM query('SELECT 1')",
        "SELECT * FROM query_table('duckdb_settings')",
    ],
)
def test_queries_never_leave_the_catalog(work: Workspace, sql: str) -> None:
    try:
        reason = work.failure(sql)
    except ClientError as refused:
        reason = refused.response["Error"]["Message"]
    assert "root:" not in reason
    assert "/tmp" not in reason or "/tmp" in sql


def test_tables_whose_files_are_not_their_rows_are_refused(work: Workspace) -> None:
    """Delta Lake and Hudi keep files of former versions beside those of the present one."""
    work.put("lake/part.parquet", "x")
    for name, parameters in (
        ("delta", {"spark.sql.sources.provider": "delta"}),
        ("hudi", {"table_type": "HUDI"}),
    ):
        work.glue.create_table(
            DatabaseName=work.database,
            TableInput={
                "Name": name,
                "Parameters": parameters,
                "StorageDescriptor": {
                    "Columns": [{"Name": "id", "Type": "int"}],
                    "Location": f"s3://{work.bucket}/lake/",
                    "SerdeInfo": {
                        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
                    },
                },
            },
        )
        assert "NOT_SUPPORTED" in work.failure(f"SELECT * FROM {name}")
        assert "NOT_SUPPORTED" in work.failure(f"INSERT INTO {name} VALUES (1)")


def test_locations_outside_s3_are_refused(work: Workspace) -> None:
    for location in ("/etc/", "file:///etc/"):
        work.glue.create_table(
            DatabaseName=work.database,
            TableInput={
                "Name": f"local{len(location)}",
                "StorageDescriptor": {
                    "Columns": [{"Name": "line", "Type": "string"}],
                    "Location": location,
                    "SerdeInfo": {
                        "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
                    },
                },
            },
        )
        assert "is not on S3" in work.failure(f"SELECT * FROM local{len(location)}")


def test_parameters(work: Workspace) -> None:
    work.trades()
    sql = "SELECT id FROM trades WHERE name = ? AND amount > ? AND name <> '?'"
    assert work.ask(sql, ExecutionParameters=["'zed'", "1"])[1:] == [["3"]]
    assert "Incorrect number of parameters" in work.failure(sql, ExecutionParameters=["'zed'"])
    assert "not a literal" in work.failure(sql, ExecutionParameters=["'zed'", "1 OR true FROM trades --"])
    work.ask("PREPARE mine FROM SELECT id FROM trades WHERE id > ?")
    assert work.ask("EXECUTE mine USING 2")[1:] == [["3"]]
    work.ask("DEALLOCATE PREPARE mine")
    assert "not found" in work.failure("EXECUTE mine USING 2")


def test_a_token_makes_a_query_once(work: Workspace) -> None:
    token = "t" * 32
    first = work.start("SELECT 1", ClientRequestToken=token + work.database)
    assert work.start("SELECT 1", ClientRequestToken=token + work.database) == first
    with pytest.raises(ClientError, match="Idempotent parameters do not match"):
        work.start("SELECT 2", ClientRequestToken=token + work.database)


def test_results_are_reused_when_asked(work: Workspace) -> None:
    reuse = {"ResultReuseByAgeConfiguration": {"Enabled": True, "MaxAgeInMinutes": 5}}
    first = work.end(work.start("SELECT 41 + 1"))
    second = work.end(work.start("SELECT 41 + 1", ResultReuseConfiguration=reuse))
    assert second["Statistics"]["ResultReuseInformation"] == {"ReusedPreviousResult": True}
    assert second["ResultConfiguration"]["OutputLocation"] == first["ResultConfiguration"]["OutputLocation"]
    rows = work.athena.get_query_results(QueryExecutionId=second["QueryExecutionId"])["ResultSet"]["Rows"]
    assert rows[1]["Data"][0]["VarCharValue"] == "42"


def test_a_running_query_is_stopped(work: Workspace) -> None:
    id = work.start(
        "SELECT count(*) FROM UNNEST(sequence(1, 100000)) a(x) "
        "CROSS JOIN UNNEST(sequence(1, 1000000)) b(y) WHERE x * y % 7 = 3"
    )
    for _ in range(6000):
        if (
            work.athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]["State"]
            == "RUNNING"
        ):
            break
        time.sleep(0.02)
    work.athena.stop_query_execution(QueryExecutionId=id)
    assert work.end(id)["Status"]["State"] == "CANCELLED"
    with pytest.raises(ClientError, match="CANCELLED"):
        work.athena.get_query_results(QueryExecutionId=id)


def test_work_groups(work: Workspace, name: str) -> None:
    athena, output = work.athena, f"s3://{work.bucket}/group/"
    athena.create_work_group(
        Name=name,
        Configuration={"ResultConfiguration": {"OutputLocation": output}},
        Tags=[{"Key": "team", "Value": "data"}],
    )
    group = athena.get_work_group(WorkGroup=name)["WorkGroup"]
    assert group["State"] == "ENABLED"
    assert group["Configuration"]["EnforceWorkGroupConfiguration"] is True
    execution = work.end(work.start("SELECT 1", WorkGroup=name))
    assert execution["ResultConfiguration"]["OutputLocation"].startswith(output)
    assert athena.list_query_executions(WorkGroup=name)["QueryExecutionIds"] == [
        execution["QueryExecutionId"]
    ]
    listed = {g["Name"] for g in athena.list_work_groups()["WorkGroups"]}
    assert {"primary", name} <= listed
    athena.update_work_group(WorkGroup=name, State="DISABLED", Description="closed")
    with pytest.raises(ClientError, match="disabled"):
        work.start("SELECT 1", WorkGroup=name)
    with pytest.raises(ClientError, match="not empty"):
        athena.delete_work_group(WorkGroup=name)
    athena.delete_work_group(WorkGroup=name, RecursiveDeleteOption=True)
    with pytest.raises(ClientError, match="is not found"):
        athena.get_work_group(WorkGroup=name)
    with pytest.raises(ClientError, match="primary"):
        athena.delete_work_group(WorkGroup="primary")


def test_metadata_operations(work: Workspace) -> None:
    work.trades()
    athena = work.athena
    assert athena.get_data_catalog(Name="AwsDataCatalog")["DataCatalog"]["Type"] == "GLUE"
    table = athena.get_table_metadata(
        CatalogName="AwsDataCatalog", DatabaseName=work.database, TableName="trades"
    )
    assert [c["Name"] for c in table["TableMetadata"]["Columns"]] == ["id", "name", "amount"]
    assert table["TableMetadata"]["PartitionKeys"] == [{"Name": "dt", "Type": "string"}]
    with pytest.raises(ClientError) as missing:
        athena.get_table_metadata(CatalogName="AwsDataCatalog", DatabaseName=work.database, TableName="x")
    assert missing.value.response["Error"]["Code"] == "MetadataException"
    rows = work.ask(
        f"SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = '{work.database}' "
        "ORDER BY ordinal_position"
    )
    assert rows[1:] == [["id", "integer"], ["name", "varchar"], ["amount", "double"], ["dt", "varchar"]]


def test_an_iceberg_table(work: Workspace, server: Server) -> None:
    from pyiceberg.catalog.glue import GlueCatalog

    credentials = {"access-key-id": "test", "secret-access-key": "test", "region": "us-east-1"}
    catalog = GlueCatalog(
        "glue",
        **{"glue.endpoint": server.endpoint, "s3.endpoint": server.endpoint},
        **{f"{s}.{k}": v for s in ("glue", "s3") for k, v in credentials.items()},
    )
    rows = pa.table({"id": pa.array([1, 2], pa.int64()), "s": ["a", "b"]})
    table = catalog.create_table(
        (work.database, "ice"), schema=rows.schema, location=f"s3://{work.bucket}/ice"
    )
    table.append(rows)
    first = table.current_snapshot().snapshot_id
    table.append(pa.table({"id": pa.array([3], pa.int64()), "s": ["c"]}))
    table.delete("id = 1")
    assert work.ask("SELECT * FROM ice ORDER BY id")[1:] == [["2", "b"], ["3", "c"]]
    assert work.ask("SELECT s FROM ice WHERE id > 2")[1:] == [["c"]]
    assert work.ask("SELECT s FROM ice WHERE id IN (2, 9) AND s BETWEEN 'a' AND 'c'")[1:] == [["b"]]
    assert work.ask("SELECT count(*) FROM ice WHERE s IS NULL OR id = 3")[1:] == [["1"]]
    assert work.ask(f"SELECT count(*) FROM ice FOR VERSION AS OF {first}")[1:] == [["2"]]
    snapshots = work.ask('SELECT count(*) FROM "ice$snapshots"')
    assert int(snapshots[1][0] or 0) >= 3
    work.ask("DROP TABLE ice")
    assert "Contents" not in work.s3.list_objects_v2(Bucket=work.bucket, Prefix="ice/")


def _csv_table(work: Workspace, name: str, body: str, serde: str, properties: str = "") -> None:
    work.put(f"{name}/a.csv", body)
    work.ask(
        f"CREATE EXTERNAL TABLE {name} (a string, b string) ROW FORMAT SERDE '{serde}' {properties} "
        f"LOCATION 's3://{work.bucket}/{name}/'"
    )


def test_escapes_in_csv_are_never_read_as_text(work: Workspace) -> None:
    serde = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
    body = '1,"say ""hi"""\n'
    _csv_table(work, "plain", body, serde)
    assert work.ask("SELECT a, b FROM plain")[1:] == [["1", 'say "hi"']]
    _csv_table(work, "escaped", body + '2,"say \\"hi\\""\n', serde)
    assert "escapeChar" in work.failure("SELECT a, b FROM escaped")
    _csv_table(work, "none", "1,c:\\x\n", serde, "WITH SERDEPROPERTIES ('escapeChar'='\"')")
    assert work.ask("SELECT b FROM none")[1:] == [["c:\\x"]]


@pytest.mark.parametrize(
    ("option", "value"),
    [("line.delim", ";"), ("serialization.encoding", "ISO-8859-1")],
)
def test_text_options_that_are_not_done_are_refused(work: Workspace, option: str, value: str) -> None:
    serde = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
    _csv_table(work, "t", "1,2\n", serde, f"WITH SERDEPROPERTIES ('field.delim'=',', '{option}'='{value}')")
    assert option in work.failure("SELECT * FROM t")


def test_delimited_text_with_escapes(work: Workspace) -> None:
    serde = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
    options = "WITH SERDEPROPERTIES ('field.delim'=',', 'escape.delim'='\\\\')"
    _csv_table(work, "plain", "1,two words\n", serde, options)
    assert work.ask("SELECT a, b FROM plain")[1:] == [["1", "two words"]]
    _csv_table(work, "escaped", "1,a\\,b\n", serde, options)
    assert "escape.delim" in work.failure("SELECT a, b FROM escaped")


_LONG = (
    "SELECT count(*) FROM UNNEST(sequence(1, 100000)) a(x) "
    "CROSS JOIN UNNEST(sequence(1, 1000000)) b(y) WHERE x * y % 7 = 3"
)


def _until_running(work: Workspace, id: str) -> None:
    for _ in range(6000):
        status = work.athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"]
        if status["State"] == "RUNNING":
            return
        assert status["State"] == "QUEUED", status
        time.sleep(0.05)
    raise AssertionError(f"query {id} does not begin")


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("CAST(concat('x', CAST(x AS varchar)) AS integer)", "INVALID_CAST_ARGUMENT: "),
        ("1 / (x - 180000)", "DIVISION_BY_ZERO: Division by zero"),
    ],
)
def test_a_query_fails_late(work: Workspace, column: str, reason: str) -> None:
    """Rows are read already when the value comes that has none."""
    sql = (
        f"SELECT CASE WHEN x > 150000 THEN {column} ELSE x END AS n FROM UNNEST(sequence(1, 200000)) AS s(x)"
    )
    assert work.failure(sql).startswith(reason)
    made = f"CREATE TABLE late WITH (table_type = 'ICEBERG', location = 's3://{work.bucket}/late/') AS {sql}"
    assert work.failure(made).startswith(reason)
    assert "Contents" not in work.s3.list_objects_v2(Bucket=work.bucket, Prefix="late/")


def test_a_query_under_way_neither_holds_the_server_nor_is_lost(own_server: Server) -> None:
    work = Workspace(own_server, "restarted")
    id = work.start(_LONG)
    _until_running(work, id)
    own_server.stop()
    own_server.restart()
    _until_running(work, id)
    work.athena.stop_query_execution(QueryExecutionId=id)
    assert work.end(id)["Status"]["State"] == "CANCELLED"


def test_a_prepared_statement_that_writes_is_not_run_again_after_a_kill(own_server: Server) -> None:
    work = Workspace(own_server, "prepared")
    work.ask(f"PREPARE write FROM CREATE TABLE t WITH (format = 'JSON') AS {_LONG}")
    id = work.start("EXECUTE write")
    _until_running(work, id)
    own_server.kill()
    own_server.restart()
    status = work.end(id)["Status"]
    assert status["State"] == "FAILED"
    assert "stopped while this statement wrote" in status["StateChangeReason"]


def test_a_change_of_the_catalog_happens_once_through_kills(own_server: Server) -> None:
    work = Workspace(own_server, "killed")
    made: list[str] = []
    for kill in range(3):
        ids = []
        for n in range(12):
            made.append(f"t{kill}_{n}")
            columns = "a int" if n % 2 else "a string, b int"
            ids.append(
                work.start(f"CREATE EXTERNAL TABLE {made[-1]} ({columns}) LOCATION 's3://{work.bucket}/{n}/'")
            )
        time.sleep(0.05 * kill)
        own_server.kill()
        own_server.restart()
        for id in ids:
            assert work.end(id)["Status"]["State"] == "SUCCEEDED"
    glue = own_server.client("glue")
    assert {t["Name"] for t in glue.get_tables(DatabaseName=work.database)["TableList"]} >= set(made)


def test_queries_that_another_server_stopped_make_room(own_server: Server) -> None:
    work = Workspace(own_server, "replicas")
    ids = [work.start(_LONG) for _ in range(4)]
    for id in ids:
        _until_running(work, id)
    # What StopQueryExecution writes when it is another replica that answers it.
    with sqlite3.connect(next(own_server.data_dir.rglob("*.db")), timeout=120) as database:
        database.execute("UPDATE athena_queries SET state = 'CANCELLED'")
    assert work.ask("SELECT 1")[1:] == [["1"]]

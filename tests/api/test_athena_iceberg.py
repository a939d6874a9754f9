"""Iceberg tables made and changed by Athena's statements, read back by Athena and by PyIceberg."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.test_athena import Workspace
from tests.conftest import Server


@pytest.fixture
def work(server: Server, name: str) -> Workspace:
    """A workspace of the test's own."""
    return Workspace(server, name)


def make(work: Workspace, table: str = "t") -> None:
    """A partitioned table of three rows, in three partitions."""
    work.ask(
        f"CREATE TABLE {table} WITH (table_type = 'ICEBERG', is_external = false, "
        f"location = 's3://{work.bucket}/{table}/', partitioning = ARRAY['day(at)', 'bucket(id, 4)']) AS "
        "SELECT * FROM (VALUES (1, 'ann', TIMESTAMP '2026-01-01 10:00:00', CAST(2.5 AS decimal(9, 2))), "
        "(2, 'bob', TIMESTAMP '2026-01-02 10:00:00', CAST(3.5 AS decimal(9, 2))), (3, NULL, NULL, NULL)) "
        "AS v(id, name, at, amount)"
    )


def rows(work: Workspace, table: str = "t") -> list[list[str | None]]:
    """Its rows by id."""
    return work.ask(f"SELECT * FROM {table} ORDER BY id")[1:]


ANN = ["1", "ann", "2026-01-01 10:00:00.000", "2.50"]
BOB = ["2", "bob", "2026-01-02 10:00:00.000", "3.50"]
NOBODY = ["3", None, None, None]


def opened(server: Server, work: Workspace, table: str) -> Any:
    """The table by PyIceberg."""
    from pyiceberg.catalog.glue import GlueCatalog

    keys = {"access-key-id": "test", "secret-access-key": "test", "region": "us-east-1"}
    properties = {f"{of}.{key}": value for of in ("glue", "s3") for key, value in keys.items()}
    catalog = GlueCatalog(
        "glue", **properties, **{"glue.endpoint": server.endpoint, "s3.endpoint": server.endpoint}
    )
    return catalog.load_table((work.database, table))


def test_a_table_made_by_a_query(work: Workspace, server: Server) -> None:
    make(work)
    assert rows(work) == [ANN, BOB, NOBODY]
    table = opened(server, work, "t")
    assert [(f.name, str(f.transform)) for f in table.spec().fields] == [
        ("at_day", "day"),
        ("id_bucket", "bucket[4]"),
    ]
    assert {str(f.field_type) for f in table.schema().fields} == {
        "int",
        "string",
        "timestamp",
        "decimal(9, 2)",
    }
    # PyIceberg finds them by partition: the values are where other writers would put them.
    assert table.scan(row_filter="at >= '2026-01-02T00:00:00'").to_arrow()["id"].to_pylist() == [2]
    assert table.scan(row_filter="id = 1").to_arrow()["name"].to_pylist() == ["ann"]
    shown = work.glue.get_table(DatabaseName=work.database, Name="t")["Table"]
    assert shown["Parameters"]["table_type"] == "ICEBERG"
    again = "CREATE TABLE {} WITH (table_type = 'ICEBERG', location = 's3://{}/t/') AS SELECT 1 AS a"
    assert work.failure(again.format("t", work.bucket)).startswith("TABLE_ALREADY_EXISTS")
    assert "non-empty location" in work.failure(again.format("u", work.bucket))


def test_rows_are_inserted(work: Workspace) -> None:
    make(work)
    work.ask("INSERT INTO t (name, id) SELECT upper(name), id + 10 FROM t WHERE id < 3")
    assert rows(work) == [ANN, BOB, NOBODY, ["11", "ANN", None, None], ["12", "BOB", None, None]]
    assert work.failure("INSERT INTO t SELECT 'x', 'y', NULL, NULL").startswith("TYPE_MISMATCH")
    assert work.failure("INSERT INTO t SELECT 1").startswith("TYPE_MISMATCH")
    assert work.failure("INSERT INTO t (nothing) SELECT 1").startswith("COLUMN_NOT_FOUND")
    assert len(rows(work)) == 5


def test_rows_are_updated_and_deleted(work: Workspace, server: Server) -> None:
    make(work)
    work.ask("UPDATE t SET name = 'eve', amount = amount * 2 WHERE id = 1 OR name IS NULL")
    assert rows(work) == [["1", "eve", ANN[2], "5.00"], BOB, ["3", "eve", None, None]]
    work.ask("DELETE FROM t WHERE id IN (SELECT max(id) FROM t) OR t.name = 'bob'")
    assert rows(work) == [["1", "eve", ANN[2], "5.00"]]
    work.ask("DELETE FROM t WHERE amount > 100")
    snapshots = opened(server, work, "t").snapshots()
    # A statement that changes nothing makes no snapshot.
    assert [one.summary.operation.value for one in snapshots] == ["append", "overwrite", "delete"]
    work.ask("DELETE FROM t")
    assert rows(work) == []
    assert work.failure("UPDATE t SET nothing = 1").startswith("COLUMN_NOT_FOUND")
    assert work.failure("UPDATE t SET id = 'x'").startswith("TYPE_MISMATCH")


def test_prepared_changes(work: Workspace) -> None:
    make(work)
    work.ask("PREPARE change FROM UPDATE t SET name = ? WHERE id = ?")
    id = work.start("EXECUTE change USING 'eve', 3")
    assert work.end(id)["Status"]["State"] == "SUCCEEDED"
    answer = work.athena.get_query_results(QueryExecutionId=id)
    assert (answer["UpdateCount"], answer["ResultSet"]["Rows"]) == (1, [])
    assert rows(work)[2] == ["3", "eve", None, None]


def test_tables_are_merged(work: Workspace) -> None:
    make(work)
    source = "(VALUES (1, 'gone'), (2, 'new'), (7, 'seven'), (8, 'gone')) AS s(id, word)"
    work.ask(
        f"MERGE INTO t AS d USING {source} ON d.id = s.id WHEN MATCHED AND s.word = 'gone' THEN DELETE "
        "WHEN MATCHED THEN UPDATE SET name = s.word, amount = d.amount + 1 "
        "WHEN NOT MATCHED AND s.word <> 'gone' THEN INSERT (id, name) VALUES (s.id, s.word)"
    )
    assert rows(work) == [["2", "new", BOB[2], "4.50"], NOBODY, ["7", "seven", None, None]]
    source = "(VALUES (2, 'a'), (2, 'b')) AS s(id, word)"
    twice = f"MERGE INTO t USING {source} ON t.id = s.id WHEN MATCHED THEN UPDATE SET name = word"
    assert "matched more than one source row" in work.failure(twice)
    # Of the source's rows only those count for which something is done.
    work.ask(twice.replace("WHEN MATCHED", "WHEN MATCHED AND word = 'b'"))
    assert rows(work)[0] == ["2", "b", BOB[2], "4.50"]


@pytest.mark.parametrize(
    ("statement", "clause"),
    [
        ("DELETE FROM t LIMIT 1", "LIMIT"),
        ("DELETE FROM t USING u WHERE t.id = u.id", "USING"),
        ("WITH u AS (SELECT 1 AS id) DELETE FROM t WHERE id IN (SELECT id FROM u)", "WITH"),
        ("UPDATE t SET id = 1 FROM u", "FROM"),
        ("INSERT INTO t SELECT 1 ON CONFLICT DO NOTHING", "CONFLICT"),
        ("INSERT INTO t PARTITION (id = 1) SELECT 2", "PARTITION"),
        ("MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN UPDATE SET id = 2 WHERE u.id > 5", "WHERE"),
    ],
)
def test_clauses_of_other_databases_are_not_passed_over(work: Workspace, statement: str, clause: str) -> None:
    with pytest.raises(ClientError, match=f"mismatched input '{clause}'"):
        work.start(statement)


def test_what_does_not_fit_changes_nothing(work: Workspace) -> None:
    """Neither another catalog's table, nor a value that would lose something on its way into the column."""
    work.ask(
        f"CREATE TABLE t WITH (table_type = 'ICEBERG', is_external = false, location = 's3://{work.bucket}/t/') AS "
        "SELECT 1 AS id, CAST(1.5 AS decimal(9, 2)) AS d, CAST(1 AS real) AS r, TIMESTAMP '2026-01-01 00:00:00' AS at, "
        "CAST(ROW(1, 'x') AS ROW(a integer, b varchar)) AS s, ARRAY[1] AS many"
    )
    before = work.ask("SELECT * FROM t")
    for change in (
        "d = d * 1.15", "r = 1.23456789012e0", "at = current_timestamp", "many = ARRAY['5']",
        "s = CAST(ROW(7, 'q') AS ROW(a integer, c varchar))", "s = CAST(ROW('q', 7) AS ROW(b varchar, a integer))",
    ):  # fmt: skip
        assert work.failure(f"UPDATE t SET {change}").startswith("TYPE_MISMATCH"), change
    for statement in (
        "UPDATE {} SET id = 2", "DELETE FROM {}", "INSERT INTO {} SELECT * FROM t", "DROP TABLE {}",
        "MERGE INTO {} AS o USING t ON o.id = t.id WHEN MATCHED THEN DELETE",
        "ALTER TABLE {} ADD COLUMNS (x int)",
    ):  # fmt: skip
        of_another = statement.format(f"another.{work.database}.t")
        assert work.failure(of_another).startswith("CATALOG_NOT_FOUND"), statement
    assert "more than once" in work.failure("INSERT INTO t (id, id) SELECT 1, 2")
    merge = "MERGE INTO t USING (VALUES 5) AS u(id) ON t.id = u.id WHEN NOT MATCHED THEN INSERT (id, id) VALUES (1, 2)"
    assert "more than once" in work.failure(merge)
    assert work.ask("SELECT * FROM t") == before
    work.ask(
        f"UPDATE awsdatacatalog.{work.database}.t SET d = d * 2, s = CAST(ROW(2, 'y') AS ROW(a bigint, b varchar))"
    )
    assert work.ask("SELECT d, s FROM t")[1:] == [["3.00", "{a=2, b=y}"]]


def test_options_without_effect_are_refused(work: Workspace) -> None:
    made = f"CREATE TABLE t WITH (table_type = 'ICEBERG', location = 's3://{work.bucket}/t/', {{}}) AS SELECT 1 AS a"
    assert "is_external must be false" in work.failure(made.format("is_external = true"))
    assert "partitioned_by" in work.failure(made.format("partitioned_by = ARRAY['a']"))
    assert "twice" in work.failure(made.format("partitioning = ARRAY['a', 'a']"))
    work.ask(made.format("partitioning = ARRAY['a']"))
    assert "partitioning" in work.failure("ALTER TABLE t DROP COLUMN a")
    work.ask("ALTER TABLE t CHANGE COLUMN a b bigint COMMENT 'renamed'")
    (described,) = work.ask("DESCRIBE t")
    assert [str(cell).strip() for cell in described] == ["b", "bigint", "renamed"]


def test_tables_are_defined_and_altered(work: Workspace) -> None:
    definition = (
        "CREATE TABLE {}t (id bigint COMMENT 'the number', at timestamp, s struct<a:int>) PARTITIONED BY "
        "(month(at), bucket(4, id)) LOCATION 's3://{}/t/' TBLPROPERTIES ('table_type'='ICEBERG', {})"
    )
    work.ask(definition.format("", work.bucket, "'write_compression'='snappy'"))
    assert work.failure(definition.format("", work.bucket, "'format'='parquet'")).startswith("FAILED")
    work.ask(definition.format("IF NOT EXISTS ", work.bucket, "'format'='parquet'"))
    assert "ORC" in work.failure(definition.format("", work.bucket, "'format'='ORC'"))
    assert "Unsupported table property" in work.failure(definition.format("", work.bucket, "'what'='that'"))
    work.ask("INSERT INTO t VALUES (1, TIMESTAMP '2026-01-05 00:00:00', CAST(ROW(7) AS ROW(a integer)))")
    work.ask("ALTER TABLE t ADD COLUMNS (n int, note string)")
    work.ask("ALTER TABLE t CHANGE COLUMN n m bigint")
    work.ask("ALTER TABLE t DROP COLUMN note")
    work.ask("INSERT INTO t (id, m) VALUES (2, 12345678901)")
    assert work.ask("SELECT id, s, m FROM t ORDER BY id")[1:] == [
        ["1", "{a=7}", None],
        ["2", None, "12345678901"],
    ]
    assert [line[0].split()[0] for line in work.ask("DESCRIBE t") if line[0]] == ["id", "at", "s", "m"]
    assert "Cannot change column type" in work.failure("ALTER TABLE t CHANGE COLUMN m m int")
    assert work.failure("ALTER TABLE t UNSET TBLPROPERTIES ('a')").startswith("NOT_SUPPORTED")


def test_a_table_is_renamed(work: Workspace) -> None:
    make(work, "a")
    make(work, "b")
    assert work.failure("ALTER TABLE a RENAME TO b").startswith("TABLE_ALREADY_EXISTS")
    work.ask("ALTER TABLE a RENAME TO c")
    assert work.failure("SELECT * FROM a").startswith("TABLE_NOT_FOUND")
    work.ask("UPDATE c SET name = 'new' WHERE id = 3")
    assert rows(work, "c") == [ANN, BOB, ["3", "new", None, None]]


def test_position_deletes_of_others_count(work: Workspace, server: Server) -> None:
    """What merge-on-read writers deleted neither comes back nor shifts the rows that are changed."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
    from pyiceberg.table.snapshots import Operation
    from pyiceberg.table.update.snapshot import _OverwriteFiles
    from pyiceberg.typedef import Record

    work.ask(
        f"CREATE TABLE t WITH (table_type = 'ICEBERG', is_external = false, location = 's3://{work.bucket}/t/') AS "
        "SELECT id, CAST(NULL AS varchar) AS word FROM UNNEST(sequence(1, 6)) AS s(id)"
    )
    table = opened(server, work, "t")
    (task,) = table.scan().plan_files()
    deletes = pa.table({"file_path": [task.file.file_path] * 2, "pos": pa.array([0, 3], pa.int64())})
    place = f"s3://{work.bucket}/t/data/deletes.parquet"
    with table.io.new_output(place).create() as out:
        pq.write_table(deletes, out)
    transaction = table.transaction()
    producer: Any = _OverwriteFiles(Operation.DELETE, transaction, table.io)
    producer.append_data_file(
        DataFile.from_args(
            content=DataFileContent.POSITION_DELETES, file_path=place, file_format=FileFormat.PARQUET,
            partition=Record(), record_count=2, file_size_in_bytes=len(table.io.new_input(place)), spec_id=0,
        )
    )  # fmt: skip
    with transaction:
        transaction._apply(*producer._commit())
    assert work.ask("SELECT id FROM t ORDER BY id")[1:] == [["2"], ["3"], ["5"], ["6"]]
    work.ask("UPDATE t SET word = 'x' WHERE id = 5")
    found = dict(map(tuple, work.ask("SELECT id, word FROM t ORDER BY id")[1:]))
    assert found == {"2": None, "3": None, "5": "x", "6": None}


def test_tables_that_others_made_and_evolved(work: Workspace, server: Server) -> None:
    """Another partitioning, another name, a column of an old name, kinds that Athena has no words for."""
    from pyiceberg.schema import Schema
    from pyiceberg.transforms import BucketTransform
    from pyiceberg.types import IntegerType, LongType, NestedField, StringType, UUIDType

    work.ask(
        f"CREATE TABLE t WITH (table_type = 'ICEBERG', location = 's3://{work.bucket}/seed/') AS SELECT 1 AS one"
    )
    schema = Schema(
        NestedField(1, "Id", LongType(), required=True), NestedField(2, "Name", StringType()),
        NestedField(3, "key", UUIDType()), NestedField(4, "old", StringType()),
    )  # fmt: skip
    catalog = opened(server, work, "t").catalog
    made = catalog.create_table((work.database, "u"), schema, location=f"s3://{work.bucket}/u")
    work.ask("INSERT INTO u (id, name, key, old) SELECT 1, 'ann', uuid(), 'x'")
    work.ask("INSERT INTO u (id, name) VALUES (2, 'bob')")
    made.refresh()
    with made.update_spec() as spec:
        spec.add_field("Id", BucketTransform(2), "part")
    with made.update_schema() as changed:
        changed.rename_column("Name", "Label")
        changed.delete_column("old")
    with made.update_schema() as changed:
        changed.add_column("old", IntegerType())
    before = dict(work.ask("SELECT id, key FROM u")[1:])  # type: ignore[arg-type]
    work.ask("UPDATE u SET label = label || '!', old = 7 WHERE id = 1")
    assert work.ask("SELECT id, label, old FROM u ORDER BY id")[1:] == [
        ["1", "ann!", "7"],
        ["2", "bob", None],
    ]
    assert dict(work.ask("SELECT id, key FROM u")[1:]) == before  # type: ignore[arg-type]
    assert "NULL value not allowed" in work.failure("UPDATE u SET id = NULL WHERE id = 2")
    assert "NULL value not allowed" in work.failure("INSERT INTO u (label) VALUES ('nobody')")
    work.ask("DELETE FROM u WHERE old = 7")
    assert work.ask("SELECT id FROM u")[1:] == [["2"]]


def test_writers_at_the_same_time_lose_nothing(work: Workspace) -> None:
    work.ask(
        f"CREATE TABLE t WITH (table_type = 'ICEBERG', is_external = false, location = 's3://{work.bucket}/t/') AS "
        "SELECT 0 AS id, 0 AS n"
    )
    failures: list[str] = []

    def insert(id: int) -> None:
        ended = work.end(work.start(f"INSERT INTO t VALUES ({id}, 0)"))
        if ended["Status"]["State"] != "SUCCEEDED":
            failures.append(ended["Status"]["StateChangeReason"])

    def add() -> None:
        ended = work.end(work.start("UPDATE t SET n = n + 1 WHERE id = 0"))
        if ended["Status"]["State"] != "SUCCEEDED":
            failures.append(ended["Status"]["StateChangeReason"])

    threads = [threading.Thread(target=insert, args=(id,)) for id in range(1, 6)]
    threads += [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert rows(work) == [["0", "3"], *([str(id), "0"] for id in range(1, 6))]

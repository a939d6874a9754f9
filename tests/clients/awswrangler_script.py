"""What a user of awswrangler does, in awswrangler's own environment. Run by test_awswrangler; raises for what is wrong.

python awswrangler_script.py <name>      with AWS_ENDPOINT_URL and credentials in the environment
"""

from __future__ import annotations

import datetime
import sys

import awswrangler as wr
import boto3
import pandas as pd

NAME = sys.argv[1]
LAKE = f"s3://{NAME}"
wr.config.athena_query_wait_polling_delay = 0.1
FRAME = pd.DataFrame(
    {
        "id": [1, 2, 3],
        "name": ["a", "b", None],
        "val": [1.5, 2.5, 3.5],
        "day": [datetime.date(2024, 1, 1)] * 3,
        "at": pd.to_datetime(["2024-01-01 10:00:00"] * 3),
        "part": ["x", "y", "x"],
        "n": [1, 1, 2],
    }
)


def ask(sql: str, **more: object) -> list[dict[str, object]]:
    """The rows of a query, read from the result file."""
    given = {"ctas_approach": False, "database": NAME, "s3_output": f"{LAKE}/results/"} | more
    return wr.athena.read_sql_query(sql, **given).to_dict("records")


def write(frame: pd.DataFrame, mode: str = "append", **more: object) -> None:
    given = {"partition_cols": ["part", "n"]} | more
    wr.s3.to_parquet(frame, f"{LAKE}/t/", dataset=True, database=NAME, table="t", mode=mode, **given)


def datasets() -> None:
    """to_parquet in every mode keeps table and partitions right."""
    settings = {"description": "sold goods", "parameters": {"k": "v"}, "columns_comments": {"id": "the id"}}
    write(FRAME, glue_table_settings=settings)
    write(FRAME)
    assert ask("SELECT count(*) c, sum(val) s FROM t WHERE part = 'x'") == [{"c": 4, "s": 10.0}]
    assert wr.s3.read_parquet_table("t", NAME, partition_filter=lambda p: p["n"] == "2").shape == (2, 7)
    assert wr.catalog.get_columns_comments(NAME, "t")["id"] == "the id"
    assert wr.catalog.get_table_description(NAME, "t") == "sold goods"
    assert [t["Name"] for t in wr.catalog.search_tables(text="goods")] == ["t"]

    write(FRAME.assign(extra=1), schema_evolution=True)
    assert wr.catalog.get_table_types(NAME, "t")["extra"] == "bigint"
    try:
        write(FRAME.assign(more=1), schema_evolution=False)
    except wr.exceptions.InvalidArgumentValue:
        pass
    else:
        raise AssertionError("a column appeared though schemas must not change")

    write(FRAME.head(1), "overwrite_partitions")
    counts = ask("SELECT part, n, count(*) c FROM t GROUP BY 1, 2 ORDER BY 1, 2")
    assert [tuple(row.values()) for row in counts] == [("x", 1, 1), ("x", 2, 3), ("y", 1, 3)], counts

    write(FRAME, "overwrite", partition_cols=["part"], catalog_versioning=True)
    assert wr.catalog.get_table_number_of_versions(NAME, "t") == 2
    found = wr.catalog.get_parquet_partitions(NAME, "t", expression="part = 'x'")
    assert found == {f"{LAKE}/t/part=x/": ["x"]}, found


def queries() -> None:
    """Athena by result file, by CTAS, by UNLOAD, in chunks, with parameters and from the cache."""
    rows = ask("SELECT * FROM t ORDER BY id")
    assert [row["at"] for row in rows] == list(FRAME["at"])
    assert ask("SELECT id, name FROM t WHERE part = 'x' ORDER BY id", ctas_approach=True)[0] == {
        "id": 1,
        "name": "a",
    }
    assert len(ask("SELECT * FROM t", unload_approach=True, s3_output=f"{LAKE}/unloaded/")) == 3
    assert ask("SELECT name FROM t WHERE id = :id", params={"id": 2}) == [{"name": "b"}]
    assert ask("SELECT count(*) c FROM t", athena_cache_settings={"max_cache_seconds": 900}) == [{"c": 3}]
    chunks = wr.athena.read_sql_query(
        "SELECT * FROM t", NAME, ctas_approach=False, chunksize=2, s3_output=f"{LAKE}/results/"
    )
    assert [len(chunk) for chunk in chunks] == [2, 1]
    wr.athena.start_query_execution(
        "CREATE OR REPLACE VIEW v AS SELECT id FROM t", database=NAME, wait=True, s3_output=f"{LAKE}/results/"
    )
    assert ask("SELECT count(*) c FROM v") == [{"c": 3}]
    quoted = {"database": NAME, "s3_output": f"{LAKE}/results/"}
    assert wr.athena.show_create_table("t", **quoted).startswith("CREATE EXTERNAL TABLE")
    assert len(wr.athena.describe_table("t", **quoted)) == 7
    assert wr.athena.repair_table("t", **quoted) == "SUCCEEDED"
    made = wr.athena.create_ctas_table(
        "SELECT * FROM t",
        database=NAME,
        ctas_table="made",
        ctas_database=NAME,
        s3_output=f"{LAKE}/made/",
        wait=True,
    )
    assert made["ctas_table"] == "made"
    wr.s3.to_csv(FRAME[["id", "name"]], f"{LAKE}/csv/", dataset=True, database=NAME, table="csv", index=False)
    assert [row["name"] for row in ask("SELECT * FROM csv ORDER BY id")] == ["a", "b", None]


def catalog() -> None:
    """The functions of wr.catalog."""
    assert [t["Name"] for t in wr.catalog.get_tables(database=NAME)] == ["csv", "made", "t", "v"]
    assert [t["Name"] for t in wr.catalog.get_tables(database=NAME, name_prefix="ma")] == ["made"]
    assert [t["Name"] for t in wr.catalog.get_tables(database=NAME, name_suffix="v")] == ["csv", "v"]
    assert [t["Name"] for t in wr.catalog.get_tables(database=NAME, name_contains="ad")] == ["made"]
    assert wr.catalog.table(NAME, "t")["Column Name"].tolist()[-1] == "part"
    wr.catalog.upsert_table_parameters({"a": "b"}, NAME, "t")
    assert wr.catalog.get_table_parameters(NAME, "t")["a"] == "b"
    wr.catalog.overwrite_table_parameters({"z": "1"}, NAME, "t")
    assert wr.catalog.get_table_parameters(NAME, "t") == {"z": "1"}
    wr.catalog.add_column(NAME, "t", "note", column_type="int", column_comment="new")
    wr.catalog.delete_column(NAME, "t", "note")
    assert "note" not in wr.catalog.get_table_types(NAME, "t")

    many = f"{LAKE}/many/"
    wr.catalog.create_parquet_table(
        NAME, "many", many, columns_types={"a": "int"}, partitions_types={"p": "int"}
    )
    wr.catalog.add_parquet_partitions(NAME, "many", {f"{many}p={n}/": [str(n)] for n in range(250)})
    assert len(wr.catalog.get_partitions(NAME, "many", expression="p BETWEEN 5 AND 204")) == 200
    wr.catalog.delete_partitions("many", NAME, [[str(n)] for n in range(60)])
    assert len(wr.catalog.get_partitions(NAME, "many")) == 190
    wr.catalog.delete_all_partitions("many", NAME)
    assert wr.catalog.get_partitions(NAME, "many") == {}
    types, _, _ = wr.s3.store_parquet_metadata(f"{LAKE}/t/", database=NAME, table="stored", dataset=True)
    assert types["day"] == "date"
    assert wr.catalog.delete_table_if_exists(NAME, "stored")
    assert not wr.catalog.delete_table_if_exists(NAME, "stored")


def iceberg() -> None:
    """Tables that Athena writes: made, merged into with a new column, put in the place of, deleted from."""
    frame = pd.DataFrame(
        {"id": [1, 2], "name": ["a", None], "at": pd.to_datetime(["2026-01-01", "2026-01-02"])}
    )
    where = {
        "database": NAME, "table": "ice", "temp_path": f"{LAKE}/staged/", "s3_output": f"{LAKE}/out/",
        "keep_files": False,
    }  # fmt: skip
    place = {**where, "table_location": f"{LAKE}/ice/"}

    def rows() -> list[list[object]]:
        found = wr.athena.read_sql_query(
            "SELECT * FROM ice ORDER BY id", database=NAME, ctas_approach=False, s3_output=f"{LAKE}/out/"
        )
        return found.drop(columns="at").astype(object).where(found.notna(), None).values.tolist()

    wr.athena.to_iceberg(df=frame, partition_cols=["day(at)"], **place)
    assert rows() == [[1, "a"], [2, None]]
    more = frame.assign(id=[2, 3], name=["b", "c"], extra=[1.5, 2.5])
    wr.athena.to_iceberg(df=more, merge_cols=["id"], schema_evolution=True, **place)
    assert rows() == [[1, "a", None], [2, "b", 1.5], [3, "c", 2.5]]
    wr.athena.delete_from_iceberg_table(df=pd.DataFrame({"id": [1]}), merge_cols=["id"], **where)
    assert rows() == [[2, "b", 1.5], [3, "c", 2.5]]
    wr.athena.to_iceberg(df=frame, mode="overwrite", fill_missing_columns_in_df=True, **place)
    assert rows() == [[1, "a", None], [2, None, None]]


if __name__ == "__main__":
    boto3.client("s3").create_bucket(Bucket=NAME)
    wr.catalog.create_database(NAME, description="of awswrangler")
    assert NAME in wr.catalog.databases()["Database"].tolist()
    assert not wr.catalog.does_table_exist(NAME, "t")
    for step in (datasets, queries, catalog, iceberg):
        step()
    wr.catalog.delete_database(NAME)
    assert NAME not in wr.catalog.databases(limit=1000)["Database"].tolist()

"""Stock Apache Spark with the Hive Metastore's door as its catalog, and S3 through s3a."""

from __future__ import annotations

import io
import json
import os
import subprocess
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.api.hive import PARQUET, HiveServer
from tests.conftest import RUNTIMES

PYTHON = RUNTIMES / "spark-3.5" / "bin" / "python"

pytestmark = [
    pytest.mark.xdist_group("hive"),
    pytest.mark.timeout(2400),
    pytest.mark.skipif(not PYTHON.exists(), reason="the Spark runtime is not installed"),
]

# Runs in the runtime: a session as docs/guides/catalog.md shows it, then each statement of standard input.
PROGRAM = """
import importlib.util, json, sys
from pathlib import Path
from pyspark.sql import SparkSession

settings = json.loads(sys.argv[1])
# A JVM that lives for a minute is not worth optimizing for hours; the runtime has an archive of Spark's classes.
archive = Path(importlib.util.find_spec("pyspark").origin).parent / "mastic-classes.jsa"
options = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
if archive.exists():
    options += f" -XX:SharedArchiveFile={archive} -Xlog:disable -Xlog:all=error:stderr"
settings["spark.driver.extraJavaOptions"] = options
jars = Path(importlib.util.find_spec("sagemaker_pyspark").origin).parent / "jars"
wanted = [str(jar) for name in ("hadoop-aws", "aws-java-sdk-bundle") for jar in jars.glob(name + "-*.jar")]
builder = SparkSession.builder.master("local[1]").config("spark.jars", ",".join(wanted))
for key, value in settings.items():
    builder = builder.config(key, value)
spark = builder.enableHiveSupport().getOrCreate()
for line in sys.stdin:
    try:
        rows = [list(row) for row in spark.sql(json.loads(line)).collect()]
        answer = {"rows": rows}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print("ANSWER " + json.dumps(answer, default=str), flush=True)
"""


class Spark:
    """A session of Spark in its own runtime."""

    def __init__(self, server: HiveServer, folder: Path) -> None:
        self._log = folder / "spark.log"
        settings = {
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": "1",
            "spark.hadoop.hive.metastore.uris": server.uri,
            "spark.sql.warehouse.dir": "s3a://warehouse",
            "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
            "spark.hadoop.fs.s3a.endpoint": server.endpoint,
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.hadoop.fs.s3a.access.key": "test",
            "spark.hadoop.fs.s3a.secret.key": "test",
        }
        self._process = subprocess.Popen(
            [str(PYTHON), "-c", PROGRAM, json.dumps(settings)],
            env={k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MASTIC_", "SPARK_"))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log.open("w"),
            cwd=folder,
            text=True,
        )

    def __call__(self, statement: str) -> list[Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(statement) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("ANSWER "):
                answer = json.loads(line.removeprefix("ANSWER "))
                assert "error" not in answer, f"{statement}: {answer['error']}"
                rows: list[Any] = answer["rows"]
                return rows
        raise AssertionError(f"Spark ended at: {statement}\n{self._log.read_text()[-3000:]}")

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=180)


def descriptor(place: str, columns: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "Columns": columns,
        "Location": place,
        "InputFormat": PARQUET + "MapredParquetInputFormat",
        "OutputFormat": PARQUET + "MapredParquetOutputFormat",
        "SerdeInfo": {"SerializationLibrary": PARQUET + "serde.ParquetHiveSerDe"},
    }


def glue_table(server: HiveServer, database: str) -> None:
    """A partitioned table of many types, made with the Glue API alone."""
    kinds = {
        "i": ("int", pa.int32(), 7),
        "price": ("decimal(9,2)", pa.decimal128(9, 2), Decimal("1.50")),
        "day": ("date", pa.date32(), date(2024, 2, 29)),
        "at": ("timestamp", pa.timestamp("us"), datetime(2024, 2, 29, 1, 2, 3)),
        "tags": ("array<string>", pa.list_(pa.string()), ["x", "y"]),
        "inner": (
            "struct<a:int,b:string>",
            pa.struct([("a", pa.int32()), ("b", pa.string())]),
            {"a": 1, "b": "q"},
        ),
    }
    row = pa.table({name: pa.array([value], kind) for name, (_, kind, value) in kinds.items()})
    file = io.BytesIO()
    pyarrow.parquet.write_table(row, file)
    glue, s3 = server.client("glue"), server.client("s3")
    columns = [{"Name": name, "Type": hive} for name, (hive, _, _) in kinds.items()]
    place = f"s3://warehouse/{database}/typed"
    glue.create_table(
        DatabaseName=database,
        TableInput={
            "Name": "typed",
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": [{"Name": "year", "Type": "int"}],
            "StorageDescriptor": descriptor(place, columns),
        },
    )
    for year in (2023, 2024):
        s3.put_object(Bucket="warehouse", Key=f"{database}/typed/year={year}/f.parquet", Body=file.getvalue())
        glue.create_partition(
            DatabaseName=database,
            TableName="typed",
            PartitionInput={
                "Values": [str(year)],
                "StorageDescriptor": descriptor(f"{place}/year={year}", columns),
            },
        )


def test_spark_lives_on_the_catalog(hive_server: HiveServer, name: str, tmp_path: Path) -> None:
    glue, s3 = hive_server.client("glue"), hive_server.client("s3")
    glue.create_database(DatabaseInput={"Name": name, "LocationUri": f"s3://warehouse/{name}.db"})
    glue_table(hive_server, name)
    sql = Spark(hive_server, tmp_path)
    sql(f"USE {name}")
    # What the Glue API made.
    seen = sql("SELECT i, price, CAST(day AS STRING), tags, inner.b, year FROM typed WHERE year > 2023")
    assert seen == [[7, "1.50", "2024-02-29", ["x", "y"], "q", 2024]]
    assert "method=get_partitions_by_filter" in hive_server.log.read_text()

    # Tables of Spark's own, with partitions.
    sql(
        "CREATE TABLE p (a INT, b STRING, y INT, r STRING) USING parquet PARTITIONED BY (y, r) COMMENT 'about'"
    )
    sql("INSERT INTO p VALUES (1, 'x', 2023, 'us_east'), (2, 'y', 2024, 'eu'), (3, 'z', 2024, 'us_west')")
    assert sql("SELECT a FROM p WHERE y = 2024 AND r LIKE 'us_w%'") == [[3]]
    assert sql("SELECT a FROM p WHERE r IN ('eu', 'us_east') ORDER BY a") == [[1], [2]]
    assert sql("SELECT count(*) FROM p WHERE r LIKE '%eas%' OR y BETWEEN 2024 AND 2025") == [[3]]
    sql("ALTER TABLE p ADD IF NOT EXISTS PARTITION (y=2025, r='q') PARTITION (y=2024, r='eu')")
    sql("ALTER TABLE p PARTITION (y=2025, r='q') RENAME TO PARTITION (y=2026, r='q')")
    names = ["y=2023/r=us_east", "y=2024/r=eu", "y=2024/r=us_west"]
    assert sql("SHOW PARTITIONS p") == [[one] for one in [*names, "y=2026/r=q"]]
    sql("ALTER TABLE p DROP PARTITION (y=2026, r='q')")
    glue.delete_partition(DatabaseName=name, TableName="p", PartitionValues=["2024", "eu"])
    sql("MSCK REPAIR TABLE p")
    assert sql("SHOW PARTITIONS p") == [[one] for one in names]
    table = glue.get_table(DatabaseName=name, Name="p")["Table"]
    assert (table["TableType"], table["Description"]) == ("MANAGED_TABLE", "about")
    assert [key["Name"] for key in table["PartitionKeys"]] == ["y", "r"]
    chosen = glue.get_partitions(DatabaseName=name, TableName="p", Expression="y = 2024 and r = 'eu'")
    assert chosen["Partitions"][0]["StorageDescriptor"]["Location"].endswith("p/y=2024/r=eu")

    # Statistics, views, functions.
    sql("ANALYZE TABLE p COMPUTE STATISTICS FOR COLUMNS a, b")
    assert (
        glue.get_table(DatabaseName=name, Name="p")["Table"]["Parameters"]["spark.sql.statistics.numRows"]
        == "3"
    )
    sql("CREATE VIEW v AS SELECT a, b FROM p WHERE a > 1")
    assert sql("SELECT b FROM v ORDER BY a") == [["y"], ["z"]]
    assert glue.get_table(DatabaseName=name, Name="v")["Table"]["TableType"] == "VIRTUAL_VIEW"
    sql("CREATE FUNCTION hexed AS 'org.apache.hadoop.hive.ql.udf.UDFHex'")
    assert sql("SELECT hexed(255)") == [["FF"]]
    sql("DROP FUNCTION hexed")

    # A Hive table: dynamic partitions, overwriting, another name.
    sql("CREATE TABLE h (a INT) PARTITIONED BY (d STRING) STORED AS PARQUET")
    sql("SET hive.exec.dynamic.partition.mode=nonstrict")
    sql("INSERT INTO h SELECT a, concat('2024-01-0', a) FROM p")
    sql("INSERT OVERWRITE TABLE h PARTITION (d='2024-01-01') VALUES (7)")
    sql("ALTER TABLE h RENAME TO h2")
    assert sql("SELECT a, d FROM h2 WHERE d < '2024-01-03' ORDER BY d") == [
        [7, "2024-01-01"],
        [2, "2024-01-02"],
    ]
    sql("ALTER TABLE h2 ADD COLUMNS (c DOUBLE)")
    assert [row[1] for row in sql("SHOW TABLES")] == ["h2", "p", "typed", "v"]

    # Managed tables take their data with them, others do not.
    sql("DROP VIEW v")
    for one in ("h2", "p", "typed"):
        sql(f"DROP TABLE {one}")
    assert s3.list_objects_v2(Bucket="warehouse", Prefix=f"{name}.db/p/").get("KeyCount") == 0
    assert s3.list_objects_v2(Bucket="warehouse", Prefix=f"{name}.db/h2/").get("KeyCount") == 0
    assert s3.list_objects_v2(Bucket="warehouse", Prefix=f"{name}/typed/").get("KeyCount") == 2
    sql(f"DROP DATABASE {name}")
    assert name not in [one["Name"] for one in glue.get_databases()["DatabaseList"]]
    sql.close()

"""The archive of Spark's classes, from which its JVM starts in a fraction of the time.

    python -m awsglue._runtime.classic.archive

makes it once, beside the installed Spark: a small session uses what most jobs use, and the JVM writes down at its end
which classes that took. A JVM of another build takes no notice of it. Owns that file.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import sys
import tempfile
from pathlib import Path

FILE = "mastic-classes.jsa"


def place() -> Path | None:
    """Where the archive of this runtime is, or would be."""
    spec = importlib.util.find_spec("pyspark")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / FILE


def make(target: Path) -> None:
    """Make the archive, whole or not at all."""
    from awsglue._runtime.classic.jvm import QUICK_START, QUIET

    fresh = target.with_suffix(".fresh")
    fresh.unlink(missing_ok=True)
    options = f"{QUICK_START} {QUIET} -XX:ArchiveClassesAtExit={fresh}"
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "spark.driver.extraJavaOptions": options,
            "spark.ui.enabled": "false",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.sql.shuffle.partitions": "2",
            "spark.local.dir": folder,
            "spark.sql.warehouse.dir": f"{folder}/warehouse",
        }
        arguments = ["--master", "local[2]", "--driver-memory", "1g"]
        for key, value in settings.items():
            arguments += ["--conf", f"{key}={value}"]
        os.environ["PYSPARK_SUBMIT_ARGS"] = " ".join(map(shlex.quote, [*arguments, "pyspark-shell"]))
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
        os.environ["PYSPARK_PYTHON"] = sys.executable
        _work(folder)
    if fresh.exists():
        fresh.replace(target)


def _work(folder: str) -> None:
    """What most jobs do, in small."""
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as fn

    spark = SparkSession.builder.getOrCreate()
    rows = spark.createDataFrame(
        [(n, f"name {n}", n * 1.5) for n in range(100)], "id long, name string, x double"
    )
    doubled = fn.udf(lambda n: n * 2, "long")
    for kind in ("parquet", "json", "csv"):
        place = f"file://{folder}/{kind}"
        rows.withColumn("part", fn.col("id") % 2).write.partitionBy("part").format(kind).save(place)
        spark.read.format(kind).load(place).where("part = 1").count()
    rows.select(doubled("id").alias("d"), "name").createOrReplaceTempView("a")
    rows.createOrReplaceTempView("b")
    spark.sql(
        "select b.name, count(*) n, sum(b.x) s, row_number() over (order by b.name) r from a join b on a.name = b.name "
        "where b.id between 3 and 80 group by b.name order by s desc limit 10"
    ).collect()
    spark.sparkContext.parallelize(range(10), 2).map(lambda n: n + 1).sum()
    gateway = spark.sparkContext._gateway
    spark.stop()
    # The JVM ends when nobody talks to it any more, and writes the archive as its last act.
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait(timeout=300)


if __name__ == "__main__":
    found = place()
    if found is None:
        sys.exit("there is no Spark in this environment")
    make(found)

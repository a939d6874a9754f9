"""A Glue script: TPC-H's queries by spark.sql over Parquet files. Prints a JSON line per query."""

import json
import sys
import time
from pathlib import Path

from pyspark.context import SparkContext

from awsglue.context import GlueContext
from awsglue.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["data", "queries", "passes"])
spark = GlueContext(SparkContext.getOrCreate()).spark_session
for table in sorted(Path(args["data"]).glob("*.parquet")):
    spark.read.parquet(str(table)).createOrReplaceTempView(table.stem)
texts = [
    "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip()
    for text in Path(args["queries"]).read_text().split(";\n")
]
for number in range(int(args["passes"])):
    for query, text in enumerate(filter(None, texts), 1):
        began = time.perf_counter()
        try:
            rows = [[str(value) for value in row] for row in spark.sql(text).collect()]
            said = {"rows": len(rows), "first": rows[:1]}
        except Exception as error:  # noqa: BLE001 - the others are still to be measured
            said = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(
            json.dumps({"pass": number, "query": query, "seconds": time.perf_counter() - began, **said}),
            flush=True,
        )

"""A Glue script: TPC-H's queries by spark.sql over Parquet files. Prints a JSON line per query.

`--data` is a folder of Parquet files, local or on S3 (one folder per table there), `--action` what is done with each
query's DataFrame.
"""

import json
import sys
import time
from pathlib import Path

from pyspark.context import SparkContext

from awsglue.context import GlueContext
from awsglue.utils import getResolvedOptions

TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")

args = getResolvedOptions(sys.argv, ["data", "queries", "passes", "action", "output"])
spark = GlueContext(SparkContext.getOrCreate()).spark_session
for table in TABLES:
    file = f"{table}/" if "://" in args["data"] else f"{table}.parquet"
    spark.read.parquet(f"{args['data']}/{file}").createOrReplaceTempView(table)


def rows_of(frame, query):
    """How many rows a query has, where that is told; and the first of them."""
    if args["action"] == "collect":
        rows = [[str(value) for value in row] for row in frame.collect()]
        return {"rows": len(rows), "first": rows[:1]}
    if args["action"] == "toPandas":
        return {"rows": len(frame.toPandas())}
    if args["action"] == "count":
        return {"rows": frame.count()}
    if args["action"] == "show":
        frame.show()
    elif args["action"] == "noop":
        frame.write.format("noop").mode("overwrite").save()
    else:
        frame.write.mode("overwrite").parquet(f"{args['output']}/{query}")
    return {}


texts = [
    "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip()
    for text in Path(args["queries"]).read_text().split(";\n")
]
for number in range(int(args["passes"])):
    for query, text in enumerate(filter(None, texts), 1):
        began = time.perf_counter()
        try:
            said = rows_of(spark.sql(text), query)
        except Exception as error:  # noqa: BLE001 - the others are still to be measured
            said = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(
            json.dumps({"pass": number, "query": query, "seconds": time.perf_counter() - began, **said}),
            flush=True,
        )

"""A Glue script: CSV → mapping → filter → no duplicates → Parquet by year and month. Prints a JSON line."""

import json
import sys
import time

from pyspark.context import SparkContext
from pyspark.sql import functions as F  # noqa: N812 - as scripts write it

from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.transforms import ApplyMapping
from awsglue.utils import getResolvedOptions

args = getResolvedOptions(sys.argv, ["input", "output", "layer"])
glue = GlueContext(SparkContext.getOrCreate())
spark = glue.spark_session

MAPPING = [
    ("l_orderkey", "string", "order_key", "bigint"),
    ("l_linenumber", "string", "line_number", "int"),
    ("l_partkey", "string", "part_key", "bigint"),
    ("l_quantity", "string", "quantity", "double"),
    ("l_extendedprice", "string", "price", "double"),
    ("l_discount", "string", "discount", "double"),
    ("l_returnflag", "string", "return_flag", "string"),
    ("l_shipdate", "string", "ship_date", "date"),
    ("l_shipmode", "string", "ship_mode", "string"),
]

began = time.perf_counter()
if args["layer"] == "dynamic":
    frame = glue.create_dynamic_frame.from_options(
        "s3", {"paths": [args["input"]]}, "csv", {"withHeader": True}, transformation_ctx="lines"
    )
    mapped = ApplyMapping.apply(frame=frame, mappings=MAPPING)
    data = mapped.toDF()
else:
    data = (
        spark.read.option("header", "true")
        .csv(args["input"])
        .select(*[F.col(source).cast(type).alias(target) for source, _, target, type in MAPPING])
    )
data = (
    data.filter("quantity > 5 AND return_flag <> 'R'")
    .dropDuplicates(["order_key", "part_key"])
    .withColumn("year", F.year("ship_date"))
    .withColumn("month", F.month("ship_date"))
)
if args["layer"] == "dynamic":
    glue.write_dynamic_frame.from_options(
        DynamicFrame.fromDF(data, glue, "clean"),
        "s3",
        {"path": args["output"], "partitionKeys": ["year", "month"]},
        "parquet",
    )
else:
    data.write.mode("overwrite").partitionBy("year", "month").parquet(args["output"])
print(json.dumps({"layer": args["layer"], "seconds": time.perf_counter() - began}), flush=True)

"""Ingestion: one uploaded CSV file is appended to the Iceberg staging table of its collection.

Arguments: --input_path (the object, given by the Lambda function) or --raw_bucket/--raw_prefix (everything),
--database_name, --table_name.
"""

import sys

from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext
from pyspark.sql import functions as F

args = getResolvedOptions(sys.argv, ["JOB_NAME", "raw_bucket", "raw_prefix", "database_name", "table_name"])
glue_context = GlueContext(SparkContext.getOrCreate())
spark = glue_context.spark_session
logger = glue_context.get_logger()
job = Job(glue_context)
job.init(args["JOB_NAME"], args)

source = f"s3://{args['raw_bucket']}/{args['raw_prefix']}"
if "--input_path" in sys.argv:
    source = getResolvedOptions(sys.argv, ["input_path"])["input_path"]
print(f"reading {source}")

rows = (
    spark.read.option("header", "true")
    .option("inferSchema", "true")
    .option("escape", "\"")
    .csv(source)
    .withColumn("source_file", F.input_file_name())
    .withColumn("ingest_ts", F.regexp_extract(F.col("source_file"), "ingest_ts=([^/]+)/", 1))
    .withColumn("ingested_at", F.current_timestamp())
)
table = f"glue_catalog.{args['database_name']}.{args['table_name']}"
if spark.catalog.tableExists(table):
    rows.writeTo(table).append()
else:
    rows.writeTo(table).using("iceberg").tableProperty("format-version", "2").create()

total = spark.table(table).count()
print(f"appended to {table}, which has {total} rows now")
job.commit()

"""Views: one over all collections and one for each series, each in Spark's and in Athena's dialect.

Arguments: --database_name, --source_table, --athena_output (an S3 prefix for Athena's results).
"""

import re
import sys
import time

import boto3
from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

args = getResolvedOptions(sys.argv, ["JOB_NAME", "database_name", "source_table", "athena_output"])
glue_context = GlueContext(SparkContext.getOrCreate())
spark = glue_context.spark_session
job = Job(glue_context)
job.init(args["JOB_NAME"], args)

database, source = args["database_name"], args["source_table"]
athena, glue = boto3.client("athena"), boto3.client("glue")


def run_athena(sql):
    """Run a statement and wait; an error ends the job."""
    started = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": database},
        ResultConfiguration={"OutputLocation": args["athena_output"]},
    )
    while True:
        execution = athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])["QueryExecution"]
        state = execution["Status"]["State"]
        if state == "SUCCEEDED":
            return
        if state in ("FAILED", "CANCELLED"):
            raise RuntimeError(f"{sql}: {execution['Status'].get('StateChangeReason')}")
        time.sleep(0.1)


def create_view(name, where=""):
    """Create or replace a view in both dialects."""
    spark.sql(
        f"CREATE OR REPLACE PROTECTED MULTI DIALECT VIEW {database}.{name} SECURITY DEFINER AS "
        f"SELECT * FROM {database}.{source} {where}"
    )
    view = glue.get_table(DatabaseName=database, Name=name)["Table"]["ViewDefinition"]
    verb = "UPDATE" if any(r["Dialect"] == "ATHENA" for r in view["Representations"]) else "ADD"
    run_athena(f"ALTER VIEW {database}.{name} {verb} DIALECT AS SELECT * FROM {database}.{source} {where}")
    print(f"view {database}.{name} speaks Spark and Athena")


create_view("collections_data_view")
series = [r["series"] for r in spark.sql(f"SELECT DISTINCT series FROM glue_catalog.{database}.{source}").collect()]
for name in sorted(series):
    create_view(re.sub(r"\W+", "_", name.lower()) + "_report_view", f"WHERE series = '{name}'")
job.commit()

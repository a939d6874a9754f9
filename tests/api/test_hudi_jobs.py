"""A Hudi table as Glue scripts keep it: upserts of changes, deletes, what has changed since, all in the catalog."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.api.jobs import lines, run

SCRIPT = """
import sys
from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.job import Job
from awsglue.transforms import ApplyMapping
from awsglue.utils import getResolvedOptions
from pyspark.sql.session import SparkSession

args = getResolvedOptions(sys.argv, ["JOB_NAME", "bucket", "database"])
spark = (
    SparkSession.builder.config("spark.serializer", "org.apache.spark.serializer.KryoSerializer")
    .config("spark.sql.hive.convertMetastoreParquet", "false")
    .getOrCreate()
)
glueContext = GlueContext(spark.sparkContext)
job = Job(glueContext)
job.init(args["JOB_NAME"], args)

path = f"s3://{args['bucket']}/hudi/product/"
commonConfig = {
    "className": "org.apache.hudi",
    "hoodie.datasource.hive_sync.use_jdbc": "false",
    "hoodie.datasource.write.precombine.field": "updated",
    "hoodie.datasource.write.recordkey.field": "product_id",
    "hoodie.table.name": "product",
    "hoodie.datasource.hive_sync.database": args["database"],
    "hoodie.datasource.hive_sync.table": "product",
    "hoodie.datasource.hive_sync.enable": "true",
    "path": path,
}
partitionConfig = {
    "hoodie.datasource.write.partitionpath.field": "category",
    "hoodie.datasource.hive_sync.partition_extractor_class": "org.apache.hudi.hive.MultiPartKeysValueExtractor",
    "hoodie.datasource.hive_sync.partition_fields": "category",
    "hoodie.datasource.write.hive_style_partitioning": "true",
}
initLoadConfig = {
    "hoodie.bulkinsert.shuffle.parallelism": 3,
    "hoodie.datasource.write.operation": "bulk_insert",
}
incrementalConfig = {
    "hoodie.upsert.shuffle.parallelism": 3,
    "hoodie.datasource.write.operation": "upsert",
    "hoodie.cleaner.policy": "KEEP_LATEST_COMMITS",
    "hoodie.cleaner.commits.retained": 10,
}
deleteConfig = {"hoodie.datasource.write.operation": "delete"}


def source(name):
    frame = glueContext.create_dynamic_frame.from_options(
        connection_type="s3",
        connection_options={"paths": [f"s3://{args['bucket']}/in/{name}.csv"]},
        format="csv",
        format_options={"withHeader": True},
    )
    return ApplyMapping.apply(
        frame=frame,
        mappings=[
            ("product_id", "string", "product_id", "int"),
            ("name", "string", "name", "string"),
            ("price", "string", "price", "double"),
            ("category", "string", "category", "string"),
            ("updated", "string", "updated", "timestamp"),
        ],
    )


glueContext.write_dynamic_frame.from_options(
    frame=source("full"),
    connection_type="marketplace.spark",
    connection_options={**commonConfig, **partitionConfig, **initLoadConfig},
)
first = spark.read.format("hudi").load(path).agg({"_hoodie_commit_time": "max"}).collect()[0][0]

changes = source("changes").toDF()
upserts = changes.where("name <> 'GONE'")
deletes = changes.where("name = 'GONE'")
upserts.write.format("hudi").options(**{**commonConfig, **partitionConfig, **incrementalConfig}).mode("append").save()
deletes.write.format("org.apache.hudi").options(**{**commonConfig, **partitionConfig, **deleteConfig}).mode(
    "append"
).save()
more = spark.createDataFrame([(9, "rug", 9.0, "home")], "product_id int, name string, price double, category string")
glueContext.write_data_frame.from_catalog(
    frame=more.selectExpr("product_id", "name", "price", "category", "timestamp'2020-01-04' AS updated"),
    database=args["database"],
    table_name="product",
    additional_options={**commonConfig, **partitionConfig},
)

incremental = (
    spark.read.format("hudi")
    .option("hoodie.datasource.query.type", "incremental")
    .option("hoodie.datasource.read.begin.instanttime", first)
    .load(path)
)
print("changed", sorted(row.product_id for row in incremental.collect()))
print("before", spark.read.format("hudi").option("as.of.instant", first).load(path).count())
table = glueContext.create_data_frame.from_catalog(database=args["database"], table_name="product")
for row in table.orderBy("product_id").collect():
    print(row.product_id, row.name, row.price, row.category, row.updated)
dynamic = glueContext.create_dynamic_frame.from_options(
    connection_type="hudi", connection_options={"path": path}
)
print("rows", dynamic.count())
print("sql", spark.sql(f"SELECT category, count(*) AS n FROM {args['database']}.product GROUP BY category").count())
job.commit()
"""
FULL = """product_id,name,price,category,updated
1,heater,250.0,home,2020-01-01 00:00:00
2,thermostat,400.0,home,2020-01-01 00:00:00
3,television,600.5,media,2020-01-01 00:00:00
4,blender,100.0,kitchen,2020-01-01 00:00:00
"""
CHANGES = """product_id,name,price,category,updated
1,heater,240.0,home,2020-01-02 00:00:00
1,heater,245.0,home,2020-01-03 00:00:00
5,usb charger,5.0,media,2020-01-02 00:00:00
4,GONE,0.0,kitchen,2020-01-02 00:00:00
"""


def test_a_table_is_loaded_changed_and_queried(
    server: Any, glue: Any, name: str, make: Callable[..., str]
) -> None:
    job = make(SCRIPT, command="glueetl", GlueVersion="5.0")
    database = name.replace("-", "_")
    s3 = server.client("s3")
    s3.put_object(Bucket=name, Key="in/full.csv", Body=FULL.encode())
    s3.put_object(Bucket=name, Key="in/changes.csv", Body=CHANGES.encode())
    given = {"--bucket": name, "--database": database, "--datalake-formats": "hudi"}
    ended = run(glue, job, Arguments=given)
    assert ended["JobRunState"] == "SUCCEEDED", ended.get("ErrorMessage")
    assert lines(server, "/aws-glue/jobs/output", ended["Id"]) == [
        "changed [1, 5, 9]",
        "before 4",
        "1 heater 245.0 home 2020-01-03 00:00:00",
        "2 thermostat 400.0 home 2020-01-01 00:00:00",
        "3 television 600.5 media 2020-01-01 00:00:00",
        "5 usb charger 5.0 media 2020-01-02 00:00:00",
        "9 rug 9.0 home 2020-01-04 00:00:00",
        "rows 5",
        "sql 2",
    ]
    table = glue.get_table(DatabaseName=database, Name="product")["Table"]
    assert table["StorageDescriptor"]["InputFormat"] == "org.apache.hudi.hadoop.HoodieParquetInputFormat"
    assert table["PartitionKeys"] == [{"Name": "category", "Type": "string"}]
    found = glue.get_partitions(DatabaseName=database, TableName="product")["Partitions"]
    assert sorted(one["Values"] for one in found) == [["home"], ["kitchen"], ["media"]]

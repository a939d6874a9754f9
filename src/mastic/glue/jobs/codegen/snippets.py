"""Pieces of source that several generated scripts share: imports by name, and functions of some node kinds."""

from __future__ import annotations

# What a snippet needs itself stands behind its text.
SNIPPETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "DynamicFrame": ("from awsglue.dynamicframe import DynamicFrame", ()),
    "DynamicFrameCollection": ("from awsglue.dynamicframe import DynamicFrameCollection", ()),
    "re": ("import re", ()),
    "functions": ("from pyspark.sql import functions as F", ()),
    "FillMissingValues": ("from awsglueml.transforms import FillMissingValues", ()),
    "EntityDetector": ("from awsglueml.transforms import EntityDetector", ()),
    "EvaluateDataQuality": ("from awsgluedq.transforms import EvaluateDataQuality", ()),
    "query": (
        '''
def query(glueContext, text, frames, transformation_ctx):
    """The result of a SQL query over frames by their aliases."""
    for alias, frame in frames.items():
        frame.toDF().createOrReplaceTempView(alias)
    return DynamicFrame.fromDF(glueContext.spark_session.sql(text), glueContext, transformation_ctx)
''',
        ("DynamicFrame",),
    ),
    "union": (
        '''
def union(glueContext, first, second, distinct, transformation_ctx):
    """The records of both frames, their columns matched by name."""
    joined = first.toDF().unionByName(second.toDF(), allowMissingColumns=True)
    return DynamicFrame.fromDF(joined.distinct() if distinct else joined, glueContext, transformation_ctx)
''',
        ("DynamicFrame",),
    ),
    "join": (
        '''
def join(glueContext, left, right, left_keys, right_keys, how, transformation_ctx):
    """A join of another kind than inner, on columns that are equal."""
    left, right = left.toDF(), right.toDF()
    condition = [left[a] == right[b] for a, b in zip(left_keys, right_keys)]
    return DynamicFrame.fromDF(left.join(right, condition, how), glueContext, transformation_ctx)
''',
        ("DynamicFrame",),
    ),
    "aggregate": (
        '''
def aggregate(glueContext, frame, groups, aggregations, transformation_ctx):
    """Aggregates of columns, named like "sum(price)", over groups of records."""
    columns = [getattr(F, function)(column).alias(f"{name}({column})") for column, function, name in aggregations]
    frame = frame.toDF()
    grouped = frame.groupBy(*groups) if groups else frame.groupBy()
    return DynamicFrame.fromDF(grouped.agg(*columns), glueContext, transformation_ctx)
''',
        ("DynamicFrame", "functions"),
    ),
    "drop_duplicates": (
        '''
def drop_duplicates(glueContext, frame, columns, transformation_ctx):
    """One record of those that are equal in these columns (in all, when none are named)."""
    frame = frame.toDF()
    kept = frame.dropDuplicates(columns) if columns else frame.dropDuplicates()
    return DynamicFrame.fromDF(kept, glueContext, transformation_ctx)
''',
        ("DynamicFrame",),
    ),
    "drop_nulls": (
        '''
def drop_nulls(glueContext, frame, values, transformation_ctx):
    """Without the columns in which every record has no value, or one that stands for none."""
    frame = frame.toDF()

    def present(column):
        given = F.col("`" + column + "`")
        text = F.trim(given.cast("string"))
        return F.max(F.when(given.isNotNull() & ~text.isin(values), 1).otherwise(0)).alias(column)

    simple = [f.name for f in frame.schema.fields if f.dataType.simpleString().split("<")[0] not in NESTED]
    if not simple:
        return DynamicFrame.fromDF(frame, glueContext, transformation_ctx)
    found = frame.agg(*[present(column) for column in simple]).collect()[0]
    kept = frame.drop(*[column for column in simple if not found[column]])
    return DynamicFrame.fromDF(kept, glueContext, transformation_ctx)


NESTED = ("array", "map", "struct")
''',
        ("DynamicFrame", "functions"),
    ),
    "custom_transform": (
        '''
def custom_transform(location, name):
    """The function of a custom transform, which is Python source on S3."""
    import boto3

    bucket, _, key = location.split("://", 1)[1].partition("/")
    source = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    namespace = {"__name__": "custom_transform"}
    exec(compile(source, location, "exec"), namespace)
    return namespace[name]
''',
        (),
    ),
    "stop_on_failure": (
        '''
def stop_on_failure(outcomes, node):
    """Fail the job when rules of a node have failed."""
    failed = [row["Rule"] for row in outcomes.toDF().collect() if row["Outcome"] == "Failed"]
    if failed:
        raise RuntimeError(f"The job failed due to failing data quality rules of node {node}: {'; '.join(failed)}")
''',
        (),
    ),
    "detect_rows": (
        '''
def detect_rows(glueContext, frame, types, replace, transformation_ctx, **options):
    """The records with every entity of these types replaced by what ``replace`` makes of it."""
    found = EntityDetector().detect(frame, types, "DetectedEntities", **options)

    def clean(record):
        for column, entities in (record.pop("DetectedEntities", None) or {}).items():
            text = str(record[column])
            for entity in sorted(entities, key=lambda one: -one["start"]):
                text = text[: entity["start"]] + replace(text[entity["start"] : entity["end"]]) + text[entity["end"] :]
            record[column] = text
        return record

    return Map.apply(frame=found, f=clean, transformation_ctx=transformation_ctx)
''',
        ("EntityDetector",),
    ),
    "detect_columns": (
        '''
def detect_columns(glueContext, frame, types, fraction, threshold, change, transformation_ctx):
    """The records with the columns changed in which entities of these types were found."""
    found = EntityDetector().classify_columns(frame, types, fraction, threshold)
    frame = frame.toDF()
    for column in found:
        frame = frame.withColumn(column, change(F.col("`" + column + "`")))
    return DynamicFrame.fromDF(frame, glueContext, transformation_ctx)
''',
        ("DynamicFrame", "EntityDetector", "functions"),
    ),
    "partial": (
        '''
def partial(text, pattern, mark, left, right):
    """The text with all but its ends replaced, or what a pattern matches in it."""
    end = len(text) - right
    middle = re.sub(pattern, mark, text[left:end]) if pattern else mark * max(end - left, 0)
    return text[:left] + middle + text[max(end, left) :]
''',
        ("re",),
    ),
    "hashed": (
        '''
def hashed(text):
    """SHA-256 of a text."""
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()
''',
        (),
    ),
    "holds": (
        '''
def holds(record, path, operation, constant):
    """Whether a field of a record compares like this with a constant, which is taken for the field's type."""
    value = record
    for step in path:
        value = value[step] if value is not None and step in value else None
    if operation == "ISNULL":
        return value is None
    if value is None:
        return False
    if operation == "REGEX":
        return re.search(constant, str(value)) is not None
    if isinstance(value, bool):
        constant = constant.strip().lower() == "true"
    elif not isinstance(value, str):
        try:
            constant = type(value)(constant)
        except (TypeError, ValueError, ArithmeticError):
            value = str(value)
    tests = {"EQ": value == constant, "LT": value < constant, "LTE": value <= constant}
    return {**tests, "GT": not tests["LTE"], "GTE": not tests["LT"]}[operation]
''',
        ("re",),
    ),
    "table_location": (
        '''
def table_location(database, table):
    """Where the files of a table are."""
    import boto3

    found = boto3.client("glue").get_table(DatabaseName=database, Name=table)["Table"]
    return found["StorageDescriptor"]["Location"]
''',
        (),
    ),
    "iceberg_catalog": (
        '''
def iceberg_catalog(spark, warehouse=None):
    """Let Spark find Iceberg tables of the catalog under the name glue_catalog."""
    catalog = "spark.sql.catalog.glue_catalog"
    spark.conf.set(catalog, "org.apache.iceberg.spark.SparkCatalog")
    spark.conf.set(f"{catalog}.catalog-impl", "org.apache.iceberg.aws.glue.GlueCatalog")
    spark.conf.set(f"{catalog}.io-impl", "org.apache.iceberg.aws.s3.S3FileIO")
    if warehouse:
        spark.conf.set(f"{catalog}.warehouse", warehouse)
''',
        (),
    ),
    "write_iceberg": (
        '''
def write_iceberg(spark, frame, database, table, location, keys, options):
    """Append to an Iceberg table of the catalog; make it when there is none."""
    import boto3

    iceberg_catalog(spark, location)
    client = boto3.client("glue")
    writer = frame.writeTo(f"glue_catalog.`{database}`.`{table}`")
    for name, value in options.items():
        writer = writer.option(name, value)
    try:
        client.get_table(DatabaseName=database, Name=table)
    except client.exceptions.EntityNotFoundException:
        if location:
            writer = writer.tableProperty("location", location)
        if keys:
            writer = writer.partitionedBy(*[F.col(key) for key in keys])
        writer.using("iceberg").create()
    else:
        writer.append()
''',
        ("functions", "iceberg_catalog"),
    ),
}


def pieces(needs: list[str]) -> tuple[list[str], list[str]]:
    """(imports, functions) for these needs and theirs, each once."""
    imports: list[str] = []
    functions: list[str] = []

    def add(name: str) -> None:
        text, others = SNIPPETS[name]
        for other in others:
            add(other)
        kept = imports if "\n" not in text else functions
        if text not in kept:
            kept.append(text)

    for name in needs:
        add(name)
    return imports, [function.strip("\n") for function in functions]

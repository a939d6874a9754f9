"""Source nodes of a visual job → source text. A table of kinds at the end; pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mastic.errors import invalid_input
from mastic.glue.jobs.codegen.calls import Code, Generator, assigned, call, context, literal, switch
from mastic.glue.jobs.codegen.graph import Node

_FROM_OPTIONS = "glueContext.create_dynamic_frame.from_options"
_FROM_CATALOG = "glueContext.create_dynamic_frame.from_catalog"
_SEPARATORS = {"comma": ",", "ctrla": "\x01", "pipe": "|", "semicolon": ";", "tab": "\t"}
_QUOTES = {"quote": '"', "quillemet": '"', "single_quote": "'", "disabled": -1}


def _options(node: Node, kind: str, options: Mapping[str, Any], form: str | None = None, **more: Any) -> Code:
    """``from_options`` with this connection type."""
    kept = {name: value for name, value in options.items() if value is not None}
    given = {name: None if value is None else literal(value) for name, value in more.items()}
    expression = call(
        _FROM_OPTIONS,
        connection_type=literal(kind),
        connection_options=literal(kept),
        format=None if form is None else literal(form),
        transformation_ctx=context(node),
        **given,
    )
    return assigned(node, expression)


def _files(node: Node) -> dict[str, Any]:
    """What all nodes that read files have in common."""
    body, more = node.body, node.body.get("AdditionalOptions") or {}
    options: dict[str, Any] = {
        "paths": list(body["Paths"]),
        "compressionType": body.get("CompressionType"),
        "exclusions": None if not body.get("Exclusions") else _json_list(body["Exclusions"]),
        "groupFiles": body.get("GroupFiles"),
        "groupSize": body.get("GroupSize"),
        "recurse": body.get("Recurse"),
        "maxBand": body.get("MaxBand"),
        "maxFilesInBand": body.get("MaxFilesInBand"),
        "boundedSize": _text(more.get("BoundedSize")),
        "boundedFiles": _text(more.get("BoundedFiles")),
    }
    if options["compressionType"] in ("none", "uncompressed"):
        options["compressionType"] = None
    if more.get("EnableSamplePath") and more.get("SamplePath"):
        options["paths"] = [more["SamplePath"]]
    return options


def _csv(node: Node) -> Code:
    body = node.body
    # Separator and quote character have a default that the model does not show: they are always given.
    form = {
        "separator": _SEPARATORS.get(body["Separator"], body["Separator"]),
        "quoteChar": _QUOTES.get(body["QuoteChar"], body["QuoteChar"]),
        "escaper": body.get("Escaper"),
        "multiline": switch(body.get("Multiline")),
        "withHeader": body.get("WithHeader"),
        "writeHeader": body.get("WriteHeader"),
        "skipFirst": body.get("SkipFirst"),
        "optimizePerformance": body.get("OptimizePerformance"),
    }
    kept = {name: value for name, value in form.items() if value is not None}
    return _options(node, "s3", _files(node), "csv", format_options=kept)


def _json(node: Node) -> Code:
    body = node.body
    form = {"jsonPath": body.get("JsonPath"), "multiline": switch(body.get("Multiline"))}
    kept = {name: value for name, value in form.items() if value is not None}
    return _options(node, "s3", _files(node), "json", format_options=kept or None)


def _parquet(node: Node) -> Code:
    return _options(node, "s3", _files(node), "parquet")


def _excel(node: Node) -> Code:
    body = node.body
    form = {"numberRows": body.get("NumberRows"), "skipFooter": body.get("SkipFooter")}
    kept = {name: value for name, value in form.items() if value is not None}
    return _options(node, "s3", _files(node), "excel", format_options=kept or None)


def _catalog(node: Node) -> Code:
    body, more = node.body, node.body.get("AdditionalOptions") or {}
    options = {
        "boundedSize": _text(more.get("BoundedSize")),
        "boundedFiles": _text(more.get("BoundedFiles")),
        "dynamodb.export": _export(body),
    }
    kept = {name: value for name, value in options.items() if value is not None}
    expression = call(
        _FROM_CATALOG,
        database=literal(body["Database"]),
        table_name=literal(body["Table"]),
        push_down_predicate=_given(body, "PartitionPredicate"),
        redshift_tmp_dir=_given(body, "RedshiftTmpDir"),
        additional_options=literal(kept) if kept else None,
        transformation_ctx=context(node),
    )
    return assigned(node, expression)


def _lake_table(node: Node) -> Code:
    """Tables of Iceberg, Delta and Hudi are read as data frames, which their engines serve."""
    body = node.body
    options = next(
        (body[name] for name in body if name.endswith("Options") and name.startswith("Additional")), None
    )
    frame = call(
        "glueContext.create_data_frame.from_catalog",
        database=literal(body["Database"]),
        table_name=literal(body["Table"]),
        additional_options=literal(options) if options else None,
    )
    code = _from_frame(node, frame)
    if "Iceberg" not in node.kind:
        return code
    return Code(lines=["iceberg_catalog(spark)", *code.lines], needs=(*code.needs, "iceberg_catalog"))


def _lake_files(form: str) -> Generator:
    def generate(node: Node) -> Code:
        options = node.body.get(f"Additional{form.capitalize()}Options") or {}
        chained = "".join(f".option({literal(key)}, {literal(value)})" for key, value in options.items())
        (path, *more) = node.body["Paths"]
        loaded = (
            f"spark.read.format({literal(form)}){chained}.load({literal([path, *more] if more else path)})"
        )
        return _from_frame(node, loaded)

    return generate


def _from_frame(node: Node, frame: str) -> Code:
    expression = call("DynamicFrame.fromDF", frame, "glueContext", context(node))
    return assigned(node, expression, "DynamicFrame")


def _direct_jdbc(node: Node) -> Code:
    body = node.body
    options = {
        "useConnectionProperties": "true",
        "connectionName": body["ConnectionName"],
        "dbtable": body["Table"],
        "database": body["Database"],
        "redshiftTmpDir": body.get("RedshiftTmpDir"),
    }
    return _options(node, body["ConnectionType"], options)


def _connector(node: Node) -> Code:
    """Connectors of the marketplace and of one's own."""
    body, more = node.body, node.body.get("AdditionalOptions") or {}
    options = {
        "connectionName": body["ConnectionName"],
        "tableName" if body.get("SchemaName") else "dbTable": body.get("ConnectionTable"),
        "schemaName": body.get("SchemaName"),
        "query": body.get("Query"),
        "filterPredicate": more.get("FilterPredicate"),
        "partitionColumn": more.get("PartitionColumn"),
        "lowerBound": _text(more.get("LowerBound")),
        "upperBound": _text(more.get("UpperBound")),
        "numPartitions": _text(more.get("NumPartitions")),
        "jobBookmarkKeys": more.get("JobBookmarkKeys"),
        "jobBookmarkKeysSortOrder": more.get("JobBookmarkKeysSortOrder"),
        "dataTypeMapping": more.get("DataTypeMapping"),
    }
    if node.kind == "SparkConnectorSource":
        options |= dict(more)
    return _options(node, body["ConnectionType"], options)


def _dynamodb_export(node: Node) -> Code:
    given = node.body.get("ConnectionOptions")
    if not given:
        raise invalid_input(f"CodeGenConfigurationNodes: node {node.id} has no ConnectionOptions")
    options = {
        "dynamodb.export": given.get("DynamodbExport"),
        "dynamodb.unnestDDBJson": given.get("DynamodbUnnestDDBJson"),
        "dynamodb.tableArn": given["DynamodbTableArn"],
        "dynamodb.s3.bucket": given.get("DynamodbS3Bucket"),
        "dynamodb.s3.prefix": given.get("DynamodbS3Prefix"),
        "dynamodb.s3.bucketOwner": given.get("DynamodbS3BucketOwner"),
        "dynamodb.sts.roleArn": given.get("DynamodbStsRoleArn"),
    }
    return _options(node, "dynamodb", options)


def _redshift(node: Node) -> Code:
    data = node.body.get("Data") or {}
    if data.get("AccessType") == "catalog":
        body = {"Database": _value(data, "CatalogDatabase"), "Table": _value(data, "CatalogTable")}
        expression = call(
            _FROM_CATALOG,
            database=literal(body["Database"]),
            table_name=literal(body["Table"]),
            redshift_tmp_dir=_given(data, "TempDir"),
            transformation_ctx=context(node),
        )
        return assigned(node, expression)
    options = {
        "useConnectionProperties": "true",
        "connectionName": _value(data, "Connection"),
        "redshiftTmpDir": data.get("TempDir"),
        "aws_iam_role": _value(data, "IamRole"),
    }
    if data.get("SourceType") == "query":
        options["sampleQuery"] = data.get("SampleQuery")
    else:
        options["dbtable"] = ".".join(filter(None, (_value(data, "Schema"), _value(data, "Table"))))
    return _options(node, "redshift", options)


def _snowflake(node: Node) -> Code:
    data = node.body["Data"]
    options = {
        "connectionName": _value(data, "Connection"),
        "sfDatabase": data.get("Database"),
        "sfSchema": data.get("Schema"),
        "autopushdown": None
        if data.get("AutoPushdown") is None
        else ("on" if data["AutoPushdown"] else "off"),
        **(data.get("AdditionalOptions") or {}),
    }
    if data.get("SourceType") == "query":
        options["query"] = data.get("SampleQuery")
    else:
        options["dbtable"] = data.get("Table")
    return _options(node, "snowflake", options)


def _data_source(node: Node) -> Code:
    return _options(node, node.body["ConnectionType"].lower(), dict(node.body["Data"]))


def _stream(kind: str) -> Generator:
    """Streams: a data frame of micro-batches; the nodes behind it become the function for one of them."""

    def generate(node: Node) -> Code:
        body = node.body
        options = {
            name[0].lower() + name[1:]: switch(
                value if not hasattr(value, "isoformat") else value.isoformat()
            )
            for name, value in (body.get("StreamingOptions") or {}).items()
        }
        options = {_STREAM_NAMES.get(name, name): value for name, value in options.items()}
        if body.get("DetectSchema") is not False:
            options["inferSchema"] = "true"
        if "Table" in body:
            frame = call(
                "glueContext.create_data_frame.from_catalog",
                database=literal(body["Database"]),
                table_name=literal(body["Table"]),
                additional_options=literal(options),
                transformation_ctx=context(node),
            )
        else:
            frame = call(
                "glueContext.create_data_frame.from_options",
                connection_type=literal(kind),
                connection_options=literal(options),
                transformation_ctx=context(node),
            )
        window = f"{body.get('WindowSize') or 100} seconds"
        return Code(
            lines=[f"{node.variable}_stream = {frame}"],
            needs=("DynamicFrame",),
            stream={"frame": f"{node.variable}_stream", "batch": node.variable, "window": window},
        )

    return generate


_STREAM_NAMES = {
    "bootstrapServers": "kafka.bootstrap.servers",
    "securityProtocol": "security.protocol",
    "streamArn": "streamARN",
    "roleArn": "awsSTSRoleARN",
    "roleSessionName": "awsSTSSessionName",
}


def _value(data: Mapping[str, Any], name: str) -> Any:
    """The value of an option that has a label too."""
    return (data.get(name) or {}).get("Value")


def _given(body: Mapping[str, Any], name: str) -> str | None:
    return literal(body[name]) if body.get(name) else None


def _export(body: Mapping[str, Any]) -> str | None:
    return (body.get("AdditionalOptions") or {}).get("DynamodbExport") or (
        "ddb" if body.get("PitrEnabled") else None
    )


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def _json_list(values: list[str]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"


SOURCES: dict[str, Generator] = {
    "AmazonRedshiftSource": _redshift,
    "AthenaConnectorSource": _connector,
    "CatalogDeltaSource": _lake_table,
    "CatalogHudiSource": _lake_table,
    "CatalogIcebergSource": _lake_table,
    "CatalogKafkaSource": _stream("kafka"),
    "CatalogKinesisSource": _stream("kinesis"),
    "CatalogSource": _catalog,
    "ConnectorDataSource": _data_source,
    "DirectJDBCSource": _direct_jdbc,
    "DirectKafkaSource": _stream("kafka"),
    "DirectKinesisSource": _stream("kinesis"),
    "DynamoDBCatalogSource": _catalog,
    "DynamoDBELTConnectorSource": _dynamodb_export,
    "GovernedCatalogSource": _catalog,
    "JDBCConnectorSource": _connector,
    "MicrosoftSQLServerCatalogSource": _catalog,
    "MySQLCatalogSource": _catalog,
    "OracleSQLCatalogSource": _catalog,
    "PostgreSQLCatalogSource": _catalog,
    "RedshiftSource": _catalog,
    "RelationalCatalogSource": _catalog,
    "S3CatalogDeltaSource": _lake_table,
    "S3CatalogHudiSource": _lake_table,
    "S3CatalogIcebergSource": _lake_table,
    "S3CatalogSource": _catalog,
    "S3CsvSource": _csv,
    "S3DeltaSource": _lake_files("delta"),
    "S3ExcelSource": _excel,
    "S3HudiSource": _lake_files("hudi"),
    "S3JsonSource": _json,
    "S3ParquetSource": _parquet,
    "SnowflakeSource": _snowflake,
    "SparkConnectorSource": _connector,
}

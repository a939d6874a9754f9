"""Target nodes of a visual job → source text. A table of kinds at the end; pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mastic.errors import invalid_input
from mastic.glue.jobs.codegen.calls import Code, Generator, assigned, call, context, literal, path
from mastic.glue.jobs.codegen.graph import Node
from mastic.glue.jobs.codegen.quality import DEFAULT_RULESET, publishing

_COMPRESSION = {"none": None, "uncompressed": "uncompressed"}


def _checked(node: Node, code: Code) -> Code:
    """With the evaluation of data quality before it that a target can ask for."""
    wanted = node.body.get("AutoDataQuality") or {}
    if not wanted.get("IsEnabled"):
        return code
    evaluated = call(
        "EvaluateDataQuality().process_rows",
        frame=node.inputs[0],
        ruleset=literal(DEFAULT_RULESET),
        publishing_options=publishing(node, {"ResultsPublishingEnabled": True, **wanted}),
    )
    return Code(lines=[evaluated, *code.lines], needs=("EvaluateDataQuality", *code.needs))


def _keys(node: Node) -> list[str]:
    return [path(steps) for steps in node.body.get("PartitionKeys") or []]


def _frame(node: Node) -> str:
    count = str(node.body.get("NumberTargetPartitions") or "0")
    if not count.isdecimal():
        raise invalid_input(
            f"CodeGenConfigurationNodes: NumberTargetPartitions of node {node.id} is {count!r}"
        )
    return f"{node.inputs[0]}.repartition({count})" if int(count) else node.inputs[0]


def _direct(form: str | None = None) -> Generator:
    """Files under a path; with a table in the catalog where SchemaChangePolicy says so."""

    def generate(node: Node) -> Code:
        body = node.body
        kind = form or body["Format"]
        compression = _COMPRESSION.get(body.get("Compression") or "none", body.get("Compression"))
        options = {"compression": compression} if compression else None
        table = _named_table(node)
        if table is not None:
            return _checked(node, _sink(node, kind, compression, table))
        expression = call(
            "glueContext.write_dynamic_frame.from_options",
            frame=_frame(node),
            connection_type=literal("s3"),
            format=literal(kind),
            connection_options=literal({"path": body["Path"], "partitionKeys": _keys(node)}),
            format_options=literal(options) if options else None,
            transformation_ctx=context(node),
        )
        return _checked(node, assigned(node, expression))

    return generate


def _named_table(node: Node) -> tuple[str, str] | None:
    """(database, table) that a target of files makes or changes in the catalog; None where it is to leave that."""
    policy = node.body.get("SchemaChangePolicy") or {}
    if not policy.get("EnableUpdateCatalog"):
        return None
    if not policy.get("Database") or not policy.get("Table"):
        raise invalid_input(
            f"CodeGenConfigurationNodes: SchemaChangePolicy of node {node.id} updates the catalog, but names no table"
        )
    return policy["Database"], policy["Table"]


def _sink(node: Node, kind: str, compression: str | None, table: tuple[str, str]) -> Code:
    policy = node.body["SchemaChangePolicy"]
    sink = f"{node.variable}_sink"
    made = call(
        "glueContext.getSink",
        connection_type=literal("s3"),
        path=literal(node.body["Path"]),
        partitionKeys=literal(_keys(node)),
        enableUpdateCatalog="True",
        updateBehavior=literal(policy.get("UpdateBehavior") or "UPDATE_IN_DATABASE"),
        transformation_ctx=context(node),
    )
    named = {"catalogDatabase": literal(table[0]), "catalogTableName": literal(table[1])}
    form = call(f"{sink}.setFormat", literal(kind), compression=literal(compression) if compression else None)
    lines = [f"{sink} = {made}", call(f"{sink}.setCatalogInfo", **named), form]
    return Code(lines=[*lines, f"{node.variable} = {sink}.writeFrame({_frame(node)})"])


def _catalog(node: Node) -> Code:
    body, policy = node.body, node.body.get("SchemaChangePolicy") or {}
    options: dict[str, Any] = {}
    if policy.get("EnableUpdateCatalog"):
        options["enableUpdateCatalog"] = True
        options["updateBehavior"] = policy.get("UpdateBehavior") or "UPDATE_IN_DATABASE"
    if _keys(node):
        options["partitionKeys"] = _keys(node)
    options |= _upsert(node)
    expression = call(
        "glueContext.write_dynamic_frame.from_catalog",
        frame=node.inputs[0],
        database=literal(body["Database"]),
        table_name=literal(body["Table"]),
        redshift_tmp_dir=literal(body["RedshiftTmpDir"]) if body.get("RedshiftTmpDir") else None,
        additional_options=literal(options) if options else None,
        transformation_ctx=context(node),
    )
    return _checked(node, assigned(node, expression))


def _upsert(node: Node) -> dict[str, Any]:
    """Redshift: rows go into a staging table first, and from there in place of those with equal keys."""
    body = node.body
    options: dict[str, Any] = {"aws_iam_role": body["TmpDirIAMRole"]} if body.get("TmpDirIAMRole") else {}
    upsert = body.get("UpsertRedshiftOptions") or {}
    if not upsert.get("UpsertKeys"):
        return options
    table = upsert.get("TableLocation") or body["Table"]
    staging = f"{table}_staging"
    same = " AND ".join(f"{staging}.{key} = {table}.{key}" for key in upsert["UpsertKeys"])
    return {
        **options,
        "dbtable": staging,
        "preactions": f"DROP TABLE IF EXISTS {staging}; CREATE TABLE {staging} (LIKE {table});",
        "postactions": f"BEGIN; DELETE FROM {table} USING {staging} WHERE {same}; "
        f"INSERT INTO {table} SELECT * FROM {staging}; DROP TABLE {staging}; END;",
    }


def _options(node: Node, kind: str, options: Mapping[str, Any]) -> Code:
    kept = {name: value for name, value in options.items() if value is not None}
    expression = call(
        "glueContext.write_dynamic_frame.from_options",
        frame=node.inputs[0],
        connection_type=literal(kind),
        connection_options=literal(kept),
        transformation_ctx=context(node),
    )
    return assigned(node, expression)


def _connector(node: Node) -> Code:
    body = node.body
    options = {
        "connectionName": body["ConnectionName"],
        "dbTable": body.get("ConnectionTable"),
        **(body.get("AdditionalOptions") or {}),
    }
    return _options(node, body["ConnectionType"], options)


def _redshift(node: Node) -> Code:
    data = node.body.get("Data") or {}
    table = ".".join(filter(None, (_value(data, "Schema"), _value(data, "Table"))))
    if data.get("AccessType") == "catalog":
        expression = call(
            "glueContext.write_dynamic_frame.from_catalog",
            frame=_input(node),
            database=literal(_value(data, "CatalogDatabase")),
            table_name=literal(_value(data, "CatalogTable")),
            redshift_tmp_dir=literal(data.get("TempDir") or ""),
            additional_options=literal(_actions(data)) if _actions(data) else None,
            transformation_ctx=context(node),
        )
        return assigned(node, expression)
    options = {
        "useConnectionProperties": "true",
        "connectionName": _value(data, "Connection"),
        "redshiftTmpDir": data.get("TempDir"),
        "aws_iam_role": _value(data, "IamRole"),
        "dbtable": data.get("StagingTable") or table,
        **_actions(data),
    }
    _input(node)
    return _options(node, "redshift", options)


def _snowflake(node: Node) -> Code:
    data = node.body["Data"]
    options = {
        "connectionName": _value(data, "Connection"),
        "sfDatabase": data.get("Database"),
        "sfSchema": data.get("Schema"),
        "dbtable": data.get("StagingTable") or data.get("Table"),
        **_actions(data),
        **(data.get("AdditionalOptions") or {}),
    }
    _input(node)
    return _options(node, "snowflake", options)


def _actions(data: Mapping[str, Any]) -> dict[str, Any]:
    """SQL before and after the load, as the visual editor has worked it out."""
    named = {"preactions": data.get("PreAction"), "postactions": data.get("PostAction")}
    return {name: value for name, value in named.items() if value}


def _data_target(node: Node) -> Code:
    _input(node)
    return _options(node, node.body["ConnectionType"].lower(), dict(node.body["Data"]))


def _lake_table(form: str) -> Generator:
    """Into a table of the catalog that Delta or Hudi keep."""

    def generate(node: Node) -> Code:
        body = node.body
        place = f"save(table_location({literal(body['Database'])}, {literal(body['Table'])}))"
        return _checked(node, _written(node, form, {}, place, "table_location"))

    return generate


def _delta_files(node: Node) -> Code:
    """A Delta table at a path; with its entry in the catalog where SchemaChangePolicy says so."""
    path, table = node.body["Path"], _named_table(node)
    if table is None:
        return _checked(node, _written(node, "delta", {}, f"save({literal(path)})"))
    options = {"path": path}
    if node.body["SchemaChangePolicy"].get("UpdateBehavior") != "LOG":
        options["mergeSchema"] = "true"
    name = ".".join("`" + part.replace("`", "``") + "`" for part in table)
    return _checked(node, _written(node, "delta", options, f"saveAsTable({literal(name)})"))


def _hudi_files(node: Node) -> Code:
    """A Hudi table at a path, which Hudi itself brings into the catalog where SchemaChangePolicy says so."""
    table, sync = _named_table(node), "hoodie.datasource.hive_sync"
    options = {}
    if table is not None:
        options = {
            f"{sync}.enable": "true",
            f"{sync}.mode": "hms",
            f"{sync}.use_jdbc": "false",
            f"{sync}.database": table[0],
            f"{sync}.table": table[1],
        }
    return _checked(node, _written(node, "hudi", options, f"save({literal(node.body['Path'])})"))


def _written(node: Node, form: str, options: Mapping[str, str], place: str, *needs: str) -> Code:
    options = {**options, **(node.body.get("AdditionalOptions") or {})}
    chained = "".join(f".option({literal(key)}, {literal(value)})" for key, value in options.items())
    keys = f".partitionBy({', '.join(literal(key) for key in _keys(node))})" if _keys(node) else ""
    frame = f"{_frame(node)}.toDF()"
    line = f'{frame}.write.format({literal(form)}){chained}{keys}.mode("append").{place}'
    return Code(lines=[line, f"{node.variable} = {node.inputs[0]}"], needs=needs)


def _iceberg(node: Node) -> Code:
    body, policy = node.body, node.body.get("SchemaChangePolicy") or {}
    database, table = (body.get(name) or policy.get(name) for name in ("Database", "Table"))
    if not database or not table:
        raise invalid_input(
            f"CodeGenConfigurationNodes: node {node.id} writes an Iceberg table: SchemaChangePolicy has to name "
            "Database and Table"
        )
    line = call(
        "write_iceberg",
        "spark",
        f"{_frame(node)}.toDF()",
        literal(database),
        literal(table),
        literal(body.get("Path")),
        literal(_keys(node)),
        literal(dict(body.get("AdditionalOptions") or {})),
    )
    code = Code(lines=[line, f"{node.variable} = {node.inputs[0]}"], needs=("write_iceberg",))
    return _checked(node, code)


def _value(data: Mapping[str, Any], name: str) -> Any:
    return (data.get(name) or {}).get("Value")


def _input(node: Node) -> str:
    if not node.inputs:
        raise invalid_input(f"CodeGenConfigurationNodes: target node {node.id} has no input")
    return node.inputs[0]


TARGETS: dict[str, Generator] = {
    "AmazonRedshiftTarget": _redshift,
    "CatalogTarget": _catalog,
    "ConnectorDataTarget": _data_target,
    "GovernedCatalogTarget": _catalog,
    "JDBCConnectorTarget": _connector,
    "MicrosoftSQLServerCatalogTarget": _catalog,
    "MySQLCatalogTarget": _catalog,
    "OracleSQLCatalogTarget": _catalog,
    "PostgreSQLCatalogTarget": _catalog,
    "RedshiftTarget": _catalog,
    "S3CatalogTarget": _catalog,
    "S3DeltaCatalogTarget": _lake_table("delta"),
    "S3DeltaDirectTarget": _delta_files,
    "S3DirectTarget": _direct(),
    "S3GlueParquetTarget": _direct("glueparquet"),
    "S3HudiCatalogTarget": _lake_table("hudi"),
    "S3HudiDirectTarget": _hudi_files,
    "S3IcebergCatalogTarget": _iceberg,
    "S3IcebergDirectTarget": _iceberg,
    "SnowflakeTarget": _snowflake,
    "SparkConnectorTarget": _connector,
}

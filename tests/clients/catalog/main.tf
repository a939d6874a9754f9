# Every Data Catalog resource of the AWS provider. `stage` changes every argument that can be changed in place.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  default_tags {
    tags = {
      Project = "catalog"
    }
  }
}

variable "stage" {
  type    = number
  default = 1
}

variable "prefix" {
  type    = string
  default = "judge"
}

data "aws_caller_identity" "current" {}
data "aws_region" "current" {}
data "aws_partition" "current" {}

locals {
  second  = var.stage == 2
  account = data.aws_caller_identity.current.account_id
  arn     = "arn:${data.aws_partition.current.partition}:glue:${data.aws_region.current.name}:${local.account}"
}

resource "aws_s3_bucket" "lake" {
  bucket        = "${var.prefix}-lake"
  force_destroy = true
}

resource "aws_kms_key" "catalog" {
  deletion_window_in_days = 7
}

resource "aws_iam_role" "optimizer" {
  name = "${var.prefix}-optimizer"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "glue.amazonaws.com" }
    }]
  })
}

# -- databases ------------------------------------------------------------------------------------

resource "aws_glue_catalog_database" "plain" {
  name = "${var.prefix}_plain"
  tags = local.second ? { Stage = "two", Extra = "x" } : { Stage = "one" }
}

resource "aws_glue_catalog_database" "full" {
  name         = "${var.prefix}_full"
  description  = local.second ? "changed" : "made"
  location_uri = "s3://${aws_s3_bucket.lake.bucket}/${local.second ? "b" : "a"}/"
  parameters   = local.second ? { b = "2" } : { a = "1" }

  create_table_default_permission {
    permissions = local.second ? ["ALL"] : ["SELECT", "ALTER"]

    principal {
      data_lake_principal_identifier = "IAM_ALLOWED_PRINCIPALS"
    }
  }
}

resource "aws_glue_catalog_database" "link" {
  name = "${var.prefix}_link"

  target_database {
    catalog_id    = local.account
    database_name = aws_glue_catalog_database.full.name
  }
}

# -- tables ---------------------------------------------------------------------------------------

resource "aws_glue_catalog_table" "bare" {
  name          = "bare"
  database_name = aws_glue_catalog_database.plain.name
}

resource "aws_glue_catalog_table" "events" {
  name          = "events"
  database_name = aws_glue_catalog_database.full.name
  description   = local.second ? "changed" : "made"
  owner         = local.second ? "them" : "us"
  retention     = local.second ? 7 : 3
  table_type    = "EXTERNAL_TABLE"

  parameters = local.second ? {
    EXTERNAL       = "TRUE"
    classification = "parquet"
    } : {
    EXTERNAL              = "TRUE"
    "parquet.compression" = "SNAPPY"
  }

  partition_keys {
    name = "day"
    type = "date"
  }

  partition_keys {
    name    = "region"
    type    = "string"
    comment = local.second ? "where" : "place"
  }

  storage_descriptor {
    location                  = "s3://${aws_s3_bucket.lake.bucket}/events/"
    input_format              = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format             = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
    compressed                = local.second
    number_of_buckets         = local.second ? 8 : 4
    bucket_columns            = local.second ? ["id", "kind"] : ["id"]
    additional_locations      = local.second ? ["s3://${aws_s3_bucket.lake.bucket}/more/"] : []
    stored_as_sub_directories = local.second
    parameters                = { hint = local.second ? "b" : "a" }

    columns {
      name       = "id"
      type       = "bigint"
      comment    = "the id"
      parameters = { "iceberg.field.id" = local.second ? "2" : "1" }
    }

    columns {
      name = "kind"
      type = local.second ? "varchar(20)" : "string"
    }

    dynamic "columns" {
      for_each = local.second ? ["payload"] : []
      content {
        name = columns.value
        type = "struct<a:int,b:array<string>>"
      }
    }

    ser_de_info {
      name                  = local.second ? "other" : "serde"
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
      parameters            = { "serialization.format" = local.second ? "2" : "1" }
    }

    skewed_info {
      skewed_column_names               = ["kind"]
      skewed_column_values              = local.second ? ["a", "b"] : ["a"]
      skewed_column_value_location_maps = { a = "s3://${aws_s3_bucket.lake.bucket}/skewed/" }
    }

    sort_columns {
      column     = "id"
      sort_order = local.second ? 1 : 0
    }
  }

  partition_index {
    index_name = "by_day"
    keys       = ["day"]
  }
}

resource "aws_glue_catalog_table" "view" {
  name               = "view"
  database_name      = aws_glue_catalog_database.full.name
  table_type         = "VIRTUAL_VIEW"
  view_original_text = "/* Presto View: ${base64encode(local.second ? "two" : "one")} */"
  view_expanded_text = local.second ? "/* Presto View */ " : "/* Presto View */"
  parameters         = { presto_view = "true" }

  storage_descriptor {
    columns {
      name = "id"
      type = "bigint"
    }

    ser_de_info {
      name = "none"
    }
  }
}

# GetTable follows a link, on AWS too: a link to a table with columns needs ignore_changes for what is the target's.
resource "aws_glue_catalog_table" "link" {
  name          = "link"
  database_name = aws_glue_catalog_database.full.name

  target_table {
    catalog_id    = local.account
    database_name = aws_glue_catalog_database.plain.name
    name          = aws_glue_catalog_table.bare.name
  }
}

resource "aws_glue_catalog_table" "iceberg" {
  name          = "iceberg"
  database_name = aws_glue_catalog_database.full.name
  table_type    = "EXTERNAL_TABLE"

  open_table_format_input {
    iceberg_input {
      metadata_operation = "CREATE"
      version            = "2"
    }
  }

  storage_descriptor {
    location = "s3://${aws_s3_bucket.lake.bucket}/iceberg/"

    columns {
      name    = "id"
      type    = "bigint"
      comment = "the id"
    }

    columns {
      name = "amount"
      type = "decimal(10,2)"
    }

    columns {
      name = "tags"
      type = "array<struct<k:string,v:int>>"
    }
  }
}

resource "aws_glue_catalog_table_optimizer" "compaction" {
  catalog_id    = local.account
  database_name = aws_glue_catalog_database.full.name
  table_name    = aws_glue_catalog_table.iceberg.name
  type          = "compaction"

  configuration {
    role_arn = aws_iam_role.optimizer.arn
    enabled  = !local.second
  }
}

resource "aws_glue_catalog_table_optimizer" "retention" {
  catalog_id    = local.account
  database_name = aws_glue_catalog_database.full.name
  table_name    = aws_glue_catalog_table.iceberg.name
  type          = "retention"

  configuration {
    role_arn = aws_iam_role.optimizer.arn
    enabled  = true

    retention_configuration {
      iceberg_configuration {
        snapshot_retention_period_in_days = local.second ? 7 : 5
        number_of_snapshots_to_retain     = local.second ? 3 : 1
        clean_expired_files               = local.second
      }
    }
  }
}

resource "aws_glue_catalog_table_optimizer" "orphans" {
  catalog_id    = local.account
  database_name = aws_glue_catalog_database.full.name
  table_name    = aws_glue_catalog_table.iceberg.name
  type          = "orphan_file_deletion"

  configuration {
    role_arn = aws_iam_role.optimizer.arn
    enabled  = true

    orphan_file_deletion_configuration {
      iceberg_configuration {
        orphan_file_retention_period_in_days = local.second ? 7 : 3
        location                             = "s3://${aws_s3_bucket.lake.bucket}/iceberg/"
      }
    }
  }
}

resource "aws_glue_catalog_table" "avro" {
  name          = "avro"
  database_name = aws_glue_catalog_database.full.name

  storage_descriptor {
    schema_reference {
      schema_version_number = local.second ? 2 : 1

      schema_id {
        schema_name   = "orders"
        registry_name = "shop"
      }
    }
  }
}

# -- partitions -----------------------------------------------------------------------------------

resource "aws_glue_partition" "one" {
  database_name    = aws_glue_catalog_database.full.name
  table_name       = aws_glue_catalog_table.events.name
  partition_values = ["2024-01-01", "eu/west 1"]
  parameters       = local.second ? { rows = "2", more = "x" } : { rows = "1" }

  storage_descriptor {
    location                  = "s3://${aws_s3_bucket.lake.bucket}/events/${local.second ? "b" : "a"}/"
    input_format              = "org.apache.hadoop.mapred.TextInputFormat"
    output_format             = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
    compressed                = local.second
    number_of_buckets         = local.second ? 2 : 1
    bucket_columns            = ["id"]
    stored_as_sub_directories = local.second
    parameters                = { p = local.second ? "2" : "1" }

    columns {
      name    = "id"
      type    = local.second ? "bigint" : "int"
      comment = "c"
    }

    ser_de_info {
      name                  = "s"
      serialization_library = "org.openx.data.jsonserde.JsonSerDe"
      parameters            = { "serialization.format" = "1" }
    }

    skewed_info {
      skewed_column_names               = ["id"]
      skewed_column_values              = ["1"]
      skewed_column_value_location_maps = { "1" = "s3://${aws_s3_bucket.lake.bucket}/skewed/" }
    }

    sort_columns {
      column     = "id"
      sort_order = 1
    }
  }
}

resource "aws_glue_partition" "bare" {
  database_name    = aws_glue_catalog_database.full.name
  table_name       = aws_glue_catalog_table.events.name
  partition_values = ["2024-01-02", "us"]
}

resource "aws_glue_catalog_table" "indexed" {
  name          = "indexed"
  database_name = aws_glue_catalog_database.full.name

  partition_keys {
    name = "year"
    type = "int"
  }

  partition_keys {
    name = "month"
    type = "int"
  }
}

resource "aws_glue_partition_index" "by_month" {
  database_name = aws_glue_catalog_database.full.name
  table_name    = aws_glue_catalog_table.indexed.name

  partition_index {
    index_name = "by_month"
    keys       = ["month"]
  }
}

# -- functions ------------------------------------------------------------------------------------

resource "aws_glue_user_defined_function" "clean" {
  name          = "clean"
  database_name = aws_glue_catalog_database.full.name
  catalog_id    = local.account
  class_name    = local.second ? "com.example.Cleaner" : "com.example.Clean"
  owner_name    = local.second ? "them" : "us"
  owner_type    = local.second ? "ROLE" : "GROUP"

  resource_uris {
    resource_type = local.second ? "JAR" : "ARCHIVE"
    uri           = "s3://${aws_s3_bucket.lake.bucket}/${local.second ? "b" : "a"}.jar"
  }
}

# -- connections ----------------------------------------------------------------------------------

resource "aws_glue_connection" "jdbc" {
  name           = "${var.prefix}-jdbc"
  description    = local.second ? "changed" : "made"
  match_criteria = local.second ? ["b", "c"] : ["a"]
  tags           = local.second ? { Stage = "two" } : { Stage = "one", Old = "y" }

  connection_properties = {
    JDBC_CONNECTION_URL = "jdbc:postgresql://db.example:5432/${local.second ? "b" : "a"}"
    USERNAME            = "me"
    PASSWORD            = local.second ? "s3cret" : "secret"
  }

  physical_connection_requirements {
    availability_zone      = "us-east-1a"
    security_group_id_list = local.second ? ["sg-2", "sg-3"] : ["sg-1"]
    subnet_id              = local.second ? "subnet-2" : "subnet-1"
  }
}

resource "aws_glue_connection" "network" {
  name            = "${var.prefix}-network"
  connection_type = "NETWORK"

  physical_connection_requirements {
    availability_zone      = "us-east-1a"
    security_group_id_list = ["sg-1"]
    subnet_id              = "subnet-1"
  }
}

resource "aws_glue_connection" "kafka" {
  name            = "${var.prefix}-kafka"
  connection_type = "KAFKA"

  connection_properties = {
    KAFKA_BOOTSTRAP_SERVERS = "b-1.example:${local.second ? 9096 : 9094}"
    KAFKA_SSL_ENABLED       = "false"
  }
}

resource "aws_glue_connection" "mongodb" {
  name            = "${var.prefix}-mongodb"
  connection_type = "MONGODB"

  connection_properties = {
    CONNECTION_URL = "mongodb://db.example:27017/${local.second ? "b" : "a"}"
    USERNAME       = "me"
    PASSWORD       = "secret"
  }
}

resource "aws_glue_connection" "marketplace" {
  name            = "${var.prefix}-marketplace"
  connection_type = "CUSTOM"
  match_criteria  = ["template-connection"]

  connection_properties = {
    CONNECTOR_CLASS_NAME = "net.snowflake.client.jdbc.SnowflakeDriver"
    CONNECTOR_TYPE       = "Jdbc"
    CONNECTOR_URL        = "s3://${aws_s3_bucket.lake.bucket}/snowflake-jdbc.jar"
    JDBC_CONNECTION_URL  = "[[\"default=jdbc:snowflake://example.com/?user=$${Username}&password=$${Password}\"],\",\"]"
  }
}

resource "aws_glue_connection" "snowflake" {
  name            = "${var.prefix}-snowflake"
  connection_type = "SNOWFLAKE"

  connection_properties = {
    SparkProperties = jsonencode({
      sfUrl    = "exampleorg-exampleconnection.snowflakecomputing.com"
      secretId = "arn:aws:secretsmanager:us-east-1:${local.account}:secret:s-abcdef"
      sfRole   = local.second ? "B" : "A"
    })
  }
}

resource "aws_glue_connection" "bigquery" {
  name            = "${var.prefix}-bigquery"
  connection_type = "BIGQUERY"

  connection_properties = {
    SparkProperties = jsonencode({
      secretId = "arn:aws:secretsmanager:us-east-1:${local.account}:secret:b-abcdef"
    })
  }
}

resource "aws_glue_connection" "opensearch" {
  name            = "${var.prefix}-opensearch"
  connection_type = "OPENSEARCH"

  connection_properties = {
    SparkProperties = jsonencode({
      secretId                       = "arn:aws:secretsmanager:us-east-1:${local.account}:secret:o-abcdef"
      "opensearch.nodes"             = "https://search.example"
      "opensearch.port"              = "443"
      "opensearch.aws.sigv4.region"  = "us-east-1"
      "opensearch.nodes.wan.only"    = "true"
      "opensearch.aws.sigv4.enabled" = "true"
    })
  }
}

resource "aws_glue_connection" "dynamodb" {
  name            = "${var.prefix}-dynamodb"
  connection_type = "DYNAMODB"

  athena_properties = {
    lambda_function_arn      = "arn:aws:lambda:us-east-1:${local.account}:function:athenafederatedcatalog"
    disable_spill_encryption = local.second ? "true" : "false"
    spill_bucket             = aws_s3_bucket.lake.bucket
  }
}

# -- what belongs to the account ------------------------------------------------------------------

resource "aws_glue_security_configuration" "off" {
  name = "${var.prefix}-off"

  encryption_configuration {
    cloudwatch_encryption {
      cloudwatch_encryption_mode = "DISABLED"
    }

    job_bookmarks_encryption {
      job_bookmarks_encryption_mode = "DISABLED"
    }

    s3_encryption {
      s3_encryption_mode = "SSE-S3"
    }
  }
}

resource "aws_glue_security_configuration" "on" {
  name = "${var.prefix}-on"

  encryption_configuration {
    cloudwatch_encryption {
      cloudwatch_encryption_mode = "SSE-KMS"
      kms_key_arn                = aws_kms_key.catalog.arn
    }

    job_bookmarks_encryption {
      job_bookmarks_encryption_mode = "CSE-KMS"
      kms_key_arn                   = aws_kms_key.catalog.arn
    }

    s3_encryption {
      s3_encryption_mode = "SSE-KMS"
      kms_key_arn        = aws_kms_key.catalog.arn
    }
  }
}

resource "aws_glue_resource_policy" "own" {
  enable_hybrid = local.second ? "TRUE" : "FALSE"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = local.second ? ["glue:GetTable", "glue:GetTables"] : ["glue:GetTable"]
      Principal = { AWS = "arn:aws:iam::${local.account}:root" }
      Resource  = "${local.arn}:*"
    }]
  })
}

resource "aws_glue_data_catalog_encryption_settings" "own" {
  data_catalog_encryption_settings {
    connection_password_encryption {
      aws_kms_key_id = local.second ? aws_kms_key.catalog.arn : null
      # With true the provider sees another password than it gave: AWS's answer is the encrypted one.
      return_connection_password_encrypted = false
    }

    encryption_at_rest {
      catalog_encryption_mode = local.second ? "SSE-KMS" : "DISABLED"
      sse_aws_kms_key_id      = local.second ? aws_kms_key.catalog.arn : null
    }
  }
}

# -- what is read ---------------------------------------------------------------------------------

data "aws_glue_catalog_table" "events" {
  database_name = aws_glue_catalog_table.events.database_name
  name          = aws_glue_catalog_table.events.name
}

data "aws_glue_connection" "jdbc" {
  id = aws_glue_connection.jdbc.id
}

data "aws_glue_data_catalog_encryption_settings" "own" {
  catalog_id = aws_glue_data_catalog_encryption_settings.own.id
}

output "events_columns" {
  value = data.aws_glue_catalog_table.events.storage_descriptor[0].columns[*].name
}

output "jdbc_url" {
  value     = data.aws_glue_connection.jdbc.connection_properties["JDBC_CONNECTION_URL"]
  sensitive = true
}

output "encryption" {
  value = data.aws_glue_data_catalog_encryption_settings.own.data_catalog_encryption_settings[0].encryption_at_rest[0].catalog_encryption_mode
}

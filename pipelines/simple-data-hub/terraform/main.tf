# Buckets, identity, the ingestion job, and the Lambda function that starts it when a CSV file arrives.

data "aws_caller_identity" "current" {}

locals {
  suffix = data.aws_caller_identity.current.account_id
}

resource "aws_s3_bucket" "raw" {
  bucket        = "${var.project_name}-raw-${local.suffix}"
  force_destroy = true
}

resource "aws_s3_bucket" "iceberg" {
  bucket        = "${var.project_name}-iceberg-${local.suffix}"
  force_destroy = true
}

resource "aws_s3_bucket" "scripts" {
  bucket        = "${var.project_name}-scripts-${local.suffix}"
  force_destroy = true
}

resource "aws_s3_object" "ingestion_script" {
  bucket = aws_s3_bucket.scripts.id
  key    = "jobs/glue_csv_to_iceberg.py"
  source = "${path.module}/../jobs/glue_csv_to_iceberg.py"
  etag   = filemd5("${path.module}/../jobs/glue_csv_to_iceberg.py")
}

resource "aws_iam_role" "glue" {
  name = "${var.project_name}-glue-role"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "glue.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy_attachment" "glue" {
  role       = aws_iam_role.glue.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole"
}

resource "aws_iam_role_policy" "glue_data" {
  name = "data"
  role = aws_iam_role.glue.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "s3:*", Resource = [for b in [aws_s3_bucket.raw, aws_s3_bucket.iceberg, aws_s3_bucket.scripts] : "${b.arn}*"] },
      { Effect = "Allow", Action = ["glue:*", "lakeformation:GetDataAccess", "athena:*"], Resource = "*" },
    ]
  })
}

resource "aws_iam_role" "lambda" {
  name = "${var.project_name}-lambda-role"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy_attachment" "lambda" {
  role       = aws_iam_role.lambda.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_iam_role_policy" "lambda_glue" {
  name = "start-job"
  role = aws_iam_role.lambda.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "glue:StartJobRun", Resource = aws_glue_job.ingestion.arn }]
  })
}

resource "aws_glue_catalog_database" "collections" {
  name         = var.database_name
  location_uri = "s3://${aws_s3_bucket.iceberg.bucket}/warehouse/"
}

resource "aws_glue_job" "ingestion" {
  name                      = "csv-to-iceberg-ingestion"
  description               = "Reads an uploaded CSV file and appends it to the Iceberg staging table"
  role_arn                  = aws_iam_role.glue.arn
  glue_version              = var.glue_version
  worker_type               = "G.1X"
  number_of_workers         = 2
  timeout                   = 60
  max_retries               = 1
  job_run_queuing_enabled   = true

  command {
    name            = "glueetl"
    python_version  = "3"
    script_location = "s3://${aws_s3_bucket.scripts.bucket}/${aws_s3_object.ingestion_script.key}"
  }

  execution_property {
    max_concurrent_runs = 1
  }

  default_arguments = {
    "--job-language"            = "python"
    "--job-bookmark-option"     = "job-bookmark-enable"
    "--enable-metrics"          = "true"
    "--enable-glue-datacatalog" = "true"
    "--datalake-formats"        = "iceberg"
    "--conf"                    = "spark.sql.extensions=org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions --conf spark.sql.catalog.glue_catalog=org.apache.iceberg.spark.SparkCatalog --conf spark.sql.catalog.glue_catalog.warehouse=s3://${aws_s3_bucket.iceberg.bucket}/warehouse/ --conf spark.sql.catalog.glue_catalog.catalog-impl=org.apache.iceberg.aws.glue.GlueCatalog --conf spark.sql.catalog.glue_catalog.io-impl=org.apache.iceberg.aws.s3.S3FileIO"
    "--raw_bucket"              = aws_s3_bucket.raw.bucket
    "--raw_prefix"              = var.raw_data_prefix
    "--database_name"           = aws_glue_catalog_database.collections.name
    "--table_name"              = var.staging_table
  }
}

resource "aws_lambda_function" "trigger_glue_job" {
  function_name    = "trigger-glue-job-lambda"
  role             = aws_iam_role.lambda.arn
  handler          = "trigger_glue_job.lambda_handler"
  runtime          = "python3.12"
  filename         = "${path.module}/../lambda/trigger_glue_job.zip"
  source_code_hash = filebase64sha256("${path.module}/../lambda/trigger_glue_job.zip")
  timeout          = 30

  environment {
    variables = {
      GLUE_JOB_NAME = aws_glue_job.ingestion.name
    }
  }
}

resource "aws_lambda_permission" "allow_bucket" {
  statement_id   = "AllowExecutionFromS3Bucket"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.trigger_glue_job.arn
  principal      = "s3.amazonaws.com"
  source_arn     = aws_s3_bucket.raw.arn
  source_account = local.suffix
}

resource "aws_s3_bucket_notification" "bucket_notification" {
  bucket = aws_s3_bucket.raw.id

  lambda_function {
    lambda_function_arn = aws_lambda_function.trigger_glue_job.arn
    events              = ["s3:ObjectCreated:*"]
    filter_prefix       = var.raw_data_prefix
  }

  depends_on = [aws_lambda_permission.allow_bucket]
}

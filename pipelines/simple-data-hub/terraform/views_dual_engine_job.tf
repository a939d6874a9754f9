# The views job and the trigger that starts it when the ingestion has succeeded.

resource "aws_s3_object" "views_script" {
  bucket = aws_s3_bucket.scripts.id
  key    = "jobs/glue_create_views_dual_engine.py"
  source = "${path.module}/../jobs/glue_create_views_dual_engine.py"
  etag   = filemd5("${path.module}/../jobs/glue_create_views_dual_engine.py")
}

resource "aws_glue_job" "views" {
  name                    = "create-views-dual-engine"
  description             = "Creates the collection views in Spark's and in Athena's dialect"
  role_arn                = aws_iam_role.glue.arn
  glue_version            = var.glue_version
  worker_type             = "G.1X"
  number_of_workers       = 2
  timeout                 = 30
  job_run_queuing_enabled = true

  command {
    name            = "glueetl"
    python_version  = "3"
    script_location = "s3://${aws_s3_bucket.scripts.bucket}/${aws_s3_object.views_script.key}"
  }

  execution_property {
    max_concurrent_runs = 1
  }

  default_arguments = {
    "--job-language"            = "python"
    "--enable-glue-datacatalog" = "true"
    "--datalake-formats"        = "iceberg"
    "--conf"                    = aws_glue_job.ingestion.default_arguments["--conf"]
    "--database_name"           = aws_glue_catalog_database.collections.name
    "--source_table"            = var.staging_table
    "--athena_output"           = "s3://${aws_s3_bucket.scripts.bucket}/athena-results/"
  }
}

resource "aws_glue_trigger" "views_dual_engine_trigger" {
  name        = "dual-engine-views-trigger"
  type        = "CONDITIONAL"
  description = "Creates the views when the ingestion has succeeded"

  predicate {
    conditions {
      job_name = aws_glue_job.ingestion.name
      state    = "SUCCEEDED"
    }
  }

  actions {
    job_name = aws_glue_job.views.name
  }
}

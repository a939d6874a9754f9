"""Every resource of Lambda and CloudWatch Logs that pipelines declare, by the real Terraform AWS provider."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tests.clients import terraform
from tests.conftest import Server

pytestmark = pytest.mark.skipif(
    terraform.program() is None, reason="terraform or its AWS provider is not installed"
)

MAIN = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
resource "aws_iam_role" "this" {
  name = "functions"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }] })
}
resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/worker"
  retention_in_days = 14
  tags              = { team = "data" }
}
resource "aws_cloudwatch_log_stream" "this" {
  name           = "manual"
  log_group_name = aws_cloudwatch_log_group.this.name
}
resource "aws_cloudwatch_log_metric_filter" "this" {
  name           = "errors"
  log_group_name = aws_cloudwatch_log_group.this.name
  pattern        = "?ERROR ?Exception"
  metric_transformation {
    name          = "Errors"
    namespace     = "Pipeline"
    value         = "1"
    default_value = "0"
  }
}
resource "aws_lambda_layer_version" "this" {
  layer_name          = "shared"
  filename            = "${path.module}/layer.zip"
  compatible_runtimes = ["python3.12"]
}
resource "aws_lambda_function" "this" {
  function_name    = "worker"
  description      = var.description
  role             = aws_iam_role.this.arn
  handler          = "handler.handle"
  runtime          = "python3.12"
  filename         = "${path.module}/code.zip"
  source_code_hash = filebase64sha256("${path.module}/code.zip")
  timeout          = 30
  publish          = true
  layers           = [aws_lambda_layer_version.this.arn]
  environment {
    variables = { MODE = "test" }
  }
  reserved_concurrent_executions = 2
  tags       = { team = "data" }
  depends_on = [aws_cloudwatch_log_group.this]
}
variable "description" {
  default = "first"
}
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}
resource "aws_lambda_permission" "logs" {
  statement_id  = "logs"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "logs.amazonaws.com"
  source_arn    = "${aws_cloudwatch_log_group.other.arn}:*"
}
resource "aws_cloudwatch_log_group" "other" {
  name = "other"
}
resource "aws_cloudwatch_log_subscription_filter" "this" {
  name            = "feed"
  log_group_name  = aws_cloudwatch_log_group.other.name
  filter_pattern  = "ERROR"
  destination_arn = aws_lambda_function.this.arn
  depends_on      = [aws_lambda_permission.logs]
}
resource "aws_lambda_function_event_invoke_config" "this" {
  function_name                = aws_lambda_function.this.function_name
  maximum_retry_attempts       = 1
  maximum_event_age_in_seconds = 120
}
"""


def test_functions_and_logs(own_server: Server, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "main.tf").write_text(MAIN)
    for name, file, text in (
        ("code.zip", "handler.py", "import shared\ndef handle(event, context):\n    return shared.VALUE\n"),
        ("layer.zip", "python/shared.py", "VALUE = 'from the layer'\n"),
    ):
        with zipfile.ZipFile(source / name, "w") as archive:
            archive.writestr(zipfile.ZipInfo(file, (2024, 1, 1, 0, 0, 0)), text)
    project = terraform.Project(source, tmp_path / "project", own_server.endpoint)
    project.apply()
    project.assert_no_drift()
    functions = own_server.client("lambda", read_timeout=240)
    reply = functions.invoke(FunctionName="worker", Qualifier="live")
    assert (json.load(reply["Payload"]), reply["ExecutedVersion"]) == ("from the layer", "1")
    project.run("apply", "-auto-approve", "-var=description=second")
    status, output = project.run("plan", "-detailed-exitcode", "-var=description=second", accept=(0, 2))
    assert status == 0, output
    assert functions.invoke(FunctionName="worker:live")["ExecutedVersion"] == "2"
    project.destroy()
    assert functions.list_functions()["Functions"] == []
    assert own_server.client("logs").describe_log_groups(logGroupNamePrefix="other")["logGroups"] == []

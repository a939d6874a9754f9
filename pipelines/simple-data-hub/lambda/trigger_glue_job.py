"""Starts the ingestion job for each CSV object in an S3 event."""

import os
import urllib.parse

import boto3

glue = boto3.client("glue")


def lambda_handler(event, context):
    runs = []
    for record in event.get("Records", []):
        bucket = record["s3"]["bucket"]["name"]
        key = urllib.parse.unquote_plus(record["s3"]["object"]["key"])
        if not key.lower().endswith(".csv"):
            print(f"ignored s3://{bucket}/{key}")
            continue
        started = glue.start_job_run(
            JobName=os.environ["GLUE_JOB_NAME"], Arguments={"--input_path": f"s3://{bucket}/{key}"}
        )
        print(f"started {started['JobRunId']} for s3://{bucket}/{key}")
        runs.append(started["JobRunId"])
    return {"runs": runs}

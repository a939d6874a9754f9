"""DynamoDB tables as frames: scanned in parallel segments."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from awsglue._frames.body import Body, Encoded
from awsglue._sources.request import SourceRequest


def open_dynamodb(request: SourceRequest, context: Any) -> Body:
    """The body of a table's frame. Raises ValueError and NotImplementedError."""
    options = request.options
    if options.get("dynamodb.export"):
        from awsglue._sources import dynamodbexport

        wanted = dynamodbexport.asked(options)
        return Body(
            lambda: dynamodbexport.read(wanted, client(options, wanted.region), context.spark_session)
        )
    name = options.get("dynamodb.input.tableName") or options.get("tableName")
    if not name:
        raise ValueError('dynamodb needs the connection option "dynamodb.input.tableName"')
    share = float(options.get("dynamodb.throughput.read.percent", 0.5))
    if not 0.1 <= share <= 1.5:
        raise ValueError("dynamodb.throughput.read.percent is between 0.1 and 1.5")
    splits = int(options.get("dynamodb.splits", 1))
    return Body(lambda: _read(str(name), max(1, splits), options, context.spark_session))


def client(options: dict[str, Any], region: str | None = None) -> Any:
    """The DynamoDB client, in another account's role if the options name one."""
    import boto3

    role = options.get("dynamodb.sts.roleArn")
    region = region or options.get("dynamodb.sts.region")
    if not role:
        return boto3.client("dynamodb", region_name=region)
    session = str(options.get("dynamodb.sts.roleSessionName") or "glue-dynamodb-sts-session")
    found = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName=session)["Credentials"]
    return boto3.client(
        "dynamodb",
        region_name=region,
        aws_access_key_id=found["AccessKeyId"],
        aws_secret_access_key=found["SecretAccessKey"],
        aws_session_token=found["SessionToken"],
    )


def _read(name: str, splits: int, options: dict[str, Any], spark: Any) -> Encoded:
    from awsglue._sources.staged import StagedRecords

    dynamodb = client(options)
    staged = StagedRecords()

    def scan(segment: int) -> list[dict[str, Any]]:
        return list(_segment(dynamodb, name, segment, splits))

    with ThreadPoolExecutor(min(splits, 16)) as pool:
        for records in pool.map(scan, range(splits)):
            staged.extend(records)
    return staged.finish(spark)


def _segment(dynamodb: Any, name: str, segment: int, splits: int) -> Iterator[dict[str, Any]]:
    pages = dynamodb.get_paginator("scan").paginate(TableName=name, Segment=segment, TotalSegments=splits)
    for page in pages:
        for item in page["Items"]:
            yield {key: value_of(value) for key, value in item.items()}


def value_of(typed: dict[str, Any]) -> Any:
    """A typed DynamoDB value as Python has it."""
    ((kind, value),) = typed.items()
    if kind == "N":
        return number(value)
    if kind == "NULL":
        return None
    if kind == "M":
        return {key: value_of(one) for key, one in value.items()}
    if kind == "L":
        return [value_of(one) for one in value]
    if kind == "NS":
        return [number(one) for one in value]
    return list(value) if kind in ("SS", "BS") else value


def number(text: str) -> Any:
    """Whole numbers as int, others as float where that is exact enough, else as decimal."""
    exact = decimal.Decimal(text)
    if exact == exact.to_integral_value() and abs(exact) < 10**38 and "." not in text:
        return int(exact)
    return float(exact) if len(exact.as_tuple().digits) <= 15 else exact

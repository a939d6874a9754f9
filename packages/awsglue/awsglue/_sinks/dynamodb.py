"""Frames into DynamoDB tables: items put in batches, what was not taken put again."""

from __future__ import annotations

import datetime as dt
import decimal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from awsglue._frames.body import Encoded
from awsglue._frames.display import _plain
from awsglue._frames.records import decoded
from awsglue._sinks.request import SinkRequest
from awsglue._sources.dynamodb import client

BATCH = 25
RETRIES = 10


class ItemsNotWritten(RuntimeError):
    """DynamoDB did not take all items, however often they were offered."""


def write_dynamodb(request: SinkRequest, frame: Encoded) -> None:
    """Put every record as an item; fields that are null are left out. Raises ValueError and ItemsNotWritten."""
    from awsglue._runtime.engine import mark_written

    options = request.options
    table = options.get("dynamodb.output.tableName")
    if not table:
        raise ValueError('dynamodb needs the connection option "dynamodb.output.tableName"')
    retries = int(options.get("dynamodb.output.retry", RETRIES))
    threads = int(options.get("dynamodb.output.numParallelTasks", 4))
    dynamodb = client(options)
    mark_written()
    items = _items(frame)
    with ThreadPoolExecutor(max(1, threads)) as pool:
        # A few batches ahead per thread: the whole table need not be in memory.
        while window := list(islice(items, BATCH * threads * 4)):
            batches = [window[start : start + BATCH] for start in range(0, len(window), BATCH)]
            list(pool.map(lambda batch: _put(dynamodb, str(table), batch, retries), batches))


def _put(dynamodb: Any, table: str, items: list[dict[str, Any]], retries: int) -> None:
    pending = {table: [{"PutRequest": {"Item": item}} for item in items]}
    for attempt in range(retries + 1):
        pending = dynamodb.batch_write_item(RequestItems=pending).get("UnprocessedItems") or {}
        if not pending:
            return
        time.sleep(min(5.0, 0.05 * 2**attempt))
    raise ItemsNotWritten(f"{len(pending[table])} items were not written to {table} after {retries} retries")


def _items(frame: Encoded) -> Iterator[dict[str, Any]]:
    fields = frame.schema.fields
    for row in frame.df.toLocalIterator():
        values = {
            field.name: decoded(_plain(value), field.dataType)
            for field, value in zip(fields, row, strict=True)
        }
        yield {name: typed(value) for name, value in values.items() if value is not None}


def typed(value: Any) -> dict[str, Any]:
    """A value as DynamoDB writes it."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueError(f"DynamoDB cannot hold the number {value}")
        return {"N": format(decimal.Decimal(repr(value)), "f")}
    if isinstance(value, decimal.Decimal):
        return {"N": format(value.normalize(), "f")}
    if isinstance(value, bytes | bytearray):
        return {"B": bytes(value)}
    if isinstance(value, dict):
        return {"M": {str(name): typed(one) for name, one in value.items()}}
    if isinstance(value, list | tuple):
        return {"L": [typed(one) for one in value]}
    if isinstance(value, dt.datetime | dt.date):
        return {"S": value.isoformat()}
    return {"S": str(value)}

"""Frames into MongoDB and Amazon DocumentDB collections."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

from awsglue._frames.body import Encoded
from awsglue._sinks.records import batches
from awsglue._sinks.request import SinkRequest
from awsglue._sources.mongodb import client, place
from awsglue._sources.outside import first, settings
from awsglue._sources.request import truth

BATCH = 512


def write_mongodb(request: SinkRequest, frame: Encoded) -> None:
    """Insert the rows; those with an _id replace (or, with replaceDocument false, change) the document of that id."""
    from awsglue._runtime.engine import mark_written

    options = settings(request.options)
    uri, database, collection = place(request.connection_type, options)
    size = int(first(options, "maxBatchSize") or BATCH)
    replaces = truth(options.get("replaceDocument"), default=True)
    mark_written()
    with client(uri, options) as mongo:
        where = mongo[database][collection]
        for batch in batches(frame, size):
            where.bulk_write([_operation(one, replaces=replaces) for one in batch], ordered=True)


def _operation(record: dict[str, Any], *, replaces: bool) -> Any:
    from pymongo import InsertOne, ReplaceOne, UpdateOne

    document = {name: bson_of(value) for name, value in record.items()}
    if document.get("_id") is None:
        document.pop("_id", None)
        return InsertOne(document)
    key = {"_id": document["_id"]}
    if replaces:
        return ReplaceOne(key, document, upsert=True)
    rest = {name: value for name, value in document.items() if name != "_id"}
    return UpdateOne(key, {"$set": rest}, upsert=True)


def bson_of(value: Any) -> Any:
    """A value as BSON has it."""
    from bson import Decimal128, Int64

    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if -(2**31) <= value < 2**31 else Int64(value)
    if isinstance(value, decimal.Decimal):
        return Decimal128(value)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime(value.year, value.month, value.day)
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, dict):
        return {str(name): bson_of(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [bson_of(one) for one in value]
    return value

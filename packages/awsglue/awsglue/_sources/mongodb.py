"""MongoDB and Amazon DocumentDB collections as frames, by PyMongo."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

from awsglue._frames.body import Body, Encoded
from awsglue._sources.outside import first, missing, needed, settings
from awsglue._sources.request import SourceRequest, truth

# How a collection is cut for parallel reading changes no row: the names are checked, then one cursor reads.
PARTITIONERS = (
    "MongoDefaultPartitioner",
    "MongoSamplePartitioner",
    "MongoShardedPartitioner",
    "MongoSplitVectorPartitioner",
    "MongoPaginateByCountPartitioner",
    "MongoPaginateBySizePartitioner",
    "MongoSinglePartitioner",
    "SamplePartitioner",
    "ShardedPartitioner",
    "PaginateBySizePartitioner",
    "PaginateIntoPartitionsPartitioner",
    "SinglePartitionPartitioner",
)
WAIT_MS = 30_000


def open_mongodb(request: SourceRequest, context: Any) -> Body:
    """The body of a collection's frame. Raises ValueError."""
    options = settings(request.options)
    uri, database, collection = place(request.connection_type, options)
    partitioner = first(options, "partitioner").rsplit(".", 1)[-1]
    if partitioner and partitioner not in PARTITIONERS:
        raise ValueError(f"partitioner {partitioner!r} is none of {', '.join(PARTITIONERS)}")
    pipeline = _pipeline(options)
    return Body(lambda: _read(uri, database, collection, pipeline, options, context.spark_session))


def place(kind: str, options: dict[str, Any]) -> tuple[str, str, str]:
    """The URI, database and collection that the options name. Raises ValueError."""
    return (
        needed(kind, options, "connection.uri", "uri"),
        needed(kind, options, "database"),
        needed(kind, options, "collection"),
    )


def client(uri: str, options: dict[str, Any]) -> Any:
    """The client that the options describe. Raises ImportError."""
    try:
        from pymongo import MongoClient
    except ImportError:
        raise missing("MongoDB", "pymongo") from None
    more: dict[str, Any] = {"serverSelectionTimeoutMS": WAIT_MS, "tz_aware": True}
    user, password = first(options, "username"), first(options, "password")
    if user:
        more |= {"username": user, "password": password}
    ssl = first(options, "ssl", "enforce_ssl")
    if ssl:
        more["tls"] = truth(ssl)
        if truth(ssl) and not truth(options.get("ssl.domain_match"), default=True):
            more["tlsAllowInvalidHostnames"] = True
    writes = first(options, "retryWrites")
    if writes:
        more["retryWrites"] = truth(writes)
    # Glue's old spelling of the scheme, in DocumentDB's connections.
    address = uri.replace("mongo://", "mongodb://", 1) if uri.startswith("mongo://") else uri
    return MongoClient(address, **more)


def _pipeline(options: dict[str, Any]) -> list[dict[str, Any]]:
    """What is asked of the server: a pipeline, or documents that match. Raises ValueError for what is no JSON."""
    text = first(options, "aggregation.pipeline", "pipeline")
    try:
        if text:
            found = json.loads(text)
            return found if isinstance(found, list) else [found]
        query = first(options, "matchQuery")
        return [{"$match": json.loads(query)}] if query else []
    except ValueError as error:
        raise ValueError(f"a MongoDB query is JSON: {error}") from None


def _read(
    uri: str,
    database: str,
    collection: str,
    pipeline: list[dict[str, Any]],
    options: dict[str, Any],
    spark: Any,
) -> Encoded:
    from awsglue._sources.staged import StagedRecords

    staged = StagedRecords()
    size = int(first(options, "batchSize") or 1000)
    with client(uri, options) as mongo:
        where = mongo[database][collection]
        found = where.aggregate(pipeline, batchSize=size) if pipeline else where.find(batch_size=size)
        staged.extend(documents(found))
    return staged.finish(spark)


def documents(found: Any) -> Iterator[dict[str, Any]]:
    """Documents as records of a frame."""
    for one in found:
        yield {str(name): value_of(value) for name, value in one.items()}


def value_of(value: Any) -> Any:
    """A BSON value as a frame holds it: ObjectIds and other kinds of its own as text."""
    from bson import Binary, Decimal128, Int64

    if value is None or isinstance(value, bool | float | str):
        return value
    if isinstance(value, Int64):
        return int(value)
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal128):
        return value.to_decimal()
    if isinstance(value, dict):
        return {str(name): value_of(one) for name, one in value.items()}
    if isinstance(value, list):
        return [value_of(one) for one in value]
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, Binary | bytes):
        return bytes(value)
    return str(value)

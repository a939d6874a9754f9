"""Frames into OpenSearch indexes."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Iterator
from typing import Any

from awsglue._frames.body import Encoded
from awsglue._sinks.records import records
from awsglue._sinks.request import SinkRequest
from awsglue._sources.opensearch import client
from awsglue._sources.outside import first, needed, settings

OPERATIONS = ("index", "create", "update", "upsert")


def write_opensearch(request: SinkRequest, frame: Encoded) -> None:
    """Every row becomes a document; whatever the server does not take is an error. Raises ValueError."""
    from awsglue._runtime.engine import mark_written

    options = settings(request.options)
    index = needed("opensearch", options, "opensearch.resource", "es.resource")
    operation = first(options, "opensearch.write.operation", "es.write.operation") or "index"
    key = first(options, "opensearch.mapping.id", "es.mapping.id")
    if operation not in OPERATIONS:
        raise ValueError(f"opensearch.write.operation {operation!r} is none of {', '.join(OPERATIONS)}")
    if operation in ("update", "upsert") and not key:
        raise ValueError(f"opensearch.write.operation {operation} needs opensearch.mapping.id")
    search = client(options)
    mark_written()
    from opensearchpy.helpers import bulk

    try:
        bulk(search, actions(frame, index, operation, key), raise_on_error=True)
    finally:
        search.close()


def actions(frame: Encoded, index: str, operation: str, key: str) -> Iterator[dict[str, Any]]:
    """What the bulk operation is asked for."""
    for record in records(frame):
        document = {name: json_of(value) for name, value in record.items()}
        action: dict[str, Any] = {"_index": index, "_op_type": operation}
        if key:
            action["_id"] = document[key]
        if operation in ("update", "upsert"):
            action |= {"_op_type": "update", "doc": document, "doc_as_upsert": operation == "upsert"}
        else:
            action["_source"] = document
        yield action


def json_of(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        import base64

        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {str(name): json_of(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [json_of(one) for one in value]
    return value

"""Frames into BigQuery tables: one load job of Parquet."""

from __future__ import annotations

import io
from typing import Any

from awsglue._frames.body import Encoded
from awsglue._sinks.request import SinkRequest
from awsglue._sinks.texts import plain_columns
from awsglue._sources.bigquery import client
from awsglue._sources.outside import first, needed, settings

METHODS = ("direct", "indirect")


def write_bigquery(request: SinkRequest, frame: Encoded) -> None:
    """Append the rows. Both write methods are one load job here: no bucket is needed. Raises ValueError."""
    import pyarrow.parquet as pq

    from awsglue._runtime.engine import mark_written

    options = settings(request.options)
    table = needed("bigquery", options, "table").replace(":", ".")
    method = first(options, "writeMethod") or "indirect"
    if method not in METHODS:
        raise ValueError(f"writeMethod {method!r} is neither direct nor indirect")
    google = client(needed("bigquery", options, "parentProject"), options)
    from google.cloud import bigquery

    rows = table_of(frame)
    if not rows.num_rows:
        return
    body = io.BytesIO()
    pq.write_table(rows, body)
    body.seek(0)
    settings_ = bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.PARQUET, write_disposition=bigquery.WriteDisposition.WRITE_APPEND
    )
    mark_written()
    google.load_table_from_file(body, table, job_config=settings_).result()


def table_of(frame: Encoded) -> Any:
    """The rows in the frame's own types: values alone would make a column without any a column of no type."""
    import pyarrow as pa

    from awsglue._runtime.io.arrow_types import arrow_schema

    plain = plain_columns(frame, bytes_as_text=False)
    return pa.Table.from_pylist(
        [row.asDict() for row in plain.toLocalIterator()], schema=arrow_schema(plain.schema)
    )

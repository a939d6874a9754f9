"""BigQuery tables and queries as frames, by Google's own client."""

from __future__ import annotations

import base64
import json
from typing import Any

from awsglue._frames.body import Body, Encoded
from awsglue._sources.outside import first, missing, needed, settings
from awsglue._sources.request import SourceRequest


def open_bigquery(request: SourceRequest, context: Any) -> Body:
    """The body of a table's or query's frame. Raises ValueError."""
    options = settings(request.options)
    project = needed("bigquery", options, "parentProject")
    kind = first(options, "sourceType") or "table"
    if kind == "query":
        statement = needed("bigquery", options, "query")
    elif kind == "table":
        statement = f"select * from `{needed('bigquery', options, 'table').strip('`').replace(':', '.')}`"
        if first(options, "filter"):
            statement += f" where {first(options, 'filter')}"
    else:
        raise ValueError(f"sourceType {kind!r} is neither table nor query")
    return Body(lambda: _read(statement, project, options, context.spark_session))


def client(project: str, options: dict[str, Any]) -> Any:
    """The client that the options describe. Raises ImportError; ValueError for credentials that are none."""
    try:
        from google.cloud import bigquery
        from google.oauth2 import service_account
    except ImportError:
        raise missing("BigQuery", "google-cloud-bigquery") from None
    text = needed("bigquery", options, "credentials")
    try:
        given = json.loads(text if text.lstrip().startswith("{") else base64.b64decode(text))
    except ValueError:
        raise ValueError("the credentials of BigQuery are a service account's JSON, in base64") from None
    credentials = service_account.Credentials.from_service_account_info(given)
    return bigquery.Client(project=project, credentials=credentials)


def _read(statement: str, project: str, options: dict[str, Any], spark: Any) -> Encoded:
    import os

    import pyarrow.parquet as pq

    from awsglue._frames.staging import folder

    target = os.path.join(folder(), "rows.parquet")
    table = client(project, options).query(statement).result().to_arrow(create_bqstorage_client=False)
    pq.write_table(table, target)
    return Encoded.of(spark.read.parquet(f"file://{target}"))

"""Snowflake tables and queries as frames, by Snowflake's own connector."""

from __future__ import annotations

from typing import Any

from awsglue._frames.body import Body, Encoded
from awsglue._sources.outside import first, missing, needed, settings
from awsglue._sources.request import SourceRequest

WAIT = 60


def open_snowflake(request: SourceRequest, context: Any) -> Body:
    """The body of a table's or query's frame. Raises ValueError."""
    options = settings(request.options)
    table, query = first(options, "dbtable"), first(options, "query")
    if bool(table) == bool(query):
        raise ValueError('snowflake needs one of the connection options "dbtable" and "query"')
    statement = query or f"select * from {identifier(table)}"
    return Body(lambda: _read(statement, options, context.spark_session))


def connect(options: dict[str, Any]) -> Any:
    """A connection as the options describe it. Raises ImportError, ValueError."""
    try:
        import snowflake.connector
    except ImportError:
        raise missing("Snowflake", "snowflake-connector-python") from None
    url = needed("snowflake", options, "sfUrl", "host").removeprefix("https://").rstrip("/")
    host, _, port = url.partition(":")
    more: dict[str, Any] = {}
    key = first(options, "pem_private_key")
    if key:
        more["private_key"] = _private_key(key)
    else:
        more["password"] = needed("snowflake", options, "sfPassword", "password")
    names = {"database": "sfDatabase", "schema": "sfSchema", "warehouse": "sfWarehouse", "role": "sfRole"}
    more |= {own: first(options, name) for own, name in names.items() if first(options, name)}
    return snowflake.connector.connect(
        account=host.removesuffix(".snowflakecomputing.com"),
        host=host,
        user=needed("snowflake", options, "sfUser", "username"),
        login_timeout=WAIT,
        autocommit=False,
        **({"port": int(port)} if port else {}),
        **more,
    )


def _private_key(text: str) -> bytes:
    """A key in PEM, or its base64 alone, as the connector takes it (DER)."""
    import base64

    body = "".join(line for line in text.splitlines() if line and not line.startswith("-----"))
    return base64.b64decode(body)


def identifier(name: str) -> str:
    """A table's name as it was given. Raises ValueError for a query."""
    import re

    if re.search(r"[\s();]", name.strip()):
        raise ValueError(f"dbtable {name!r} must be a table's name, not a query: use the option query")
    return name.strip()


def _read(statement: str, options: dict[str, Any], spark: Any) -> Encoded:
    import os

    import pyarrow.parquet as pq

    from awsglue._frames.staging import folder

    target = os.path.join(folder(), "rows.parquet")
    with connect(options) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        table = cursor.fetch_arrow_all(force_return_table=True)
    pq.write_table(table, target, coerce_timestamps="us", allow_truncated_timestamps=True)
    return Encoded.of(spark.read.parquet(f"file://{target}"))

"""GET /v1/config, and what clients are told about the S3 that holds the tables. Owns no state."""

from __future__ import annotations

import re

from mastic.glue.catalog import lookup
from mastic.glue.iceberg_rest.calls import Call, Reply
from mastic.glue.iceberg_rest.failures import bad_request
from mastic.glue.iceberg_rest.routes import advertised
from mastic.store.engine import Store

_OWN_NAME = re.compile(r"//glue\.(?:[a-z]{2}(?:-[a-z]+)+-\d+\.)?")


class Configuration:
    """``outside`` is the endpoint of an S3 that is not this server's own."""

    def __init__(self, *, store: Store, outside: str | None) -> None:
        self._store = store
        self._outside = outside

    def get_config(self, call: Call) -> Reply:
        """The prefix of the warehouse, which is a CatalogId: the account, or ``account:catalog``."""
        warehouse = call.query.get("warehouse") or call.context.account_id
        if "://" in warehouse:
            raise bad_request(
                f"warehouse names a catalog ({call.context.account_id}, or {call.context.account_id}:name), "
                f"not a place like {warehouse}: tables are kept where their namespace's location says"
            )
        with self._store.read() as tx:
            catalog = lookup.catalog(tx, call.context, {"CatalogId": catalog_id(call, warehouse)})
        # A colon instead of a slash between names keeps the prefix two segments.
        prefix = f"catalogs/{catalog.id.replace('/', ':')}"
        return Reply(
            document={
                "defaults": self._place(call),
                "overrides": {"prefix": prefix},
                "endpoints": advertised(),
            }
        )

    def of_tables(self, call: Call) -> dict[str, str]:
        """How a client reaches the files of a table."""
        found = self._place(call)
        if not self._outside and not call.context.access_key:
            # Whoever need not sign here need not have keys for the S3 beside it either; its clients sign anyhow.
            found |= {"s3.access-key-id": "anonymous", "s3.secret-access-key": "anonymous"}
        return found

    def _place(self, call: Call) -> dict[str, str]:
        region = call.context.region
        return {
            # A client that came to glue.us-east-1.localhost finds S3 at localhost.
            "s3.endpoint": self._outside or _OWN_NAME.sub("//", call.context.endpoint),
            "s3.path-style-access": "true",
            "s3.region": region,
            "client.region": region,
        }


def catalog_id(call: Call, named: str) -> str:
    """``account:name:sub`` and ``account:name/sub`` are one CatalogId."""
    account, separator, path = named.partition(":")
    return f"{account}{separator}{path.replace(':', '/')}"

"""The EventBridge events of catalog changes, written with the change. Owns no state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mastic.context import Context
from mastic.ids import Ids
from mastic.store import outbox

TOPIC = "glue.event"
MOST_NAMED = 100


class Events:
    """Writes the envelopes.

    ``wanted`` says whether anybody listens in a scope: a rule hears only what happens after it was made, so
    that an event without a listener need not be written.
    """

    def __init__(self, *, ids: Ids, wanted: Callable[[Connection, str], bool]) -> None:
        self._ids = ids
        self._wanted = wanted

    def database(
        self,
        tx: Connection,
        context: Context,
        now: datetime,
        change: str,
        database: str,
        tables: Sequence[str] = (),
    ) -> None:
        """A database, or which tables it has, has changed; one event for up to a hundred tables."""
        for start in range(0, len(tables) or 1, MOST_NAMED):
            some = list(tables[start : start + MOST_NAMED])
            paths = [f"table/{database}/{name}" for name in some] or [f"database/{database}"]
            detail = {"databaseName": database, "typeOfChange": change, "changedTables": some}
            self._put(tx, context, now, "Glue Data Catalog Database State Change", paths, detail)

    def table(
        self,
        tx: Connection,
        context: Context,
        now: datetime,
        change: str,
        database: str,
        table: str,
        partitions: Iterable[Sequence[str]] = (),
    ) -> None:
        """A table or its partitions have changed."""
        if not self._wanted(tx, context.scope):
            return
        detail = {
            "databaseName": database,
            "changedPartitions": [",".join(values) for values in partitions],
            "typeOfChange": change,
            "tableName": table,
        }
        self._put(
            tx, context, now, "Glue Data Catalog Table State Change", [f"table/{database}/{table}"], detail
        )

    def statistics(
        self,
        tx: Connection,
        context: Context,
        now: datetime,
        kind: str,
        names: Mapping[str, Any],
        message: str = "",
    ) -> None:
        """A column statistics task run has begun, ended, or could not begin. ``names`` are a run's members."""
        database, table = names["DatabaseName"], names["TableName"]
        detail = {"catalogId": names["CatalogID"], "databaseName": database, "tableName": table}
        if message:
            detail["errorMessage"] = message
        self._put(tx, context, now, kind, [f"table/{database}/{table}"], detail)

    def _put(
        self,
        tx: Connection,
        context: Context,
        now: datetime,
        kind: str,
        paths: list[str],
        detail: dict[str, Any],
    ) -> None:
        if not self._wanted(tx, context.scope):
            return
        prefix = f"arn:aws:glue:{context.region}:{context.account_id}:"
        outbox.put(
            tx,
            TOPIC,
            {
                "version": "0",
                "id": self._ids.uuid(),
                "detail-type": kind,
                "source": "aws.glue",
                "account": context.account_id,
                "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "region": context.region,
                "resources": [prefix + path for path in paths],
                "detail": detail,
            },
        )

"""The metadata that every table hangs on, and the column types they share. Owns the list of families."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import BigInteger, Integer, MetaData, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from mastic.store.sealing import MARK, sealed

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# The modules of mastic.store that define tables. Migrations and tests load exactly these.
families = (
    "alarms",
    "athena",
    "bookmarks",
    "buckets",
    "catalog_catalogs",
    "catalog_databases",
    "catalog_partitions",
    "catalog_runs",
    "catalog_statistics",
    "catalog_tables",
    "catalog_upkeep",
    "credentials",
    "documents",
    "events",
    "hive_locks",
    "hive_notifications",
    "iam",
    "job_runs",
    "job_starts",
    "jobs",
    "kinesis",
    "lambda_",
    "lambda_code",
    "lambda_events",
    "leases",
    "log_events",
    "log_filters",
    "logs",
    "metrics",
    "objects",
    "outbox",
    "settings",
    "tags",
    "tasks",
    "triggers",
    "uploads",
)

# Text that sorts by code point on every database, as keyset pages and range searches need.
Sortable = Text().with_variant(Text(collation="C"), "postgresql")
# The type of a surrogate key: SQLite counts only INTEGER up by itself.
Identity = BigInteger().with_variant(Integer, "sqlite")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Json(TypeDecorator[Any]):
    """A JSON document, kept as text exactly as orjson writes it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else dumps(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else orjson.loads(value)


class SealedJson(Json):
    """A JSON document that is encrypted where its catalog's settings ask for it (``store.sealing``)."""

    cache_ok = True
    demand = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        text = super().process_bind_param(value, dialect)
        sealing = getattr(dialect, "sealing", None)
        key = sealing.key(demand=self.demand) if sealing is not None and text is not None else None
        return text if key is None else sealed(key, str(text))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        if value is not None and value[:1] == MARK:
            value = dialect.sealing.open(value)  # type: ignore[attr-defined]
        return super().process_result_value(value, dialect)


class MaySealJson(SealedJson):
    """The same for documents of which only some belong to a catalog: a write that names none keeps them plain."""

    cache_ok = True
    demand = False


class Readable(TypeDecorator[str]):
    """Text for people that may hold anything, such as what a script raised.

    What not every database can keep is shown in its place: NUL as its picture, half a surrogate pair as its escape.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return str(value).replace("\0", "\N{SYMBOL FOR NULL}").encode("utf-8", "backslashreplace").decode()


class Timestamp(TypeDecorator[datetime]):
    """An aware UTC instant, kept as integer microseconds since 1970: sorts and compares alike everywhere."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=int(value))


def dumps(value: Any) -> str:
    """JSON text of ``value``; datetimes become epoch seconds, as Glue writes them."""
    return orjson.dumps(value, default=_default, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()


def _default(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        import base64

        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} cannot be stored as JSON")


def load() -> MetaData:
    """The metadata with every family's tables on it."""
    for family in families:
        importlib.import_module(f"mastic.store.{family}")
    return metadata

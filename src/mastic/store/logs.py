"""Log groups and log streams. Owns the tables ``log_groups`` and ``log_streams``.

Times are epoch milliseconds, as the service counts them. A group's row carries what its events must know
(retention, how many filters watch it), so that writing events reads one row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    Row,
    Select,
    String,
    Table,
    UniqueConstraint,
    and_,
    delete,
    func,
    or_,
    select,
    update,
)

from mastic.store.engine import insert
from mastic.store.schema import Json, metadata

Identity = BigInteger().with_variant(Integer, "sqlite")
# Names order by their bytes on both databases, as AWS orders them.
Name = String(512).with_variant(String(512, collation="C"), "postgresql")

log_groups = Table(
    "log_groups",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("scope", String(64), nullable=False),
    Column("name", Name, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("retention", Integer),
    Column("kms_key", String(256)),
    Column("class", String(32), nullable=False),
    Column("protected", Integer, nullable=False, default=0),
    Column("tags", Json, nullable=False),
    Column("metric_filters", Integer, nullable=False, default=0),
    Column("subscriptions", Integer, nullable=False, default=0),
    UniqueConstraint("scope", "name"),
    sqlite_autoincrement=True,
)

log_streams = Table(
    "log_streams",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("group_id", BigInteger, nullable=False),
    Column("name", Name, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("first_event", BigInteger),
    Column("last_event", BigInteger),
    Column("last_ingestion", BigInteger),
    Column("stored_bytes", BigInteger, nullable=False, default=0),
    Column("events", BigInteger, nullable=False, default=0),
    UniqueConstraint("group_id", "name"),
    sqlite_autoincrement=True,
)
Index("ix_log_streams_last_event", log_streams.c.group_id, log_streams.c.last_event)


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """A log group."""

    id: int
    scope: str
    name: str
    created: int
    retention: int | None
    kms_key: str | None
    log_class: str
    protected: bool
    tags: dict[str, str]
    metric_filters: int
    subscriptions: int
    stored_bytes: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Stream:
    """A log stream; the event times are None while it has none."""

    id: int
    group_id: int
    name: str
    created: int
    first_event: int | None
    last_event: int | None
    last_ingestion: int | None
    events: int


def create_group(
    tx: Connection,
    *,
    scope: str,
    name: str,
    created: int,
    kms_key: str | None = None,
    log_class: str = "STANDARD",
    protected: bool = False,
    tags: dict[str, str] | None = None,
) -> bool:
    """Add a group; false when there is one of that name."""
    added = tx.execute(
        insert(tx, log_groups)
        .values(
            {
                "scope": scope,
                "name": name,
                "created": created,
                "kms_key": kms_key,
                "class": log_class,
                "protected": int(protected),
                "tags": tags or {},
                "metric_filters": 0,
                "subscriptions": 0,
            }
        )
        .on_conflict_do_nothing(index_elements=["scope", "name"])
        .returning(log_groups.c.id)  # a generated key makes PostgreSQL's row count unknown
    ).first()
    return added is not None


def get_group(tx: Connection, scope: str, name: str) -> Group | None:
    """The group, without its size."""
    row = tx.execute(
        select(log_groups).where(log_groups.c.scope == scope, log_groups.c.name == name)
    ).one_or_none()
    return None if row is None else _group(row)


def list_groups(
    tx: Connection,
    scope: str,
    *,
    prefix: str = "",
    contains: str = "",
    log_class: str | None = None,
    names: list[str] | None = None,
    after: str = "",
    limit: int,
) -> list[Group]:
    """Groups in the order of their names, with their sizes. ``contains`` ignores case."""
    size = (
        select(func.coalesce(func.sum(log_streams.c.stored_bytes), 0))
        .where(log_streams.c.group_id == log_groups.c.id)
        .scalar_subquery()
        .label("size")
    )
    query = select(log_groups, size).where(log_groups.c.scope == scope, log_groups.c.name > after)
    if prefix:
        query = query.where(func.substr(log_groups.c.name, 1, len(prefix)) == prefix)
    if contains:
        query = query.where(func.lower(log_groups.c.name).contains(contains.lower(), autoescape=True))
    if log_class:
        query = query.where(log_groups.c["class"] == log_class)
    if names is not None:
        query = query.where(log_groups.c.name.in_(names))
    rows = tx.execute(query.order_by(log_groups.c.name).limit(limit))
    return [_group(row, stored_bytes=int(row.size)) for row in rows]


def change_group(tx: Connection, group: Group, **values: Any) -> None:
    """Set columns of the group (``retention``, ``kms_key``, ``tags``, ``protected`` …)."""
    tx.execute(update(log_groups).where(log_groups.c.id == group.id).values(**values))


def count_filters(tx: Connection, group: Group, *, metric_filters: int, subscriptions: int) -> None:
    """Record how many filters watch the group."""
    change_group(tx, group, metric_filters=metric_filters, subscriptions=subscriptions)


def delete_group(tx: Connection, group: Group) -> None:
    """Remove the group and its streams; the events are the caller's to remove."""
    tx.execute(delete(log_streams).where(log_streams.c.group_id == group.id))
    tx.execute(delete(log_groups).where(log_groups.c.id == group.id))


def with_retention(tx: Connection) -> list[Group]:
    """Every group, of every account, that has a retention."""
    return [_group(r) for r in tx.execute(select(log_groups).where(log_groups.c.retention.is_not(None)))]


def create_stream(tx: Connection, group: Group, name: str, created: int) -> bool:
    """Add a stream; false when the group has one of that name."""
    added = tx.execute(
        insert(tx, log_streams)
        .values(group_id=group.id, name=name, created=created, stored_bytes=0, events=0)
        .on_conflict_do_nothing(index_elements=["group_id", "name"])
        .returning(log_streams.c.id)  # a generated key makes PostgreSQL's row count unknown
    ).first()
    return added is not None


def get_stream(tx: Connection, group: Group, name: str) -> Stream | None:
    """The stream."""
    row = tx.execute(
        select(log_streams).where(log_streams.c.group_id == group.id, log_streams.c.name == name)
    ).one_or_none()
    return None if row is None else _stream(row)


def streams_by_name(
    tx: Connection,
    group: Group,
    *,
    prefix: str = "",
    after: str | None = None,
    descending: bool = False,
    limit: int,
) -> list[Stream]:
    """Streams in the order of their names."""
    name = log_streams.c.name
    query = _with_prefix(select(log_streams).where(log_streams.c.group_id == group.id), prefix)
    if after is not None:
        query = query.where(name < after if descending else name > after)
    rows = tx.execute(query.order_by(name.desc() if descending else name).limit(limit))
    return [_stream(row) for row in rows]


def streams_by_last_event(
    tx: Connection,
    group: Group,
    *,
    after: tuple[int, str] | None = None,
    descending: bool = False,
    limit: int,
) -> list[Stream]:
    """Streams in the order of their latest event; those without one count as earliest."""
    when, name = func.coalesce(log_streams.c.last_event, -1), log_streams.c.name
    query = select(log_streams).where(log_streams.c.group_id == group.id)
    if after is not None:
        time, last = after
        if descending:
            query = query.where(or_(when < time, and_(when == time, name < last)))
        else:
            query = query.where(or_(when > time, and_(when == time, name > last)))
    order = (when.desc(), name.desc()) if descending else (when, name)
    return [_stream(row) for row in tx.execute(query.order_by(*order).limit(limit))]


def stream_names(
    tx: Connection, group: Group, *, prefix: str = "", names: list[str] | None = None
) -> dict[int, str]:
    """The ids and names of the group's streams of that prefix, or of those named."""
    query = select(log_streams.c.id, log_streams.c.name).where(log_streams.c.group_id == group.id)
    if names is not None:
        query = query.where(log_streams.c.name.in_(names))
    return {row.id: row.name for row in tx.execute(_with_prefix(query, prefix))}


def record_events(
    tx: Connection, stream: Stream, *, first: int, last: int, ingested: int, size: int, count: int
) -> None:
    """Note that ``count`` events from ``first`` to ``last`` have arrived in the stream."""
    c = log_streams.c
    tx.execute(
        update(log_streams)
        .where(c.id == stream.id)
        .values(
            first_event=_least(c.first_event, first),
            last_event=_greatest(c.last_event, last),
            last_ingestion=ingested,
            stored_bytes=c.stored_bytes + size,
            events=c.events + count,
        )
    )


def forget_events(tx: Connection, stream_id: int, *, size: int, first: int | None) -> None:
    """Note that retention took ``size`` bytes and that ``first`` is now the earliest event."""
    c = log_streams.c
    tx.execute(
        update(log_streams)
        .where(c.id == stream_id)
        .values(stored_bytes=c.stored_bytes - size, first_event=first)
    )


def delete_stream(tx: Connection, stream: Stream) -> None:
    """Remove the stream; its events are the caller's to remove."""
    tx.execute(delete(log_streams).where(log_streams.c.id == stream.id))


def _least(column: Any, value: int) -> Any:
    from sqlalchemy import case

    return case((or_(column.is_(None), column > value), value), else_=column)


def _greatest(column: Any, value: int) -> Any:
    from sqlalchemy import case

    return case((or_(column.is_(None), column < value), value), else_=column)


def _with_prefix(query: Select[Any], prefix: str) -> Select[Any]:
    if not prefix:
        return query
    return query.where(func.substr(log_streams.c.name, 1, len(prefix)) == prefix)


def _group(row: Row[Any], stored_bytes: int = 0) -> Group:
    return Group(
        id=row.id,
        scope=row.scope,
        name=row.name,
        created=row.created,
        retention=row.retention,
        kms_key=row.kms_key,
        log_class=row._mapping["class"],
        protected=bool(row.protected),
        tags=row.tags,
        metric_filters=row.metric_filters,
        subscriptions=row.subscriptions,
        stored_bytes=stored_bytes,
    )


def _stream(row: Row[Any]) -> Stream:
    return Stream(
        id=row.id,
        group_id=row.group_id,
        name=row.name,
        created=row.created,
        first_event=row.first_event,
        last_event=row.last_event,
        last_ingestion=row.last_ingestion,
        events=row.events,
    )

"""Buckets and their configurations.

Owns the tables ``buckets`` and ``bucket_configurations``. What the hot path needs of the configurations
(versioning, whether events are wanted, object lock, default encryption, ownership, public access) is kept on the
bucket's own row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    ForeignKey,
    String,
    Table,
    UniqueConstraint,
    delete,
    select,
    update,
)
from sqlalchemy import insert as plain_insert

from mastic.store.engine import insert
from mastic.store.schema import Identity, Json, Sortable, Timestamp, metadata

buckets = Table(
    "buckets",
    metadata,
    Column("id", Identity, primary_key=True, autoincrement=True),
    Column("name", Sortable, nullable=False),
    Column("account", String(12), nullable=False),
    Column("region", String(32), nullable=False),
    Column("created", Timestamp, nullable=False),
    Column("versioning", String(16)),
    Column("events", Boolean, nullable=False),
    Column("lock", Json),
    Column("encryption", Json),
    Column("ownership", String(32)),
    Column("public_access", Json),
    UniqueConstraint("name"),
    sqlite_autoincrement=True,
)

bucket_configurations = Table(
    "bucket_configurations",
    metadata,
    Column("bucket", Identity, ForeignKey("buckets.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("body", Json, nullable=False),
)


# What a new bucket has had since 2023.
NOTHING_PUBLIC = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
# What a bucket or an object is read from.
TABLES = (buckets, bucket_configurations)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """A bucket.

    ``versioning`` is None until it was first enabled; ``lock`` is the object lock configuration; ``encryption``
    what new objects are encrypted by unless they say otherwise; ``ownership`` and ``public_access`` are None
    once their configuration was deleted.
    """

    id: int
    name: str
    account: str
    region: str
    created: datetime
    versioning: str | None = None
    events: bool = False
    lock: Mapping[str, Any] | None = None
    encryption: Mapping[str, Any] | None = None
    ownership: str | None = None
    public_access: Mapping[str, bool] | None = None

    @property
    def blocks_public_acls(self) -> bool:
        """True when lists that let everybody in are refused."""
        return bool((self.public_access or {}).get("BlockPublicAcls"))

    @property
    def arn(self) -> str:
        """The bucket's ARN."""
        return f"arn:aws:s3:::{self.name}"


def of_row(row: Any) -> Bucket:
    """A row with the columns of ``buckets`` as a value."""
    return Bucket(**{name: getattr(row, name) for name in Bucket.__slots__})


def create(
    tx: Connection,
    *,
    name: str,
    account: str,
    region: str,
    now: datetime,
    lock: bool = False,
    ownership: str = "BucketOwnerEnforced",
) -> Bucket:
    """A new, empty bucket. Raises Duplicate (at the end of the transaction) for a taken name."""
    values: dict[str, Any] = {
        "name": name,
        "account": account,
        "region": region,
        "created": now,
        "versioning": "Enabled" if lock else None,
        "events": False,
        "lock": {"ObjectLockEnabled": "Enabled"} if lock else None,
        "ownership": ownership,
        "public_access": NOTHING_PUBLIC,
    }
    key = tx.execute(plain_insert(buckets).values(**values).returning(buckets.c.id)).scalar_one()
    return Bucket(id=key, **values)


def find(tx: Connection, name: str, *, lock: str = "") -> Bucket | None:
    """The bucket of that name. ``lock`` "share" keeps it from being deleted or reconfigured, "update" is exclusive."""
    query = select(buckets).where(buckets.c.name == name)
    if lock:
        query = query.with_for_update(read=lock == "share")
    row = tx.execute(query).one_or_none()
    return None if row is None else of_row(row)


def page(tx: Connection, *, account: str, region: str, prefix: str, after: str, limit: int) -> list[Bucket]:
    """Buckets of an account by name, from after ``after``; an empty region means all."""
    query = select(buckets).where(buckets.c.account == account, buckets.c.name > after)
    if region:
        query = query.where(buckets.c.region == region)
    if prefix:
        query = query.where(buckets.c.name.startswith(prefix, autoescape=True))
    return [of_row(row) for row in tx.execute(query.order_by(buckets.c.name).limit(limit))]


def remove(tx: Connection, bucket: Bucket) -> None:
    """Delete the bucket's row and configurations."""
    tx.execute(delete(bucket_configurations).where(bucket_configurations.c.bucket == bucket.id))
    tx.execute(delete(buckets).where(buckets.c.id == bucket.id))


def change(tx: Connection, bucket: Bucket, **values: Any) -> None:
    """Set columns of the bucket's row."""
    tx.execute(update(buckets).where(buckets.c.id == bucket.id).values(**values))


def configuration(tx: Connection, bucket: Bucket, kind: str, name: str = "") -> Any:
    """The body of a configuration, or None."""
    return tx.execute(
        select(bucket_configurations.c.body).where(
            bucket_configurations.c.bucket == bucket.id,
            bucket_configurations.c.kind == kind,
            bucket_configurations.c.name == name,
        )
    ).scalar()


def configurations(tx: Connection, bucket: Bucket, kind: str, after: str, limit: int) -> list[Any]:
    """The bodies of the named configurations of a kind, by name from after ``after``."""
    c = bucket_configurations.c
    return list(
        tx.execute(
            select(c.body)
            .where(c.bucket == bucket.id, c.kind == kind, c.name > after)
            .order_by(c.name)
            .limit(limit)
        ).scalars()
    )


def configure(tx: Connection, bucket: Bucket, kind: str, body: Any, name: str = "") -> None:
    """Store a configuration, replacing the one before."""
    tx.execute(
        insert(tx, bucket_configurations)
        .values(bucket=bucket.id, kind=kind, name=name, body=body)
        .on_conflict_do_update(index_elements=["bucket", "kind", "name"], set_={"body": body})
    )


def unconfigure(tx: Connection, bucket: Bucket, kind: str, name: str = "") -> bool:
    """Remove a configuration; false when there was none."""
    gone = tx.execute(
        delete(bucket_configurations).where(
            bucket_configurations.c.bucket == bucket.id,
            bucket_configurations.c.kind == kind,
            bucket_configurations.c.name == name,
        )
    ).rowcount
    return bool(gone)


def with_configuration(tx: Connection, kind: str) -> list[tuple[Bucket, Any]]:
    """Every bucket that has a configuration of that kind, with its body."""
    rows = tx.execute(
        select(buckets, bucket_configurations.c.body)
        .join(bucket_configurations, bucket_configurations.c.bucket == buckets.c.id)
        .where(bucket_configurations.c.kind == kind, bucket_configurations.c.name == "")
        .order_by(buckets.c.name)
    )
    return [(of_row(row), row.body) for row in rows]

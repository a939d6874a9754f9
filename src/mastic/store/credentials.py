"""Access keys and their secrets: long-lived keys of users, temporary keys of sessions.

Owns the table ``credentials``. A secret is kept as it is: verifying a signature needs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Index,
    Row,
    String,
    Table,
    Text,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from mastic.store.prepared import Prepared
from mastic.store.schema import Json, Timestamp, metadata

credentials = Table(
    "credentials",
    metadata,
    Column("access_key", String(128), primary_key=True),
    Column("secret", String(128), nullable=False),
    Column("token", Text),
    Column("account", String(12), nullable=False),
    Column("principal_arn", String(2048), nullable=False),
    Column("principal_id", String(256), nullable=False),
    Column("owner", String(64)),
    Column("active", Boolean, nullable=False),
    Column("created", Timestamp, nullable=False),
    Column("expires", Timestamp),
    Column("session", Json, nullable=False),
)
Index("ix_credentials_owner", credentials.c.account, credentials.c.owner)
Index("ix_credentials_expires", credentials.c.expires)


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """One access key.

    ``owner`` is the folded user name of a long-lived key; ``session`` holds policies and tags.
    """

    access_key: str
    secret: str
    token: str | None
    account: str
    principal_arn: str
    principal_id: str
    owner: str | None
    active: bool
    created: datetime
    expires: datetime | None
    session: dict[str, Any]

    def expired(self, now: datetime) -> bool:
        """True when a temporary key's time is over."""
        return self.expires is not None and self.expires <= now


def put(tx: Connection, credential: Credential) -> None:
    """Store a new key."""
    tx.execute(
        insert(credentials).values(
            access_key=credential.access_key,
            secret=credential.secret,
            token=credential.token,
            account=credential.account,
            principal_arn=credential.principal_arn,
            principal_id=credential.principal_id,
            owner=credential.owner,
            active=credential.active,
            created=credential.created,
            expires=credential.expires,
            session=credential.session,
        )
    )


# Built once: every signed request runs it.
_FIND = Prepared(select(credentials).where(credentials.c.access_key == bindparam("wanted")))


def find(tx: Connection, access_key: str) -> Credential | None:
    """The key's record, whether or not it is active or expired."""
    row = _FIND.first(tx, {"wanted": access_key})
    return None if row is None else Credential(**dict(zip(credentials.columns.keys(), row, strict=True)))


def owned(tx: Connection, account: str, owner: str) -> list[Credential]:
    """The long-lived keys of one user, oldest first."""
    rows = tx.execute(
        select(credentials)
        .where(credentials.c.account == account, credentials.c.owner == owner)
        .order_by(credentials.c.created, credentials.c.access_key)
    )
    return [_credential(row) for row in rows]


def set_active(tx: Connection, account: str, owner: str, access_key: str, active: bool) -> bool:
    """Switch a user's key on or off; false when the user has no such key."""
    return (
        tx.execute(_of(update(credentials), account, owner, access_key).values(active=active)).rowcount == 1
    )


def remove(tx: Connection, account: str, owner: str, access_key: str) -> bool:
    """Delete a user's key; false when the user has no such key."""
    return tx.execute(_of(delete(credentials), account, owner, access_key)).rowcount == 1


def rename_owner(tx: Connection, account: str, owner: str, new_owner: str, principal_arn: str) -> None:
    """A user was renamed: the keys go along."""
    tx.execute(
        update(credentials)
        .where(credentials.c.account == account, credentials.c.owner == owner)
        .values(owner=new_owner, principal_arn=principal_arn)
    )


def revoke(tx: Connection, access_key: str) -> bool:
    """Delete a key of any kind."""
    return tx.execute(delete(credentials).where(credentials.c.access_key == access_key)).rowcount == 1


def purge(tx: Connection, before: datetime) -> int:
    """Forget temporary keys that expired before ``before``; returns how many."""
    return tx.execute(delete(credentials).where(credentials.c.expires <= before)).rowcount


def _of(statement: Any, account: str, owner: str, access_key: str) -> Any:
    return statement.where(
        credentials.c.account == account,
        credentials.c.owner == owner,
        credentials.c.access_key == access_key,
    )


def _credential(row: Row[Any]) -> Credential:
    return Credential(
        access_key=row.access_key,
        secret=row.secret,
        token=row.token,
        account=row.account,
        principal_arn=row.principal_arn,
        principal_id=row.principal_id,
        owner=row.owner,
        active=row.active,
        created=row.created,
        expires=row.expires,
        session=row.session,
    )

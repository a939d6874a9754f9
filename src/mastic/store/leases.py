"""Named leases: the right to act alone, for loops that run on every replica. Owns the table ``leases``."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Connection, String, Table, delete

from mastic.store.engine import insert
from mastic.store.schema import Timestamp, metadata

leases = Table(
    "leases",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("expires", Timestamp, nullable=False),
)


def acquire(tx: Connection, name: str, holder: str, now: datetime, expires: datetime) -> bool:
    """Take or extend the lease; false while another holder's is alive.

    One statement: between two of them another server could come in, whose lease may bear the same holder's name.
    """
    new = insert(tx, leases).values(name=name, holder=holder, expires=expires)
    taken = tx.execute(
        new.on_conflict_do_update(
            index_elements=["name"],
            set_={"holder": new.excluded.holder, "expires": new.excluded.expires},
            where=(leases.c.holder == new.excluded.holder) | (leases.c.expires <= now),
        ).returning(leases.c.name)  # PostgreSQL's driver does not count the rows of such an INSERT
    ).first()
    return taken is not None


def release(tx: Connection, name: str, holder: str) -> None:
    """Give the lease up."""
    tx.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))


def release_host(tx: Connection, host: str) -> None:
    """Free the leases of every earlier server of this host, which knows that they are gone."""
    tx.execute(delete(leases).where(leases.c.holder.startswith(f"{host}:", autoescape=True)))


def release_all(tx: Connection) -> None:
    """Free every lease. Only for a server that knows that it is alone, as on an embedded store."""
    tx.execute(delete(leases))

"""Small facts about this installation, such as the key that signs page tokens. Owns the table ``settings``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, String, Table, delete, select

from mastic.store.engine import insert
from mastic.store.schema import Json, metadata

settings = Table(
    "settings",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("value", Json, nullable=False),
)


def get(tx: Connection, name: str) -> Any:
    """The setting's value, or None."""
    return tx.execute(select(settings.c.value).where(settings.c.name == name)).scalar()


def set_once(tx: Connection, name: str, value: Any) -> Any:
    """Store ``value`` unless the setting exists; returns what is stored."""
    tx.execute(
        insert(tx, settings).values(name=name, value=value).on_conflict_do_nothing(index_elements=["name"])
    )
    return get(tx, name)


def put(tx: Connection, name: str, value: Any) -> None:
    """Store ``value``, whatever was there."""
    tx.execute(
        insert(tx, settings)
        .values(name=name, value=value)
        .on_conflict_do_update(index_elements=["name"], set_={"value": value})
    )


def remove(tx: Connection, name: str) -> None:
    """Forget a setting, if it is there."""
    tx.execute(delete(settings).where(settings.c.name == name))

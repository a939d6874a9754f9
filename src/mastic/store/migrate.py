"""Brings a database to the present schema. Owns the ``alembic_version`` table.

Alembic is loaded only when there is something to do: a start of an up-to-date server should not pay for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from mastic.store.engine import Store

if TYPE_CHECKING:
    from alembic.config import Config

_LOCK = 0x4D617374  # "Mast": PostgreSQL's advisory lock for migrations, so that replicas take turns
_REVISIONS = Path(__file__).parent / "migrations" / "versions"


def upgrade(store: Store) -> tuple[str | None, str]:
    """Apply every missing revision; returns the revision before and after."""
    with store.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        before = current(connection)
        if before != head():
            from alembic import command

            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return before, head()


def current(connection: Connection) -> str | None:
    """The revision that the database is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def head() -> str:
    """The newest revision. Files are named after their revisions, which are numbered."""
    return max(path.name.split("_", 1)[0] for path in _REVISIONS.glob("[0-9]*.py"))


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_REVISIONS.parent))
    return config

"""Brings a database to the present schema. Owns the ``alembic_version`` table."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from mastic.store.engine import Store

_LOCK = 0x4D617374  # "Mast": PostgreSQL's advisory lock for migrations, so that replicas take turns


def upgrade(store: Store) -> tuple[str | None, str | None]:
    """Apply every missing revision; returns the revision before and after."""
    with store.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        before = current(connection)
        if before != head():
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return before, current(connection)


def current(connection: Connection) -> str | None:
    """The revision that the database is at; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """The newest revision."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config

"""Brings a database to the present schema. Owns the ``alembic_version`` table.

Alembic is loaded only when there is something to change: neither the start of an up-to-date server nor the first start
with an embedded store should pay for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from mastic.store import schema
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
        if (
            before is None
            and connection.dialect.name == "sqlite"
            and not inspect(connection).get_table_names()
        ):
            _make(connection)
        elif before != head():
            _by_revisions(connection)
        return before, head()


def _by_revisions(connection: Connection) -> None:
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _make(connection: Connection) -> None:
    """Give an empty store what all revisions together make, to the letter (a test compares the two)."""
    schema.load().create_all(connection)
    connection.execute(
        text(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
            "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": head()})


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

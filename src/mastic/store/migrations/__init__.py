"""The store's history, as Alembic revisions."""

"""Runs revisions on the connection that ``mastic.store.migrate`` hands over."""

from alembic import context

from mastic.store import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.load(),
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()

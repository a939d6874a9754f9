"""The first schema."""

from alembic import op

from mastic.store import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    schema.load().create_all(op.get_bind())


def downgrade() -> None:
    schema.load().drop_all(op.get_bind())

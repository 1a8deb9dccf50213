"""Whom a mention of the room means; null: all members."""

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.add_column("mentions", sa.Column("among", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("mentions", "among")

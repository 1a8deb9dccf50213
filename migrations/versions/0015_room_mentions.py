"""Mentions of a whole room: who may, and how often. A mention is a row of the user 0."""

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    role = sa.Column(
        "room_mention_role", sa.Text(), server_default=sa.text("'moderator'"), nullable=False
    )
    full_at = sa.Column(
        "room_mentions_full_at", sa.BigInteger(), server_default=sa.text("0"), nullable=False
    )
    op.add_column("rooms", role)
    op.add_column("rooms", full_at)


def downgrade() -> None:
    op.execute("DELETE FROM mentions WHERE user_id = 0")
    op.drop_column("rooms", "room_mentions_full_at")
    op.drop_column("rooms", "room_mention_role")

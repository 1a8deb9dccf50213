"""Where a member's own unread messages begin, if before the read receipt; null: behind it."""

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.add_column("members", sa.Column("own_read_seq", sa.BigInteger(), nullable=True))
    op.add_column(
        "members",
        sa.Column("own_read_moves", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("members", "own_read_moves")
    op.drop_column("members", "own_read_seq")

"""Retention limits of rooms, and which accounts are being erased."""

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: None = None
depends_on: None = None

ERASING = sa.text("erasing IS NOT NULL")


def upgrade() -> None:
    op.add_column("rooms", sa.Column("retention_days", sa.BigInteger(), nullable=True))
    op.add_column("rooms", sa.Column("retention_events", sa.BigInteger(), nullable=True))
    op.add_column("users", sa.Column("erasing", sa.Text(), nullable=True))
    op.create_index(
        op.f("ix_users_erasing"),
        "users",
        ["erasing"],
        unique=False,
        sqlite_where=ERASING,
        postgresql_where=ERASING,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_users_erasing"), "users")
    op.drop_column("users", "erasing")
    op.drop_column("rooms", "retention_events")
    op.drop_column("rooms", "retention_days")

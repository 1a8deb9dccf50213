"""Unread counts without touching the table: SQLite wants the type in the index, too."""

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: None = None
depends_on: None = None

_MESSAGES = sa.text("type = 'message.created'")


def upgrade() -> None:
    _make_anew("id", "by", "deleted_at", "type")


def downgrade() -> None:
    _make_anew("id", "by", "deleted_at")


def _make_anew(*columns: str) -> None:
    op.drop_index("ix_events_messages", "events")
    op.create_index(
        "ix_events_messages",
        "events",
        list(columns),
        sqlite_where=_MESSAGES,
        postgresql_where=_MESSAGES,
    )

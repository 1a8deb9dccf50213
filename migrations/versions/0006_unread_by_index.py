"""
Unread counts from the index alone.

SQLite uses a partial index as a covering one only if its condition's column is in it.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: None = None
depends_on: None = None

_MESSAGES = sa.text("type = 'message.created'")


def upgrade() -> None:
    _recreate("id", "by", "deleted_at", "type")


def downgrade() -> None:
    _recreate("id", "by", "deleted_at")


def _recreate(*columns: str) -> None:
    op.drop_index("ix_events_messages", "events")
    op.create_index(
        "ix_events_messages",
        "events",
        list(columns),
        sqlite_where=_MESSAGES,
        postgresql_where=_MESSAGES,
    )

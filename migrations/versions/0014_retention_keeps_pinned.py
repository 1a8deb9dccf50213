"""Whether retention keeps pinned messages; existing rooms do."""

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: None = None
depends_on: None = None

_OLD = (
    "SELECT e.id FROM rooms AS r JOIN events AS e"
    " ON e.id >= (r.id << 32) AND e.id < ((r.id << 32) | r.first)"
)
_DOCUMENTS = f"search_documents WHERE event_id IN ({_OLD})"


def upgrade() -> None:
    op.add_column(
        "rooms",
        sa.Column(
            "retention_keep_pinned", sa.Boolean(), server_default=sa.text("true"), nullable=False
        ),
    )


def downgrade() -> None:
    # Earlier versions keep no message from before the first event of a room.
    if op.get_bind().dialect.name == "sqlite":
        indexed = f"SELECT id FROM {_DOCUMENTS} AND words <> ''"
        op.execute(f"DELETE FROM search_index WHERE rowid IN ({indexed})")
    op.execute(f"DELETE FROM {_DOCUMENTS}")
    op.execute(f"DELETE FROM reactions WHERE event_id IN ({_OLD})")
    op.execute(f"DELETE FROM mentions WHERE event_id IN ({_OLD})")
    op.execute(f"DELETE FROM events WHERE id IN ({_OLD})")
    op.drop_column("rooms", "retention_keep_pinned")

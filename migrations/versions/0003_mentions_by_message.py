"""An index of mentions by message: each page of messages looks them up."""

from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_index(op.f("ix_mentions_event_id"), "mentions", ["event_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_mentions_event_id"), "mentions")

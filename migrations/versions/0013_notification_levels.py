"""What each member wants to be notified of in a room; null: what the kind of room implies."""

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.add_column("members", sa.Column("notifications", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("members", "notifications")

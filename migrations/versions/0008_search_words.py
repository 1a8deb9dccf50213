"""The search index has words of version 1: the server rebuilds it in the background."""

from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute("INSERT INTO meta (key, value) VALUES ('search_words', '1')")


def downgrade() -> None:
    # An earlier version of the server makes words of version 1 again.
    op.execute("DELETE FROM meta WHERE key = 'search_words'")

"""A mark in ``meta``: the last message in the search index."""

from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute(
        "INSERT INTO meta (key, value) SELECT 'search_indexed', CAST(coalesce(max(id), 0) AS text)"
        " FROM search_documents"
    )


def downgrade() -> None:
    op.execute("DELETE FROM meta WHERE key = 'search_indexed'")

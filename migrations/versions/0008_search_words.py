"""The search index has words of version 1: the server rebuilds it in the background."""

from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    # Of an empty index there is nothing to rebuild: it is of version 2 already.
    op.execute(
        "INSERT INTO meta (key, value) SELECT 'search_words',"
        " CASE WHEN EXISTS (SELECT 1 FROM search_documents) THEN '1' ELSE '2' END"
    )


def downgrade() -> None:
    # An earlier version of the server makes words of version 1 again.
    op.execute("DELETE FROM meta WHERE key = 'search_words'")

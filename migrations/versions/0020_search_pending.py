"""
On PostgreSQL too the server fills the search index after the commit: what waits for it.

Without an index: rows are few, and inserted with every batch of messages.
"""

from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TABLE search_pending (id BIGINT GENERATED ALWAYS AS IDENTITY,"
            " low BIGINT NOT NULL, high BIGINT NOT NULL)"
        )


def downgrade() -> None:
    # What is not indexed yet is not found by a search then.
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TABLE search_pending")

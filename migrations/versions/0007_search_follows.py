"""On SQLite the server fills the search index after the commit: drop the empty documents."""

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: None = None
depends_on: None = None

# Documents above the mark were inserted without words, which some have got by an edit since.
_MARK = "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'search_indexed'"


def upgrade() -> None:
    bind = op.get_bind()
    if bind.dialect.name == "sqlite":
        # At its start the server finds the messages that have no document, and indexes them.
        mark = {"mark": bind.execute(sa.text(_MARK)).scalar_one()}
        pending = "SELECT id FROM search_documents WHERE id > :mark"
        forget = f"DELETE FROM search_index WHERE rowid IN ({pending} AND words <> '')"
        bind.execute(sa.text(forget), mark)
        bind.execute(sa.text("DELETE FROM search_documents WHERE id > :mark"), mark)
    op.execute("DELETE FROM meta WHERE key = 'search_indexed'")


def downgrade() -> None:
    op.execute(
        "INSERT INTO meta (key, value) SELECT 'search_indexed', CAST(coalesce(max(id), 0) AS text)"
        " FROM search_documents"
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "INSERT INTO search_documents (event_id, words) SELECT e.id, '' FROM events AS e"
            " WHERE e.type = 'message.created' AND NOT EXISTS"
            " (SELECT 1 FROM search_documents AS d WHERE d.event_id = e.id) ORDER BY e.at, e.id"
        )

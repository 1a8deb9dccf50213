"""
A checksum per event. Null in events of older versions, until the server gives them one.

SQLite only fills it; PostgreSQL has checksums of its pages.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.add_column("events", sa.Column("checksum", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("events", "checksum")
    op.execute("DELETE FROM meta WHERE key = 'checksums'")

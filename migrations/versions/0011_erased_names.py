"""The names of erased accounts, as keyed hashes: a name is never given twice."""

import secrets

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: None = None
depends_on: None = None

_KEY = "erased_names_key"


def upgrade() -> None:
    op.create_table(
        "erased_names",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_erased_names")),
    )
    insert = "INSERT INTO meta (key, value) VALUES (:key, :value)"
    op.get_bind().execute(sa.text(insert), {"key": _KEY, "value": secrets.token_hex(32)})


def downgrade() -> None:
    op.drop_table("erased_names")
    op.get_bind().execute(sa.text("DELETE FROM meta WHERE key = :key"), {"key": _KEY})

"""The words of display names, by which users are found. The server fills them in later."""

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    # Compared byte by byte, so that a prefix is a range of the key.
    word = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "user_words",
        sa.Column("word", word, nullable=False),
        sa.Column("user_id", number, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_user_words_user_id_users")
        ),
        sa.PrimaryKeyConstraint("word", "user_id", name=op.f("pk_user_words")),
    )
    op.create_index(op.f("ix_user_words_user_id"), "user_words", ["user_id"], unique=False)
    # Without users there is nothing to fill in: that is of version 2 already.
    op.execute(
        "INSERT INTO meta (key, value) SELECT 'user_words',"
        " CASE WHEN EXISTS (SELECT 1 FROM users) THEN '0' ELSE '2' END"
    )


def downgrade() -> None:
    op.execute("DELETE FROM meta WHERE key = 'user_words'")
    op.drop_index(op.f("ix_user_words_user_id"), "user_words")
    op.drop_table("user_words")

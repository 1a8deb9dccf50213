"""Who is present on which node. Unlogged on PostgreSQL: it is of value for seconds only."""

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    prefixes = ["UNLOGGED"] if op.get_bind().dialect.name == "postgresql" else []
    op.create_table(
        "nodes",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_nodes")),
        prefixes=prefixes,
    )
    op.create_table(
        "node_presence",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("room_id", key, autoincrement=False, nullable=False),
        sa.Column("users", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["node"],
            ["nodes.name"],
            name=op.f("fk_node_presence_node_nodes"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("node", "room_id", name=op.f("pk_node_presence")),
        prefixes=prefixes,
    )


def downgrade() -> None:
    op.drop_table("node_presence")
    op.drop_table("nodes")

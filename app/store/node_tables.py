"""
The tables of nodes: what they tell each other. A move of the database leaves them empty.

On PostgreSQL those that are written often are unlogged: what a crash loses is written again.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Table, Text

from .metadata import Key, metadata

# Who is present on which node: see app/store/node_presence.py. Empty on SQLite, which has one.
# Unlogged on PostgreSQL: what a crash loses is written again within seconds.
nodes = Table(
    "nodes",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

node_presence = Table(
    "node_presence",
    metadata,
    Column("node", Text, ForeignKey("nodes.name", ondelete="CASCADE"), primary_key=True),
    Column("room_id", Key, primary_key=True, autoincrement=False),
    # See app/broker/presence.py.
    Column("users", Text, nullable=False),
)

# Failed log-ins of all nodes: see app/store/counters.py. Empty on SQLite, unlogged on PostgreSQL.
counters = Table(
    "counters",
    metadata,
    Column("key", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

# Who does what only one node at a time may do: see app/store/leases.py.
leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    # 0: it was released.
    Column("expires_at", BigInteger, nullable=False),
)

NODE_TABLES = (nodes, node_presence, counters, leases)
"""All of them: what is true for seconds, and of no value elsewhere."""

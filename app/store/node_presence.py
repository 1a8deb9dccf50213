"""
Who is present on which node, for nodes without Redis: two tables, which are unlogged.

Times are the database's, so that the clocks of the nodes don't matter. What nodes write into
``users`` is :mod:`app.broker.presence`'s concern.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..domain.ids import RoomId
from ..domain.limits import (
    MAX_NODE_ROOMS,
    MAX_NODES,
    MAX_SHARED_PRESENT_BYTES,
    PRESENCE_EXPIRY_SECONDS,
)
from .bulk import BulkInsert, BulkStatement
from .database import DbConnection
from .database_clock import at_now
from .node_tables import node_presence

_BEGIN = (
    "INSERT INTO nodes (name, version, expires_at) VALUES (:node, :version, {now} + :millis)"
    " ON CONFLICT (name) DO UPDATE"
    " SET version = excluded.version, expires_at = excluded.expires_at"
)
_IS_AT = "SELECT 1 FROM nodes WHERE name = :node AND version = :after"
_GO_ON = "UPDATE nodes SET version = :version, expires_at = {now} + :millis WHERE name = :node"
_EXPIRED = "DELETE FROM nodes WHERE expires_at < {now} - :millis"
_NODES = (
    "SELECT name, version, expires_at - {now} FROM nodes"
    " WHERE expires_at > {now} ORDER BY name LIMIT :most"
)
_COUNT = "SELECT count(*) FROM nodes WHERE expires_at > {now}"
_CLEAR = "DELETE FROM node_presence WHERE node = :node"
_CLEAR_ROOMS = BulkStatement(
    "DELETE FROM node_presence WHERE node = :node AND room_id IN (SELECT k.room FROM {keys})",
    room="bigint",
)
_INSERT = BulkInsert(node_presence, "node", "room_id", "users")
_FITS = f"length(p.users) <= {MAX_SHARED_PRESENT_BYTES}"
_ALL = (
    f"SELECT p.room_id, p.users FROM node_presence AS p WHERE p.node = :node AND {_FITS}"
    f" ORDER BY p.room_id LIMIT {MAX_NODE_ROOMS}"
)
_SOME = BulkStatement(
    "SELECT p.room_id, p.users FROM {keys} JOIN node_presence AS p"
    f" ON p.node = :node AND p.room_id = k.room WHERE {_FITS}",
    room="bigint",
)


class Node(NamedTuple):
    """A node that has not expired."""

    name: str
    version: int
    millis: int
    """Until it expires."""


def count(connection: DbConnection) -> int:
    """Return how many nodes have not expired."""
    ((found,),) = connection.rows(at_now(connection, _COUNT), {})
    return int(found)


def replace(
    connection: DbConnection, node: str, rooms: Mapping[RoomId, str], *, version: int, millis: int
) -> None:
    """Write all that is true of a node, which expires in ``millis``."""
    values = {"node": node, "version": version, "millis": millis}
    connection.run(at_now(connection, _BEGIN), values)
    connection.run(_CLEAR, {"node": node})
    _insert(connection, node, rooms.items())


def write(
    connection: DbConnection,
    node: str,
    rooms: Mapping[RoomId, str | None],
    *,
    after: int,
    version: int,
    millis: int,
) -> bool:
    """Write what has changed since the version ``after``; False if that is not the last one."""
    # Only the node itself writes its row, and others delete it long after it has expired.
    if not connection.rows(_IS_AT, {"node": node, "after": after}):
        return False
    values = {"node": node, "version": version, "millis": millis}
    connection.run(at_now(connection, _GO_ON), values)
    if rooms:
        _CLEAR_ROOMS.run(connection, [(room,) for room in rooms], node=node)
        _insert(connection, node, rooms.items())
    else:
        # Every node refreshes itself, so that one of them removes what others have left behind.
        kept = int(PRESENCE_EXPIRY_SECONDS * 1_000)
        connection.run(at_now(connection, _EXPIRED), {"millis": kept})
    return True


def nodes(connection: DbConnection) -> list[Node]:
    """Return the nodes that have not expired."""
    return [Node(*row) for row in connection.rows(at_now(connection, _NODES), {"most": MAX_NODES})]


def rooms(
    connection: DbConnection, node: str, only: Collection[RoomId] | None
) -> dict[RoomId, str]:
    """Return what a node has written of its rooms, or of those in ``only``."""
    found: Sequence[Any]
    if only is None:
        found = connection.rows(_ALL, {"node": node})
    else:
        found = _SOME.rows(connection, [(room,) for room in only], node=node)
    return dict(found)


def _insert(
    connection: DbConnection, node: str, rooms: Iterable[tuple[RoomId, str | None]]
) -> None:
    _INSERT(connection, [(node, room, users) for room, users in rooms if users is not None])

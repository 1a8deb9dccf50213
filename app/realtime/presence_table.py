"""The tables in which nodes without Redis say who is present on them."""

from collections.abc import Collection, Mapping

from ..broker.presence import NodeState, is_node_name
from ..domain.ids import RoomId
from ..store import node_presence
from ..store.database import Database


class PresenceTable:
    """A :class:`~app.broker.presence.PresenceStore` in the database that the nodes share."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def replace(
        self, node: str, rooms: Mapping[RoomId, bytes], *, version: int, seconds: float
    ) -> None:
        """Write all that is true of a node."""
        texts = {room: users.decode() for room, users in rooms.items()}
        millis = int(seconds * 1_000)
        await self._database.write(
            lambda c: node_presence.replace(c, node, texts, version=version, millis=millis)
        )

    async def write(
        self,
        node: str,
        rooms: Mapping[RoomId, bytes | None],
        *,
        after: int,
        version: int,
        seconds: float,
    ) -> bool:
        """Write what has changed."""
        texts = {room: None if users is None else users.decode() for room, users in rooms.items()}
        millis = int(seconds * 1_000)
        return await self._database.write(
            lambda c: node_presence.write(
                c, node, texts, after=after, version=version, millis=millis
            )
        )

    async def nodes(self) -> list[NodeState]:
        """Return the nodes that have not expired."""
        return [
            NodeState(name, version, millis / 1_000)
            for name, version, millis in await self._database.read(node_presence.nodes)
            if is_node_name(name)
        ]

    async def rooms(
        self, node: str, only: Collection[RoomId] | None = None
    ) -> Mapping[RoomId, bytes]:
        """Return the users of a node's rooms."""
        found = await self._database.read(lambda c: node_presence.rooms(c, node, only))
        return {room: users.encode() for room, users in found.items()}

    async def close(self) -> None:
        """Do nothing: the database has an owner."""

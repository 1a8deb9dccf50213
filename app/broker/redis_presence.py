"""
Who is present on which node, in Redis or Valkey: one hash per node, which expires.

The hash ``PREFIX:node:NAME`` has the users of each room by its id, and ``version``; the set
``PREFIX:nodes`` has the names.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from typing import cast

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError

from ..domain.errors import Unavailable
from ..domain.ids import RoomId
from ..domain.limits import MAX_NODE_ROOMS, MAX_NODES, REDIS_SECONDS
from .presence import NodeState, is_node_name

_FAILURES = (RedisError, OSError, TimeoutError)
_VERSION = "version"
# The set of names expires after the last node has, with time to spare.
_NAMES_SECONDS = 3_600


class RedisPresence:
    """
    A :class:`~app.broker.presence.PresenceStore` on a few connections of its own.

    Args:
        url: ``redis://…``, ``rediss://…`` or ``unix://…``.
        prefix: Of the keys of this installation.

    Raises:
        ValueError: If redis-py can't read the URL.

    """

    def __init__(self, url: str, prefix: str) -> None:
        self._redis = Redis.from_url(
            url,
            socket_timeout=REDIS_SECONDS,
            socket_connect_timeout=REDIS_SECONDS,
            retry_on_error=[],
        )
        self._prefix = prefix
        self._names = f"{prefix}:nodes"

    async def replace(
        self, node: str, rooms: Mapping[RoomId, bytes], *, version: int, seconds: float
    ) -> None:
        """Write all that is true of a node."""
        async with _asking():
            pipeline = self._redis.pipeline(transaction=True)
            pipeline.delete(self._key(node))
            self._write(pipeline, node, rooms, version, seconds)
            await pipeline.execute()

    async def write(
        self,
        node: str,
        rooms: Mapping[RoomId, bytes | None],
        *,
        after: int,
        version: int,
        seconds: float,
    ) -> bool:
        """Write what has changed. Only the node itself writes to its hash: nothing is locked."""
        async with _asking():
            if await self._redis.hget(self._key(node), _VERSION) != b"%d" % after:
                return False
            pipeline = self._redis.pipeline(transaction=True)
            if gone := [str(room) for room, users in rooms.items() if users is None]:
                pipeline.hdel(self._key(node), *gone)
            present = {room: users for room, users in rooms.items() if users is not None}
            self._write(pipeline, node, present, version, seconds)
            await pipeline.execute()
            return True

    async def nodes(self) -> list[NodeState]:
        """Return the nodes that have not expired, and forget the names of the others."""
        async with _asking():
            # redis-py's types allow for what another configuration would return.
            members = cast(list[bytes], await self._redis.srandmember(self._names, MAX_NODES))
            names = [member.decode(errors="replace") for member in members]
            pipeline = self._redis.pipeline(transaction=False)
            for name in names:
                pipeline.hget(self._key(name), _VERSION)
                pipeline.pttl(self._key(name))
            found = await pipeline.execute(raise_on_error=False)
            states, gone = [], []
            for name, member, version, left in zip(
                names, members, found[::2], found[1::2], strict=True
            ):
                if is_node_name(name) and isinstance(version, bytes) and version.isdigit():
                    states.append(NodeState(name, int(version), max(0, left) / 1_000))
                else:
                    gone.append(member)
            if gone:
                await self._redis.srem(self._names, *gone)
            return states

    async def rooms(
        self, node: str, only: Collection[RoomId] | None = None
    ) -> Mapping[RoomId, bytes]:
        """Return the users of a node's rooms."""
        key = self._key(node)
        async with _asking():
            if only is not None:
                rooms = list(only)
                values = cast(
                    list[bytes | None],
                    await self._redis.hmget(key, [str(room) for room in rooms]),
                )
                return {
                    room: value
                    for room, value in zip(rooms, values, strict=True)
                    if value is not None
                }
            if await self._redis.hlen(key) > MAX_NODE_ROOMS + 1:
                return {}
            found = cast(dict[bytes, bytes], await self._redis.hgetall(key))
            return {RoomId(int(field)): value for field, value in found.items() if field.isdigit()}

    async def close(self) -> None:
        """Close the connections."""
        with suppress(*_FAILURES):
            await self._redis.aclose()

    def _key(self, node: str) -> str:
        return f"{self._prefix}:node:{node}"

    def _write(
        self,
        pipeline: Pipeline,
        node: str,
        rooms: Mapping[RoomId, bytes],
        version: int,
        seconds: float,
    ) -> None:
        pipeline.hset(self._key(node), _VERSION, str(version))
        for room, users in rooms.items():
            pipeline.hset(self._key(node), str(room), users)
        pipeline.pexpire(self._key(node), int(seconds * 1_000))
        pipeline.sadd(self._names, node)
        pipeline.expire(self._names, _NAMES_SECONDS)


@asynccontextmanager
async def _asking() -> AsyncIterator[None]:
    """Raise ``Unavailable`` for whatever keeps Redis from answering in time."""
    try:
        async with asyncio.timeout(REDIS_SECONDS):
            yield
    except _FAILURES as exc:
        raise Unavailable from exc

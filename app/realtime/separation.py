"""
Users whom a block separates: neither receives a signal about the other.

It is read from the database for each signal, so that a block holds at once, on every node.
"""

import asyncio
from collections.abc import Awaitable, Collection, Mapping
from typing import cast

from ..domain.errors import Unavailable
from ..domain.ids import RoomId, UserId
from ..store import blocks
from ..store.batch_loader import BatchLoader, Loader
from .hub import Hub


class Separation:
    """Finds separated users, and sends presence without them. Used in the event loop."""

    def __init__(self, batch_loader: BatchLoader, hub: Hub) -> None:
        self._hub = hub
        self._separated: Loader[UserId, frozenset[UserId]] = Loader(batch_loader, blocks.separated)
        self._blockers: Loader[UserId, frozenset[UserId]] = Loader(batch_loader, blocks.blockers)
        self._sending: set[asyncio.Task[None]] = set()

    def of(self, user: UserId) -> Awaitable[Collection[UserId]]:
        """
        A future for the users whom ``user`` has blocked, or who have blocked ``user``.

        Raises (when awaited):
            Unavailable: If the database can't be read now.

        """
        # Every user has a value.
        return cast("Awaitable[Collection[UserId]]", self._separated.get(user))

    def blockers_of(self, user: UserId) -> Awaitable[Collection[UserId]]:
        """
        A future for the users who have blocked ``user``.

        Raises (when awaited):
            Unavailable: If the database can't be read now.

        """
        return cast("Awaitable[Collection[UserId]]", self._blockers.get(user))

    def send_presence(self, room: RoomId, about: Mapping[UserId, bytes]) -> None:
        """Send a frame about each of several users, soon. It may be lost."""
        task = asyncio.create_task(self._send_presence(room, about), name="presence")
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def close(self) -> None:
        """Cancel what is being sent."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def _send_presence(self, room: RoomId, about: Mapping[UserId, bytes]) -> None:
        try:
            found = await asyncio.gather(*(self.of(user) for user in about))
        except Unavailable:
            return
        self._hub.send_presence(room, about, dict(zip(about, found, strict=True)))

"""Tells the server what the person has seen: one read marker for what comes together."""

import asyncio
from collections.abc import Callable

from ..client import Client
from ..errors import ParleyError
from .conversation import Conversation

# Between a look at a room and its marker.
_PAUSE_SECONDS = 0.5


class ReadMarkers:
    """
    The markers of one client.

    Args:
        chat: Open.
        shown: The conversation on the screen.

    """

    def __init__(self, chat: Client, shown: Callable[[], Conversation | None]) -> None:
        self._chat = chat
        self._shown = shown
        self._looked = asyncio.Event()
        self._told: dict[str, int] = {}

    def look(self) -> None:
        """The person looks at the room that is shown."""
        self._looked.set()

    async def run(self) -> None:
        """Send markers until cancelled."""
        while True:
            await self._looked.wait()
            await asyncio.sleep(_PAUSE_SECONDS)
            self._looked.clear()
            shown = self._shown()
            newest = shown.messages[-1].seq if shown and shown.messages else 0
            if shown is not None and newest > self._told.get(shown.room, 0):
                try:
                    await self._chat.read(shown.room, newest)
                except ParleyError:
                    # The next message brings the next marker.
                    continue
                self._told[shown.room] = newest

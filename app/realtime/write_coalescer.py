"""One write per connection and turn of the event loop, however much is sent in that turn."""

import asyncio

from ..domain.ids import RoomId
from ..wire.websocket_frame import text_frame
from .outbox import Outbox


class WriteCoalescer:
    """
    Flushes outboxes at the end of the turn. One per node; used in the event loop.

    The order per connection is the order of the calls, also with direct writes to its outbox.
    """

    def __init__(self) -> None:
        # In the order of their first write in this turn.
        self._outboxes: dict[Outbox, None] = {}

    def send(self, outbox: Outbox, payload: bytes) -> None:
        """Send one payload, by the end of this turn."""
        self.write(outbox, text_frame(payload))

    def write(self, outbox: Outbox, frames: bytes) -> None:
        """Write finished frames, by the end of this turn."""
        outbox.write_later(frames)
        self._flush_later(outbox)

    def write_with_replies(self, outbox: Outbox, room: RoomId, payload: bytes) -> None:
        """Send a reply right behind the event of ``room`` that it is about, or else by the end
        of this turn."""
        outbox.defer_reply(room, payload)
        self._flush_later(outbox)

    def _flush_later(self, outbox: Outbox) -> None:
        if not self._outboxes:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outboxes[outbox] = None

    def _flush(self) -> None:
        outboxes, self._outboxes = self._outboxes, {}
        for outbox in outboxes:
            outbox.flush()

"""One write per socket and turn of the event loop, whatever is sent to it in that turn."""

import asyncio

from ..domain.ids import RoomId
from ..wire.frames import text_frame
from .outbox import Outbox


class WriteCoalescer:
    """Gathers what is said to many sockets in one turn of the loop: one write for each."""

    def __init__(self) -> None:
        # In the order in which something was first said to them.
        self._waiting: dict[Outbox, None] = {}

    def send(self, outbox: Outbox, payload: bytes) -> None:
        """Send ``payload`` at the end of this turn, with what else comes for the socket."""
        self.write(outbox, text_frame(payload))

    def write(self, outbox: Outbox, frames: bytes) -> None:
        """Send finished frames at the end of this turn."""
        outbox.write_later(frames)
        self._wait(outbox)

    def write_with_replies(self, outbox: Outbox, room: RoomId, payload: bytes) -> None:
        """Send an answer right behind the event that it is about, by the end of this turn."""
        outbox.defer_reply(room, payload)
        self._wait(outbox)

    def _wait(self, outbox: Outbox) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting[outbox] = None

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for outbox in waiting:
            outbox.flush()

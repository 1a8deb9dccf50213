"""
Pings, and the deadline of their pongs (RFC 6455, section 5.5.2).

Each ping carries other bytes, and only a pong with these answers it.
"""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from random import getrandbits

from websockets.frames import Opcode

from .control_frames import Control, ping


class Keepalive:
    """
    Pings a peer for as long as it answers.

    Args:
        every: Seconds between a pong and the next ping; 0 for no pings.
        patience: Seconds that a pong may take.
        write: Takes a frame.
        on_silence: Called once, if no pong comes.

    """

    __slots__ = ("_awaited", "_every", "_loop", "_on_silence", "_patience", "_timer", "_write")

    def __init__(
        self,
        loop: AbstractEventLoop,
        every: float,
        patience: float,
        write: Callable[[bytes], None],
        on_silence: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._every = every
        self._patience = patience
        self._write = write
        self._on_silence = on_silence
        # What the pong has to say; None: no ping is unanswered.
        self._awaited: bytes | None = None
        self._timer: TimerHandle | None = loop.call_later(every, self._ping) if every else None

    def answers(self, frame: Control) -> bool:
        """Whether this is the pong to our ping: then the next is planned."""
        if frame.opcode is not Opcode.PONG or frame.payload != self._awaited:
            return False
        self.stop()
        self._awaited = None
        self._timer = self._loop.call_later(self._every, self._ping)
        return True

    def wait_again(self) -> None:
        """Give the pong as long again: nothing was read in which it could have been."""
        self._timer = self._loop.call_later(self._patience, self._on_silence)

    def stop(self) -> None:
        """Plan nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ping(self) -> None:
        self._awaited = getrandbits(32).to_bytes(4)
        self._write(ping(self._awaited))
        self._timer = self._loop.call_later(self._patience, self._on_silence)

"""
Pings, and the deadline of their pongs (RFC 6455, section 5.5.2).

Each ping has a random payload, and only a pong with the same payload answers it.
"""

from asyncio import AbstractEventLoop, Future, TimerHandle, shield
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

    __slots__ = (
        "_awaited",
        "_every",
        "_loop",
        "_on_silence",
        "_patience",
        "_probe",
        "_timer",
        "_write",
    )

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
        # The payload of the unanswered ping; None if there is none.
        self._awaited: bytes | None = None
        self._timer: TimerHandle | None = None
        # What :meth:`probe` waits for.
        self._probe: Future[bool] | None = None
        self._plan()

    def take_pong(self, frame: Control) -> bool:
        """Plan the next ping if this is the pong to the last one; whether it is."""
        if frame.opcode is not Opcode.PONG or frame.payload != self._awaited:
            return False
        self._cancel_timer()
        self._awaited = None
        self._answer_probe(True)
        self._plan()
        return True

    async def probe(self, within: float) -> bool:
        """
        Whether the peer answers a ping ``within`` so many seconds. Safe to cancel.

        One that does not is silent, as after a ping of the keepalive. A ping that has been sent
        already is waited for, and no other is sent.
        """
        if self._awaited is None:
            self._cancel_timer()
            self._ping()
        timer = self._timer
        if timer is not None and timer.when() > self._loop.time() + within:
            self._cancel_timer()
            self._timer = self._loop.call_later(within, self._on_silence)
        if self._probe is None:
            self._probe = self._loop.create_future()
        return await shield(self._probe)

    def wait_again(self) -> None:
        """
        Give the pong as long again, because it may be among bytes that were not read.

        For the same reason a probe counts as answered.
        """
        self._answer_probe(True)
        self._timer = self._loop.call_later(self._patience, self._on_silence)

    def stop(self) -> None:
        """Plan nothing more."""
        self._cancel_timer()
        self._answer_probe(False)

    def _plan(self) -> None:
        if self._every:
            self._timer = self._loop.call_later(self._every, self._ping)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _answer_probe(self, answered: bool) -> None:
        probe, self._probe = self._probe, None
        if probe is not None and not probe.done():
            probe.set_result(answered)

    def _ping(self) -> None:
        self._awaited = getrandbits(32).to_bytes(4)
        self._write(ping(self._awaited))
        self._timer = self._loop.call_later(self._patience, self._on_silence)

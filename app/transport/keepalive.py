"""
Pings, and the deadline of their pongs (RFC 6455, section 5.5.2).

Each ping has a random payload, and only a pong with the same payload answers it.
"""

from asyncio import Future, get_running_loop, shield
from collections.abc import Callable
from random import getrandbits

from websockets.frames import Opcode

from .control_frames import Control, ping
from .shared_timer import Deadline, SharedTimer


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
        "_deadline",
        "_on_silence",
        "_patience",
        "_probe",
        "_timer",
        "_write",
    )

    def __init__(
        self,
        timer: SharedTimer,
        every: float,
        patience: float,
        write: Callable[[bytes], None],
        on_silence: Callable[[], None],
    ) -> None:
        self._timer = timer
        self._every = every
        self._patience = patience
        self._write = write
        self._on_silence = on_silence
        # The payload of the unanswered ping; None if there is none.
        self._awaited: bytes | None = None
        self._deadline: Deadline | None = None
        # What :meth:`probe` waits for.
        self._probe: Future[bool] | None = None
        self._plan()

    def take_pong(self, frame: Control) -> bool:
        """Plan the next ping if this is the pong to the last one; whether it is."""
        if frame.opcode is not Opcode.PONG or frame.payload != self._awaited:
            return False
        self._cancel_deadline()
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
            self._cancel_deadline()
            self._ping()
        deadline = self._deadline
        if deadline is not None and deadline.when() > self._timer.time() + within:
            self._cancel_deadline()
            self._deadline = self._timer.call_later(within, self._on_silence)
        if self._probe is None:
            self._probe = get_running_loop().create_future()
        return await shield(self._probe)

    def wait_again(self) -> None:
        """
        Give the pong as long again, because it may be among bytes that were not read.

        For the same reason a probe counts as answered. Reading is paused while many requests of
        the peer are being answered, which has an end: each of them has a deadline, and a peer
        that takes no answers is closed as a slow reader.
        """
        self._answer_probe(True)
        self._deadline = self._timer.call_later(self._patience, self._on_silence)

    def stop(self) -> None:
        """Plan nothing more."""
        self._cancel_deadline()
        self._answer_probe(False)

    def _plan(self) -> None:
        if self._every:
            self._deadline = self._timer.call_later(self._every, self._ping)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _answer_probe(self, answered: bool) -> None:
        probe, self._probe = self._probe, None
        if probe is not None and not probe.done():
            probe.set_result(answered)

    def _ping(self) -> None:
        self._awaited = getrandbits(32).to_bytes(4)
        self._write(ping(self._awaited))
        self._deadline = self._timer.call_later(self._patience, self._on_silence)

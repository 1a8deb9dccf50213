"""Whether a peer takes what is written: asyncio's ``pause_writing`` and ``resume_writing``."""

from asyncio import AbstractEventLoop, Future, shield


class WriteGate:
    """Open until asyncio says that more is unsent than its high-water mark."""

    __slots__ = ("_loop", "_waiting")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        # None while it is open.
        self._waiting: Future[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether a writer need not wait."""
        return self._waiting is None

    def shut(self) -> None:
        """More is unsent than the peer takes."""
        if self._waiting is None:
            self._waiting = self._loop.create_future()

    def open(self) -> None:
        """The peer has taken it, or is gone. Idempotent."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.set_result(None)

    async def wait(self) -> None:
        """Wait until it is open. Safe to cancel."""
        while self._waiting is not None:
            await shield(self._waiting)

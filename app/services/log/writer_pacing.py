"""How the log's writer asks for priority, without knowing for what it is given."""

import asyncio
from typing import Protocol


class WriterPacing(Protocol):
    """
    Work in the event loop that competes with the writer's thread for the interpreter.

    Implemented by :class:`app.realtime.fanout.Fanout`. Called in the event loop, except where
    it says otherwise.
    """

    idle: asyncio.Event
    """Set while there is no such work."""

    def pause(self) -> None:
        """Stop the work until :meth:`resume`, or for a bounded time if that does not come."""

    def resume(self) -> None:
        """Go on. Idempotent."""

    def resume_from_thread(self) -> None:
        """Go on while the writer waits for the disk. Called in the writer's thread."""


class NoPacing:
    """For those who are alone with the database: nothing competes."""

    def __init__(self) -> None:
        self.idle = asyncio.Event()
        self.idle.set()

    def pause(self) -> None:
        """Nothing to stop."""

    def resume(self) -> None:
        """Nothing to resume."""

    def resume_from_thread(self) -> None:
        """Nothing to resume."""

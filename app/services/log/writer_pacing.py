"""How the log's writer asks for priority over other work in the event loop."""

import asyncio
from typing import Protocol


class WriterPacing(Protocol):
    """
    Work in the event loop that competes with the writer's thread for the interpreter.

    Implemented by :class:`app.realtime.fanout.Fanout`. The committer calls these methods in the
    event loop, except ``resume_from_thread``; none blocks.
    """

    idle: asyncio.Event
    """Set while there is no such work."""

    def pause(self) -> None:
        """Stop the work until :meth:`resume`, but only for a bounded time. Idempotent."""

    def resume(self) -> None:
        """Continue the work. Idempotent."""

    def resume_from_thread(self) -> None:
        """Like :meth:`resume`, called in the writer's thread when it is about to COMMIT."""

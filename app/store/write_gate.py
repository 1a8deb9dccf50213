"""
A database whose writes can be refused for a while, all of them at this one place.

The services and the tasks of a server have it instead of the database itself: what commits, marks,
logs in, indexes, trims or erases passes here.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from ..domain.errors import Unavailable
from .database import Database, DatabaseLoad, T, Work


class WritesRefused(Exception):
    """Why a write is unavailable: the database is being moved, or was."""


def waits_for_move(exc: Unavailable) -> bool:
    """Whether a write was refused because of a move: then a task is meant to wait, or to end."""
    return isinstance(exc.__cause__, WritesRefused)


class WriteGate:
    """
    Implements :class:`~app.store.database.Database` around another one.

    Used in the event loop.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        """The one behind it, whose writes are never refused."""
        self.shared = database.shared
        self._is_shut = self._stays_shut = False
        self._writing = 0
        self._quiet = asyncio.Event()

    @property
    def fault(self) -> str | None:
        """What is wrong with the database behind it."""
        return self.database.fault

    @property
    def checking(self) -> bool:
        """Whether the database behind it is being checked."""
        return self.database.checking

    @property
    def load(self) -> DatabaseLoad:
        """How busy the database behind it is."""
        return self.database.load

    @property
    def closed(self) -> bool:
        """Whether the database behind it is closed."""
        return self.database.closed

    async def write(self, work: Work[T]) -> T:
        """Like :meth:`Database.write`; ``Unavailable`` while it is shut."""
        self._enter()
        try:
            return await self.database.write(work)
        finally:
            self._leave()

    async def write_log(
        self, work: Work[T], *, aside: bool = False, waiting_since: float | None = None
    ) -> T:
        """Like :meth:`Database.write_log`; ``Unavailable`` while it is shut."""
        self._enter()
        try:
            return await self.database.write_log(work, aside=aside, waiting_since=waiting_since)
        finally:
            self._leave()

    @property
    def is_shut_for_good(self) -> bool:
        """Whether :meth:`stay_shut` was called."""
        return self._stays_shut

    def read(self, work: Work[T]) -> Coroutine[Any, Any, T]:
        """Like :meth:`Database.read`, whether it is shut or not."""
        return self.database.read(work)

    def checkpoint(self) -> Coroutine[Any, Any, bool]:
        """Like :meth:`Database.checkpoint`: it changes nothing that is moved."""
        return self.database.checkpoint()

    def interrupt(self) -> None:
        """Like :meth:`Database.interrupt`."""
        self.database.interrupt()

    async def close(self) -> None:
        """Like :meth:`Database.close`."""
        await self.database.close()

    def stay_shut(self) -> None:
        """Refuse writes from now on, for good."""
        self._stays_shut = self._is_shut = True

    @asynccontextmanager
    async def shut(self) -> AsyncIterator[None]:
        """Wait until no write is running, and refuse writes until the block ends."""
        self._is_shut = True
        try:
            if self._writing:
                self._quiet.clear()
                await self._quiet.wait()
            yield
        finally:
            self._is_shut = self._stays_shut

    def _enter(self) -> None:
        if self._is_shut:
            raise Unavailable from WritesRefused()
        self._writing += 1

    def _leave(self) -> None:
        self._writing -= 1
        if self._is_shut and not self._writing:
            self._quiet.set()

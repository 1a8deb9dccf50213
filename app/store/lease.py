"""What only one of several nodes may do at a time: it does it while it holds a lease."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from ..domain.errors import Unavailable
from ..domain.server_limits import LEASE_RELEASE_SECONDS, LEASE_RENEW_SECONDS, LEASE_SECONDS
from . import leases
from .database import Database
from .leases import HeldLease


class Lease:
    """
    A name in the database that one node at a time holds. Used in the event loop.

    It is renewed while it is held. A node that is killed, or does not reach the database, loses it
    after ``seconds``, by the clock of the database; this node then stops before another begins. A
    node that is frozen can't stop: let what it writes call :func:`~app.store.leases.require`.

    Args:
        name: The same on all nodes.
        seconds: How long the others wait for a node that is gone.
        renew_seconds: How often it is renewed, and how often the others look whether it is free;
            a fraction of ``seconds``.

    """

    def __init__(
        self,
        database: Database,
        name: str,
        *,
        seconds: float = LEASE_SECONDS,
        renew_seconds: float = LEASE_RENEW_SECONDS,
    ) -> None:
        self._database = database
        self._name = name
        self._seconds = seconds
        self._renew_seconds = renew_seconds

    async def run(self, work: Callable[[HeldLease], Awaitable[None]]) -> None:
        """
        Do the work whenever this node holds the lease, until the work returns.

        Args:
            work: Is cancelled when the lease is lost, and called again when it is held again. What
                it raises is raised here.

        Safe to cancel: the work is cancelled, and the lease is released.

        """
        done = False
        while not done:
            asked_at = time.monotonic()
            held = await self._acquire()
            if held is None:
                await asyncio.sleep(self._renew_seconds)
                continue
            try:
                done = await self._while_held(held, asked_at, work)
            finally:
                await self._release(held)

    async def _while_held(
        self,
        held: HeldLease,
        asked_at: float,
        work: Callable[[HeldLease], Awaitable[None]],
    ) -> bool:
        """Do the work until it ends or the lease is lost; return whether the work has ended."""
        working = asyncio.ensure_future(work(held))
        renewing = asyncio.create_task(self._renew(held, asked_at), name=f"lease {self._name}")
        try:
            await asyncio.wait([working, renewing], return_when=asyncio.FIRST_COMPLETED)
        finally:
            has_ended = working.done()
            working.cancel()
            renewing.cancel()
            await asyncio.gather(working, renewing, return_exceptions=True)
        if has_ended:
            await working
        return has_ended

    async def _renew(self, held: HeldLease, asked_at: float) -> None:
        """Renew the lease until it is lost."""
        millis = int(self._seconds * 1_000)
        # Counted from before it was asked for: here it ends first.
        ends_at = asked_at + self._seconds
        while (left := ends_at - time.monotonic()) > 0:
            await asyncio.sleep(min(self._renew_seconds, left))
            asked_at = time.monotonic()
            with suppress(Unavailable, TimeoutError):
                async with asyncio.timeout(ends_at - asked_at):
                    if not await self._database.write(lambda c: leases.renew(c, held, millis)):
                        return
                    ends_at = asked_at + self._seconds

    async def _acquire(self) -> HeldLease | None:
        holder, millis = secrets.token_hex(8), int(self._seconds * 1_000)
        with suppress(Unavailable):
            return await self._database.write(
                lambda c: leases.acquire(c, self._name, holder, millis)
            )
        return None

    async def _release(self, held: HeldLease) -> None:
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(LEASE_RELEASE_SECONDS):
                await self._database.write(lambda c: leases.release(c, held))

"""
Erasing accounts, in several transactions that continue after an interruption.

    locked, log-ins ended ─▶ rooms left ─▶ renamed to a number ─▶ messages blanked, if wanted

After the first commit the account can't be used any more. Each later step can be repeated, and the
user's row says which steps are left, so that the next start continues after a crash.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from ...domain.appends import Append, Delete
from ...domain.errors import Unavailable
from ...domain.ids import SEQ_BITS, EventId, Millis, RoomId, UserId
from ...domain.limits import (
    ERASURE_BATCH_MESSAGES,
    ERASURE_RETRY_SECONDS,
    MAX_BATCH_ROOMS,
    SWEEP_SECONDS,
)
from ...domain.sessions import SessionsRevoked
from ...observability.logs import event
from ...store import erasures
from ...store.database import Database, DbConnection
from ...store.write_gate import waits_for_move
from ..log.batch_transaction import commit
from ..log.seams import Seam
from ..log.transactions import Effects, Transactions

log = logging.getLogger("parley.security")


class Erasures:
    """
    Erases accounts. Used in the event loop.

    At most one task erases an account at a time; concurrent calls wait for the same one.

    Args:
        remove_memberships: Ends the memberships of a user; must be idempotent.
        on_names_changed: Announces, after the commit, that a name was removed.

    """

    def __init__(
        self,
        database: Database,
        *,
        transactions: Transactions,
        remove_memberships: Callable[[UserId], Awaitable[None]],
        now: Callable[[], Millis],
        on_names_changed: Seam[None],
        batch_messages: int = ERASURE_BATCH_MESSAGES,
        batch_rooms: int = MAX_BATCH_ROOMS,
        retry_seconds: float = ERASURE_RETRY_SECONDS,
    ) -> None:
        self._database = database
        self._transactions = transactions
        self._remove_memberships = remove_memberships
        self._now = now
        self._on_names_changed = on_names_changed
        self._batch_messages = batch_messages
        self._batch_rooms = batch_rooms
        self._retry_seconds = retry_seconds
        self._closing = False
        self._interrupted = asyncio.Event()
        self._running: dict[UserId, asyncio.Task[None]] = {}

    async def erase(
        self, user: UserId, transactions: Transactions, *, blank: bool = False
    ) -> None:
        """
        Remove name, password and log-ins of an account; return when every step is done.

        Idempotent. Safe to cancel: an erasure that has begun is finished.

        Args:
            transactions: Runs the first transaction, which may write an audit entry as well.
            blank: Whether to blank every message of the user, as deleting it does.

        Raises:
            Unavailable: If the database can't be used now. An erasure that has begun is finished
                later.

        """
        now = self._now()
        if await transactions.write(partial(_begin, user=user, at=now, blank=blank)):
            await self._continue(user)

    async def run(self) -> None:
        """Continue interrupted erasures, now and after each interruption, until cancelled."""
        while True:
            try:
                await self.resume()
                wait = SWEEP_SECONDS
            except Unavailable as exc:
                if not waits_for_move(exc):
                    log.warning("erasure.waits_for_database")
                wait = self._retry_seconds
            try:
                async with asyncio.timeout(wait):
                    await self._interrupted.wait()
                    await asyncio.sleep(self._retry_seconds)
            except TimeoutError:
                pass
            self._interrupted.clear()

    async def resume(self) -> None:
        """
        Finish every erasure that has begun.

        Raises:
            Unavailable: If the database can't be used now.

        """
        for user in await self._database.read(erasures.unfinished):
            await self._continue(user)

    async def close(self) -> None:
        """Stop after the transactions that are running. The next start continues."""
        self._closing = True
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    # The steps

    async def _continue(self, user: UserId) -> None:
        task = self._running.get(user)
        if task is None:
            task = self._running[user] = asyncio.create_task(self._run_steps(user))
            task.add_done_callback(lambda _: self._running.pop(user))
        try:
            await asyncio.shield(task)
        except Unavailable:
            self._interrupted.set()
            raise

    async def _run_steps(self, user: UserId) -> None:
        self._raise_if_closing()
        if not await self._database.read(lambda c: erasures.is_renamed(c, user)):
            # Before the renaming, so that the events of leaving are announced with the name.
            await self._remove_memberships(user)
            now = self._now()
            await self._database.write(lambda c: erasures.rename(c, user, now))
            self._on_names_changed.announce(None)
        if await self._database.read(lambda c: erasures.is_blanking(c, user)):
            count = await self._blank(user)
            event(log, logging.INFO, "user.blanked", user_id=user, messages=count)
        await self._database.write(lambda c: erasures.finish(c, user))

    async def _blank(self, user: UserId) -> int:
        after, count = 0, 0
        while True:
            self._raise_if_closing()
            read = partial(
                erasures.messages_of, user=user, after=after, limit=self._batch_messages
            )
            found = await self._database.read(read)
            if not found:
                return count
            batch = _limit_rooms(found, self._batch_rooms)
            await self._transactions.write(partial(_delete, messages=batch, at=self._now()))
            after, count = batch[-1], count + len(batch)

    def _raise_if_closing(self) -> None:
        if self._closing:
            raise Unavailable


def _begin(
    connection: DbConnection, user: UserId, *, at: Millis, blank: bool
) -> tuple[bool, Effects]:
    begun = erasures.begin(connection, user, at, blank=blank)
    return begun, Effects(sessions_revoked=[SessionsRevoked(user, None)] if begun else ())


def _delete(
    connection: DbConnection, messages: Sequence[EventId], *, at: Millis
) -> tuple[None, Effects]:
    deletions: list[Append] = [
        Delete(room=_room(id_), by=None, at=at, ref=id_ & (1 << SEQ_BITS) - 1) for id_ in messages
    ]
    # A deletion is refused only if retention has removed the message meanwhile.
    return None, Effects(commit(connection, deletions).event_batches)


def _room(message: EventId) -> RoomId:
    return RoomId(message >> SEQ_BITS)


def _limit_rooms(messages: Sequence[EventId], limit: int) -> Sequence[EventId]:
    """The longest head of ``messages`` that lies in at most ``limit`` rooms."""
    rooms: set[Any] = set()
    for index, message in enumerate(messages):
        rooms.add(_room(message))
        if len(rooms) > limit:
            return messages[:index]
    return messages

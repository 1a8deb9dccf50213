"""
Erasing accounts, in several transactions; what is interrupted is carried on.

    locked, log-ins ended ─▶ rooms left ─▶ nothing but a number ─▶ messages blanked, if wanted

From the first commit on nobody can be this user any more. Each later step can be done twice,
and whatever a crash leaves is found in the row of the user at the next start.
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
from ..log.committer import commit
from ..log.seams import Seam
from ..log.transactions import Effects, Transactions

log = logging.getLogger("parley.security")


class Erasures:
    """
    Makes accounts nobody's.

    Args:
        remove_memberships: Ends the memberships of a user. May be called again.
        on_names_changed: Announces, after the commit, that a name is gone.

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
        Take name, password and log-ins from an account; return when nothing is left to do.

        Safe to cancel: what has begun is carried on. The same for whoever asks again.

        Args:
            transactions: Runs the first transaction, which may write an audit entry as well.
            blank: Whether every message of the user is blanked, as by deleting it.

        Raises:
            Unavailable: If the database can't be used now. What has begun is carried on later.

        """
        if await transactions.write(partial(self._begin, user=user, blank=blank)):
            await self._carry_on(user)

    async def run(self) -> None:
        """Carry on what was interrupted: at the start, and when it happens."""
        while True:
            try:
                await self.resume()
                wait = SWEEP_SECONDS
            except Unavailable:
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
        Carry on every erasure that is not done.

        Raises:
            Unavailable: If the database can't be used now.

        """
        for user in await self._database.read(erasures.unfinished):
            await self._carry_on(user)

    async def close(self) -> None:
        """Stop after the transactions that run. The next start carries on."""
        self._closing = True
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    # The steps

    def _begin(
        self, connection: DbConnection, user: UserId, *, blank: bool
    ) -> tuple[bool, Effects]:
        begun = erasures.begin(connection, user, self._now(), blank=blank)
        return begun, Effects(sessions_revoked=[SessionsRevoked(user, None)] if begun else ())

    async def _carry_on(self, user: UserId) -> None:
        task = self._running.get(user)
        if task is None:
            task = self._running[user] = asyncio.create_task(self._steps(user))
            task.add_done_callback(lambda _: self._running.pop(user))
        try:
            await asyncio.shield(task)
        except Unavailable:
            self._interrupted.set()
            raise

    async def _steps(self, user: UserId) -> None:
        self._go_on()
        if not await self._database.read(lambda c: erasures.is_renamed(c, user)):
            # They leave while they still have a name.
            await self._remove_memberships(user)
            await self._database.write(lambda c: erasures.rename(c, user, self._now()))
            self._on_names_changed.announce(None)
        if await self._database.read(lambda c: erasures.is_blanking(c, user)):
            count = await self._blank(user)
            event(log, logging.INFO, "user.blanked", user_id=user, messages=count)
        await self._database.write(lambda c: erasures.finish(c, user))

    async def _blank(self, user: UserId) -> int:
        after, count = 0, 0
        while True:
            self._go_on()
            reading = partial(
                erasures.messages_of, user=user, after=after, limit=self._batch_messages
            )
            found = await self._database.read(reading)
            if not found:
                return count
            batch = _of_few_rooms(found, self._batch_rooms)
            await self._transactions.write(partial(self._delete, messages=batch))
            after, count = batch[-1], count + len(batch)

    def _delete(
        self, connection: DbConnection, messages: Sequence[EventId]
    ) -> tuple[None, Effects]:
        at = self._now()
        deletions: list[Append] = [
            Delete(room=_room(id_), by=None, at=at, ref=id_ & (1 << SEQ_BITS) - 1)
            for id_ in messages
        ]
        # One that is refused has been removed by retention: it says nothing any more.
        return None, Effects(commit(connection, deletions).event_batches)

    def _go_on(self) -> None:
        if self._closing:
            raise Unavailable


def _room(message: EventId) -> RoomId:
    return RoomId(message >> SEQ_BITS)


def _of_few_rooms(messages: Sequence[EventId], limit: int) -> Sequence[EventId]:
    """The first of ``messages``, of no more rooms than one transaction may lock."""
    rooms: set[Any] = set()
    for index, message in enumerate(messages):
        rooms.add(_room(message))
        if len(rooms) > limit:
            return messages[:index]
    return messages

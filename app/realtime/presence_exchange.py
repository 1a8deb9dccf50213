"""
Presence between nodes: writes who is present on this one, and reads who is on the others.

The store has the state of each node, and a notification says what to read again. One that is lost
is made up for by the comparison of all nodes' versions every few seconds.
"""

import asyncio
import logging
import secrets
from contextlib import suppress
from time import monotonic

from ..broker.base import Broker, PresenceChanged
from ..broker.presence import PresenceStore, decode, encode
from ..domain.errors import Unavailable
from ..domain.ids import RoomId
from ..domain.limits import (
    BROKER_CLOSE_SECONDS,
    BROKER_RETRY_SECONDS,
    MAX_NODE_ROOMS,
    MAX_NOTIFIED_ROOMS,
    MAX_PRESENT_LISTED,
    PRESENCE_COUNT_SECONDS,
    PRESENCE_EXPIRY_SECONDS,
    PRESENCE_GATHER_SECONDS,
    PRESENCE_GRACE_SECONDS,
    PRESENCE_REFRESH_SECONDS,
)
from .presence import Presence
from .remote_presence import RemotePresence

log = logging.getLogger("parley.presence")

# Rooms that are taken over before the event loop has a turn.
_ROOMS_PER_TURN = 50


class PresenceExchange:
    """
    One task, which writes and reads in turn: a slow store delays presence and nothing else.

    Used in the event loop. No method but :meth:`run`, :meth:`leave` and :meth:`close` awaits.

    Args:
        gather_seconds: At least so long between two rounds...
        count_seconds: ...and between two in which large rooms are written.

    """

    def __init__(
        self,
        store: PresenceStore,
        broker: Broker,
        presence: Presence,
        remote: RemotePresence,
        *,
        grace_seconds: float = PRESENCE_GRACE_SECONDS,
        gather_seconds: float = PRESENCE_GATHER_SECONDS,
        count_seconds: float = PRESENCE_COUNT_SECONDS,
        refresh_seconds: float = PRESENCE_REFRESH_SECONDS,
        expiry_seconds: float = PRESENCE_EXPIRY_SECONDS,
        retry_seconds: float = BROKER_RETRY_SECONDS,
    ) -> None:
        self._store = store
        self._broker = broker
        self._presence = presence
        self._remote = remote
        self._grace_seconds = grace_seconds
        self._gather_seconds = gather_seconds
        self._count_seconds = count_seconds
        self._refresh_seconds = refresh_seconds
        self._expiry_seconds = expiry_seconds
        self._retry_seconds = retry_seconds
        self._node = secrets.token_hex(6)
        self._wake = asyncio.Event()
        # This node
        self._version = 0
        self._is_complete = False
        # Whether the store may have lost what the others wrote.
        self._was_emptied = False
        self._changed: set[RoomId] = set()
        self._refresh_at = 0.0
        self._large_at = 0.0
        self._leaving_seconds: float | None = None
        self._left = asyncio.Event()
        # The others: the version that is known of each, or about to be; when they expire; what is
        # to be read.
        self._known: dict[str, int] = {}
        self._expires_at: dict[str, float] = {}
        self._pending: dict[str, set[RoomId]] = {}
        self._compare = True
        self._is_failing = False

    def on_local_change(self, room: RoomId) -> None:
        """Note that users have come to a room on this node, or left it."""
        if self._leaving_seconds is None:
            self._changed.add(room)
            self._wake.set()

    def on_changed_elsewhere(self, changed: PresenceChanged) -> None:
        """Take the notification of another node. Never raises."""
        node, version, rooms = changed
        pending = self._pending.get(node, set())
        if rooms and self._known.get(node) == version - 1 and len(pending) < MAX_NODE_ROOMS:
            self._known[node] = version
            self._pending[node] = pending.union(rooms)
        else:
            self._compare = True
        self._wake.set()

    def compare_all(self) -> None:
        """Compare all nodes with the store soon: notifications were lost."""
        self._compare = True
        self._wake.set()

    async def run(self) -> None:
        """Write and read until cancelled."""
        while True:
            pause = self._gather_seconds
            try:
                await self._write()
                await self._read()
                self._is_failing = False
            except Exception as exc:  # whatever was raised, the task must go on
                pause = self._retry_seconds
                self._on_failure(exc)
            await asyncio.sleep(pause)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._due() - monotonic()):
                    await self._wake.wait()
            self._wake.clear()

    async def leave(self, seconds: float) -> None:
        """
        Say that this node stops: for the others its users stay for ``seconds`` and the grace.

        From now on, nothing that happens on this node changes that. Returns when it is written,
        or after :data:`~app.domain.limits.BROKER_CLOSE_SECONDS`. Safe to cancel.
        """
        if self._leaving_seconds is None:
            self._leaving_seconds = seconds + self._grace_seconds
            self._changed.clear()
            self._wake.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(BROKER_CLOSE_SECONDS):
                await self._left.wait()

    # This node

    async def _write(self) -> None:
        if self._leaving_seconds is not None:
            await self._write_leaving(self._leaving_seconds)
            return
        now = monotonic()
        changed = self._take_changed(now)
        if not changed and self._is_complete and now < self._refresh_at:
            return
        rooms = {room: encode(self._presence.local_users(room)) for room in changed}
        was_complete, self._is_complete = self._is_complete, False
        version = self._version + bool(rooms)
        if not was_complete or not await self._store.write(
            self._node, rooms, after=self._version, version=version, seconds=self._expiry_seconds
        ):
            # The store has lost it, or never had it.
            self._was_emptied = True
            version, changed = self._version + 1, set()
            found = ((room, self._presence.local_users(room)) for room in self._presence.rooms())
            await self._store.replace(
                self._node,
                {room: encoded for room, users in found if (encoded := encode(users))},
                version=version,
                seconds=self._expiry_seconds,
            )
        self._is_complete = True
        if version != self._version:
            self._version = version
            named = tuple(changed) if len(changed) <= MAX_NOTIFIED_ROOMS else ()
            self._broker.notify(PresenceChanged(self._node, version, named))

    async def _write_leaving(self, seconds: float) -> None:
        if not self._left.is_set():
            version = self._version
            await self._store.write(
                self._node, {}, after=version, version=version, seconds=seconds
            )
            self._left.set()
            self._broker.notify(PresenceChanged(self._node, version, ()))

    def _take_changed(self, now: float) -> set[RoomId]:
        """The rooms to write now. Those with many users are written less often."""
        large = {
            room
            for room in self._changed
            if len(self._presence.local_users(room)) > MAX_PRESENT_LISTED
        }
        if large and now < self._large_at:
            taken, self._changed = self._changed - large, large
            return taken
        if large:
            self._large_at = now + self._count_seconds
        taken, self._changed = self._changed, set()
        return taken

    # The others

    async def _read(self) -> None:
        now = monotonic()
        is_expired = any(at <= now for at in self._expires_at.values())
        if self._compare or is_expired or now >= self._refresh_at:
            self._compare = False
            await self._compare_versions()
            self._refresh_at = now + self._refresh_seconds
        while self._pending:
            await self._read_rooms(*self._pending.popitem())

    async def _compare_versions(self) -> None:
        states = {state.node: state for state in await self._store.nodes()}
        now = monotonic()
        # If the store has lost this node, it was emptied, and the others write again, too.
        is_missing = states.pop(self._node, None) is None and self._leaving_seconds is None
        was_emptied, self._was_emptied = self._was_emptied or is_missing, False
        for node, state in states.items():
            self._expires_at[node] = now + state.seconds
            if self._known.get(node) != state.version:
                self._known[node] = state.version
                self._pending.pop(node, None)
                await self._read_rooms(node, None)
        for node in list(self._expires_at.keys() - states.keys()):
            if was_emptied:
                self._known.pop(node, None)
                self._expires_at[node] = now + 2 * self._refresh_seconds
            else:
                self._forget(node)

    async def _read_rooms(self, node: str, only: set[RoomId] | None) -> None:
        try:
            await self._take_over(node, only)
        except BaseException:  # failed or cancelled: all of the node is read the next time
            self._known.pop(node, None)
            raise

    async def _take_over(self, node: str, only: set[RoomId] | None) -> None:
        """Take over what a node has written of its rooms: those in ``only``, or all."""
        found = await self._store.rooms(node, only)
        gone = (self._remote.rooms_of(node) if only is None else only) - found.keys()
        for room in gone:
            self._remote.update(node, room, {})
        for count, (room, value) in enumerate(found.items()):
            users = decode(value)
            if users is not None:
                self._remote.update(node, room, users)
            if count % _ROOMS_PER_TURN == _ROOMS_PER_TURN - 1:
                await asyncio.sleep(0)

    def _forget(self, node: str) -> None:
        self._known.pop(node, None)
        self._pending.pop(node, None)
        del self._expires_at[node]
        self._remote.drop(node)

    def _on_failure(self, exc: Exception) -> None:
        if not self._is_failing:
            self._is_failing = True
            error = str(exc.__cause__ or exc).partition("\n")[0]
            # What is not the store's doing is a bug: with its traceback.
            bug = None if isinstance(exc, Unavailable) else exc
            log.warning("presence.failed", extra={"error": error}, exc_info=bug)
        self._compare = True
        # Who was present elsewhere when the store was last seen is not kept for ever.
        lost = monotonic() - self._expiry_seconds
        for node in [node for node, at in self._expires_at.items() if at < lost]:
            self._forget(node)

    def _due(self) -> float:
        """When there is something to do, even if nothing happens."""
        dues = [self._refresh_at, *self._expires_at.values()]
        if self._changed:
            dues.append(self._large_at)
        return min(dues)

    async def close(self) -> None:
        """Say that this node stops, unless it was said, and close the store."""
        await self.leave(0)
        await self._store.close()

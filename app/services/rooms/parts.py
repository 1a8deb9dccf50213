"""The parts of the rooms package, and how they are opened."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ...domain import limits as defaults
from ...domain.ids import Millis
from ...store.database import Database
from ..log.parts import LogParts
from .invites import Invites
from .members import Members
from .membership_loader import MembershipLoader
from .membership_removal import MembershipRemoval
from .notification_levels import NotificationLevels
from .retention import Retention
from .room_directory import RoomDirectory
from .room_views import RoomViews
from .rooms import Rooms


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomLimits:
    """Limits of rooms; :mod:`app.domain.limits` describes each."""

    max_remembered_rooms: int = defaults.MAX_REMEMBERED_ROOMS
    retention_batch_events: int = defaults.RETENTION_BATCH_EVENTS
    retention_seconds: float = defaults.RETENTION_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomParts:
    """Rooms, their members, and how long they keep their events."""

    directory: RoomDirectory
    room_views: RoomViews
    memberships: MembershipLoader
    rooms: Rooms
    members: Members
    invites: Invites
    membership_removal: MembershipRemoval
    notification_levels: NotificationLevels
    retention: Retention


@asynccontextmanager
async def open_rooms(
    database: Database,
    log: LogParts,
    *,
    now: Callable[[], Millis],
    limits: RoomLimits = RoomLimits(),
) -> AsyncIterator[RoomParts]:
    """Run retention until the block ends."""
    directory = RoomDirectory(log.batch_loader, max_remembered=limits.max_remembered_rooms)
    room_views = RoomViews(log.batch_loader, log.receipts)
    rooms = Rooms(
        database,
        committer=log.committer,
        directory=directory,
        room_views=room_views,
        receipts=log.receipts,
        now=now,
    )
    retention = Retention(
        database,
        now=now,
        on_log_trimmed=log.seams.on_log_trimmed,
        batch_events=limits.retention_batch_events,
        sweep_seconds=limits.retention_seconds,
    )
    parts = RoomParts(
        directory=directory,
        room_views=room_views,
        memberships=MembershipLoader(log.batch_loader, log.receipts),
        rooms=rooms,
        members=Members(
            database, committer=log.committer, directory=directory, rooms=rooms, now=now
        ),
        invites=Invites(
            database, transactions=log.transactions, directory=directory, rooms=rooms, now=now
        ),
        membership_removal=MembershipRemoval(database, log.transactions, now),
        notification_levels=NotificationLevels(database, rooms),
        retention=retention,
    )
    sweeping = asyncio.create_task(retention.run(), name="retention")
    try:
        with log.seams.on_committed.connected(retention.on_committed):
            yield parts
    finally:
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)

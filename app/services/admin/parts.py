"""The admin service, and how it is opened."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ...domain.ids import Millis
from ...store.database import Database
from ..accounts.parts import AccountLimits, AccountParts
from ..log.parts import LogParts
from ..rooms.parts import RoomParts
from .admin_service import AdminService


@asynccontextmanager
async def open_admin(
    database: Database,
    log: LogParts,
    rooms: RoomParts,
    accounts: AccountParts,
    *,
    limits: AccountLimits,
    now: Callable[[], Millis],
) -> AsyncIterator[AdminService]:
    """Serve operators until the block ends, then wait for the actions that are running."""
    admin = AdminService(
        database,
        transactions=log.transactions,
        passwords=accounts.passwords,
        access_tokens=accounts.access_tokens,
        throttle=accounts.throttle,
        erasures=accounts.erasures,
        retention=rooms.retention,
        epoch=log.epoch,
        on_epoch_changed=log.seams.on_epoch_changed,
        refresh_token_days=limits.refresh_token_days,
        now=now,
    )
    try:
        yield admin
    finally:
        await admin.close()

"""
Whoever carries out a command that writes: the server that runs on the database, or we.

On SQLite one process at a time has the file. If that is a server, the file's lock names its
address, and the command asks it, showing that it knows the installation's secret.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from app.commands.exits import CommandError, Misuse
from app.commands.remote import NotListening, Remote
from app.config.settings import Settings, resolve_secret
from app.domain.ids import Millis
from app.domain.limits import LOCK_WAIT_SECONDS
from app.domain.roles import Kind
from app.security.access_tokens import AccessTokens
from app.security.passwords import Passwords
from app.services.accounts.erasures import Erasures
from app.services.accounts.login_throttle import Throttle
from app.services.admin.admin_service import AdminService
from app.services.log.transactions import Transactions
from app.services.rooms.membership_removal import MembershipRemoval
from app.services.rooms.retention import Retention
from app.store.errors import Locked
from app.store.opening import open_database

_LOOK_AGAIN_SECONDS = 0.1


class RoomOperator(Protocol):
    """See :class:`~app.services.admin.room_admin.RoomAdmin`."""

    async def add(self, name: str, title: str, kind: Kind, owner: str | None = None) -> object: ...

    async def set_retention(
        self, name: str, *, days: int | None = None, events: int | None = None
    ) -> object: ...


class Operator(Protocol):
    """What commands ask for; see :class:`~app.services.admin.admin_service.AdminService`."""

    @property
    def rooms(self) -> RoomOperator: ...

    async def add_user(
        self,
        username: str,
        password: str | None,
        display_name: str | None = None,
        *,
        is_admin: bool = False,
    ) -> object: ...

    async def set_password(self, username: str, password: str) -> object: ...

    async def disable(self, username: str) -> object: ...

    async def enable(self, username: str) -> object: ...

    async def set_admin(self, username: str, is_admin: bool) -> object: ...

    async def erase_user(self, username: str, *, blank: bool = False) -> object: ...

    async def new_epoch(self) -> str: ...


@asynccontextmanager
async def operator(settings: Settings) -> AsyncIterator[Operator]:
    """
    Whoever can write to the database now.

    Raises:
        Locked: If another command has it, and does not come to an end.
        StoreError: If it can't be used.
        CommandError: If the server that has it does not answer.

    """
    database = settings.database
    if database.in_memory:
        raise Misuse(
            "DATABASE_URL: the database is in memory and ends with the server, so there is "
            "nothing that a command could change."
        )
    secret = resolve_secret(settings).get_secret_value()
    tokens = AccessTokens(secret, [], settings.access_token_minutes)
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            async with _alone(settings, tokens) as admin_service:
                yield admin_service
            return
        except Locked as exc:
            locked = exc
        if locked.holder.url is not None:
            try:
                async with Remote.connect(locked.holder.url, tokens.operator(_now())) as remote:
                    yield remote
                return
            except NotListening:
                # It may be about to start, or to end.
                unanswered = CommandError(
                    f"Process {locked.holder.pid} has {database.path}, and does not answer at "
                    f"{locked.holder.url}. Look at its log, or stop it and try again."
                )
                if time.monotonic() >= deadline:
                    raise unanswered from None
        if time.monotonic() >= deadline:
            raise locked
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


@asynccontextmanager
async def _alone(settings: Settings, tokens: AccessTokens) -> AsyncIterator[AdminService]:
    """The same code as in the server, on the database itself. Other nodes find out by polling."""
    database = settings.database
    opening = open_database(
        database.kind,
        database.url,
        database.path,
        migrate=database.kind == "sqlite",
        wait=0,
    )
    passwords = Passwords()
    try:
        async with opening as opened:
            transactions = Transactions(opened, lambda _runs: None)
            membership_removal = MembershipRemoval(opened, transactions, _now)
            retention = Retention(opened, now=_now)
            yield AdminService(
                opened,
                passwords=passwords,
                access_tokens=tokens,
                throttle=Throttle(failed_logins_per_minute=0, registrations_per_minute=0),
                erasures=Erasures(
                    opened,
                    transactions=transactions,
                    remove_memberships=membership_removal.remove_memberships,
                    now=_now,
                ),
                refresh_token_days=settings.refresh_token_days,
                now=_now,
                on_retention=retention.wake,
            )
            await retention.finish()
    finally:
        passwords.close()


def _now() -> Millis:
    return Millis(time.time_ns() // 1_000_000)

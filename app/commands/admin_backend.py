"""
Where a command that writes runs: in this process, or in the server that has the database.

Only one process at a time can use a SQLite file. If that is a server, the lock file has its
address, and the command calls its admin API with a token signed by the installation's secret key.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from ..config.settings import Settings, resolve_secret
from ..domain.ids import Millis
from ..domain.roles import Kind
from ..domain.server_limits import LOCK_WAIT_SECONDS
from ..security.access_tokens import AccessTokens
from ..security.passwords import Passwords
from ..services.accounts.erasures import Erasures
from ..services.accounts.login_throttle import LoginThrottle
from ..services.admin.admin_service import AdminService
from ..services.log.epoch import Epoch
from ..services.log.seams import Seams
from ..services.log.transactions import Transactions
from ..services.rooms.membership_removal import MembershipRemoval
from ..services.rooms.retention import Retention
from ..store import epoch as epoch_store
from ..store.errors import Locked
from ..store.opening import open_database
from ..wire.admin import AccountAnswer, AdminRoomAnswer
from .exit_codes import CommandError, Misuse
from .remote_admin import NotReachable, RemoteAdmin

_RETRY_SECONDS = 0.1


class RoomAdminBackend(Protocol):
    """What commands call on rooms; :class:`~app.services.admin.room_admin.RoomAdmin`."""

    def all(self) -> AsyncIterator[AdminRoomAnswer]: ...

    async def add(self, name: str, title: str, kind: Kind, owner: str | None = None) -> object: ...

    async def set_retention(
        self,
        name: str,
        *,
        days: int | None = None,
        events: int | None = None,
        keep_pinned: bool = True,
    ) -> object: ...


class IssuedToken(Protocol):
    """What a log-in gives; :class:`~app.services.accounts.logins.Tokens`."""

    @property
    def access_token(self) -> str: ...

    @property
    def expires_in(self) -> int: ...


class AdminBackend(Protocol):
    """What commands call; :class:`~app.services.admin.admin_service.AdminService`."""

    @property
    def rooms(self) -> RoomAdminBackend: ...

    def all_users(self) -> AsyncIterator[AccountAnswer]: ...

    async def has_user(self, username: str) -> bool: ...

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

    async def log_in_as(self, username: str, label: str) -> IssuedToken: ...

    async def erase_user(self, username: str, *, blank: bool = False) -> object: ...

    async def new_epoch(self) -> str: ...


@asynccontextmanager
async def open_admin(settings: Settings, *, salvage: bool = False) -> AsyncIterator[AdminBackend]:
    """
    Open the database in this process, or connect to the server that has it.

    Waits up to LOCK_WAIT_SECONDS for another command to finish.

    Args:
        salvage: Whether a damaged ``-wal`` is used as far as it can be read, or refused.

    Raises:
        Misuse: If the database is in memory.
        Locked: If another command still has the database.
        StoreError: If the database can't be used.
        CommandError: If the server that has it does not answer.

    """
    database = settings.database
    if database.in_memory:
        raise Misuse(
            "DATABASE_URL: the database is in memory and exists only inside the server, so "
            "commands can't change it."
        )
    secret = resolve_secret(settings).get_secret_value()
    tokens = AccessTokens(secret, [], settings.access_token_minutes)
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            async with _open_local_admin(settings, tokens, salvage) as service:
                yield service
            return
        except Locked as exc:
            failure: CommandError | Locked = exc
            holder = exc.holder
        if holder.url is not None:
            try:
                async with RemoteAdmin.connect(holder.url, tokens.operator(_now())) as remote:
                    yield remote
                return
            except NotReachable:
                # The server may be starting up or shutting down.
                failure = CommandError(
                    f"Process {holder.pid} is using {database.path} and does not answer at "
                    f"{holder.url}. Check its log, or stop it and try again."
                )
        if time.monotonic() >= deadline:
            raise failure
        await asyncio.sleep(_RETRY_SECONDS)


@asynccontextmanager
async def _open_local_admin(
    settings: Settings, tokens: AccessTokens, salvage: bool
) -> AsyncIterator[AdminService]:
    """Open the service that the server uses. On PostgreSQL, nodes see its changes by polling."""
    database = settings.database
    opening = open_database(
        database.kind,
        database.url,
        database.path,
        migrate=database.kind == "sqlite",
        salvage=salvage,
        wait=0,
    )
    passwords = Passwords()
    try:
        async with opening as opened:
            # Nothing listens: other nodes find out by polling.
            seams = Seams()
            transactions = Transactions(opened, seams)
            retention = Retention(opened, now=_now, on_log_trimmed=seams.on_log_trimmed)
            erasures = Erasures(
                opened,
                transactions=transactions,
                remove_memberships=MembershipRemoval(
                    opened, transactions, _now
                ).remove_memberships,
                on_names_changed=seams.on_names_changed,
                now=_now,
            )
            yield AdminService(
                opened,
                transactions=transactions,
                passwords=passwords,
                access_tokens=tokens,
                throttle=LoginThrottle(failed_logins_per_minute=0, registrations_per_minute=0),
                erasures=erasures,
                retention=retention,
                epoch=Epoch(await opened.read(epoch_store.read)),
                on_epoch_changed=seams.on_epoch_changed,
                refresh_token_days=settings.refresh_token_days,
                now=_now,
            )
            await retention.sweep_if_woken()
    finally:
        passwords.close()


def _now() -> Millis:
    return Millis(time.time_ns() // 1_000_000)

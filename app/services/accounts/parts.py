"""The parts of the accounts package, and how they are opened."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from limits.aio.storage import Storage

from ...domain import limits as defaults
from ...domain.ids import Millis
from ...security.access_tokens import AccessTokens
from ...security.passwords import Passwords
from ...store.database import Database
from ..log.parts import LogParts
from ..rooms.membership_removal import MembershipRemoval
from .accounts import Accounts
from .authenticator import Authenticator
from .blocks import Blocks
from .erasures import Erasures
from .login_throttle import LoginThrottle
from .logins import Logins


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLimits:
    """Settings, and limits with their defaults from :mod:`app.domain.limits`. 0: no limit."""

    failed_logins_per_minute: int
    registrations_per_minute: int
    registration_open: bool
    refresh_token_days: int
    erasure_batch_messages: int = defaults.ERASURE_BATCH_MESSAGES
    erasure_batch_rooms: int = defaults.MAX_BATCH_ROOMS
    erasure_retry_seconds: float = defaults.ERASURE_RETRY_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountParts:
    """Accounts, log-ins, and the verification of tokens."""

    access_tokens: AccessTokens
    passwords: Passwords
    throttle: LoginThrottle
    erasures: Erasures
    authenticator: Authenticator
    accounts: Accounts
    logins: Logins
    blocks: Blocks


@asynccontextmanager
async def open_accounts(
    database: Database,
    log: LogParts,
    membership_removal: MembershipRemoval,
    *,
    access_tokens: AccessTokens,
    passwords: Passwords,
    limits: AccountLimits,
    counters: Storage | None,
    now: Callable[[], Millis],
) -> AsyncIterator[AccountParts]:
    """
    Delete old log-ins and continue interrupted erasures until the block ends.

    Args:
        passwords: Closed when the block ends.
        counters: Where failed log-ins are counted; None: in memory.

    """
    throttle = LoginThrottle(
        failed_logins_per_minute=limits.failed_logins_per_minute,
        registrations_per_minute=limits.registrations_per_minute,
        counters=counters,
    )
    erasures = Erasures(
        database,
        transactions=log.transactions,
        remove_memberships=membership_removal.remove_memberships,
        on_names_changed=log.seams.on_names_changed,
        now=now,
        batch_messages=limits.erasure_batch_messages,
        batch_rooms=limits.erasure_batch_rooms,
        retry_seconds=limits.erasure_retry_seconds,
    )
    parts = AccountParts(
        access_tokens=access_tokens,
        passwords=passwords,
        throttle=throttle,
        erasures=erasures,
        authenticator=Authenticator(database, log.batch_loader, access_tokens, now),
        accounts=Accounts(
            database,
            transactions=log.transactions,
            passwords=passwords,
            throttle=throttle,
            registration_open=limits.registration_open,
            now=now,
            erase=erasures.erase,
        ),
        logins=Logins(
            database,
            transactions=log.transactions,
            passwords=passwords,
            access_tokens=access_tokens,
            throttle=throttle,
            refresh_token_days=limits.refresh_token_days,
            now=now,
        ),
        blocks=Blocks(database, now),
    )
    tasks = [
        asyncio.create_task(parts.logins.run(), name="sweeper"),
        asyncio.create_task(erasures.run(), name="erasures"),
    ]
    try:
        yield parts
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await parts.authenticator.close()
        await erasures.close()
        passwords.close()

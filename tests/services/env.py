"""The account and admin services on a database, with a clock that tests move."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from app.domain.ids import Millis, UserId
from app.domain.sessions import SessionsRevoked
from app.security.access_tokens import AccessTokens
from app.security.passwords import Passwords
from app.services.accounts.accounts import Accounts
from app.services.accounts.authenticator import Authenticator, Identity
from app.services.accounts.erasures import Erasures
from app.services.accounts.login_throttle import LoginThrottle
from app.services.accounts.logins import Logins, Tokens
from app.services.admin.admin_service import AdminService
from app.services.log.epoch import Epoch
from app.services.log.seams import Seams
from app.services.log.transactions import Transactions
from app.services.rooms.retention import Retention
from app.store.batch_loader import BatchLoader
from app.store.database import Database
from tests.harness.passwords import cheap_passwords

ADDRESS = "192.0.2.1"
"""Where log-ins and registrations come from, unless a test says otherwise."""
OTHER_ADDRESS = "198.51.100.7"
PASSWORD = "correct horse battery"
SECRET = "a secret of the tests, forty characters.."

MINUTE = 60_000
DAY = 24 * 60 * MINUTE


@dataclass
class AccountsEnv:
    """The services, and what they announced."""

    database: Database
    passwords: Passwords
    access_tokens: AccessTokens
    accounts: Accounts
    admin: AdminService
    logins: Logins
    authenticator: Authenticator
    revoked: list[SessionsRevoked] = field(default_factory=list)
    memberships_removed: list[UserId] = field(default_factory=list)
    at: Millis = Millis(1_795_000_000_000)

    def pass_time(self, ms: int) -> None:
        self.at = Millis(self.at + ms)

    async def add_user(self, name: str, *, is_admin: bool = False) -> Tokens:
        """Create an account without a password, which needs no hashing, and log it in."""
        await self.accounts.create(name, None, is_admin=is_admin)
        return await self.logins.log_in_as(name, "a browser")

    async def register(self, name: str) -> Tokens:
        """Register an account with a password, and log in."""
        await self.accounts.register(name, PASSWORD, None, ADDRESS)
        return await self.log_in(name)

    async def log_in(self, name: str, password: str = PASSWORD, address: str = ADDRESS) -> Tokens:
        return await self.logins.log_in(name, password, "a browser", address)

    async def authenticate(self, tokens: Tokens) -> Identity:
        return await self.authenticator.authenticate(tokens.access_token)


@asynccontextmanager
async def open_accounts_env(
    database: Database,
    *,
    registration_open: bool = True,
    failed_logins_per_minute: int = 0,
    registrations_per_minute: int = 0,
    passwords: Passwords | None = None,
) -> AsyncIterator[AccountsEnv]:
    """The services on ``database``; closed in order when the block ends."""

    def now() -> Millis:
        return env.at

    async def remove_memberships(user: UserId) -> None:
        env.memberships_removed.append(user)

    def on_revoked(revoked: SessionsRevoked) -> None:
        env.revoked.append(revoked)

    seams = Seams()
    passwords = passwords or cheap_passwords()
    access_tokens = AccessTokens(SECRET, [], minutes=15)
    transactions = Transactions(database, seams)
    throttle = LoginThrottle(
        failed_logins_per_minute=failed_logins_per_minute,
        registrations_per_minute=registrations_per_minute,
    )
    erasures = Erasures(
        database,
        transactions=transactions,
        remove_memberships=remove_memberships,
        on_names_changed=seams.on_names_changed,
        now=now,
    )
    accounts = Accounts(
        database,
        transactions=transactions,
        passwords=passwords,
        throttle=throttle,
        registration_open=registration_open,
        now=now,
        erase=erasures.erase,
    )
    logins = Logins(
        database,
        transactions=transactions,
        passwords=passwords,
        access_tokens=access_tokens,
        throttle=throttle,
        refresh_token_days=30,
        now=now,
    )
    admin = AdminService(
        database,
        transactions=transactions,
        passwords=passwords,
        access_tokens=access_tokens,
        throttle=throttle,
        erasures=erasures,
        retention=Retention(database, now=now, on_log_trimmed=seams.on_log_trimmed),
        epoch=Epoch("epoch"),
        on_epoch_changed=seams.on_epoch_changed,
        refresh_token_days=30,
        now=now,
    )
    env = AccountsEnv(
        database=database,
        passwords=passwords,
        access_tokens=access_tokens,
        accounts=accounts,
        admin=admin,
        logins=logins,
        authenticator=Authenticator(database, BatchLoader(database), access_tokens, now),
    )
    with seams.on_sessions_revoked.connected(on_revoked):
        yield env
    await env.authenticator.close()
    await admin.close()
    await transactions.close()
    passwords.close()


def logged_facts(caplog: Any, name: str) -> list[dict[str, Any]]:
    """The facts of each event of this name in the security log."""
    return [
        record.facts
        for record in caplog.records
        if record.name == "parley.security" and record.getMessage() == name
    ]


def capture_security_log(caplog: Any) -> None:
    """Record the security log from INFO on."""
    caplog.set_level(logging.INFO, logger="parley.security")

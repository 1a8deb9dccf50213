"""A house with accounts: the services that one needs to be somebody, and a clock to move."""

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

HOME = "192.0.2.1"
"""Where everybody lives."""
ELSEWHERE = "198.51.100.7"
PASSWORD = "correct horse battery"
SECRET = "a secret of the tests, forty characters.."

MINUTE = 60_000
DAY = 24 * 60 * MINUTE


@dataclass
class House:
    """The services, and what they told the outside."""

    database: Database
    passwords: Passwords
    access_tokens: AccessTokens
    accounts: Accounts
    admin: AdminService
    logins: Logins
    authenticator: Authenticator
    revoked: list[SessionsRevoked] = field(default_factory=list)
    erasing: list[UserId] = field(default_factory=list)
    at: Millis = Millis(1_795_000_000_000)

    def pass_time(self, ms: int) -> None:
        self.at = Millis(self.at + ms)

    async def moves_in(self, name: str, *, is_admin: bool = False) -> Tokens:
        """Somebody with an account and a log-in, without the wait for a hash."""
        await self.accounts.create(name, None, is_admin=is_admin)
        return await self.logins.log_in_as(name, "a browser")

    async def registers(self, name: str) -> Tokens:
        """Somebody with a password and a log-in."""
        await self.accounts.register(name, PASSWORD, None, HOME)
        return await self.logs_in(name)

    async def logs_in(self, name: str, password: str = PASSWORD, address: str = HOME) -> Tokens:
        return await self.logins.log_in(name, password, "a browser", address)

    async def who(self, tokens: Tokens) -> Identity:
        return await self.authenticator.authenticate(tokens.access_token)


@asynccontextmanager
async def open_house(
    database: Database,
    *,
    registration_open: bool = True,
    failed_logins_per_minute: int = 0,
    registrations_per_minute: int = 0,
) -> AsyncIterator[House]:
    """A house on ``database``; what it began is finished when it closes."""

    def now() -> Millis:
        return house.at

    async def remove_memberships(user: UserId) -> None:
        house.erasing.append(user)

    def on_revoked(revoked: SessionsRevoked) -> None:
        house.revoked.append(revoked)

    seams = Seams()
    passwords = Passwords()
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
        refresh_token_days=30,
        now=now,
    )
    house = House(
        database=database,
        passwords=passwords,
        access_tokens=access_tokens,
        accounts=accounts,
        admin=admin,
        logins=logins,
        authenticator=Authenticator(database, BatchLoader(database), access_tokens, now),
    )
    with seams.on_sessions_revoked.connected(on_revoked):
        yield house
    await house.authenticator.close()
    await admin.close()
    await transactions.close()
    passwords.close()


def said(caplog: Any, name: str) -> list[dict[str, Any]]:
    """The facts of each security event of this name that was logged."""
    return [
        record.facts
        for record in caplog.records
        if record.name == "parley.security" and record.getMessage() == name
    ]


def listen(caplog: Any) -> None:
    """Have what the services log kept from INFO on."""
    caplog.set_level(logging.INFO, logger="parley.security")

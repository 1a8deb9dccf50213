"""An admin service on a database, and what it announced."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa

from app.domain.events import EventBatch
from app.domain.ids import Millis, UserId
from app.domain.sessions import SessionsRevoked
from app.security.access_tokens import AccessTokens
from app.security.passwords import Passwords
from app.services.accounts.erasures import Erasures
from app.services.accounts.login_throttle import LoginThrottle
from app.services.admin.admin_service import AdminService
from app.services.log.epoch import Epoch
from app.services.log.seams import Seams
from app.services.log.transactions import Transactions
from app.services.rooms.membership_removal import MembershipRemoval
from app.services.rooms.retention import Retention
from app.store.database import Database
from app.store.tables import audit
from tests.harness.passwords import cheap_passwords

PASSWORD = "correct horse battery"
SECRET = "a secret of the tests, forty characters.."
NOW = Millis(1_795_000_000_000)
ADMIN = UserId(7)


class AdminEnv:
    """An admin service on a database, and what it announced."""

    def __init__(self, database: Database, passwords: Passwords) -> None:
        self.database = database
        self.event_batches: list[EventBatch] = []
        self.revoked: list[SessionsRevoked] = []
        seams = self.seams = Seams()
        transactions = Transactions(database, seams)
        membership_removal = MembershipRemoval(database, transactions, lambda: NOW)
        self.epoch = Epoch("epoch")
        self.admin = AdminService(
            database,
            transactions=transactions,
            erasures=Erasures(
                database,
                transactions=transactions,
                remove_memberships=membership_removal.remove_memberships,
                on_names_changed=seams.on_names_changed,
                now=lambda: NOW,
            ),
            retention=Retention(database, now=lambda: NOW, on_log_trimmed=seams.on_log_trimmed),
            epoch=self.epoch,
            on_epoch_changed=seams.on_epoch_changed,
            passwords=passwords,
            access_tokens=AccessTokens(SECRET, [], minutes=15),
            throttle=LoginThrottle(failed_logins_per_minute=0, registrations_per_minute=0),
            refresh_token_days=30,
            now=lambda: NOW,
        )

    async def entries(self) -> list[tuple[Any, ...]]:
        """The audit log: by whom, which action, on what."""
        columns = sa.select(audit.c.by, audit.c.action, audit.c.target).order_by(audit.c.id)
        return await self.database.read(lambda c: [tuple(row) for row in c.execute(columns)])

    @property
    def events(self) -> list[str]:
        """The types of the announced events, in order."""
        return [event.type for batch in self.event_batches for event in batch.events]


@asynccontextmanager
async def open_admin_env(database: Database) -> AsyncIterator[AdminEnv]:
    passwords = cheap_passwords()
    env = AdminEnv(database, passwords)
    with (
        env.seams.on_committed.connected(env.event_batches.extend),
        env.seams.on_sessions_revoked.connected(env.revoked.append),
    ):
        yield env
    await env.admin.close()
    passwords.close()

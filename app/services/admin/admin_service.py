"""
What an operator can do, from the command line or as an administrator over HTTP.

Each action writes an entry of the audit log in its transaction, and a log line. The caller checks
that the action is allowed. ``by`` is the administrator; None is the operator of the installation.
"""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

from ...domain import names
from ...domain.ids import Millis, UserId
from ...domain.limits import MAX_PAGE
from ...observability.logs import event
from ...security.access_tokens import AccessTokens
from ...security.passwords import Passwords, refuse_weak
from ...store import audit, users
from ...store import epoch as epoch_store
from ...store.audit import Entry
from ...store.database import Database
from ...store.users import User
from ...wire.admin import AccountAnswer
from ..accounts.accounts import Accounts
from ..accounts.erasures import Erasures
from ..accounts.login_throttle import LoginThrottle
from ..accounts.logins import Logins, Tokens
from ..log.epoch import Epoch
from ..log.seams import Seam
from ..log.transactions import Transactions
from ..rooms.retention import Retention
from . import account_changes as changes
from .answers import account_answer
from .audit_log import AuditLog
from .audited_database import AuditedDatabase
from .room_admin import RoomAdmin

log = logging.getLogger("parley.security")


class AdminService:
    """
    Accounts, rooms and the epoch, for the operator of the installation.

    Used in the event loop. Each action returns after its commit and is safe to cancel: it is
    finished all the same. Everything raises ``Unavailable`` if the database can't be used now.
    """

    def __init__(
        self,
        database: Database,
        *,
        transactions: Transactions,
        passwords: Passwords,
        access_tokens: AccessTokens,
        throttle: LoginThrottle,
        erasures: Erasures,
        retention: Retention,
        epoch: Epoch,
        on_epoch_changed: Seam[None],
        refresh_token_days: int,
        now: Callable[[], Millis],
    ) -> None:
        self._database = database
        self._transactions = transactions
        self._passwords = passwords
        self._access_tokens = access_tokens
        self._throttle = throttle
        self._erasures = erasures
        self._epoch = epoch
        self._on_epoch_changed = on_epoch_changed
        self._refresh_token_days = refresh_token_days
        self._now = now
        self._audit_log = AuditLog(database, now)
        self.rooms = RoomAdmin(
            database,
            self._audit_log,
            transactions=transactions,
            retention=retention,
            now=now,
        )
        """Actions on rooms."""

    async def close(self) -> None:
        """Wait for the actions that are running."""
        await self._audit_log.close()

    async def audit(self, *, before: int | None = None, limit: int) -> Sequence[Entry]:
        """Entries of the audit log, newest first, before the entry ``before``."""
        return await self._database.read(lambda c: audit.page(c, before=before, limit=limit))

    # Accounts

    async def users(self, prefix: str = "", *, after: str = "", limit: int) -> Sequence[User]:
        """Users whose name begins with ``prefix``, in order of name, including disabled ones."""
        return await self._accounts(self._database).find(prefix, after=after, limit=limit)

    async def has_user(self, username: str) -> bool:
        """Whether there is an account of this name, disabled or not. Raises UserNotFound."""
        name = names.username(username)
        return await self._database.read(lambda c: users.by_name(c, name)) is not None

    async def all_users(self) -> AsyncIterator[AccountAnswer]:
        """All users in order of name, including disabled ones; each page is read on its own."""
        found: Sequence[User] = ()
        while found := await self.users(after=found[-1].username if found else "", limit=MAX_PAGE):
            for user in found:
                yield account_answer(user)

    async def add_user(
        self,
        username: str,
        password: str | None,
        display_name: str | None = None,
        *,
        is_admin: bool = False,
        by: UserId | None = None,
    ) -> User:
        """
        Create an account, whether registration is open or not.

        A user without a password can only be logged in by :meth:`log_in_as`.

        Raises:
            UsernameTaken: If the name is taken.
            Invalid: If the name, the display name or the password is not acceptable.

        """
        action = "user.add_admin" if is_admin else "user.add"
        audited = self._audit_log.audited(
            by, action, names.new_username(username, by_operator=True)
        )
        accounts = self._accounts(audited)
        creation = accounts.create(username, password, display_name, is_admin=is_admin)
        return await self._audit_log.run(audited, creation)

    async def set_password(self, username: str, password: str, by: UserId | None = None) -> User:
        """
        Set a user's password and end all their log-ins.

        Raises:
            UserNotFound: If there is no such user.
            Invalid: If the password is not acceptable.

        """
        name = names.username(username)
        audited = self._audit_log.audited(by, "user.set_password", name)
        return await self._audit_log.run(audited, self._set_password(audited, name, password))

    async def disable(self, username: str, by: UserId | None = None) -> User:
        """
        Disable an account and end all its log-ins. Idempotent.

        Raises:
            UserNotFound: If there is no such user.
            Conflict: If an administrator asks, and the user is the only one.

        """
        name = names.username(username)
        audited = self._audit_log.audited(by, "user.disable", name)
        return await self._audit_log.run(audited, self._disable(audited, name, by))

    async def enable(self, username: str, by: UserId | None = None) -> User:
        """
        Enable an account again. Idempotent.

        Raises:
            UserNotFound: If there is no such user.

        """
        name = names.username(username)
        audited = self._audit_log.audited(by, "user.enable", name)
        return await self._audit_log.run(audited, _enable(audited, name))

    async def set_admin(self, username: str, is_admin: bool, by: UserId | None = None) -> User:
        """
        Grant or revoke administrator rights. Takes effect with the user's next request.

        Raises:
            UserNotFound: If there is no such user.
            Conflict: If an administrator asks, and the user is the only one.

        """
        name = names.username(username)
        action = "user.make_admin" if is_admin else "user.make_no_admin"
        audited = self._audit_log.audited(by, action, name)
        return await self._audit_log.run(audited, _set_admin(audited, name, is_admin, by))

    async def log_in_as(self, username: str, label: str, by: UserId | None = None) -> Tokens:
        """
        Start a log-in of this user without a password, for a product that authenticates users.

        Raises:
            UserNotFound: If there is no such user.
            Forbidden: If the account is disabled.

        """
        audited = self._audit_log.audited(by, "user.log_in_as", names.username(username))
        login = self._logins(audited).log_in_as(username, label)
        return await self._audit_log.run(audited, login)

    async def erase_user(
        self, username: str, *, blank: bool = False, by: UserId | None = None
    ) -> None:
        """
        Erase an account: its name, password and log-ins are removed, its messages stay.

        Args:
            blank: Whether to blank each of its messages too, as deleting it does.

        Raises:
            UserNotFound: If there is no such user.
            Conflict: If an administrator asks, and the user is the only one.
            Unavailable: If the database can't be used now. An erasure that has begun is finished
                later.

        """
        data = {"messages": "blank" if blank else "keep"}
        audited = self._audit_log.audited(by, "user.erase", names.username(username), data)
        await self._audit_log.run(audited, self._erase(audited, username, by, blank=blank))

    # The epoch

    async def new_epoch(self, by: UserId | None = None) -> str:
        """Start a new epoch: clients discard their state. Return its name."""
        audited = self._audit_log.audited(by, "epoch.new", "installation")

        async def renew() -> str:
            name = self._epoch.name = await audited.write(epoch_store.renew)
            self._on_epoch_changed.announce(None)
            return name

        return await self._audit_log.run(audited, renew())

    # Internal

    async def _set_password(self, audited: AuditedDatabase, name: str, password: str) -> User:
        refuse_weak(password, name)
        new_hash = await self._passwords.hash(password)
        change = partial(changes.set_password, name=name, new_hash=new_hash, at=self._now())
        user = await self._transactions.using(audited).write(change)
        event(log, logging.INFO, "user.password_reset", user=name)
        return user

    async def _erase(
        self, audited: AuditedDatabase, username: str, by: UserId | None, *, blank: bool
    ) -> None:
        accounts = self._accounts(audited, blank=blank)
        name = (await accounts.get(username)).username
        if by is not None:
            await self._database.write(lambda c: changes.require_other_admin(c, name, by))
        await accounts.erase(name)

    async def _disable(self, audited: AuditedDatabase, name: str, by: UserId | None) -> User:
        change = partial(changes.disable, name=name, at=self._now(), by=by)
        user = await self._transactions.using(audited).write(change)
        event(log, logging.INFO, "user.disabled", user=name)
        return user

    def _accounts(self, database: Database, *, blank: bool = False) -> Accounts:
        return Accounts(
            database,
            transactions=self._transactions.using(database),
            passwords=self._passwords,
            throttle=self._throttle,
            registration_open=False,
            now=self._now,
            erase=partial(self._erasures.erase, blank=blank),
        )

    def _logins(self, database: Database) -> Logins:
        return Logins(
            database,
            transactions=self._transactions.using(database),
            passwords=self._passwords,
            access_tokens=self._access_tokens,
            throttle=self._throttle,
            refresh_token_days=self._refresh_token_days,
            now=self._now,
        )


async def _enable(audited: AuditedDatabase, name: str) -> User:
    user = await audited.write(partial(changes.enable, name=name))
    event(log, logging.INFO, "user.enabled", user=name)
    return user


async def _set_admin(
    audited: AuditedDatabase, name: str, is_admin: bool, by: UserId | None
) -> User:
    user = await audited.write(partial(changes.set_admin, name=name, is_admin=is_admin, by=by))
    event(log, logging.INFO, "user.admin_changed", user=name, is_admin=is_admin)
    return user

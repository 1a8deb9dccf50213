"""
What an operator can do, from the command line or as an administrator over HTTP.

Each act leaves an entry in the audit, in the same transaction, and a line in the log. Who may
ask is not decided here. ``by`` is the administrator; None is whoever runs the installation.
"""

from collections.abc import Callable, Sequence
from functools import partial

from app.domain import names
from app.domain.events import EventBatch
from app.domain.ids import Millis, UserId
from app.security.access_tokens import AccessTokens
from app.security.passwords import Passwords
from app.services.accounts.accounts import Accounts
from app.services.accounts.erasures import Erasures
from app.services.accounts.login_throttle import Throttle
from app.services.accounts.logins import Logins, Tokens
from app.services.accounts.session_revoker import OnRevoked, SessionRevoker
from app.services.admin.account_admin import AccountAdmin
from app.services.admin.audit_log import AuditLog
from app.services.admin.room_admin import RoomAdmin
from app.store import audit
from app.store import epoch as epoch_store
from app.store.audit import Entry
from app.store.database import Database
from app.store.users import User


def _nobody(*_: object) -> None:
    """Told by a command that is alone with the database."""


class AdminService:
    """
    Accounts, rooms and the epoch, in the hands of whoever runs the installation.

    Args:
        on_revoked: Told, after the commit, of log-ins that ended.
        publish: Given, after the commit, the events that rooms got.
        on_new_epoch: Told, after the commit, what the history is called now.
        on_retention: Told, after the commit, that a room is to keep something else.

    """

    def __init__(
        self,
        database: Database,
        *,
        passwords: Passwords,
        access_tokens: AccessTokens,
        throttle: Throttle,
        erasures: Erasures,
        refresh_token_days: int,
        now: Callable[[], Millis],
        on_revoked: OnRevoked = _nobody,
        publish: Callable[[Sequence[EventBatch]], None] = _nobody,
        on_new_epoch: Callable[[str], None] = _nobody,
        on_retention: Callable[[], None] = _nobody,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._access_tokens = access_tokens
        self._throttle = throttle
        self._erasures = erasures
        self._refresh_token_days = refresh_token_days
        self._now = now
        self._on_revoked = on_revoked
        self._on_new_epoch = on_new_epoch
        self._acts = AuditLog(database, now)
        self.rooms = RoomAdmin(
            database, self._acts, now=now, publish=publish, on_retention=on_retention
        )
        """The same for rooms."""

    async def close(self) -> None:
        """Wait for what runs."""
        await self._acts.close()

    async def audit(self, *, before: int | None = None, limit: int) -> Sequence[Entry]:
        """What was done, the newest first, from before the entry numbered ``before``."""
        return await self._database.read(lambda c: audit.page(c, before=before, limit=limit))

    # Accounts

    async def users(self, prefix: str = "", *, after: str = "", limit: int) -> Sequence[User]:
        """Users whose name begins with ``prefix``, by name, the disabled too."""
        return await self._accounts(self._database).find(prefix, after=after, limit=limit)

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
        Make an account, whether registration is open or not.

        Without a password they can't log in by themselves.

        Raises:
            UsernameTaken: If somebody has the name.
            Invalid: If the name, the display name or the password can't be taken.

        """
        action = "user.add_admin" if is_admin else "user.add"
        audited = self._acts.audited(by, action, names.new_username(username))
        return await self._acts.finish(
            audited,
            self._accounts(audited).create(username, password, display_name, is_admin=is_admin),
        )

    async def set_password(self, username: str, password: str, by: UserId | None = None) -> User:
        """
        Give a user another password and end all their log-ins.

        Raises:
            UserNotFound: If there is no such user.
            Invalid: If the password can't be taken.

        """
        audited = self._acts.audited(by, "user.set_password", names.username(username))
        account_admin = self._account_admin(audited)
        return await self._acts.finish(audited, account_admin.set_password(username, password))

    async def disable(self, username: str, by: UserId | None = None) -> User:
        """
        Keep a user out and end all their log-ins. Idempotent.

        Raises:
            UserNotFound: If there is no such user.

        """
        audited = self._acts.audited(by, "user.disable", names.username(username))
        return await self._acts.finish(audited, self._account_admin(audited).disable(username))

    async def enable(self, username: str, by: UserId | None = None) -> User:
        """
        Let a user in again. Idempotent.

        Raises:
            UserNotFound: If there is no such user.

        """
        audited = self._acts.audited(by, "user.enable", names.username(username))
        return await self._acts.finish(audited, self._account_admin(audited).enable(username))

    async def set_admin(self, username: str, is_admin: bool, by: UserId | None = None) -> User:
        """
        Make a user an administrator, or no longer one. Idempotent.

        Raises:
            UserNotFound: If there is no such user.

        """
        action = "user.make_admin" if is_admin else "user.make_no_admin"
        audited = self._acts.audited(by, action, names.username(username))
        doing = self._account_admin(audited).set_admin(username, is_admin)
        return await self._acts.finish(audited, doing)

    async def log_in_as(self, username: str, label: str, by: UserId | None = None) -> Tokens:
        """
        Begin a log-in of this user without a password, for a product that knows who they are.

        Raises:
            UserNotFound: If there is no such user.
            Forbidden: If the account is disabled.

        """
        audited = self._acts.audited(by, "user.log_in_as", names.username(username))
        return await self._acts.finish(audited, self._logins(audited).log_in_as(username, label))

    async def erase_user(
        self, username: str, *, blank: bool = False, by: UserId | None = None
    ) -> None:
        """
        Make an account nobody's: its name, password and log-ins go, its messages stay.

        Args:
            blank: Whether every message of theirs is blanked, as by deleting it.

        Raises:
            UserNotFound: If there is no such user.
            Unavailable: If the database can't be used now. What has begun is carried on later.

        """
        data = {"messages": "blank" if blank else "keep"}
        audited = self._acts.audited(by, "user.erase", names.username(username), data)
        accounts = self._accounts(audited, blank=blank)
        await self._acts.finish(audited, accounts.erase(username))

    # The history

    async def new_epoch(self, by: UserId | None = None) -> str:
        """Begin another history: clients drop what they remember of the one before."""
        audited = self._acts.audited(by, "epoch.new", "installation")

        async def begin() -> str:
            epoch = await audited.write(epoch_store.renew)
            self._on_new_epoch(epoch)
            return epoch

        return await self._acts.finish(audited, begin())

    # Internal

    def _accounts(self, database: Database, *, blank: bool = False) -> Accounts:
        return Accounts(
            database,
            passwords=self._passwords,
            throttle=self._throttle,
            session_revoker=SessionRevoker(database, self._on_revoked),
            registration_open=False,
            now=self._now,
            erase=partial(self._erasures.erase, blank=blank),
        )

    def _account_admin(self, database: Database) -> AccountAdmin:
        session_revoker = SessionRevoker(database, self._on_revoked)
        return AccountAdmin(
            database, passwords=self._passwords, session_revoker=session_revoker, now=self._now
        )

    def _logins(self, database: Database) -> Logins:
        return Logins(
            database,
            passwords=self._passwords,
            access_tokens=self._access_tokens,
            throttle=self._throttle,
            session_revoker=SessionRevoker(database, self._on_revoked),
            refresh_token_days=self._refresh_token_days,
            now=self._now,
        )

"""What administrators and the command line do to accounts. Who may ask is not decided here."""

import logging
from collections.abc import Callable

from app.domain import names
from app.domain.errors import UserNotFound
from app.domain.ids import Millis
from app.observability.logs import event
from app.security.passwords import Passwords, refuse_weak
from app.services.accounts.session_revoker import Ended, SessionRevoker
from app.store import sessions, users
from app.store.database import Database, DbConnection
from app.store.users import User

log = logging.getLogger("parley.security")


class AccountAdmin:
    """Resetting passwords, keeping users out, and making administrators."""

    def __init__(
        self,
        database: Database,
        *,
        passwords: Passwords,
        session_revoker: SessionRevoker,
        now: Callable[[], Millis],
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._session_revoker = session_revoker
        self._now = now

    async def set_password(self, username: str, password: str) -> User:
        """
        Give a user another password and end all their log-ins.

        Raises:
            UserNotFound: If there is no such user.
            Invalid: If the password can't be taken.

        """
        name = names.username(username)
        refuse_weak(password, name)
        new_hash = await self._passwords.hash(password)
        now = self._now()

        def work(connection: DbConnection) -> tuple[User, Ended]:
            user = _locked(connection, name)
            users.update(connection, user.id, password_hash=new_hash)
            sessions.end_all(connection, user.id, now)
            return user._replace(password_hash=new_hash), [(user.id, None)]

        user = await self._session_revoker.write(work)
        event(log, logging.INFO, "user.password_reset", user=name)
        return user

    async def disable(self, username: str) -> User:
        """
        Keep a user out and end all their log-ins. Idempotent.

        Raises:
            UserNotFound: If there is no such user.

        """
        name, now = names.username(username), self._now()

        def work(connection: DbConnection) -> tuple[User, Ended]:
            user = _locked(connection, name)
            if user.disabled_at is not None:
                return user, []
            users.update(connection, user.id, disabled_at=now)
            sessions.end_all(connection, user.id, now)
            return user._replace(disabled_at=now), [(user.id, None)]

        user = await self._session_revoker.write(work)
        event(log, logging.INFO, "user.disabled", user=name)
        return user

    async def enable(self, username: str) -> User:
        """
        Let a user in again; they log in anew. Idempotent.

        Raises:
            UserNotFound: If there is no such user.

        """
        user = await self._change(username, disabled_at=None)
        event(log, logging.INFO, "user.enabled", user=user.username)
        return user

    async def set_admin(self, username: str, is_admin: bool) -> User:
        """
        Make a user an administrator, or no longer one. Holds from their next request.

        Raises:
            UserNotFound: If there is no such user.

        """
        user = await self._change(username, is_admin=is_admin)
        event(log, logging.INFO, "user.admin_changed", user=user.username, is_admin=is_admin)
        return user

    async def _change(self, username: str, **values: object) -> User:
        name = names.username(username)

        def work(connection: DbConnection) -> User:
            user = _locked(connection, name)
            users.update(connection, user.id, **values)
            return users.known(connection, name)

        return await self._database.write(work)


def _locked(connection: DbConnection, name: str) -> User:
    user = users.lock(connection, users.known(connection, name).id)
    if user is None or user.erased_at is not None:
        raise UserNotFound
    return user

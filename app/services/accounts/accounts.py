"""Creating, reading, changing and erasing accounts."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from ...domain import labels, names
from ...domain.errors import Forbidden, Invalid, RegistrationClosed, Unauthorized
from ...domain.ids import Millis, SessionId, UserId
from ...domain.sessions import SessionsRevoked
from ...observability.logs import event
from ...security.passwords import Passwords, refuse_weak
from ...store import sessions, users
from ...store.database import Database, DbConnection
from ...store.users import User
from ..log.transactions import Effects, Transactions
from .authenticator import Identity
from .login_throttle import LoginThrottle

log = logging.getLogger("parley.security")

Erase = Callable[[UserId, Transactions], Awaitable[None]]
"""Erases an account: :meth:`app.services.accounts.erasures.Erasures.erase`."""


class Accounts:
    """
    Accounts, as users and administrators see them. Used in the event loop.

    Each method is one request: it returns after the commit. Everything raises ``Unavailable`` if
    the database can't be used now.

    Args:
        registration_open: Whether :meth:`register` is allowed; :meth:`create` always is.

    """

    def __init__(
        self,
        database: Database,
        *,
        passwords: Passwords,
        throttle: LoginThrottle,
        transactions: Transactions,
        registration_open: bool,
        now: Callable[[], Millis],
        erase: Erase,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._throttle = throttle
        self._transactions = transactions
        self._registration_open = registration_open
        self._now = now
        self._erase = erase

    # The caller's own account

    async def register(
        self, username: str, password: str, display_name: str | None, address: str
    ) -> User:
        """
        Create an account for the caller.

        Raises:
            RegistrationClosed: If only administrators create accounts here.
            RateLimited: If too many were created from this address.
            UsernameTaken: If the name is taken.
            Invalid: If the name, the display name or the password is not acceptable.

        """
        if not self._registration_open:
            raise RegistrationClosed
        name = names.new_username(username)
        shown = labels.display_name(name if display_name is None else display_name)
        refuse_weak(password, name)
        await self._throttle.register(address)
        user = await self._insert(name, shown, password, is_admin=False)
        event(log, logging.INFO, "user.registered", user=name, address=address)
        return user

    async def me(self, me: Identity) -> User:
        """
        The caller's own account.

        Raises:
            Unauthorized: If it has been disabled or erased meanwhile.

        """
        user = await self._database.read(lambda c: users.by_id(c, me.user))
        if user is None or not user.active:
            raise Unauthorized
        return user

    async def update_me(
        self,
        me: Identity,
        *,
        display_name: str | None = None,
        password: str | None = None,
        current_password: str | None = None,
        address: str,
    ) -> User:
        """
        Change what is given. A new password ends all other log-ins of the user.

        Raises:
            Forbidden: If ``current_password`` is wrong.
            RateLimited: If it was wrong too often.
            Invalid: If a value is not acceptable, or only one of the two passwords is given.

        """
        shown = None if display_name is None else labels.display_name(display_name)
        if password is not None and current_password is None:
            why = "is needed to change the password"
            raise Invalid.field("current_password", why, kind="missing")
        if password is None and current_password is not None:
            raise Invalid.field("password", "is missing: give the new one", kind="missing")
        verified = new_hash = None
        if password is not None and current_password is not None:
            refuse_weak(password, me.username)
            verified = await self._confirm(me, current_password, address)
            new_hash = await self._passwords.hash(password)
        now = self._now()

        def work(connection: DbConnection) -> tuple[User, Effects]:
            user = _lock(connection, me)
            ended: Sequence[SessionId] = ()
            if new_hash is not None and verified is not None:
                if user.password_hash != verified.password_hash:
                    raise Forbidden("The current password is wrong.")
                users.set_password(connection, user.id, new_hash)
                ended = sessions.end_others(connection, user.id, me.session, now)
            if shown is not None:
                users.set_display_name(connection, user, shown)
                user = user._replace(display_name=shown)
            revoked = [SessionsRevoked(me.user, session) for session in ended]
            return user, Effects(sessions_revoked=revoked)

        user = await self._transactions.write(work)
        if verified is not None:
            event(log, logging.INFO, "user.password_changed", user=me.username, address=address)
        return user

    async def delete_me(self, me: Identity, password: str, address: str) -> None:
        """
        Erase the caller's account; see :meth:`erase`.

        Raises:
            Forbidden: If the password is wrong.
            Conflict: If the caller is the only administrator.
            RateLimited: If it was wrong too often.
            Unavailable: If the database can't be used now. An erasure that has begun is finished
                later.

        """
        user = await self._confirm(me, password, address)
        if user.is_admin:
            # In a transaction of its own: two last ones who erase themselves at once may both
            # succeed, and the command line makes another one.
            await self._database.write(lambda c: users.require_other_admin(c, user))
        await self._erase(me.user, self._transactions)
        event(log, logging.INFO, "user.erased", user=me.username, address=address)

    # Any account

    async def get(self, username: str) -> User:
        """
        The user of this name, disabled or not.

        Raises:
            UserNotFound: If there is none, or the account was erased.

        """
        name = names.username(username)
        return await self._database.read(lambda c: users.known(c, name))

    async def find(self, query: str, *, after: str = "", limit: int) -> Sequence[User]:
        """
        The users whose username begins with ``query``, or words of whose display name begin with
        its words; by username, after the name ``after``. An ``@`` in front is ignored.
        """
        named = query.strip().lower().removeprefix("@")
        return await self._database.read(lambda c: users.find(c, named, after=after, limit=limit))

    async def create(
        self,
        username: str,
        password: str | None,
        display_name: str | None = None,
        *,
        is_admin: bool = False,
    ) -> User:
        """
        Create an account for an operator, whether registration is open or not.

        Args:
            password: None for an account that only :meth:`Logins.log_in_as` can log in.

        Raises:
            UsernameTaken: If the name is taken.
            Invalid: If the name, the display name or the password is not acceptable.

        """
        name = names.new_username(username, by_operator=True)
        shown = labels.display_name(name if display_name is None else display_name)
        if password is not None:
            refuse_weak(password, name)
        user = await self._insert(name, shown, password, is_admin=is_admin)
        event(log, logging.INFO, "user.created", user=name, is_admin=is_admin)
        return user

    async def erase(self, username: str) -> None:
        """
        Erase an account: its name, password and log-ins are removed, its messages stay.

        Raises:
            UserNotFound: If there is no such user.
            Unavailable: If the database can't be used now. An erasure that has begun is finished
                later.

        """
        user = await self.get(username)
        await self._erase(user.id, self._transactions)
        event(log, logging.INFO, "user.erased", user=user.username)

    # Internal

    async def _insert(
        self, name: str, shown: str, password: str | None, *, is_admin: bool
    ) -> User:
        password_hash = None if password is None else await self._passwords.hash(password)
        now = self._now()
        return await self._database.write(
            lambda c: users.insert(
                c,
                username=name,
                display_name=shown,
                password_hash=password_hash,
                is_admin=is_admin,
                at=now,
            )
        )

    async def _confirm(self, me: Identity, password: str, address: str) -> User:
        """Check the caller's password again; a wrong one counts as a failed log-in."""
        await self._throttle.check(me.username, address)
        user = await self.me(me)
        checked = await self._passwords.check(
            password, user.password_hash, is_normalized=user.password_normalized
        )
        await self._throttle.check(me.username, address)
        if not checked.ok:
            await self._throttle.failed(me.username, address)
            facts = {"user": me.username, "address": address}
            event(log, logging.WARNING, "user.confirmation_failed", **facts)
            raise Forbidden("The current password is wrong.")
        return user


def _lock(connection: DbConnection, me: Identity) -> User:
    user = users.lock(connection, me.user)
    if user is None or not user.active:
        raise Unauthorized
    return user

"""
What an operator changes about an account, each in the caller's transaction.

Everything raises ``UserNotFound`` if there is no such user. What could leave the installation
without an administrator is refused to administrators with ``Conflict``, and not to the command
line (``by`` is None), which can make another one.
"""

from ...domain.errors import UserNotFound
from ...domain.ids import Millis, UserId
from ...domain.sessions import SessionsRevoked
from ...store import sessions, users
from ...store.database import DbConnection
from ...store.users import User
from ..log.transactions import Effects


def set_password(
    connection: DbConnection, name: str, new_hash: str, *, at: Millis
) -> tuple[User, Effects]:
    """Replace the password, and end all log-ins."""
    user = _lock(connection, name)
    users.set_password(connection, user.id, new_hash)
    changed = user._replace(password_hash=new_hash, password_normalized=True)
    return changed, _end_sessions(connection, user, at)


def disable(
    connection: DbConnection, name: str, *, at: Millis, by: UserId | None
) -> tuple[User, Effects]:
    """Disable the account, and end all log-ins. Idempotent."""
    user = _lock(connection, name)
    if user.disabled_at is not None:
        return user, Effects()
    require_other_admin(connection, name, by)
    users.update(connection, user.id, disabled_at=at)
    return user._replace(disabled_at=at), _end_sessions(connection, user, at)


def enable(connection: DbConnection, name: str) -> User:
    """Enable the account again. Idempotent."""
    return _update(connection, name, disabled_at=None)


def set_admin(connection: DbConnection, name: str, is_admin: bool, *, by: UserId | None) -> User:
    """Grant or revoke administrator rights."""
    if not is_admin:
        require_other_admin(connection, name, by)
    return _update(connection, name, is_admin=is_admin)


def require_other_admin(connection: DbConnection, name: str, by: UserId | None) -> None:
    """Refuse an administrator what would leave no administrator who may log in."""
    if by is not None:
        users.require_other_admin(connection, users.known(connection, name))


def _update(connection: DbConnection, name: str, **values: object) -> User:
    user = _lock(connection, name)
    users.update(connection, user.id, **values)
    return users.known(connection, name)


def _lock(connection: DbConnection, name: str) -> User:
    user = users.lock(connection, users.known(connection, name).id)
    if user is None or user.erased_at is not None:
        raise UserNotFound
    return user


def _end_sessions(connection: DbConnection, user: User, at: Millis) -> Effects:
    sessions.end_all(connection, user.id, at)
    return Effects(sessions_revoked=[SessionsRevoked(user.id, None)])

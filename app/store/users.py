"""
Accounts: one row per user, for ever, so that every message has an author.

An erased account keeps its number and nothing else.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection as DbConnection

from app.domain.errors import UsernameTaken, UserNotFound
from app.domain.ids import Millis, UserId
from app.store.tables import users


class User(NamedTuple):
    """A user, as stored."""

    id: UserId
    username: str
    display_name: str
    password_hash: str | None
    is_admin: bool
    created_at: Millis
    disabled_at: Millis | None
    erased_at: Millis | None

    @property
    def active(self) -> bool:
        """Whether they may log in."""
        return self.disabled_at is None and self.erased_at is None


_COLUMNS = [users.c[name] for name in User._fields]


def insert(
    connection: DbConnection,
    *,
    username: str,
    display_name: str,
    password_hash: str | None,
    is_admin: bool,
    at: Millis,
) -> User:
    """
    Make a user.

    Raises:
        UsernameTaken: If there is one of this name. The transaction can't go on after it.

    """
    statement = sa.insert(users).values(
        username=username,
        display_name=display_name,
        password_hash=password_hash,
        is_admin=is_admin,
        created_at=at,
    )
    try:
        row = connection.execute(statement.returning(*_COLUMNS)).one()
    except sa.exc.IntegrityError:
        raise UsernameTaken from None
    return _user(row)


def by_name(connection: DbConnection, username: str) -> User | None:
    """The user of this name, active or not; None if nobody has it."""
    row = connection.execute(
        sa.select(*_COLUMNS).where(users.c.username == username)
    ).one_or_none()
    return None if row is None else _user(row)


def known(connection: DbConnection, username: str) -> User:
    """
    The user of this name, disabled or not.

    Raises:
        UserNotFound: If nobody has it, or the account was erased.

    """
    user = by_name(connection, username)
    if user is None or user.erased_at is not None:
        raise UserNotFound
    return user


def by_id(connection: DbConnection, user: UserId) -> User | None:
    """The user of this number."""
    row = connection.execute(sa.select(*_COLUMNS).where(users.c.id == user)).one_or_none()
    return None if row is None else _user(row)


def lock(connection: DbConnection, user: UserId) -> User | None:
    """
    The user as they are now and stay until this transaction ends.

    Whoever makes a log-in or changes what one depends on (the password, being disabled) takes
    this lock first, so that no log-in slips in with a password that is just being changed.
    """
    statement = sa.select(*_COLUMNS).where(users.c.id == user).with_for_update(key_share=True)
    row = connection.execute(statement).one_or_none()
    return None if row is None else _user(row)


def with_prefix(
    connection: DbConnection, prefix: str, *, after: str = "", limit: int
) -> Sequence[User]:
    """Users whose name begins with ``prefix``, by name, those after ``after``; no erased ones."""
    statement = (
        sa.select(*_COLUMNS)
        .where(users.c.username.startswith(prefix, autoescape=True), users.c.erased_at.is_(None))
        .order_by(users.c.username)
        .limit(limit)
    )
    if after:
        statement = statement.where(users.c.username > after)
    if connection.dialect.name == "sqlite":
        # Names are ASCII and compared by their bytes here, so this is the same set; and it
        # is a range of the index, which LIKE is not.
        statement = statement.where(users.c.username.between(prefix, prefix + "\x7f"))
    return [_user(row) for row in connection.execute(statement)]


def update(connection: DbConnection, user: UserId, **values: object) -> None:
    """Change columns of a user."""
    connection.execute(sa.update(users).where(users.c.id == user).values(**values))


def _user(row: sa.Row[Any]) -> User:
    return User._make(row)

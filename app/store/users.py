"""
Accounts: one row per user, never deleted, so that every message has an author.

Of an erased account only the id is left.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from ..domain.errors import Conflict, UsernameTaken, UserNotFound
from ..domain.ids import Millis, UserId
from . import erased_names, user_words
from .database import DbConnection
from .tables import users

_NAME_CHARACTERS = re.compile(r"[a-z0-9_.-]*", re.ASCII)


class User(NamedTuple):
    """A user, as stored."""

    id: UserId
    username: str
    display_name: str
    password_hash: str | None
    password_normalized: bool
    """Whether the hash is of the normalised password: see :mod:`app.security.passwords`."""
    is_admin: bool
    created_at: Millis
    disabled_at: Millis | None
    erased_at: Millis | None

    @property
    def active(self) -> bool:
        """Whether the user may log in."""
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
    Create a user.

    Raises:
        UsernameTaken: If the name is taken, or was that of an erased account. The transaction
            can't be continued then.

    """
    statement = sa.insert(users).values(
        username=username,
        display_name=display_name,
        password_hash=password_hash,
        password_normalized=password_hash is not None,
        is_admin=is_admin,
        created_at=at,
    )
    try:
        row = connection.execute(statement.returning(*_COLUMNS)).one()
    except sa.exc.IntegrityError:
        raise UsernameTaken from None
    # After the insert, which waits for a transaction that is erasing an account of this name.
    if erased_names.contains(connection, username):
        raise UsernameTaken
    user_words.replace(connection, UserId(row.id), username, display_name)
    return _user(row)


def by_name(connection: DbConnection, username: str) -> User | None:
    """Return the user of this name, active or not; None if there is none."""
    row = connection.execute(
        sa.select(*_COLUMNS).where(users.c.username == username)
    ).one_or_none()
    return None if row is None else _user(row)


def known(connection: DbConnection, username: str) -> User:
    """
    Return the user of this name, disabled or not.

    Raises:
        UserNotFound: If there is none, or the account was erased.

    """
    user = by_name(connection, username)
    if user is None or user.erased_at is not None:
        raise UserNotFound
    return user


def by_id(connection: DbConnection, user: UserId) -> User | None:
    """Return the user with this id; None if there is none."""
    row = connection.execute(sa.select(*_COLUMNS).where(users.c.id == user)).one_or_none()
    return None if row is None else _user(row)


def lock(connection: DbConnection, user: UserId) -> User | None:
    """
    Return the user as they are now and stay until this transaction ends; None if there is none.

    Creating a log-in takes this lock first, and so does changing what a log-in depends on (the
    password, being disabled): no log-in succeeds with a password that is just being changed.
    """
    statement = sa.select(*_COLUMNS).where(users.c.id == user).with_for_update(key_share=True)
    row = connection.execute(statement).one_or_none()
    return None if row is None else _user(row)


def find(connection: DbConnection, query: str, *, after: str = "", limit: int) -> Sequence[User]:
    """
    Return a page of the users whom ``query`` names, by username; no erased ones.

    It is a prefix of the username, or its words begin words of the display name.
    """
    page = sa.select(users.c.id).where(users.c.erased_at.is_(None), users.c.username > after)
    page = page.order_by(users.c.username).limit(limit)
    found = []
    if _NAME_CHARACTERS.fullmatch(query):
        by_username = page.where(users.c.username.startswith(query, autoescape=True))
        if connection.orders_by_bytes:
            # The same set, because names are ASCII. Unlike LIKE it is a range of the index.
            by_username = by_username.where(users.c.username.between(query, query + "\x7f"))
        found.append(by_username)
    if (named := user_words.named(query)) is not None:
        found.append(page.where(named))
    if not found:
        return []
    # Each is limited first, so that a page costs no more than it shows.
    ids = sa.union(*(sa.select(part.subquery().c.id) for part in found))
    statement = sa.select(*_COLUMNS).where(users.c.id.in_(ids)).order_by(users.c.username)
    return [_user(row) for row in connection.execute(statement.limit(limit))]


def set_display_name(connection: DbConnection, user: User, display_name: str) -> None:
    """Store a user's display name, and index them by it."""
    update(connection, user.id, display_name=display_name)
    user_words.replace(connection, user.id, user.username, display_name)


def set_password(connection: DbConnection, user: UserId, password_hash: str) -> None:
    """Store the hash of a user's normalised password."""
    update(connection, user, password_hash=password_hash, password_normalized=True)


def require_other_admin(connection: DbConnection, user: User) -> None:
    """
    Check that there is an administrator if ``user`` is none any more.

    The administrators can't change before this transaction ends.

    Raises:
        Conflict: If the user is the only one who may log in.

    """
    statement = sa.select(users.c.id, users.c.disabled_at).where(users.c.is_admin)
    rows = connection.execute(statement.order_by(users.c.id).with_for_update(key_share=True))
    able = {id_ for id_, disabled_at in rows if disabled_at is None}
    if able == {user.id}:
        raise Conflict("This is the only administrator. Make another user one first.")


def update(connection: DbConnection, user: UserId, **values: object) -> None:
    """Set columns of a user."""
    connection.execute(sa.update(users).where(users.c.id == user).values(**values))


def _user(row: sa.Row[Any]) -> User:
    return User._make(row)

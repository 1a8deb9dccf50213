"""
Whom a message mentions by their being present in the room: one column of one row.

The row stands for everyone; its ``among`` has the ids of those who are meant: ``,3,14,``.
"""

from collections.abc import Iterable

from ..domain.ids import UserId


def encode(users: Iterable[UserId]) -> str:
    """The value of ``among``."""
    return f",{','.join(map(str, sorted(users)))},"


def decode(among: str) -> frozenset[UserId]:
    """The users in a value of ``among``."""
    return frozenset(UserId(int(user)) for user in among.split(",") if user)


def includes(among: str, user: str) -> str:
    """A condition in SQL, of the column ``among`` and an expression for a user's id."""
    return f"({among} IS NULL OR {among} LIKE '%,' || {user} || ',%')"

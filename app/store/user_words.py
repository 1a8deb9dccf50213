"""
Finding users by their names: a prefix of the username, or of words of the display name.

The words are those of the search (:mod:`app.domain.words`). They are written with the display
name; those of accounts from before this table are filled in by the server, a batch at a time. The
row ``user_words`` in ``meta`` says how far: ``0:<user>`` in progress, then the version.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ..domain.ids import UserId
from ..domain.limits import MAX_QUERY_TERMS
from ..domain.words import WORDS_VERSION, words
from .database import DbConnection
from .tables import meta, user_words, users

_STATE = meta.c.key == "user_words"
# After every word that begins with a prefix.
_END = "\U0010ffff"


def replace(connection: DbConnection, user: UserId, username: str, display_name: str) -> None:
    """Index a user by the words of the display name, unless it is the username."""
    connection.execute(sa.delete(user_words).where(user_words.c.user_id == user))
    if display_name == username:
        return
    rows = [{"word": word, "user_id": user} for word in dict.fromkeys(words(display_name))]
    if rows:
        connection.execute(sa.insert(user_words), rows)


def named(query: str) -> sa.ColumnElement[bool] | None:
    """
    The condition that every word of ``query`` begins a word of the display name.

    None if there is no word in it. Costs as much as there are users with such a word.
    """
    terms = list(dict.fromkeys(words(query)))[:MAX_QUERY_TERMS]
    if not terms:
        return None
    return sa.and_(
        *(
            users.c.id.in_(
                sa.select(user_words.c.user_id).where(
                    user_words.c.word >= term, user_words.c.word < term + _END
                )
            )
            for term in terms
        )
    )


def is_complete(connection: DbConnection) -> bool:
    """Whether all accounts are indexed by words of this version."""
    return _state(connection) == str(WORDS_VERSION)


def advance(connection: DbConnection, limit: int) -> bool:
    """Index at most ``limit`` more accounts; return whether all are now. Idempotent."""
    if is_complete(connection):
        return True
    last = int(_state(connection).partition(":")[2] or 0)
    found: Sequence[Any] = connection.execute(
        sa.select(users.c.id, users.c.username, users.c.display_name)
        .where(users.c.id > last)
        .order_by(users.c.id)
        .limit(limit)
        .with_for_update()
    ).all()
    for user, username, display_name in found:
        replace(connection, UserId(user), username, display_name)
    value = f"0:{found[-1].id}" if found else str(WORDS_VERSION)
    connection.execute(sa.update(meta).where(_STATE).values(value=value))
    return not found


def _state(connection: DbConnection) -> str:
    return str(connection.execute(sa.select(meta.c.value).where(_STATE)).scalar_one())

"""Whom a message mentions by their being present, in one column."""

from app.domain.ids import UserId
from app.store.mentioned_present import decode, encode


def test_users_are_kept() -> None:
    users = {UserId(14), UserId(3)}

    assert encode(users) == ",3,14,"
    assert decode(encode(users)) == users
    assert decode(encode(())) == frozenset()

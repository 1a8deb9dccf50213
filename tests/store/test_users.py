"""Accounts on disk."""

import pytest
from sqlalchemy import Connection, text

from app.domain.errors import UsernameTaken, UserNotFound
from app.domain.ids import Millis, UserId
from app.store import users
from app.store.database import Database
from app.store.users import User

NOW = Millis(1_795_000_000_000)


def make(connection: Connection, username: str) -> User:
    return users.insert(
        connection,
        username=username,
        display_name=username.title(),
        password_hash="hash",
        is_admin=False,
        at=NOW,
    )


async def test_a_user_is_found_by_name_and_number(database: Database) -> None:
    made = await database.write(lambda c: make(c, "alice"))

    assert made[1:] == ("alice", "Alice", "hash", False, NOW, None, None)
    assert await database.read(lambda c: users.by_name(c, "alice")) == made
    assert await database.read(lambda c: users.by_id(c, made.id)) == made
    assert await database.write(lambda c: users.lock(c, made.id)) == made


async def test_nobody_is_nobody(database: Database) -> None:
    assert await database.read(lambda c: users.by_name(c, "nobody")) is None
    assert await database.read(lambda c: users.by_id(c, UserId(404))) is None
    assert await database.write(lambda c: users.lock(c, UserId(404))) is None
    with pytest.raises(UserNotFound):
        await database.read(lambda c: users.known(c, "nobody"))


async def test_a_name_is_given_once(database: Database) -> None:
    first = await database.write(lambda c: make(c, "alice"))

    with pytest.raises(UsernameTaken):
        await database.write(lambda c: make(c, "alice"))

    assert await database.read(lambda c: users.by_name(c, "alice")) == first


async def test_disabled_and_erased_users_are_not_active(database: Database) -> None:
    made = await database.write(lambda c: make(c, "alice"))
    assert made.active

    await database.write(lambda c: users.update(c, made.id, disabled_at=NOW))
    disabled = await database.read(lambda c: users.known(c, "alice"))
    await database.write(lambda c: users.update(c, made.id, disabled_at=None, erased_at=NOW))

    assert not disabled.active
    with pytest.raises(UserNotFound):
        await database.read(lambda c: users.known(c, "alice"))


async def test_a_prefix_is_taken_literally_and_paged_by_name(database: Database) -> None:
    def people(connection: Connection) -> None:
        for name in ("bob", "al_x", "al.y", "alax", "alice", "al-z", "carol"):
            make(connection, name)

    await database.write(people)

    def found(prefix: str, after: str = "", limit: int = 10) -> object:
        return database.read(
            lambda c: [u.username for u in users.with_prefix(c, prefix, after=after, limit=limit)]
        )

    everybody = await found("")
    assert len(everybody) == 7
    assert set(await found("al")) == {"al-z", "al.y", "al_x", "alax", "alice"}
    assert await found("al_") == ["al_x"]
    assert await found("%") == []
    assert await found("alice") == ["alice"]
    assert await found("z") == []
    assert await found("", limit=3) + await found("", after=everybody[2]) == everybody


async def test_the_erased_are_not_found(database: Database) -> None:
    made = await database.write(lambda c: make(c, "alice"))
    await database.write(lambda c: users.update(c, made.id, erased_at=NOW))

    assert await database.read(lambda c: users.with_prefix(c, "", limit=10)) == []


@pytest.mark.sqlite_only
async def test_a_page_of_users_is_a_range_of_the_index(database: Database) -> None:
    def plan(connection: Connection) -> str:
        statement = (
            "EXPLAIN QUERY PLAN SELECT * FROM users WHERE username LIKE 'al%' ESCAPE '/'"
            " AND erased_at IS NULL AND username > 'alice'"
            " AND username BETWEEN 'al' AND 'al\x7f' ORDER BY username LIMIT 51"
        )
        return " ".join(str(row) for row in connection.execute(text(statement)))

    shown = await database.read(plan)

    assert "USING INDEX" in shown
    assert "TEMP B-TREE" not in shown

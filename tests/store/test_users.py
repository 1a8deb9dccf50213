"""Accounts on disk."""

import pytest
from sqlalchemy import insert

from app.domain.errors import UsernameTaken, UserNotFound
from app.domain.ids import Millis, UserId
from app.store import users
from app.store.database import Database, DbConnection
from app.store.tables import users as users_table
from app.store.users import User
from tests.store.statements import is_constant, opcodes

NOW = Millis(1_795_000_000_000)


def make(connection: DbConnection, username: str) -> User:
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

    assert made[1:] == ("alice", "Alice", "hash", True, False, NOW, None, None)
    assert await database.read(lambda c: users.by_name(c, "alice")) == made
    assert await database.read(lambda c: users.by_id(c, made.id)) == made
    assert await database.write(lambda c: users.lock(c, made.id)) == made


async def test_an_unknown_user_is_not_found(database: Database) -> None:
    assert await database.read(lambda c: users.by_name(c, "unknown")) is None
    assert await database.read(lambda c: users.by_id(c, UserId(404))) is None
    assert await database.write(lambda c: users.lock(c, UserId(404))) is None
    with pytest.raises(UserNotFound):
        await database.read(lambda c: users.known(c, "unknown"))


async def test_a_name_is_unique(database: Database) -> None:
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
    def people(connection: DbConnection) -> None:
        for name in ("bob", "al_x", "al.y", "alax", "alice", "al-z", "carol"):
            users.set_display_name(connection, make(connection, name), name)

    await database.write(people)

    def found(prefix: str, after: str = "", limit: int = 10) -> object:
        return database.read(
            lambda c: [u.username for u in users.find(c, prefix, after=after, limit=limit)]
        )

    everyone = await found("")
    assert len(everyone) == 7
    assert set(await found("al")) == {"al-z", "al.y", "al_x", "alax", "alice"}
    assert await found("al_") == ["al_x"]
    assert await found("%") == []
    assert await found("alice") == ["alice"]
    assert await found("z") == []
    assert await found("", limit=3) + await found("", after=everyone[2]) == everyone


async def test_erased_users_are_not_listed(database: Database) -> None:
    made = await database.write(lambda c: make(c, "alice"))
    await database.write(lambda c: users.update(c, made.id, erased_at=NOW))

    assert await database.read(lambda c: users.find(c, "", limit=10)) == []


@pytest.mark.sqlite_only
async def test_the_cost_of_a_page_does_not_grow_with_the_table(database: Database) -> None:
    def fill(connection: DbConnection, start: int, stop: int) -> None:
        row = {"display_name": "", "created_at": NOW}
        rows = [{**row, "username": f"user-{n:06}"} for n in range(start, stop)]
        connection.execute(insert(users_table), rows)

    def cost(connection: DbConnection) -> int:
        return opcodes(
            connection,
            lambda c: users.find(c, "user-0000", after="user-000010", limit=50),
        )

    await database.write(lambda c: fill(c, 0, 100))
    before = await database.read(cost)
    await database.write(lambda c: fill(c, 100, 10_000))

    assert is_constant(before, await database.read(cost))

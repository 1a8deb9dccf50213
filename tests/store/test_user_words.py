"""Users are found by the words of their display names."""

from functools import partial

import pytest
import sqlalchemy as sa

from app.domain.ids import Millis, UserId
from app.store import erasures, user_words, users
from app.store.database import Database, DbConnection

NAMES = {
    "alice": "Alice Liddell",
    "bob": "Böb O'Brien-Smith",
    "carol": "carol",
    "dan": "Алиса Иванова",
    "eve": "アリス・リデル",
    "liz.k": "Queen Elizabeth",
}


@pytest.fixture
async def people(database: Database) -> Database:
    def work(connection: DbConnection) -> None:
        for name, shown in NAMES.items():
            users.insert(
                connection,
                username=name,
                display_name=shown,
                password_hash=None,
                is_admin=False,
                at=Millis(0),
            )

    await database.write(work)
    return database


async def found(database: Database, query: str, after: str = "", limit: int = 9) -> list[str]:
    return await database.read(
        lambda c: [u.username for u in users.find(c, query, after=after, limit=limit)]
    )


@pytest.mark.parametrize(
    ("query", "names"),
    [
        pytest.param("ali", ["alice"], id="a username"),
        pytest.param("lid", ["alice"], id="the beginning of a word"),
        pytest.param("liddell ALI", ["alice"], id="two words, in any order"),
        pytest.param("alice x", [], id="one word that is not there"),
        pytest.param("ddell", [], id="not inside a word"),
        pytest.param("bob", ["bob"], id="without accents"),
        pytest.param("smi", ["bob"], id="after a hyphen"),
        pytest.param("o'br", ["bob"], id="an apostrophe"),
        pytest.param("али", ["dan"], id="cyrillic"),
        pytest.param("リデ", ["eve"], id="a part of a japanese name"),
        pytest.param("l", ["alice", "liz.k"], id="by both, in order of username"),
        pytest.param("liz.k", ["liz.k"], id="a dot in a username"),
        pytest.param("%", [], id="a sign"),
        pytest.param("", list(NAMES), id="everyone"),
    ],
)
async def test_users_are_found(people: Database, query: str, names: list[str]) -> None:
    assert await found(people, query) == names
    pages, after = [], ""
    while page := await found(people, query, after, limit=1):
        pages += page
        after = page[-1]
    assert pages == names


async def test_another_name_replaces_the_former(people: Database) -> None:
    def rename(connection: DbConnection) -> None:
        user = users.by_name(connection, "alice")
        assert user is not None
        users.set_display_name(connection, user, "Al")

    await people.write(rename)

    assert await found(people, "liddell") == []
    assert await found(people, "al") == ["alice"]


async def test_an_erased_account_has_no_words(people: Database) -> None:
    user = await people.read(lambda c: users.known(c, "alice"))

    await people.write(lambda c: erasures.rename(c, user.id, Millis(1)))

    count = sa.text("SELECT count(*) FROM user_words WHERE user_id = :user")
    assert await people.read(lambda c: c.execute(count, {"user": user.id}).scalar_one()) == 0


async def test_accounts_from_before_are_indexed_in_steps(people: Database) -> None:
    def forget(connection: DbConnection) -> None:
        connection.execute(sa.text("DELETE FROM user_words"))
        connection.execute(sa.text("UPDATE meta SET value = '0' WHERE key = 'user_words'"))

    await people.write(forget)
    assert await found(people, "liddell") == []

    steps = 0
    while not await people.write(partial(user_words.advance, limit=4)):
        steps += 1

    assert steps == 2
    assert await people.read(user_words.is_complete)
    assert await found(people, "liddell") == ["alice"]
    assert await people.write(partial(user_words.advance, limit=4))


async def test_words_of_one_user_are_stored_once(people: Database) -> None:
    await people.write(lambda c: user_words.replace(c, UserId(1), "alice", "na na na"))

    assert await found(people, "na") == ["alice"]

"""Blocks on disk."""

import pytest

from app.domain.ids import Millis, UserId
from app.store import blocks
from app.store.blocks import Block
from app.store.database import Database, DbConnection
from tests.store.log_env import insert_user

NOW = Millis(1_795_000_000_000)


@pytest.fixture
async def people(database: Database) -> list[UserId]:
    """ana, bo and eve."""

    def work(connection: DbConnection) -> list[UserId]:
        return [insert_user(connection, name) for name in ("ana", "bo", "eve")]

    return await database.write(work)


async def blocked(database: Database, user: UserId) -> list[str]:
    page = await database.read(lambda c: blocks.page(c, user, after="", limit=9))
    return [block.user for block in page]


async def test_a_block_stays_as_old_as_it_is(database: Database, people: list[UserId]) -> None:
    ana, bo, _ = people

    first = await database.write(lambda c: blocks.put(c, ana, bo, NOW))
    again = await database.write(lambda c: blocks.put(c, ana, bo, Millis(NOW + 1)))

    assert first == again == Block("bo", "Bo", NOW)


async def test_a_page_begins_after_a_name(database: Database, people: list[UserId]) -> None:
    ana, bo, eve = people
    for user in (eve, bo):
        await database.write(lambda c, user=user: blocks.put(c, ana, user, NOW))

    assert await blocked(database, ana) == ["bo", "eve"]
    page = await database.read(lambda c: blocks.page(c, ana, after="bo", limit=1))
    assert [block.user for block in page] == ["eve"]
    assert await blocked(database, bo) == []


async def test_dropping_one_leaves_the_others(database: Database, people: list[UserId]) -> None:
    ana, bo, eve = people
    for user, other in ((ana, bo), (ana, eve), (bo, ana)):
        await database.write(lambda c, u=user, o=other: blocks.put(c, u, o, NOW))

    await database.write(lambda c: blocks.drop(c, ana, bo))

    assert await blocked(database, ana) == ["eve"]
    assert await blocked(database, bo) == ["ana"]


async def test_all_blocks_of_and_by_a_user_are_deleted(
    database: Database, people: list[UserId]
) -> None:
    ana, bo, eve = people
    for user, other in ((ana, bo), (bo, ana), (bo, eve)):
        await database.write(lambda c, u=user, o=other: blocks.put(c, u, o, NOW))

    await database.write(lambda c: blocks.delete_all(c, ana))

    assert await blocked(database, ana) == []
    assert await blocked(database, bo) == ["eve"]

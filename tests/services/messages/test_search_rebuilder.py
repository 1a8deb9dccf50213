"""The index is rebuilt while the server runs."""

import asyncio

import pytest
import sqlalchemy as sa

from app.domain.errors import Unavailable
from app.domain.limits import INDEX_BATCH
from app.services.messages.search_rebuilder import SearchRebuilder
from app.store import search_rebuild, user_words
from app.store.database import Database, DbConnection
from app.store.write_gate import WriteGate
from tests.harness.databases import GatedDatabase
from tests.harness.patience import until
from tests.store.message_env import DEN, MessageEnv


def begin_anew(connection: DbConnection) -> None:
    """As after an upgrade from a version that made other words."""
    connection.execute(sa.text("UPDATE meta SET value = '1' WHERE key = 'search_words'"))
    connection.execute(sa.text("UPDATE meta SET value = '0' WHERE key = 'user_words'"))


async def test_a_new_database_has_nothing_to_rebuild(database: Database) -> None:
    assert await database.read(search_rebuild.is_complete)
    assert await database.read(user_words.is_complete)


async def test_a_rebuild_runs_to_its_end(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "parley.indexer")
    await database.write(begin_anew)
    await MessageEnv(database).fill(DEN, messages=2 * INDEX_BATCH + 1)

    await SearchRebuilder(database).run()

    assert await database.read(search_rebuild.is_complete)
    # Of the user ana, and of the messages.
    assert [r.message for r in caplog.records] == ["search.rebuilding", "search.rebuilt"] * 2
    assert await database.read(user_words.is_complete)


async def test_an_index_that_is_complete_is_left_alone(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "parley.indexer")
    await SearchRebuilder(database).run()
    await MessageEnv(database).fill(DEN, messages=1)

    await SearchRebuilder(database).run()

    assert caplog.records == []


async def test_a_rebuild_waits_for_the_database(database: Database) -> None:
    await database.write(begin_anew)
    gated = GatedDatabase(database)
    gated.fails_with = Unavailable()
    running = asyncio.create_task(SearchRebuilder(gated, delay_seconds=0).run())
    await until(lambda: gated.reads > 2, "tries")

    gated.fails_with = None

    await running
    assert await database.read(search_rebuild.is_complete)


async def test_a_rebuild_that_waits_for_a_move_is_not_logged(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await database.write(begin_anew)
    gated = GatedDatabase(database)
    gate = WriteGate(gated)
    async with gate.shut():
        running = asyncio.create_task(SearchRebuilder(gate, delay_seconds=0).run())
        await until(lambda: gated.reads > 2, "tries")
        assert caplog.messages == []

    await running
    assert await database.read(search_rebuild.is_complete)

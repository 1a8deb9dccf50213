"""Rebuilding the search index after an upgrade."""

from functools import partial

import pytest
import sqlalchemy as sa

from app.domain.ids import RoomId, UserId, event_id
from app.domain.roles import Kind
from app.domain.words import WORDS_VERSION, phrases
from app.store import migrations, search, search_rebuild
from app.store.database import Database, DbConnection
from app.store.search_index import Scope

GENERAL = RoomId(1)
ANA = UserId(1)
EVERYWHERE = Scope(rooms=[], public=True, excluded=[], by=None)
# As they come from macOS: revision 0002 indexed them as single letters, or not at all.
TEXTS = ["plain", "가나 보고서", "ガイド", None, "⭐ ok", "हिन्दी", "more"]


async def fill(database: Database) -> None:
    """Insert messages as an earlier version left them, with its documents."""

    def work(connection: DbConnection) -> None:
        migrations.downgrade(connection, "0001")
        connection.execute(
            sa.text(
                "INSERT INTO users (id, username, display_name, created_at)"
                " VALUES (1, 'ana', 'Ana', 0)"
            )
        )
        for seq, text in enumerate(TEXTS, 2):
            connection.execute(
                sa.text(
                    "INSERT INTO events (id, room_id, type, by, at, text)"
                    " VALUES (:id, 1, 'message.created', 1, 5, :text)"
                ),
                {"id": event_id(GENERAL, seq), "text": text},
            )
        migrations.upgrade(connection)

    await database.write(work)


async def documents(database: Database) -> list[tuple[int, str]]:
    rows = sa.text("SELECT event_id, CAST(words AS text) FROM search_documents ORDER BY id")
    return await database.read(lambda c: [tuple(row) for row in c.execute(rows)])


async def find(database: Database, query: str) -> list[int]:
    def work(connection: DbConnection) -> list[int]:
        found = search.find(connection, phrases(query), EVERYWHERE, before=None, limit=9)
        return [event % 2**32 for event in found]

    return await database.read(work)


@pytest.fixture
async def old(database: Database) -> Database:
    """A database with an index of version 1."""
    await fill(database)
    return database


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_documents_are_rewritten_in_steps(old: Database, limit: int) -> None:
    assert not await old.read(search_rebuild.is_complete)
    assert await find(old, "हिन्दी") == []
    steps = 0
    while not await old.write(partial(search_rebuild.advance, limit=limit)):
        steps += 1

    assert steps == -(-len(TEXTS) // limit)
    assert await old.read(search_rebuild.is_complete)
    assert await find(old, "보고서") == [3]
    assert await find(old, "ガ") == [4]
    assert await find(old, "⭐") == [6]
    assert await find(old, "हिन्दी") == [7]
    assert await find(old, "more") == [8]


async def test_the_result_is_that_of_indexing_anew(old: Database) -> None:
    while not await old.write(partial(search_rebuild.advance, limit=2)):
        pass
    rebuilt = await documents(old)

    def index_anew(connection: DbConnection) -> None:
        make = partial(connection.search_index.document, Kind.PUBLIC, GENERAL, ANA)
        if connection.search_index.has_entries:
            connection.execute(
                sa.text(
                    "INSERT INTO search_index(search_index, rank) VALUES('integrity-check', 1)"
                )
            )
        connection.search_index.remove(connection, event_id(GENERAL, 0), event_id(GENERAL, 99))
        connection.search_index.add(
            connection,
            [(event_id(GENERAL, seq), make(text)) for seq, text in enumerate(TEXTS, 2)],
        )

    await old.write(index_anew)
    assert rebuilt == await documents(old)


async def test_a_rebuild_goes_on_where_it_stopped(old: Database) -> None:
    state = sa.text("SELECT value FROM meta WHERE key = 'search_words'")
    await old.write(partial(search_rebuild.advance, limit=3))
    begun = await old.read(lambda c: c.execute(state).scalar_one())

    await old.write(partial(search_rebuild.advance, limit=100))

    assert begun.startswith(f"{WORDS_VERSION}:")
    assert await find(old, "हिन्दी") == [7]


async def test_a_new_database_needs_no_rebuild(database: Database) -> None:
    assert await database.write(partial(search_rebuild.advance, limit=1))


async def test_a_rebuild_of_an_earlier_version_begins_again(old: Database) -> None:
    stale = sa.text("UPDATE meta SET value = '1:5' WHERE key = 'search_words'")
    await old.write(lambda c: c.execute(stale) and None)

    await old.write(partial(search_rebuild.advance, limit=100))

    assert await find(old, "보고서") == [3]

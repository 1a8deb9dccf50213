"""Searching messages, and keeping the index up to date."""

from functools import partial

import pytest
import sqlalchemy as sa

from app.domain.ids import RoomId, UserId, event_id
from app.domain.roles import Kind
from app.domain.words import phrases
from app.store import migrations, search, search_backlog
from app.store.database import Database
from app.store.search_index import Scope

ROOM, OTHER = RoomId(5), RoomId(6)
ANA, BO = UserId(1), UserId(2)
EVERYWHERE = Scope(rooms=[], public=True, excluded=[], by=None)


class SearchEnv:
    """A database, and shorthands for its search index."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def add(
        self,
        *texts: str,
        room: RoomId = ROOM,
        by: UserId | None = ANA,
        kind: Kind = Kind.PUBLIC,
        start: int = 1,
    ) -> None:
        """Index messages; their numbers go on from ``start``."""

        def work(connection: sa.Connection) -> None:
            make = partial(connection.search_index.document, kind, room, by)
            rows = [(event_id(room, seq), make(text)) for seq, text in enumerate(texts, start)]
            connection.search_index.add(connection, rows)

        await self.database.write(work)

    async def change(self, seq: int, text: str | None) -> None:
        def work(connection: sa.Connection) -> None:
            made = connection.search_index.document(Kind.PUBLIC, ROOM, ANA, text)
            connection.search_index.change(connection, [(event_id(ROOM, seq), made)])

        await self.database.write(work)

    async def find(
        self, query: str, scope: Scope = EVERYWHERE, *, before: int | None = None, limit: int = 9
    ) -> list[tuple[int, int]]:
        """Room and seq of the messages found."""
        start = None if before is None else event_id(ROOM, before)

        def work(connection: sa.Connection) -> list[tuple[int, int]]:
            found = search.find(connection, phrases(query), scope, before=start, limit=limit)
            return [divmod(event, 2**32) for event in found]

        return await self.database.read(work)

    async def check_index(self) -> None:
        """Assert that SQLite's index and what it is made from are the same."""

        def work(connection: sa.Connection) -> None:
            if connection.search_index.has_entries:
                check = (
                    "INSERT INTO search_index(search_index, rank) VALUES ('integrity-check', 1)"
                )
                connection.execute(sa.text(check))

        await self.database.write(work)


@pytest.fixture
def env(database: Database) -> SearchEnv:
    return SearchEnv(database)


async def test_every_word_has_to_occur(env: SearchEnv) -> None:
    await env.add("Shall we go?", "We stay", "go go GO")

    assert await env.find("we") == [(5, 2), (5, 1)]
    assert await env.find("go we") == [(5, 1)]
    assert await env.find("Gô") == [(5, 3), (5, 1)]
    assert await env.find("went") == []


async def test_words_without_a_space_between_them_are_a_phrase(env: SearchEnv) -> None:
    await env.add("I don't know", "t don", "東京タワー", "タワー東京")

    assert await env.find("don't") == [(5, 1)]
    assert await env.find("京タ") == [(5, 3)]
    assert await env.find("タワー") == [(5, 4), (5, 3)]


@pytest.mark.parametrize(
    "query",
    [
        '"', "'", "''", "*", "AND", "OR", "NOT", "NEAR(a b)", "a AND", "(a", "a)", "a:b",
        "words:a", "-a", "^a", "a*", "{a}", "a|b", "a & b", "!a", "a <-> b", "\\", "a\\'b",
        "a\0b", "\ufffd", "/public", "/r5", "/u1", "%", "_", "a" * 200, "é" * 200, ":*", "''a'",
        "search_index", "rank", "1e999", "-1", "0x10", "1.5.2", "a@b.example", "http://a/b?c=d",
    ],
)  # fmt: skip
async def test_any_text_is_a_query(env: SearchEnv, query: str) -> None:
    await env.add(f"before {query.replace(chr(0), ' ')} after", "something else")

    found = await env.find(query) if phrases(query) else []

    assert found == ([(5, 1)] if phrases(query) else [])


async def test_marks_can_not_be_searched_for(env: SearchEnv) -> None:
    await env.add("hidden", kind=Kind.PRIVATE, room=OTHER)
    await env.add("r6 u1 public")

    for query in ("/r6", "r6", "public", "u1"):
        assert await env.find(query) == [(5, 1)]


async def test_the_scope_limits_the_rooms(env: SearchEnv) -> None:
    await env.add("word", room=RoomId(5))
    await env.add("word", room=RoomId(6), kind=Kind.PRIVATE, by=BO)
    await env.add("word", room=RoomId(66), kind=Kind.PRIVATE)
    await env.add("word", room=RoomId(7))

    async def rooms(scope: Scope) -> list[int]:
        return [room for room, _ in await env.find("word", scope)]

    assert await rooms(EVERYWHERE) == [7, 5]
    assert await rooms(EVERYWHERE._replace(rooms=[RoomId(6)])) == [7, 6, 5]
    assert await rooms(EVERYWHERE._replace(excluded=[RoomId(7), RoomId(9)])) == [5]
    assert await rooms(EVERYWHERE._replace(rooms=[RoomId(6)], by=BO)) == [6]
    assert await rooms(Scope([RoomId(66)], public=False, excluded=[], by=None)) == [66]


async def test_the_newest_come_first_in_pages(env: SearchEnv) -> None:
    await env.add("word 1", "word 2")
    await env.add("word 3", room=OTHER)
    await env.add("word 4", start=3)

    assert await env.find("word", limit=2) == [(5, 3), (6, 1)]
    assert await env.find("word", before=2) == [(5, 1)]
    assert await env.find("word", before=99) == []


async def test_edited_messages_are_found_by_their_present_text(env: SearchEnv) -> None:
    await env.add("first wording", "another")

    await env.change(1, "second wording")

    assert await env.find("first") == []
    assert await env.find("second wording") == [(5, 1)]
    await env.check_index()


async def test_deleted_messages_are_not_found_but_pages_continue_from_them(env: SearchEnv) -> None:
    await env.add("word 1", "word 2", "word 3")

    await env.change(2, None)
    await env.change(2, None)

    assert await env.find("word") == [(5, 3), (5, 1)]
    assert await env.find("word", before=2) == [(5, 1)]
    await env.check_index()


async def test_removed_messages_are_not_found(env: SearchEnv) -> None:
    await env.add("word 1", "word 2", "word 3")
    await env.add("word", room=OTHER)

    await env.database.write(
        lambda c: c.search_index.remove(c, event_id(ROOM, 0), event_id(ROOM, 3))
    )

    assert await env.find("word") == [(6, 1), (5, 3)]
    await env.check_index()


async def test_the_migrations_index_old_messages_as_the_server_does(env: SearchEnv) -> None:
    texts = [
        "Old words, don't",
        None,
        "Gô naïve ÀÉ",
        "東京タワー",
        "👍🏽 ﾊﾝｶｸ",
        "x_y/1.2",
        "é" * 99,
    ]
    rows = sa.text("SELECT event_id, CAST(words AS text) FROM search_documents ORDER BY event_id")

    def migrate(connection: sa.Connection) -> list[tuple[int, str]]:
        migrations.downgrade(connection, "0001")
        for seq, text in enumerate(texts, 2):
            connection.execute(
                sa.text(
                    "INSERT INTO events (id, room_id, type, by, at, text)"
                    " VALUES (:id, 1, 'message.created', 1, 5, :text)"
                ),
                {"id": event_id(RoomId(1), seq), "text": text},
            )
        migrations.upgrade(connection)
        return [tuple(row) for row in connection.execute(rows)]

    def add(connection: sa.Connection) -> list[tuple[int, str]]:
        connection.execute(sa.text("DELETE FROM search_documents"))
        make = partial(connection.search_index.document, Kind.PUBLIC, RoomId(1), ANA)
        documents = [make(text) for text in texts]
        connection.search_index.add(
            connection,
            [(event_id(RoomId(1), seq), made) for seq, made in enumerate(documents, 2)],
        )
        return [tuple(row) for row in connection.execute(rows)]

    migrated = await env.database.write(migrate)

    assert await env.find("old") == [(1, 2)]
    assert await env.find("naive") == [(1, 4)]
    await env.check_index()
    assert migrated == await env.database.write(add)


async def test_the_migrations_index_the_present_text_of_edited_messages(env: SearchEnv) -> None:
    def work(connection: sa.Connection) -> None:
        migrations.downgrade(connection, "0001")
        for seq, text, edited in ((2, "old words", None), (3, "first", "newer"), (4, None, None)):
            connection.execute(
                sa.text(
                    "INSERT INTO events (id, room_id, type, by, at, text, edited_text)"
                    " VALUES (:id, 1, 'message.created', 1, 5, :text, :edited)"
                ),
                {"id": event_id(RoomId(1), seq), "text": text, "edited": edited},
            )
        migrations.upgrade(connection)

    await env.database.write(work)

    assert await env.find("old") == [(1, 2)]
    assert await env.find("newer") == [(1, 3)]
    assert await env.find("first") == []
    await env.check_index()


async def test_the_migration_leaves_empty_documents_to_the_indexer(database: Database) -> None:
    def work(connection: sa.Connection) -> list[int]:
        migrations.downgrade(connection, "0006")
        connection.execute(
            sa.text(
                "INSERT INTO events (id, room_id, type, by, at, text)"
                " VALUES (:id, 1, 'message.created', 1, 5, 'plum')"
            ),
            {"id": event_id(RoomId(1), 2)},
        )
        pending = "INSERT INTO search_documents (event_id, words) VALUES (:id, '')"
        connection.execute(sa.text(pending), {"id": event_id(RoomId(1), 2)})
        connection.execute(sa.text("UPDATE rooms SET head = 2 WHERE id = 1"))
        migrations.upgrade(connection)
        documents = sa.text("SELECT count(*) FROM search_documents")
        counts = [connection.execute(documents).scalar_one()]
        migrations.downgrade(connection, "0006")
        counts.append(connection.execute(documents).scalar_one())
        migrations.upgrade(connection)
        return counts

    counts = await database.write(work)

    if database.shared:
        # There the committer indexes, and nothing is pending.
        assert counts == [1, 1]
    else:
        assert counts == [0, 1]
        assert await database.read(search_backlog.find) == [(2**32 | 2, 2**32 | 2)]

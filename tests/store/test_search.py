"""The index of what messages say."""

from functools import partial

import pytest
import sqlalchemy as sa

from app.domain.ids import RoomId, UserId, event_id
from app.domain.roles import Kind
from app.domain.words import phrases
from app.store import migrations, search, unindexed
from app.store.database import Database
from app.store.search import Scope

ROOM, OTHER = RoomId(5), RoomId(6)
ANA, BO = UserId(1), UserId(2)
EVERYWHERE = Scope(rooms=[], public=True, but=[], by=None)


class Index:
    """The index of a database, and shorthands."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def adds(
        self,
        *texts: str,
        room: RoomId = ROOM,
        by: UserId | None = ANA,
        kind: Kind = Kind.PUBLIC,
        start: int = 1,
    ) -> None:
        """Index messages; their numbers go on from ``start``."""

        def work(connection: sa.Connection) -> None:
            make = partial(search.document, connection.dialect.name, kind, room, by)
            rows = [(event_id(room, seq), make(text)) for seq, text in enumerate(texts, start)]
            search.add(connection, rows)

        await self.database.write(work)

    async def changes(self, seq: int, text: str | None) -> None:
        def work(connection: sa.Connection) -> None:
            made = search.document(connection.dialect.name, Kind.PUBLIC, ROOM, ANA, text)
            search.change(connection, [(event_id(ROOM, seq), made)])

        await self.database.write(work)

    async def finds(
        self, query: str, scope: Scope = EVERYWHERE, *, before: int | None = None, limit: int = 9
    ) -> list[tuple[int, int]]:
        """Room and number of what is found."""
        start = None if before is None else event_id(ROOM, before)

        def work(connection: sa.Connection) -> list[tuple[int, int]]:
            found = search.find(connection, phrases(query), scope, before=start, limit=limit)
            return [divmod(event, 2**32) for event in found]

        return await self.database.read(work)

    async def is_sound(self) -> None:
        """Assert that SQLite's index and what it is made from are the same."""

        def work(connection: sa.Connection) -> None:
            if connection.dialect.name == "sqlite":
                check = (
                    "INSERT INTO search_index(search_index, rank) VALUES ('integrity-check', 1)"
                )
                connection.execute(sa.text(check))

        await self.database.write(work)


@pytest.fixture
def index(database: Database) -> Index:
    return Index(database)


async def test_every_word_has_to_occur(index: Index) -> None:
    await index.adds("Shall we go?", "We stay", "go go GO")

    assert await index.finds("we") == [(5, 2), (5, 1)]
    assert await index.finds("go we") == [(5, 1)]
    assert await index.finds("Gô") == [(5, 3), (5, 1)]
    assert await index.finds("went") == []


async def test_what_is_joined_in_the_query_follows_each_other(index: Index) -> None:
    await index.adds("I don't know", "t don", "東京タワー", "タワー東京")

    assert await index.finds("don't") == [(5, 1)]
    assert await index.finds("京タ") == [(5, 3)]
    assert await index.finds("タワー") == [(5, 4), (5, 3)]


@pytest.mark.parametrize(
    "query",
    [
        '"', "'", "''", "*", "AND", "OR", "NOT", "NEAR(a b)", "a AND", "(a", "a)", "a:b",
        "words:a", "-a", "^a", "a*", "{a}", "a|b", "a & b", "!a", "a <-> b", "\\", "a\\'b",
        "a\0b", "\ufffd", "/public", "/r5", "/u1", "%", "_", "a" * 200, "é" * 200, ":*", "''a'",
        "search_index", "rank", "1e999", "-1", "0x10", "1.5.2", "a@b.example", "http://a/b?c=d",
    ],
)  # fmt: skip
async def test_any_text_is_a_query(index: Index, query: str) -> None:
    await index.adds(f"before {query.replace(chr(0), ' ')} after", "something else")

    found = await index.finds(query) if phrases(query) else []

    assert found == ([(5, 1)] if phrases(query) else [])


async def test_the_marks_of_a_room_are_no_words(index: Index) -> None:
    await index.adds("hidden", kind=Kind.PRIVATE, room=OTHER)
    await index.adds("r6 u1 public")

    for query in ("/r6", "r6", "public", "u1"):
        assert await index.finds(query) == [(5, 1)]


async def test_only_in_the_rooms_that_are_asked_for(index: Index) -> None:
    await index.adds("word", room=RoomId(5))
    await index.adds("word", room=RoomId(6), kind=Kind.PRIVATE, by=BO)
    await index.adds("word", room=RoomId(66), kind=Kind.PRIVATE)
    await index.adds("word", room=RoomId(7))

    async def rooms(scope: Scope) -> list[int]:
        return [room for room, _ in await index.finds("word", scope)]

    assert await rooms(EVERYWHERE) == [7, 5]
    assert await rooms(EVERYWHERE._replace(rooms=[RoomId(6)])) == [7, 6, 5]
    assert await rooms(EVERYWHERE._replace(but=[RoomId(7), RoomId(9)])) == [5]
    assert await rooms(EVERYWHERE._replace(rooms=[RoomId(6)], by=BO)) == [6]
    assert await rooms(Scope([RoomId(66)], public=False, but=[], by=None)) == [66]


async def test_the_newest_come_first_in_pages(index: Index) -> None:
    await index.adds("word 1", "word 2")
    await index.adds("word 3", room=OTHER)
    await index.adds("word 4", start=3)

    assert await index.finds("word", limit=2) == [(5, 3), (6, 1)]
    assert await index.finds("word", before=2) == [(5, 1)]
    assert await index.finds("word", before=99) == []


async def test_what_is_edited_is_found_as_it_is_now(index: Index) -> None:
    await index.adds("first wording", "another")

    await index.changes(1, "second wording")

    assert await index.finds("first") == []
    assert await index.finds("second wording") == [(5, 1)]
    await index.is_sound()


async def test_what_is_deleted_is_not_found_but_pages_go_on_from_it(index: Index) -> None:
    await index.adds("word 1", "word 2", "word 3")

    await index.changes(2, None)
    await index.changes(2, None)

    assert await index.finds("word") == [(5, 3), (5, 1)]
    assert await index.finds("word", before=2) == [(5, 1)]
    await index.is_sound()


async def test_what_is_no_longer_kept_is_forgotten(index: Index) -> None:
    await index.adds("word 1", "word 2", "word 3")
    await index.adds("word", room=OTHER)

    await index.database.write(lambda c: search.forget_before(c, ROOM, 3))

    assert await index.finds("word") == [(6, 1), (5, 3)]
    await index.is_sound()


async def test_old_messages_are_indexed_by_the_migration(index: Index) -> None:
    def work(connection: sa.Connection) -> None:
        migrations.downgrade(connection, "0001")
        for seq, said, edited in ((2, "old words", None), (3, "first", "newer"), (4, None, None)):
            connection.execute(
                sa.text(
                    "INSERT INTO events (id, room_id, type, by, at, text, edited_text)"
                    " VALUES (:id, 1, 'message.created', 1, 5, :said, :edited)"
                ),
                {"id": event_id(RoomId(1), seq), "said": said, "edited": edited},
            )
        migrations.upgrade(connection)

    await index.database.write(work)

    assert await index.finds("old") == [(1, 2)]
    assert await index.finds("newer") == [(1, 3)]
    assert await index.finds("first") == []
    await index.is_sound()


@pytest.mark.parametrize(
    "text",
    [
        "Ärger im Café",
        "日本語とカタカナ",
        "ﾊﾝｶｸ ＡＢＣ",
        "Straße ﬁn naïve",
        "it's a \\ b",
        "👍🏽 ok",
        "ab" * 50,
    ],
)
async def test_the_migration_finds_the_words_that_the_server_finds(
    index: Index, text: str
) -> None:
    def work(connection: sa.Connection) -> bool:
        migrations.downgrade(connection, "0001")
        insert = (
            "INSERT INTO events (id, room_id, type, by, at, text)"
            " VALUES (:id, 1, 'message.created', 1, 5, :text)"
        )
        connection.execute(sa.text(insert), {"id": event_id(RoomId(1), 2), "text": text})
        migrations.upgrade(connection)
        dialect = connection.dialect.name
        column = "text" if dialect == "sqlite" else "tsvector"
        same = f"SELECT words = CAST(CAST(:words AS text) AS {column}) FROM search_documents"
        words = search.document(dialect, Kind.PUBLIC, RoomId(1), UserId(1), text)
        return bool(connection.execute(sa.text(same), {"words": words}).scalar_one())

    assert await index.database.write(work)


async def test_what_was_only_announced_is_left_to_the_indexer(database: Database) -> None:
    def work(connection: sa.Connection) -> list[int]:
        migrations.downgrade(connection, "0006")
        connection.execute(
            sa.text(
                "INSERT INTO events (id, room_id, type, by, at, text)"
                " VALUES (:id, 1, 'message.created', 1, 5, 'plum')"
            ),
            {"id": event_id(RoomId(1), 2)},
        )
        announced = "INSERT INTO search_documents (event_id, words) VALUES (:id, '')"
        connection.execute(sa.text(announced), {"id": event_id(RoomId(1), 2)})
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
        # There the committer indexes, and nothing is announced.
        assert counts == [1, 1]
    else:
        assert counts == [0, 1]
        assert await database.read(unindexed.find) == [(2**32 | 2, 2**32 | 2)]

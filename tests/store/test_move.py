"""Moving to another database: nothing is left behind, altered or done twice."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.appends import Delete, Edit, Pin, React
from app.domain.errors import Unavailable
from app.domain.ids import RoomId, UserId
from app.domain.roles import Kind
from app.domain.words import phrases
from app.store import epoch, migrations, move_state, node_presence, search, user_words
from app.store.checking import check
from app.store.database import Database, DbConnection
from app.store.errors import StoreError
from app.store.move import Moved, Side, move
from app.store.node_tables import NODE_TABLES
from app.store.postgres_exclusion import MoveName
from app.store.search import Scope
from app.store.tables import metadata
from tests.harness import databases
from tests.harness.databases import GatedDatabase, open_sqlite, postgres_database
from tests.harness.patience import until
from tests.store.log_env import LogEnv

TO = "postgresql://new.example.org/parley"
NAME = MoveName()
PAGE_ROWS = 3

# What a conversation leaves empty.
ROWS: dict[str, dict[str, Any]] = {
    "sessions": {
        "id": 70,
        "user_id": 1,
        "label": "Firefox",
        "created_at": 1,
        "last_used_at": 2,
        "expires_at": 3,
    },
    "refresh_tokens": {"hash": b"\x00\xff\\x'", "session_id": 70, "created_at": 1, "spent_at": 2},
    "revocations": {"id": 5, "user_id": 1, "session_id": 70, "at": 4},
    "invites": {
        "id": 8,
        "room_id": 1,
        "code_hash": b"\x80",
        "created_by": 1,
        "created_at": 1,
        "max_uses": 3,
    },
    "blocks": {"user_id": 1, "blocked_id": 2, "at": 1},
    "audit": {"id": 9, "at": 1, "by": 1, "action": "user.add", "target": "bo", "data": '{"a":1}'},
    "erased_names": {"hash": "00ff"},
}


async def _talk(database: Database) -> LogEnv:
    """A conversation in two rooms, and a row in every table."""
    env = LogEnv(database)
    await env.add_users("ana", "bo")
    await env.join("ana", "bo")
    room = await env.create_room("attic", Kind.PRIVATE)
    for number in range(5):
        await env.send("ana", f"Grüße {number} 🎉 @bo", mentions=["bo"], client_id=f"c{number}")
    in_attic = await env.send("ana", "in the attic", room, data={"z": [1, None, "ü"]})
    await env.append(Edit, "ana", ref=4, text="rewritten")
    await env.append(Delete, "ana", ref=5)
    await env.append(React, "bo", ref=6, emoji="👍🏽", on=True)
    await env.append(React, "ana", ref=6, emoji="+1", on=True)
    await env.append(Pin, "ana", room, ref=in_attic, on=True)

    def fill(connection: DbConnection) -> None:
        user_words.replace(connection, UserId(1), "ana", "Ana Müller")
        for name, row in ROWS.items():
            connection.execute(sa.insert(metadata.tables[name]).values(row))

    await database.write(fill)
    return env


def _everything(connection: DbConnection) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of ours, but what is about one database."""
    found = {}
    for table in (table for table in metadata.sorted_tables if table not in NODE_TABLES):
        columns = [column for column in table.c if column.name != "checksum"]
        rows = [tuple(row) for row in connection.execute(sa.select(*columns))]
        found[table.name] = sorted(rows, key=repr)
    local = ("moved", "moving", "rewritten", "search_words", "checksums")
    found["meta"] = [row for row in found["meta"] if row[0] not in local]
    return found


def _execute(connection: DbConnection, statement: str) -> None:
    connection.execute(sa.text(statement))


def _find(connection: DbConnection) -> list[int]:
    everywhere = Scope(rooms=[], public=True, excluded=[], by=None)
    found = search.find(connection, phrases("grüße"), everywhere, before=None, limit=9)
    return [event % 2**32 for event in found]


async def _move(source: Database, target: Database) -> Moved:
    sides = Side(source, "sqlite:////old.db"), Side(target, "sqlite:////new.db")
    return await move(*sides, NAME, to=TO, page_rows=PAGE_ROWS)


_DIRECTIONS = ["to PostgreSQL", "from PostgreSQL"] if databases.POSTGRES else ["SQLite"]


@pytest.fixture(params=_DIRECTIONS)
async def source(request: pytest.FixtureRequest, fresh: str | None) -> AsyncIterator[Database]:
    """The database that is moved."""
    request.node.is_from = request.param == "from PostgreSQL"
    async with _opened(fresh if request.node.is_from else None) as database:
        # New installations of the tests are copies of one.
        await database.write(epoch.renew)
        yield database


@pytest.fixture
async def target(request: pytest.FixtureRequest, fresh: str | None) -> AsyncIterator[Database]:
    """An installation that nobody has used."""
    async with _opened(None if request.node.is_from else fresh) as database:
        yield database


@pytest.fixture
def fresh() -> Iterator[str | None]:
    """The address of a new PostgreSQL database; None: the tests use SQLite."""
    if not databases.POSTGRES:
        yield None
        return
    with postgres_database() as address:
        yield address


def _opened(address: str | None) -> Any:
    return open_sqlite() if address is None else databases.open_moving(NAME.url(address))


async def test_every_table_arrives(source: Database, target: Database) -> None:
    await _talk(source)
    before = await source.read(_everything)
    # A table that is forgotten here would be forgotten by nobody else.
    assert [name for name, rows in before.items() if not rows] == []

    moved = await _move(source, target)

    assert await target.read(_everything) == before
    assert moved == (2, len(before["events"]))
    assert (await target.read(check)).findings == []
    assert await target.read(_find) == [8, 7, 6] == await source.read(_find)


async def test_no_table_is_unknown(database: Database) -> None:
    """A table that only a migration knows would stay behind."""
    names = await database.read(lambda c: sa.inspect(c.sqlalchemy).get_table_names())

    others = {name for name in names if not name.startswith("search")} - {"alembic_version"}
    assert others == metadata.tables.keys()


async def test_the_log_goes_on_where_it_was(source: Database, target: Database) -> None:
    await _talk(source)
    history = await source.read(epoch.read)

    await _move(source, target)

    env = LogEnv(target)
    env.users = {"ana": UserId(1), "bo": UserId(2)}
    assert await target.read(epoch.read) == history
    again = await env.send("ana", "Grüße 0 🎉 @bo", mentions=["bo"], client_id="c0")
    assert again == 4
    await env.add_users("cy")
    await env.join("cy")
    assert env.users["cy"] == 3
    assert await env.create_room("cellar") == RoomId(3)
    assert await env.send("cy", "grüße") == 14
    assert (await target.read(check)).findings == []


async def test_servers_open_the_target_and_no_longer_the_source(
    source: Database, target: Database
) -> None:
    await _talk(source)

    await _move(source, target)

    await move_state.ensure_in_place(target, "sqlite:////new.db")
    with pytest.raises(StoreError) as refused:
        await move_state.ensure_in_place(source, "sqlite:////old.db")
    assert str(refused.value) == (f"/old.db was moved to {TO}: set DATABASE_URL to that database.")


async def _interrupted(source: Database, target: Database, writes: int) -> bool:
    """Move, and stop before the target is written to once more; False if that is the end."""
    gated = GatedDatabase(target)
    with gated.holding_writes(but=writes) as gate:
        moving = asyncio.create_task(_move(source, gated))
        await until(lambda: gate.waiting or moving.done(), "the move")
        if moving.done():
            await moving
            return False
        moving.cancel()
        with suppress(asyncio.CancelledError):
            await moving
    await gated.quiet()
    return True


async def test_a_move_that_is_interrupted_again_and_again_arrives(
    source: Database, target: Database
) -> None:
    await _talk(source)
    before = await source.read(_everything)

    interruptions = 0
    while await _interrupted(source, target, interruptions):
        interruptions += 1
        if interruptions > 1:
            with pytest.raises(StoreError, match=r"has not ended: run parley move again"):
                await move_state.ensure_in_place(target, "sqlite:////new.db")

    assert interruptions > 15
    assert await target.read(_everything) == before
    assert (await target.read(check)).findings == []


async def test_what_was_changed_between_two_runs_arrives(
    source: Database, target: Database
) -> None:
    env = await _talk(source)
    # All events are copied by then, and the index is not.
    assert await _interrupted(source, target, 12)
    await env.append(Edit, "ana", ref=7, text="not what it was")
    await env.append(Delete, "ana", ref=8)
    await env.send("bo", "Grüße")
    before = await source.read(_everything)

    await _move(source, target)

    assert await target.read(_everything) == before
    assert (await target.read(check)).findings == []
    assert await target.read(_find) == [15, 6]


async def test_an_event_that_is_damaged_is_not_moved(source: Database, target: Database) -> None:
    await _talk(source)
    if source.shared:
        pytest.skip("PostgreSQL has checksums of its own")
    damage = "UPDATE events SET text = 'something else' WHERE client_id = 'c4'"
    await source.write(lambda c: c.execute(sa.text(damage)) and None)

    with pytest.raises(Unavailable):
        await _move(source, target)

    await move_state.ensure_in_place(source, "sqlite:////old.db")


async def test_a_text_that_postgresql_can_not_store_is_named(
    source: Database, target: Database
) -> None:
    """Requests with NUL are refused; another program may have written one."""
    await _talk(source)
    if source.shared or not target.shared:
        pytest.skip("only PostgreSQL refuses NUL")
    statement = "UPDATE events SET text = 'a' || char(0), checksum = NULL WHERE client_id = 'c4'"
    await source.write(partial(_execute, statement=statement))

    with pytest.raises(StoreError) as refused:
        await _move(source, target)

    assert str(refused.value).startswith(
        f"The column text of the row {(1 << 32) + 8} (room 1, seq 8) of the table events has a NUL"
    )
    await move_state.ensure_in_place(source, "sqlite:////old.db")
    mended = "UPDATE events SET text = 'a', checksum = NULL WHERE client_id = 'c4'"
    await source.write(partial(_execute, statement=mended))
    assert (await _move(source, target)).rooms == 2


async def test_an_installation_that_is_used_is_no_target(
    source: Database, target: Database
) -> None:
    await _talk(target)
    before = await target.read(_everything)

    with pytest.raises(StoreError, match=r"^/new\.db is not empty\. Name a database without"):
        await _move(source, target)

    assert await target.read(_everything) == before


async def test_the_target_of_another_move_is_refused(source: Database, target: Database) -> None:
    assert await _interrupted(source, target, 2)
    await source.write(epoch.renew)
    before = await target.read(_everything)

    with pytest.raises(StoreError, match="is the target of a move from another database"):
        await _move(source, target)

    assert await target.read(_everything) == before


async def test_the_database_itself_is_no_target(database: Database) -> None:
    if database.shared:
        pytest.skip("the connections of the test are those of a node")

    with pytest.raises(StoreError, match="is the database itself"):
        await _move(database, database)


async def test_a_database_of_another_program_is_not_empty(database: Database) -> None:
    def work(connection: DbConnection) -> Any:
        migrations.downgrade(connection, "base")
        connection.execute(sa.text("CREATE TABLE songs (title text)"))
        return move_state.look(connection)

    found = await database.write(work) if not database.shared else (move_state.Found.USED, None)

    assert found == (move_state.Found.USED, None)


@pytest.mark.postgres_only
async def test_a_database_that_a_node_has_open_is_not_moved(
    source: Database, target: Database, fresh: str
) -> None:
    async with databases.open_moving(fresh) as node:
        await node.read(epoch.read)

        with pytest.raises(
            StoreError, match=r"is in use by 1 connections named parley\. Stop all"
        ):
            await _move(source, target)


@pytest.mark.postgres_only
async def test_a_database_with_the_entry_of_a_node_is_not_moved(
    source: Database, target: Database
) -> None:
    """Its connections may be hidden, behind a pooler."""
    shared = source if source.shared else target
    await shared.write(
        partial(node_presence.replace, node="a", rooms={}, version=1, millis=60_000)
    )

    with pytest.raises(StoreError, match=r"has entries of 1 nodes\. Stop all nodes first"):
        await _move(source, target)


@pytest.mark.postgres_only
async def test_a_second_move_at_the_same_time_is_refused(
    source: Database, target: Database, fresh: str
) -> None:
    async with databases.open_moving(MoveName().url(fresh)) as other:
        await other.read(epoch.read)

        with pytest.raises(StoreError, match="is being moved already, by another command"):
            await _move(source, target)

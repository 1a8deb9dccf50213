"""Moving a database that is in use: whatever is written meanwhile arrives, or nothing moves."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.appends import Delete, Edit, Pin, React
from app.domain.errors import Unavailable
from app.domain.ids import Millis, RoomId
from app.store import epoch, move_state, retention, search_backlog, search_pending
from app.store.audit import AuditRecord
from app.store.change_capture import CAPTURED, DOCUMENTS
from app.store.checking import check
from app.store.database import Database, DbConnection
from app.store.digests import digests
from app.store.errors import StoreError
from app.store.live_move import LiveMove, LiveMoved
from app.store.node_tables import NODE_TABLES
from app.store.tables import metadata
from app.store.write_gate import WriteGate
from tests.harness import databases
from tests.harness.databases import GatedDatabase, open_moving, open_sqlite, postgres_database
from tests.harness.patience import until
from tests.store.test_move import ROWS, TO, _everything, _talk

RECORD = AuditRecord(Millis(5), None, "database.move", TO)

_DIRECTIONS = ["to PostgreSQL", "from PostgreSQL"] if databases.POSTGRES else ["SQLite"]


class Env:
    """A database in use, and the one that it is moved to."""

    def __init__(self, source: Database, target: Database) -> None:
        self.source = source
        self.target = GatedDatabase(target)
        self.gate = WriteGate(source)

    def move(self) -> LiveMove:
        """A move that copies a few rows at once."""
        return LiveMove(
            self.gate,
            self.source,
            self.target,
            to=TO,
            target_url="sqlite:////new.db",
            record=RECORD,
            page_rows=4,
        )

    async def moved_while(self, writes: int, change: Any) -> LiveMoved | None:
        """Move, and change the source before the target is written to once more."""
        with self.target.holding_writes(but=writes) as gate:
            moving = asyncio.create_task(self.move().run())
            await until(lambda: gate.waiting or moving.done(), "the move")
            if moving.done():
                await moving
                return None
            await change()
        return await moving


@pytest.fixture
async def env(tmp_path: Path, direction: str, address: str) -> AsyncIterator[Env]:
    """An installation in a file, or in PostgreSQL, and an empty one of the other kind."""
    file = open_sqlite(tmp_path / "one.db")
    other: Any = open_moving(address) if address else open_sqlite(tmp_path / "other.db")
    async with file as one, other as another:
        source, target = (another, one) if direction == "from PostgreSQL" else (one, another)
        await source.write(epoch.renew)
        yield Env(source, target)


@pytest.fixture(params=_DIRECTIONS)
def direction(request: pytest.FixtureRequest) -> str:
    """From where to where."""
    return str(request.param)


@pytest.fixture
def address() -> Iterator[str]:
    """The address of a new PostgreSQL database; empty: the tests use SQLite."""
    if not databases.POSTGRES:
        yield ""
        return
    with postgres_database() as url:
        yield url


def _execute(connection: DbConnection, statement: str) -> None:
    connection.execute(sa.text(statement))


async def _indexed(database: Database) -> None:
    if database.shared:
        step = partial(search_pending.index_next, events=1_000, wait=True)
        while await database.write(step):
            pass
    else:
        spans = await database.read(search_backlog.find)
        await database.write(partial(search_backlog.index, spans=spans))


async def _arrived(env: Env) -> None:
    """Everything that the source has is in the target, and the search index too."""
    assert await env.target.read(_everything) == await env.source.read(_everything)
    here, there = [await d.read(partial(digests, page_rows=9)) for d in (env.source, env.target)]
    assert here == there
    assert (await env.target.read(check)).findings == []


async def test_everything_arrives_with_an_entry_of_the_audit_log(env: Env) -> None:
    await _talk(env.gate)

    moved = await env.move().run()

    await _arrived(env)
    assert moved.rooms == 2
    entries = [row[3:5] for row in (await env.target.read(_everything))["audit"]]
    assert ("database.move", TO) in entries
    await move_state.ensure_in_place(env.target, "sqlite:////new.db")
    with pytest.raises(StoreError, match=f"was moved to {TO}"):
        await move_state.ensure_in_place(env.source, "sqlite:////old.db")


def _change_each_table(connection: DbConnection) -> None:
    """Update or insert a row in each table, delete one, and insert one again after deleting it."""
    new: dict[str, dict[str, Any]] = {
        "sessions": {"id": 71},
        "refresh_tokens": {"hash": b"\x01", "session_id": 71},
        "revocations": {"id": 6},
        "invites": {"id": 9, "code_hash": b"\x02"},
        "blocks": {"user_id": 2, "blocked_id": 1},
        "audit": {"id": 10},
        "erased_names": {"hash": "ff"},
    }
    for name, columns in new.items():
        table = metadata.tables[name]
        connection.execute(sa.insert(table).values({**ROWS[name], **columns}))
    for name in ("refresh_tokens", "invites", "erased_names"):
        connection.execute(sa.delete(metadata.tables[name]).filter_by(**_key(name)))
    for name in ("blocks", "revocations"):
        connection.execute(sa.delete(metadata.tables[name]).filter_by(**_key(name)))
        connection.execute(sa.insert(metadata.tables[name]).values(ROWS[name]))
    for statement in (
        "UPDATE sessions SET last_used_at = 99, label = 'Lynx'",
        "UPDATE users SET display_name = 'Ana the Second' WHERE id = 1",
        "UPDATE members SET read_seq = 3 WHERE user_id = 2",
        "UPDATE meta SET value = 'another' WHERE key = 'epoch'",
        "INSERT INTO meta VALUES ('new', 'row')",
        "DELETE FROM user_words WHERE user_id = 1",
        "INSERT INTO user_words VALUES ('zoe', 1)",
    ):
        connection.execute(sa.text(statement))
    retention.set_limits(connection, RoomId(1), days=None, events=7, keep_pinned=True)
    retention.remove_oldest(connection, RoomId(1), Millis(0), 100)


def _key(name: str) -> dict[str, Any]:
    return {column: ROWS[name][column] for column in CAPTURED[name]}


@pytest.mark.parametrize("writes", [0, 1, 2, 6, 11, 14, 17, 20])
async def test_what_is_written_at_any_moment_arrives(env: Env, writes: int) -> None:
    """Also what is deleted and inserted again, and rows that refer to new ones."""
    talk = await _talk(env.gate)

    async def change() -> None:
        await talk.append(Edit, "ana", ref=7, text="not what it was")
        await talk.append(Delete, "ana", ref=8)
        await talk.append(React, "bo", ref=6, emoji="👍🏽", on=False)
        await talk.append(Pin, "ana", ref=6, on=True)
        await talk.add_users("cy")
        await talk.join("cy")
        room = await talk.create_room("cellar", by="cy")
        await talk.send("cy", "@ana", room, mentions=["ana"])
        await env.gate.write(_change_each_table)
        await _indexed(env.gate)
        await talk.send("cy", "Grüße", room)

    moved = await env.moved_while(writes, change)

    assert moved is not None
    await _arrived(env)
    assert (await env.target.read(epoch.read)) == "another"


async def test_each_table_is_watched_or_known_to_be_of_no_value(env: Env) -> None:
    """A table that is forgotten here would lose what is written to it during a move."""
    assert {*CAPTURED, *(table.name for table in NODE_TABLES)} == {*metadata.tables, DOCUMENTS}
    talk = await _talk(env.gate)
    capture = await env.source.read(lambda c: c.change_capture)
    for work in capture.begin():
        await env.source.write(work)
    await talk.send("ana", "@bo", mentions=["bo"])
    await talk.append(React, "bo", ref=8, emoji="+1", on=True)
    await _indexed(env.gate)
    await env.gate.write(_change_each_table)

    changes = await env.source.write(partial(capture.take, limit=1_000))

    assert {change.table for change in changes} == CAPTURED.keys()
    assert await env.source.write(partial(capture.take, limit=1_000)) == []
    for work in capture.end():
        await env.source.write(work)


async def test_a_move_that_is_cancelled_at_any_moment_leaves_the_source_as_it_was(
    env: Env,
) -> None:
    talk = await _talk(env.gate)
    cancelled = 0
    while await _cancelled(env, cancelled):
        cancelled += 1
        await move_state.ensure_in_place(env.source, "sqlite:////old.db")
        await talk.send("bo", f"still here {cancelled}")

    assert cancelled > 15
    await _arrived(env)


async def _cancelled(env: Env, writes: int) -> bool:
    """Cancel a move before the target is written to once more; False if it switches then."""
    move = env.move()
    with env.target.holding_writes(but=writes) as gate:
        moving = asyncio.create_task(move.run())
        await until(lambda: gate.waiting or moving.done(), "the move")
        if not move.is_switching:
            moving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await moving
    if move.is_switching:
        await moving
        return False
    await env.target.quiet()
    return True


async def test_writers_are_refused_at_the_switch_and_from_then_on(env: Env) -> None:
    talk = await _talk(env.gate)
    move = env.move()
    # The first read of the target is for its digests, the second for its counts.
    with env.target.holding_reads(but=1) as gate:
        moving = asyncio.create_task(move.run())
        await until(lambda: gate.waiting, "the switch")
        assert move.is_switching
        with pytest.raises(Unavailable):
            await talk.send("ana", "now")
        assert await env.gate.read(epoch.read)
    await moving

    with pytest.raises(Unavailable):
        await talk.send("ana", "later")
    await _arrived(env)


async def test_a_switch_that_fails_lets_writers_go_on(env: Env) -> None:
    """The target is not what it should be, so that the counts differ in the end."""
    talk = await _talk(env.gate)
    await _indexed(env.gate)
    before = await env.source.read(_everything)
    move = env.move()
    moving = asyncio.create_task(_fail_in_the_end(env, move))

    with pytest.raises(StoreError, match="has not as many rows in both"):
        await moving

    assert await env.source.read(_everything) == before
    assert await talk.send("ana", "goes on") == 13
    await move_state.ensure_in_place(env.source, "sqlite:////old.db")
    assert not await env.source.read(lambda c: c.change_capture.is_left(c))
    assert (await env.move().run()).rooms == 2
    await _arrived(env)


async def _fail_in_the_end(env: Env, move: LiveMove) -> None:
    async def spoil() -> None:
        await until(lambda: move.progress.state == "comparing", "the comparison")

    with env.target.holding_read_results() as gate:
        running = asyncio.create_task(move.run())
        await spoil()
        await until(lambda: gate.waiting, "the digests")
        statement = "DELETE FROM reactions WHERE user_id = 2"
        await env.target._database.write(partial(_execute, statement=statement))
    await running


@pytest.mark.postgres_only
async def test_writers_elsewhere_are_refused_after_the_move(env: Env) -> None:
    """Another node, or a command, that does not know of it."""
    talk = await _talk(env.gate)
    if not env.source.shared:
        pytest.skip("a SQLite file has no other writer")
    await env.move().run()
    talk.database = env.source

    with pytest.raises(Unavailable):
        await talk.add_users("eve")

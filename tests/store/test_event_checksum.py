"""Checksums of events: what is altered in the file is never shown as if it were true."""

from collections.abc import Callable

import pytest

from app.domain.appends import Delete, Edit, Pin, React
from app.domain.ids import EventId, event_id
from app.store import edit_history, events, messages
from app.store.checking import check
from app.store.damage import Damaged
from app.store.database import Database, DbConnection
from app.store.event_checksum import COLUMNS, checksum
from app.store.sqlite import SqliteDatabase
from tests.harness.databases import open_sqlite
from tests.store.log_env import GENERAL, LogEnv

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
async def env(database: Database) -> LogEnv:
    env = LogEnv(database)
    await env.add_users("ana", "bo")
    await env.join("ana", "bo")
    return env


def altered(seq: int, change: str) -> Callable[[DbConnection], None]:
    """What a flipped bit does: a change that no code of ours has made."""

    def work(connection: DbConnection) -> None:
        sql = f"UPDATE events SET {change} WHERE id = {event_id(GENERAL, seq)} RETURNING id"
        assert len(connection.rows(sql, {})) == 1

    return work


def whole_log(connection: DbConnection) -> object:
    return events.after(connection, GENERAL, 0, upto=events.head(connection, GENERAL), limit=99)


READS: dict[str, Callable[[DbConnection, int], object]] = {
    "log": lambda c, seq: whole_log(c),
    "newest": lambda c, seq: messages.before(c, GENERAL, None, 9),
    "after": lambda c, seq: messages.after(c, GENERAL, 0, 9),
    "around": lambda c, seq: messages.around(c, GENERAL, seq, 9),
    "one": lambda c, seq: messages.one(c, GENERAL, seq),
    "pinned": lambda c, seq: messages.pinned(c, GENERAL, None, 9),
    "found": lambda c, seq: messages.by_ids(c, [EventId(event_id(GENERAL, seq))]),
    "edits": lambda c, seq: edit_history.wordings(c, GENERAL, seq, after=0, limit=9),
}
ALTERED = {
    "text": "'hfllo'",
    "edited_text": "'hello boj'",
    "by": "2",
    "at": "at + 1024",
    "client_id": "NULL",
    "data": "'{}'",
    "edited_at": "edited_at - 1",
    "ref": "1",
    "pinned_at": "pinned_at + 1",
    "text, twice": "text || char(1)",
    "bytes": "x'00'",
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
@pytest.mark.parametrize("column", ALTERED)
async def test_an_altered_message_is_not_shown(
    env: LogEnv, column: str, read: Callable[[DbConnection, int], object]
) -> None:
    seq = await env.send("ana", "hello", client_id="1")
    await env.append(Edit, "ana", ref=seq, text="hello bo")
    await env.append(Pin, "ana", ref=seq, on=True)
    await env.read(lambda c: read(c, seq))
    name = {"text, twice": "text", "bytes": "text"}.get(column, column)
    await env.database.write(altered(seq, f"{name} = {ALTERED[column]}"))

    with pytest.raises(Damaged) as caught:
        await env.read(lambda c: read(c, seq))

    assert f"room 1, event {seq}" in caught.value.what
    assert any(f"room 1, event {seq}: is not what" in line for line in await findings(env))


async def test_the_text_of_an_edit_is_that_of_its_message(env: LogEnv) -> None:
    seq = await env.send("ana", "hello")
    edit = await env.append(Edit, "ana", ref=seq, text="hello bo")
    await env.database.write(altered(seq, "edited_text = 'hello bop'"))

    with pytest.raises(Damaged):
        await env.read(lambda c: events.after(c, GENERAL, seq, upto=edit.seq or 0, limit=9))


async def findings(env: LogEnv) -> list[str]:
    return (await env.read(check)).findings


@pytest.mark.parametrize("lost", [3, 4, 5, 6, 7], ids=str)
async def test_a_missing_event_is_not_passed_over(env: LogEnv, lost: int) -> None:
    for text in "abcd":
        await env.send("ana", text)
    delete = f"DELETE FROM events WHERE id = {event_id(GENERAL, lost)}"
    await env.database.write(lambda c: c.run(delete, {}))

    for since in (0, lost - 1):
        with pytest.raises(Damaged):
            await env.read(
                lambda c, since=since: events.after(c, GENERAL, since, upto=7, limit=99)
            )


@pytest.mark.parametrize(
    "change",
    [
        pytest.param((Edit, {"text": "new"}), id="edit"),
        pytest.param((Delete, {}), id="delete"),
        pytest.param((Pin, {"on": True}), id="pin"),
        pytest.param((React, {"emoji": "👍", "on": True}), id="react"),
    ],
)
async def test_a_change_does_not_make_an_altered_message_right(
    env: LogEnv, change: tuple[type[Edit | Delete | Pin | React], dict[str, object]]
) -> None:
    seq = await env.send("ana", "hello")
    await env.database.write(altered(seq, "text = 'hallo'"))

    with pytest.raises(Damaged):
        await env.append(change[0], "ana", ref=seq, **change[1])


async def test_deleting_does_not_make_an_altered_edit_right(env: LogEnv) -> None:
    seq = await env.send("ana", "hello")
    edit = await env.append(Edit, "ana", ref=seq, text="hello bo")
    await env.database.write(altered(edit.seq or 0, "at = at + 1"))

    with pytest.raises(Damaged):
        await env.append(Delete, "ana", ref=seq)


async def test_every_event_has_one_after_every_change(env: LogEnv) -> None:
    seq = await env.send("ana", "hello @bo", mentions=["bo"])
    await env.append(Edit, "ana", ref=seq, text="hello")
    await env.append(Pin, "ana", ref=seq, on=True)
    await env.append(Delete, "ana", ref=seq)

    sql = f"SELECT {', '.join(COLUMNS)}, checksum FROM events WHERE by IS NOT NULL"
    rows = await env.read(lambda c: c.rows(sql, {}))

    assert len(rows) == 6
    assert all(row[-1] == checksum(row[:-1]) for row in rows)


async def test_an_event_of_an_older_version_is_shown(env: LogEnv) -> None:
    seq = await env.send("ana", "hello")
    await env.database.write(altered(seq, "checksum = NULL"))

    assert await env.read(lambda c: messages.one(c, GENERAL, seq)) is not None
    assert await findings(env) == []


def test_a_checksum_is_the_same_for_ever() -> None:
    row = (4294967298, 1, "message.created", 7, 1795000000000, None, "Grüße 👋", '{"a":1}', "1")

    assert checksum((*row, None, None, None, None)) == 4288328630


async def test_writing_goes_on_beside_a_damaged_message() -> None:
    async with open_sqlite() as database:
        env = LogEnv(database)
        await env.add_users("ana")
        await env.join("ana")
        seq = await env.send("ana", "hello")
        await database.write(altered(seq, "text = 'hallo'"))
        assert isinstance(database, SqliteDatabase)

        with pytest.raises(Damaged):
            await env.append(Pin, "ana", ref=seq, on=True)

        assert database.fault == "damaged"
        assert await env.send("ana", "goes on")

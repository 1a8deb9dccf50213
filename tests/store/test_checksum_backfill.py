"""Events of older versions are given a checksum: from then on, damage to them is noticed."""

from pathlib import Path

import pytest

from app.config.database_url import DatabaseUrl
from app.domain.appends import Edit
from app.domain.errors import Unavailable
from app.domain.ids import event_id
from app.store import checksum_backfill, messages, migrations
from app.store.checking import check
from app.store.damage import Damaged
from app.store.database import Database, DbConnection
from app.store.opening import open_database
from tests.store.log_env import GENERAL, LogEnv

pytestmark = pytest.mark.sqlite_only

MESSAGES = 30
BEFORE_CHECKSUMS = "0009"


async def backfill(database: Database, limit: int = 7) -> int:
    """All of it; return in how many steps."""
    steps = 1
    while not await database.write(lambda c: checksum_backfill.advance(c, limit)):
        steps += 1
    return steps


@pytest.fixture
async def env(database: Database) -> LogEnv:
    """A log of a version that had no checksums."""
    env = LogEnv(database)
    await env.add_users("ana")
    await env.join("ana")
    for number in range(MESSAGES):
        seq = await env.send("ana", f"message {number} 👋", client_id=str(number))
    await env.append(Edit, "ana", ref=seq, text="edited")

    def as_it_was(connection: DbConnection) -> None:
        connection.run("UPDATE events SET checksum = NULL", {})
        connection.run("DELETE FROM meta WHERE key = 'checksums'", {})

    await database.write(as_it_was)
    return env


async def test_every_event_is_given_one_in_bounded_steps(env: LogEnv) -> None:
    report = await env.read(check)
    assert (report.findings, report.without_checksum) == ([], report.events)

    assert await backfill(env.database) == report.events // 7 + 1

    report = await env.read(check)
    assert (report.findings, report.without_checksum) == ([], 0)
    assert await env.database.read(checksum_backfill.is_complete)
    assert await backfill(env.database) == 1


async def test_it_goes_on_from_where_it_stopped(env: LogEnv) -> None:
    await env.database.write(lambda c: checksum_backfill.advance(c, 7))
    await env.database.write(lambda c: checksum_backfill.advance(c, 7))

    report = await env.read(check)

    assert report.without_checksum == report.events - 14


async def test_what_is_appended_meanwhile_keeps_its_own(env: LogEnv) -> None:
    await env.database.write(lambda c: checksum_backfill.advance(c, 7))
    await env.send("ana", "meanwhile")

    await backfill(env.database)

    assert (await env.read(check)).findings == []


@pytest.mark.parametrize("seq", [1, 2, 3, 17, MESSAGES + 2, MESSAGES + 3])
async def test_damage_is_noticed_after_it(env: LogEnv, seq: int) -> None:
    flip = f"UPDATE events SET at = at + 1024 WHERE id = {event_id(GENERAL, seq)}"

    def altered_then_checked(connection: DbConnection) -> list[str]:
        connection.run(flip, {})
        return check(connection).findings

    assert await env.database.write(altered_then_checked) == [], "nothing to compare it with"
    await backfill(env.database)
    found = await env.database.write(altered_then_checked)

    assert found == [
        f"room {GENERAL}, event {seq}: is not what was written (its checksum is wrong)"
    ]


@pytest.mark.parametrize(
    "text", ["CAST(x'66ff' AS TEXT)", "x'ff'"], ids=["not UTF-8", "bytes that are no text"]
)
async def test_an_event_that_no_version_has_written_is_not_made_right(
    env: LogEnv, text: str
) -> None:
    spoil = f"UPDATE events SET text = {text} WHERE id = {event_id(GENERAL, 9)}"
    await env.database.write(lambda c: c.run(spoil, {}))

    await backfill(env.database)

    with pytest.raises(Unavailable):
        await env.read(lambda c: messages.one(c, GENERAL, 9))
    assert any("event 9" in line for line in (await env.read(check)).findings)


async def test_a_new_installation_has_all(database: Database) -> None:
    assert await database.read(checksum_backfill.is_complete)
    assert (await database.read(check)).without_checksum == 0


async def test_an_old_file_is_upgraded_then_backfilled_then_damaged(tmp_path: Path) -> None:
    where = DatabaseUrl.file(tmp_path / "old.db")

    async def opened() -> None:
        async with open_database(where.kind, where.url, where.path, migrate=True) as database:
            env = LogEnv(database)
            await env.add_users("ana")
            await env.join("ana")
            for number in range(MESSAGES):
                await env.send("ana", f"message {number}")
            await database.write(lambda c: migrations.downgrade(c, BEFORE_CHECKSUMS))

    await opened()
    async with open_database(where.kind, where.url, where.path, migrate=True) as database:
        env = LogEnv(database)
        assert (await env.read(check)).without_checksum == MESSAGES + 2
        await backfill(database)
        assert (await env.read(check)).findings == []
        spoil = f"UPDATE events SET text = 'massage 3' WHERE id = {event_id(GENERAL, 6)}"
        await database.write(lambda c: c.run(spoil, {}))

        with pytest.raises(Damaged):
            await env.read(lambda c: messages.before(c, GENERAL, None, 50))

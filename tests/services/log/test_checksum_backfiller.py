"""Checksums are added while the server runs, once the file is known to be good."""

import asyncio

import pytest
import sqlalchemy as sa

from app.domain.errors import Unavailable
from app.services.log.checksum_backfiller import ChecksumBackfiller
from app.store import checksum_backfill
from app.store.database import Database, DbConnection
from tests.harness.databases import GatedDatabase
from tests.harness.patience import until
from tests.store.message_env import DEN, MessageEnv

pytestmark = pytest.mark.sqlite_only

BATCH = 10


@pytest.fixture
async def old(database: Database) -> Database:
    """A database with a log of a version that had no checksums."""
    await MessageEnv(database).fill(DEN, messages=3 * BATCH)

    def as_it_was(connection: DbConnection) -> None:
        connection.execute(sa.text("UPDATE events SET checksum = NULL"))
        connection.execute(sa.text("DELETE FROM meta WHERE key = 'checksums'"))

    await database.write(as_it_was)
    return database


async def missing(database: Database) -> int:
    return await database.read(checksum_backfill.missing)


async def test_it_runs_to_its_end(old: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "parley.checksums")

    await ChecksumBackfiller(old, batch=BATCH).run()

    assert await missing(old) == 0
    assert [r.message for r in caplog.records] == ["checksums.adding", "checksums.added"]


async def test_a_log_that_has_all_is_left_alone(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "parley.checksums")
    gated = GatedDatabase(database)

    await ChecksumBackfiller(gated).run()

    assert gated.writes == 0
    assert caplog.records == []


async def test_it_waits_for_the_check_of_the_file(old: Database) -> None:
    gated = GatedDatabase(old)
    gated.checking = True
    running = asyncio.create_task(ChecksumBackfiller(gated, batch=BATCH, delay_seconds=0).run())
    await until(lambda: gated.reads > 2, "looks")
    assert gated.writes == 0

    gated.checking = False

    await running
    assert await missing(old) == 0


async def test_nothing_is_sealed_in_a_damaged_file(
    old: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "parley.checksums")
    gated = GatedDatabase(old)
    gated.fault = "damaged"
    before = await missing(old)

    await ChecksumBackfiller(gated, batch=BATCH).run()

    assert gated.writes == 0
    assert await missing(old) == before
    assert caplog.records == []


async def test_it_ends_when_damage_is_found_meanwhile(
    old: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "parley.checksums")
    gated = GatedDatabase(old)
    running = asyncio.create_task(ChecksumBackfiller(gated, batch=BATCH).run())
    await until(lambda: gated.writes > 0, "a step")

    gated.fault = "damaged"

    await running
    assert await missing(old) > 0
    assert "checksums.added" not in [r.message for r in caplog.records]


async def test_it_waits_for_the_database(old: Database) -> None:
    gated = GatedDatabase(old)
    gated.fails_with = Unavailable()
    running = asyncio.create_task(ChecksumBackfiller(gated, batch=BATCH, delay_seconds=0).run())
    await until(lambda: gated.reads > 2, "tries")

    gated.fails_with = None

    await running
    assert await missing(old) == 0

"""PostgreSQL: transactions that cancellation can't interrupt, and which errors are outages."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.errors import Unavailable
from app.store.postgres import PostgresDatabase
from tests.harness.patience import patience, turns

pytestmark = pytest.mark.postgres_only


def run(sql: str, **parameters: Any) -> Any:
    def work(connection: sa.Connection) -> None:
        connection.execute(sa.text(sql), parameters)

    return work


def scalar(sql: str) -> Any:
    return lambda connection: connection.execute(sa.text(sql)).scalar_one()


COUNT = scalar("SELECT count(*) FROM meta")
INSERT = "INSERT INTO meta (key, value) VALUES (:key, 'x')"


async def test_a_cancelled_write_is_completed_and_leaves_no_lock(
    database: PostgresDatabase, postgres: str
) -> None:
    before = await database.read(COUNT)
    other = PostgresDatabase(postgres)

    for n in range(20):
        writing = asyncio.create_task(other.write(run(INSERT, key=f"note {n}")))
        await turns(n)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)

    async with patience("another write", 3):
        await other.write(run(INSERT, key="after"))
    await other.close()
    assert before < await database.read(COUNT) <= before + 21


async def test_reads_are_snapshots_and_can_not_write(database: PostgresDatabase) -> None:
    with pytest.raises(Unavailable):
        await database.read(run(INSERT, key="note"))
    assert await database.read(scalar("SHOW transaction_isolation")) == "repeatable read"
    assert await database.write(scalar("SHOW transaction_isolation")) == "read committed"


@pytest.mark.parametrize(
    "work",
    [
        pytest.param(run(INSERT, key="epoch"), id="a key that is there"),
        pytest.param(run("INSERT INTO meta (key) VALUES ('x')"), id="null where none may be"),
        pytest.param(run(INSERT, key="a\0b"), id="NUL"),
        pytest.param(run(INSERT, key="\ud800"), id="a lone surrogate"),
        pytest.param(run("SELECT CAST(:n AS bigint)", n=2**70), id="a number too large"),
    ],
)
async def test_a_refused_row_is_no_outage(database: PostgresDatabase, work: Any) -> None:
    with pytest.raises((sa.exc.DBAPIError, UnicodeEncodeError)):
        await database.write(work)


async def test_a_lost_connection_is_unavailable_and_replaced(
    database: PostgresDatabase,
) -> None:
    with pytest.raises(Unavailable):
        await database.write(run("SELECT pg_terminate_backend(pg_backend_pid())"))

    assert await database.read(COUNT)


@pytest.mark.parametrize(
    "sql",
    ["SET LOCAL statement_timeout = 10; SELECT pg_sleep(5)", "SELECT nothing"],
    ids=["too slow", "a statement that is wrong"],
)
async def test_a_statement_that_fails_is_unavailable(database: PostgresDatabase, sql: str) -> None:
    def work(connection: sa.Connection) -> None:
        for statement in sql.split(";"):
            connection.execute(sa.text(statement))

    with pytest.raises(Unavailable):
        await database.write(work)
    assert await database.read(COUNT)


async def test_an_unreachable_server_is_unavailable() -> None:
    nowhere = PostgresDatabase("postgresql://someone@127.0.0.1:1/nothing")

    with pytest.raises(Unavailable):
        await nowhere.read(COUNT)
    await nowhere.close()


async def test_no_connection_is_opened_after_closing(
    database: PostgresDatabase, postgres: str
) -> None:
    other = PostgresDatabase(postgres)
    reading = asyncio.create_task(other.read(COUNT))
    await turns()

    async def read_again() -> None:
        await reading
        await other.read(COUNT)

    following = asyncio.create_task(read_again())
    await other.close()

    with pytest.raises(Unavailable):
        await following

"""PostgreSQL: transactions that cancellation can't interrupt, and which errors are outages."""

import asyncio
import threading
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.appends import Send
from app.domain.errors import Unavailable
from app.domain.ids import NOWHERE, RoomId
from app.domain.roles import Kind
from app.domain.server_limits import POSTGRES_READERS
from app.services.log.batch_transaction import commit
from app.store import message_loader
from app.store.database import DbConnection, Threads
from app.store.errors import StoreError
from app.store.opening import open_database
from app.store.postgres import PostgresDatabase
from tests.harness.patience import patience, turns, until
from tests.harness.postgres_proxy import postgres_proxy
from tests.store.log_env import LogEnv

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


async def test_a_batch_that_wrote_nothing_waits_for_no_disk(database: PostgresDatabase) -> None:
    """COMMIT would: a row lock gives a transaction an id, also where nothing is found to do."""
    env = LogEnv(database)
    await env.add_users("ana", "eve")
    den = await env.create_room("den", Kind.PRIVATE)

    async def status(by: str, room: RoomId) -> str | None:
        """How the transaction of a message ended; None if it had no id."""

        def work(connection: DbConnection) -> str | None:
            commit(connection, [Send(room=room, by=env.users[by], at=env.now, text="hi")])
            [(number,)] = connection.rows("SELECT pg_current_xact_id_if_assigned()::text", {})
            return number

        if (number := await database.write_log(work)) is None:
            return None
        status: str = await database.read(scalar(f"SELECT pg_xact_status('{number}'::xid8)"))
        return status

    assert await status("ana", den) == "committed"
    assert await status("eve", den) == "aborted"
    assert await status("eve", NOWHERE) is None


async def test_a_write_of_any_kind_is_committed(database: PostgresDatabase) -> None:
    def write(how: str) -> Any:
        sql = f"INSERT INTO meta (key, value) VALUES ('{how}', 'x')"
        return {
            "run": lambda c: c.run(sql, {}),
            "insert": lambda c: c.insert(
                "meta", (("key", "text"), ("value", "text")), [(how, "x")]
            ),
            "execute": lambda c: c.execute(sa.text(sql)),
            "sqlalchemy": lambda c: c.sqlalchemy.execute(sa.text(sql)),
        }[how]

    for how in ("run", "insert", "execute", "sqlalchemy"):
        await database.write(write(how))
        assert await database.read(scalar(f"SELECT count(*) FROM meta WHERE key = '{how}'")) == 1


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


# Nobody waits for ever


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "5s"),
        ("statement_timeout", "15s"),
    ],
)
async def test_waits_are_limited_on_the_server(
    database: PostgresDatabase, name: str, value: str
) -> None:
    show = scalar(f"SHOW {name}")

    assert await database.read(show) == value
    assert await database.write(show) == value
    # The other rooms wait with the committer.
    assert await database.write_log(show) == ("200ms" if name == "lock_timeout" else value)


async def test_a_server_that_hangs_is_unavailable_and_then_used_again(
    database: PostgresDatabase, postgres: str
) -> None:
    with postgres_proxy(postgres) as proxy:
        distant = PostgresDatabase(proxy.url, transaction_seconds=0.3)
        await distant.read(COUNT)

        proxy.passes.clear()
        for transaction in (distant.read, distant.write, distant.write_log):
            async with patience("a transaction's limit", 8):
                with pytest.raises(Unavailable):
                    await transaction(COUNT)
        assert distant.fault == "too slow"
        proxy.cut()
        proxy.passes.set()

        assert await distant.read(COUNT)
        assert distant.fault is None
        await distant.close()


async def test_a_connection_that_was_closed_meanwhile_fails_no_transaction(
    database: PostgresDatabase, postgres: str
) -> None:
    other = PostgresDatabase(postgres)
    pid = await other.write_log(scalar("SELECT pg_backend_pid()"))

    await database.write(run("SELECT pg_terminate_backend(:pid, 5000)", pid=pid))

    assert await other.write_log(scalar("SELECT pg_backend_pid()")) != pid
    await other.close()


# What is needed of the server


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("synchronous_commit=off", "synchronous_commit is off"),
        ("default_transaction_read_only=on", "default_transaction_read_only is on"),
    ],
)
async def test_a_server_that_can_not_keep_the_promises_is_refused(
    postgres: str, option: str, sentence: str
) -> None:
    url = f"{postgres}?options=-c%20{option.replace('=', '%3D')}"

    with pytest.raises(StoreError, match=sentence):
        async with open_database("postgresql", url, None, migrate=False):
            pytest.fail("It opened.")


async def test_a_parameter_that_libpq_does_not_know_is_refused(postgres: str) -> None:
    with pytest.raises(StoreError, match="invalid URI query parameter"):
        async with open_database("postgresql", f"{postgres}?foo=1", None, migrate=False):
            pytest.fail("It opened.")


async def test_client_ids_are_looked_up_by_key_whatever_the_statistics_say(
    database: PostgresDatabase,
) -> None:
    await database.write(run("DELETE FROM events WHERE client_id IS NOT NULL"))
    await database.write(run("ANALYZE events"))
    await database.write(
        run(
            "INSERT INTO events (id, room_id, type, by, at, client_id)"
            " SELECT (1::bigint << 32) + n, 1, 'message.created', 1, 0, 'c' || n"
            " FROM generate_series(100, 20000) AS n"
        )
    )

    def plan(connection: Any) -> list[str]:
        sql = message_loader._CLIENT_IDS._sql_for(connection)
        connection.execute(sa.text("SET LOCAL plan_cache_mode = force_generic_plan"))
        connection.execute(sa.text(f"PREPARE look AS {sql.replace(':keys', '$1')}"))
        found = connection.execute(sa.text("""EXPLAIN EXECUTE look('[[1, 1, "c1"]]')"""))
        return [line for (line,) in found]

    conditions = [line for line in await database.write_log(plan) if "Index Cond" in line]

    assert len(conditions) == 1
    assert all(name in conditions[0] for name in ("room_id", "by", "client_id"))


# A process that has to end


@pytest.mark.parametrize("connected", [True, False])
async def test_an_interrupted_database_fails_everything_and_closes(
    database: PostgresDatabase, postgres: str, connected: bool
) -> None:
    with postgres_proxy(postgres) as proxy:
        distant = PostgresDatabase(proxy.url)
        if connected:
            await asyncio.gather(distant.read(COUNT), distant.write_log(COUNT))
        proxy.passes.clear()
        # A thread of each kind waits for the server, and a call waits for its turn.
        calls = (distant.read, distant.write, distant.write_log, distant.write_log)
        waiting = [asyncio.create_task(call(COUNT)) for call in calls]
        await until(lambda: proxy.held >= 3, "the transactions to be held")

        distant.interrupt()

        async with patience("the end of everything", 3):
            results = await asyncio.gather(*waiting, return_exceptions=True)
            with pytest.raises(Unavailable):
                await distant.read(COUNT)
            await distant.close()
        assert [type(result) for result in results] == [Unavailable] * 4
        assert distant.closed


# Its load


async def test_busy_threads_open_connections_and_waiting_transactions_are_seen(
    database: PostgresDatabase,
) -> None:
    go_on = threading.Event()

    def held(connection: Any) -> None:
        go_on.wait()

    def readers() -> Threads:
        [found] = [threads for threads in database.load.threads if threads.name == "read"]
        return found

    reads = [asyncio.ensure_future(database.read(held)) for _ in range(POSTGRES_READERS + 2)]
    await until(lambda: readers().connections == POSTGRES_READERS, "all to be connected")
    busy = readers()
    go_on.set()
    await asyncio.gather(*reads)
    idle = readers()

    assert (busy.count, busy.running, busy.waiting) == (POSTGRES_READERS, POSTGRES_READERS, 2)
    assert (idle.running, idle.waiting) == (0, 0)

"""A batch with a row that the database refuses: every other append has its own result."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest

from app.domain.appends import Append, Committed, Send
from app.domain.errors import Internal, Unavailable
from app.domain.ids import RoomId
from app.realtime.fanout import Fanout
from app.services.log.batch_writer import BatchWriter
from app.services.log.read_receipt_buffer import ReadReceiptBuffer
from app.store.database import Database
from app.store.postgres import PostgresDatabase
from tests.harness.databases import GatedDatabase
from tests.harness.postgres_proxy import PostgresProxy, postgres_proxy
from tests.store.log_env import GENERAL, LogEnv

REFUSED = "no text \ud800"


@pytest.fixture
async def env(database: Database) -> LogEnv:
    env = LogEnv(database)
    await env.add_users("ana")
    await env.join("ana")
    return env


@pytest.fixture
def proxy(postgres: str) -> Iterator[PostgresProxy]:
    with postgres_proxy(postgres) as proxy:
        yield proxy


def sends(env: LogEnv, *texts: str, room: RoomId = GENERAL) -> list[Append]:
    ana = env.users["ana"]
    return [Send(room=room, by=ana, at=env.now, text=text, client_id=text) for text in texts]


async def write(database: Any, appends: Sequence[Append]) -> list[type]:
    """Write a batch; return the type of each result."""
    writer = BatchWriter(database, receipts=ReadReceiptBuffer(), pacing=Fanout())
    result = await writer.write(appends, ())
    return [type(outcome) for outcome in result.outcomes]


async def stored(env: LogEnv) -> list[str]:
    sql = "SELECT text FROM events WHERE client_id IS NOT NULL ORDER BY id"
    return [text for (text,) in await env.read(lambda c: list(c.rows(sql, {})))]


async def test_the_others_are_committed(env: LogEnv) -> None:
    outcomes = await write(env.database, sends(env, "one", REFUSED, "three"))

    assert outcomes == [Committed, Internal, Committed]
    assert await stored(env) == ["one", "three"]


@pytest.mark.postgres_only
async def test_a_connection_that_is_lost_at_the_commit_of_one_is_read_back(
    env: LogEnv, proxy: PostgresProxy
) -> None:
    def cuts(message: bytes) -> bool:
        if is_first := b"\0COMMIT\0" in message:
            proxy.cuts = lambda message: False
        return is_first

    proxy.cuts = cuts
    distant = PostgresDatabase(proxy.url)
    try:
        outcomes = await write(distant, sends(env, "one", REFUSED, "three"))
    finally:
        await distant.close()

    # Where the cut came before the server had all of the transaction, it has not the message.
    first = Committed if "one" in await stored(env) else Unavailable
    assert outcomes == [first, Internal, Committed]


@pytest.mark.postgres_only
async def test_a_room_that_is_locked_elsewhere_is_waited_for_once(
    env: LogEnv, postgres: str
) -> None:
    den = await env.create_room("den")
    batch = sends(env, "one", "two", "three", "four", room=den) + sends(env, REFUSED, "six")
    gated = GatedDatabase(env.database)

    with psycopg.connect(postgres) as shell:
        shell.execute("SELECT 1 FROM rooms WHERE name = 'den' FOR UPDATE")
        outcomes = await write(gated, batch)

    assert outcomes == [Unavailable] * 4 + [Internal, Committed]
    assert gated.batches == 1 + 1 + 2


class GoneDatabase:
    """It refuses a row, and then it is gone."""

    shared = True
    calls = 0

    async def write_log(self, work: Any, **_: Any) -> Any:
        self.calls += 1
        raise ValueError if self.calls == 1 else Unavailable


async def test_a_database_that_is_gone_is_asked_once(env: LogEnv) -> None:
    database = GoneDatabase()

    assert await write(database, sends(env, "one", "two", "three")) == [Unavailable] * 3
    assert database.calls == 2

"""A row that somebody else has locked on PostgreSQL stops its own room, and no other."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from app.domain.appends import Join, Send
from app.domain.errors import Unavailable
from app.store.database import Database
from app.store.postgres import PostgresDatabase
from tests.harness.patience import until
from tests.harness.postgres_proxy import PostgresProxy, postgres_proxy
from tests.harness.server import Server, open_server

pytestmark = pytest.mark.postgres_only


@pytest.fixture
async def server(database: Database) -> AsyncIterator[Server]:
    """Ana is a member of ``general`` and owns ``den``."""
    async with open_server(database, limits={"log": {"locked_room_seconds": 0.5}}) as server:
        await server.append(Join, "general", by="ana")
        await server.room("den", owner="ana")
        yield server


@contextmanager
def locked(postgres: str, sql: str) -> Iterator[None]:
    """A transaction in a shell that somebody has forgotten."""
    import psycopg

    with psycopg.connect(postgres) as shell:
        shell.execute(sql)  # type: ignore[arg-type]
        yield
        shell.rollback()


async def sends(server: Server, room: str, text: str, *, id: str | None = None) -> int:
    """Ana sends a message; its seq."""
    append = Send(
        room=server.room_id(room),
        by=server.user_id("ana"),
        at=server.clock(),
        text=text,
        client_id=id,
    )
    seq = (await server.runtime.log.committer.append(append)).seq
    assert seq is not None
    return seq


LOCKS = {
    "the room": "SELECT 1 FROM rooms WHERE name = 'den' FOR UPDATE",
    "the number of the next event": "INSERT INTO events (id, room_id, type, at)"
    " SELECT (id << 32) + head + 1, id, 'x', 0 FROM rooms WHERE name = 'den'",
}


@pytest.mark.parametrize("lock", LOCKS)
async def test_a_locked_room_stops_no_other(server: Server, postgres: str, lock: str) -> None:
    committer = server.runtime.log.committer
    with locked(postgres, LOCKS[lock]):
        waiting = asyncio.create_task(sends(server, "den", "one"))
        await until(lambda: committer.locked_rooms or waiting.done(), "the lock is noticed")
        others = [await sends(server, "general", f"{n}") for n in range(3)]

        assert not waiting.done()
        assert others == list(range(others[0], others[0] + 3))
    assert await waiting
    assert committer.locked_rooms == 0


async def test_appends_to_a_locked_room_keep_their_order(server: Server, postgres: str) -> None:
    committer = server.runtime.log.committer
    with locked(postgres, LOCKS["the room"]):
        waiting = [asyncio.create_task(sends(server, "den", f"{n}")) for n in range(2)]
        await until(lambda: committer.locked_rooms, "the lock is noticed")
        waiting += [asyncio.create_task(sends(server, "den", f"{n}")) for n in range(2, 5)]
        await sends(server, "general", "meanwhile")

    seqs = await asyncio.gather(*waiting)
    assert seqs == list(range(seqs[0], seqs[0] + 5))


async def test_after_its_time_an_append_is_unavailable_and_ready_has_counted_it(
    server: Server, postgres: str
) -> None:
    with locked(postgres, LOCKS["the room"]):
        waiting = asyncio.create_task(sends(server, "den", "one"))
        await until(lambda: server.runtime.log.committer.locked_rooms, "the lock is noticed")
        ready = await server.client.get("/ready")

        with pytest.raises(Unavailable):
            await waiting

    assert (ready.status_code, ready.json()["locked_rooms"]) == (200, "1")
    assert "locked_rooms" not in (await server.client.get("/ready")).json()
    assert await sends(server, "den", "two")


@pytest.fixture
def proxy(postgres: str) -> Iterator[PostgresProxy]:
    with postgres_proxy(postgres) as proxy:
        yield proxy


def cut_once(proxy: PostgresProxy, sent: bytes) -> None:
    """Cut the connection once, when a client has sent this."""

    def cuts(message: bytes) -> bool:
        if sent in message:
            proxy.cuts = lambda message: False
            return True
        return False

    proxy.cuts = cuts


async def test_a_connection_lost_at_commit_loses_and_doubles_nothing(
    database: Database, proxy: PostgresProxy
) -> None:
    distant = PostgresDatabase(proxy.url)
    async with open_server(distant) as server:
        await server.append(Join, "general", by="ana")
        first = await sends(server, "general", "0")
        seqs, answered = [], 0
        for n in range(20):
            # The text is in the round trip that ends with COMMIT: the server commits it, or not.
            cut_once(proxy, f"message {n}".encode())
            try:
                seqs.append(await sends(server, "general", f"message {n}", id=f"id {n}"))
                answered += 1
            except Unavailable:
                seqs.append(await sends(server, "general", f"message {n}", id=f"id {n}"))

    # Most had reached the server with their COMMIT, and were found there.
    assert answered > 0
    assert seqs == list(range(first + 1, first + 21))
    await distant.close()


async def test_a_retry_in_a_batch_lost_at_commit_is_a_duplicate(
    database: Database, proxy: PostgresProxy
) -> None:
    distant = PostgresDatabase(proxy.url)
    async with open_server(distant) as server:
        await server.append(Join, "general", by="ana")
        append = Send(
            room=server.room_id("general"),
            by=server.user_id("ana"),
            at=server.clock(),
            text="lost at COMMIT",
            client_id="id",
        )
        committer = server.runtime.log.committer
        cut_once(proxy, b"lost at COMMIT")

        # Submitted in the same turn: one batch.
        first, retry = await asyncio.gather(committer.append(append), committer.append(append))

    assert (first.seq, first.duplicate) == (retry.seq, False)
    assert retry.duplicate
    await distant.close()

"""PostgreSQL may be a millisecond away: how often a transaction waits for it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from app.domain.appends import (
    Append,
    Ban,
    CreateRoom,
    Delete,
    Edit,
    OpenDirect,
    Pin,
    React,
    Send,
)
from app.domain.roles import Kind
from app.domain.working_set import NO_ROOM
from app.services.log.batch_transaction import commit
from app.store.database import Database
from app.store.postgres import PostgresDatabase
from tests.harness.postgres_proxy import PostgresProxy, postgres_proxy
from tests.store.log_env import GENERAL, LogEnv

pytestmark = pytest.mark.postgres_only


@pytest.fixture
def proxy(postgres: str) -> Iterator[PostgresProxy]:
    with postgres_proxy(postgres) as proxy:
        yield proxy


@pytest.fixture
async def env(database: Database, proxy: PostgresProxy) -> AsyncIterator[LogEnv]:
    """A room with two members and a message, and connections that have been opened."""
    distant = PostgresDatabase(proxy.url)
    env = LogEnv(distant)
    await env.add_users("ana", "bo")
    await env.join("ana", "bo")
    await env.send("ana", "first")
    await distant.write_log(lambda c: commit(c, []))
    yield env
    await distant.close()


async def trips(env: LogEnv, proxy: PostgresProxy, appends: list[Append]) -> int:
    before = proxy.round_trips
    result = await env.database.write_log(lambda c: commit(c, appends))
    assert len(result.outcomes) == len(appends)
    return proxy.round_trips - before


async def test_a_batch_of_messages_is_two(env: LogEnv, proxy: PostgresProxy) -> None:
    ana, bo = env.users["ana"], env.users["bo"]

    def send(n: int, **fields: Any) -> Send:
        return Send(room=GENERAL, by=bo if n % 2 else ana, at=env.now, client_id=f"c{n}", **fields)

    one: list[Append] = [send(0, text="hello")]
    many: list[Append] = [send(n, text=f"{n} @ana", mentions=["ana"]) for n in range(1, 70)]

    assert await trips(env, proxy, one) == 2
    assert await trips(env, proxy, many) == 2
    assert await trips(env, proxy, many) == 2


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Edit, {"ref": 4, "text": "@bo", "mentions": ["bo"]}),
        (React, {"ref": 4, "emoji": "👍", "on": True}),
        (Pin, {"ref": 4, "on": True}),
        (Delete, {"ref": 4}),
        (Ban, {"user": 2, "on": True}),
        (CreateRoom, {"room": NO_ROOM, "name": "den", "title": "", "kind": Kind.PRIVATE}),
        (OpenDirect, {"room": NO_ROOM, "name": "dm", "user": 2}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
async def test_any_other_batch_is_at_most_three(
    env: LogEnv, proxy: PostgresProxy, kind: type[Append], fields: dict[str, Any]
) -> None:
    append = kind(**{"room": GENERAL, "by": env.users["ana"], "at": env.now, **fields})

    assert await trips(env, proxy, [append]) <= 3


async def test_a_message_in_a_direct_room_is_three(env: LogEnv, proxy: PostgresProxy) -> None:
    made = await env.append(OpenDirect, "ana", NO_ROOM, user=env.users["bo"], name="dm-1")
    send = Send(room=made.room, by=env.users["bo"], at=env.now, text="hello @ana")

    assert await trips(env, proxy, [send]) == 3

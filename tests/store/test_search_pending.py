"""What nodes that share a database index for search while others write."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.domain.appends import Delete, Edit
from app.domain.ids import event_id
from app.domain.words import phrases
from app.services.messages.shared_search_indexer import SharedSearchIndexer
from app.store import retention, search, search_pending
from app.store.checking import check
from app.store.database import Database, DbConnection
from app.store.postgres import PostgresDatabase
from tests.harness.patience import patience, until
from tests.store.log_env import GENERAL, LogEnv, index_messages

pytestmark = pytest.mark.postgres_only


@pytest.fixture
async def env(database: Database) -> LogEnv:
    env = LogEnv(database)
    await env.add_users("ana", "bo")
    await env.join("ana", "bo")
    await index_messages(database)
    return env


async def find(env: LogEnv, word: str) -> list[int]:
    """The numbers of the messages that are indexed by a word, newest first."""
    scope = search.Scope(rooms=[GENERAL], public=False, excluded=[], by=None)
    found = await env.database.read(
        lambda c: search.find(c, phrases(word), scope, before=None, limit=9)
    )
    return [event & 0xFFFFFFFF for event in found]


async def index(env: LogEnv, *, wait: bool = True) -> bool:
    return await env.database.write(lambda c: search_pending.index_next(c, 100, wait=wait))


@asynccontextmanager
async def held_pass(env: LogEnv) -> AsyncIterator[None]:
    """A pass of another node, which has indexed what there is and commits after the block."""
    indexed, release = threading.Event(), threading.Event()

    def work(connection: DbConnection) -> None:
        search_pending.index_next(connection, 100, wait=True)
        connection.sqlalchemy  # noqa: B018 - sends what is queued
        indexed.set()
        release.wait()

    task = asyncio.create_task(env.database.write(work))
    try:
        await until(indexed.is_set, "the pass")
        yield
    finally:
        release.set()
        await task


async def test_a_message_is_indexed_after_its_commit(env: LogEnv) -> None:
    sent = await env.send("ana", "plum")
    assert await find(env, "plum") == []

    assert not await index(env)

    assert await find(env, "plum") == [sent]
    assert await env.database.read(search_pending.is_empty)


async def test_an_edit_while_its_message_is_indexed_is_indexed_next(env: LogEnv) -> None:
    sent = await env.send("ana", "plum")

    async with held_pass(env):
        await env.append(Edit, "ana", ref=sent, text="pear")
    assert await find(env, "plum") == [sent]
    await index(env)

    assert await find(env, "plum") == []
    assert await find(env, "pear") == [sent]
    assert await env.database.read(search_pending.is_empty)


async def test_a_deletion_while_its_message_is_indexed_is_indexed_next(env: LogEnv) -> None:
    sent = await env.send("ana", "plum")

    async with held_pass(env):
        await env.append(Delete, "ana", ref=sent)
    await index(env)

    assert await find(env, "plum") == []


async def test_an_edit_before_its_message_is_indexed_is_indexed_with_it(env: LogEnv) -> None:
    sent = await env.send("ana", "plum")
    await env.append(Edit, "ana", ref=sent, text="pear")

    await index(env)

    assert (await find(env, "plum"), await find(env, "pear")) == ([], [sent])


async def test_an_edit_of_an_indexed_message_waits_for_no_pass(env: LogEnv) -> None:
    sent = await env.send("ana", "plum")
    await index(env)

    await env.append(Edit, "ana", ref=sent, text="pear")

    assert (await find(env, "plum"), await find(env, "pear")) == ([], [sent])
    assert await env.database.read(search_pending.is_empty)


async def test_what_is_removed_while_it_is_indexed_leaves_no_document(env: LogEnv) -> None:
    await env.send("ana", "plum")
    await env.database.write(lambda c: retention.set_limits(c, GENERAL, days=None, events=1))

    async with held_pass(env):
        await env.send("ana", "pear")
        await env.database.write(lambda c: retention.remove_oldest(c, GENERAL, env.now, 99))
    await index_messages(env.database)

    assert await find(env, "plum") == []
    assert (await env.database.read(check)).findings == []


async def test_one_node_indexes_at_a_time_and_each_message_once(env: LogEnv) -> None:
    first = await env.send("ana", "plum")

    async with held_pass(env):
        second = await env.send("bo", "plum too")
        assert not await index(env, wait=False)
        assert await find(env, "plum") == []
        waiting = asyncio.create_task(index(env))
    await waiting

    assert await find(env, "plum") == [second, first]


async def test_what_a_node_has_not_indexed_is_indexed_by_another(
    env: LogEnv, postgres: str
) -> None:
    sent = await env.send("ana", "plum")
    other = PostgresDatabase(postgres)
    try:
        await SharedSearchIndexer(other).catch_up()
    finally:
        await other.close()

    assert await find(env, "plum") == [sent]


async def test_a_pass_that_fails_is_repeated(env: LogEnv) -> None:
    sent = await env.send("ana", "plum")

    def fail(connection: DbConnection) -> None:
        search_pending.index_next(connection, 100, wait=True)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await env.database.write(fail)
    await index(env)

    assert await find(env, "plum") == [sent]


async def test_a_document_that_is_locked_is_left_for_later(env: LogEnv) -> None:
    sent = await env.send("ana", "plum")
    async with held_pass(env):
        await env.append(Edit, "ana", ref=sent, text="pear")
    locked, release = threading.Event(), threading.Event()

    def lock(connection: DbConnection) -> None:
        key = {"event": event_id(GENERAL, sent)}
        list(
            connection.rows(
                "SELECT 1 FROM search_documents WHERE event_id = :event FOR UPDATE", key
            )
        )
        locked.set()
        release.wait()

    shell = asyncio.create_task(env.database.write(lock))
    await until(locked.is_set, "the lock")
    other = await env.send("bo", "fig")
    async with patience("a pass that waits for no lock"):
        await index(env)
    assert (await find(env, "fig"), await find(env, "pear")) == ([other], [])
    release.set()
    await shell
    await index(env)

    assert await find(env, "pear") == [sent]
    assert await env.database.read(search_pending.is_empty)

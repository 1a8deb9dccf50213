"""What nodes store of who is present on them: its encoding, and the contract of each store."""

from collections.abc import AsyncIterator

import pytest

from app.broker.presence import NodeState, PresenceStore, Users, decode, encode
from app.broker.redis_presence import RedisPresence
from app.domain.errors import Unavailable
from app.domain.ids import RoomId, UserId
from app.domain.views import Present
from app.realtime.presence_table import PresenceTable
from app.store.database import Database
from tests.harness.redis_server import RedisServer

ONE, TWO = RoomId(1), RoomId(2)
ANA: Users = {UserId(1): Present("ana", "Ána")}


@pytest.fixture
def table(database: Database) -> PresenceStore:
    return PresenceTable(database)


@pytest.fixture
def redis_hashes(redis: RedisServer) -> PresenceStore:
    return RedisPresence(redis.url, "parley:test")


@pytest.fixture(params=["table", "redis_hashes"])
def made(request: pytest.FixtureRequest) -> PresenceStore:
    """Each store; the table on SQLite too, which is quick."""
    found: PresenceStore = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def store(made: PresenceStore) -> AsyncIterator[PresenceStore]:
    yield made
    await made.close()


async def states(store: PresenceStore) -> dict[str, int]:
    return {state.node: state.version for state in await store.nodes()}


async def test_what_a_node_writes_others_read(store: PresenceStore) -> None:
    await store.replace("aa", {ONE: b"[1]", TWO: b"[2]"}, version=1, seconds=60)
    await store.replace("bb", {ONE: b"[3]"}, version=1, seconds=60)

    assert await store.write("aa", {ONE: None, TWO: b"[4]"}, after=1, version=2, seconds=60)

    assert await states(store) == {"aa": 2, "bb": 1}
    assert await store.rooms("aa") == {TWO: b"[4]"}
    assert await store.rooms("bb", {ONE, TWO}) == {ONE: b"[3]"}
    assert await store.rooms("cc") == {}


async def test_a_node_that_is_not_refreshed_expires(store: PresenceStore) -> None:
    await store.replace("aa", {}, version=1, seconds=60)
    await store.replace("bb", {ONE: b"[1]"}, version=1, seconds=60)

    assert await store.write("aa", {}, after=1, version=1, seconds=30)
    assert await store.write("bb", {}, after=1, version=1, seconds=0.001)

    found: list[NodeState] = []

    while len(found) != 1:
        found = await store.nodes()
    assert found[0].node == "aa"
    assert 0 < found[0].seconds <= 30


async def test_what_the_store_has_lost_is_written_as_a_whole(store: PresenceStore) -> None:
    assert not await store.write("aa", {ONE: b"[1]"}, after=1, version=2, seconds=60)
    assert await states(store) == {}
    await store.replace("aa", {ONE: b"[1]", TWO: b"[1]"}, version=1, seconds=60)
    assert not await store.write("aa", {ONE: b"[2]"}, after=2, version=3, seconds=60)

    await store.replace("aa", {TWO: b"[2]"}, version=4, seconds=60)

    assert await states(store) == {"aa": 4}
    assert await store.rooms("aa") == {TWO: b"[2]"}


async def test_garbage_in_redis_is_ignored(redis: RedisServer) -> None:
    store = RedisPresence(redis.url, "parley:test")
    await store.replace("aa", {ONE: b"[1]"}, version=1, seconds=60)
    await redis.asks("SADD", "parley:test:nodes", "b b", "cc", "dd")
    await redis.asks("SET", "parley:test:node:cc", "no hash")
    await redis.asks("HSET", "parley:test:node:dd", "version", "x")
    await redis.asks("HSET", "parley:test:node:aa", "x", "[1]")

    assert await states(store) == {"aa": 1}
    assert await store.rooms("aa") == {ONE: b"[1]"}
    assert await redis.asks("SCARD", "parley:test:nodes") == b":1\r\n"
    with pytest.raises(Unavailable):
        await store.rooms("cc")
    await store.close()


async def test_a_redis_that_is_gone_is_unavailable_until_it_is_back(redis: RedisServer) -> None:
    store = RedisPresence(redis.url, "parley:test")
    await store.replace("aa", {}, version=1, seconds=60)
    redis.stop()

    with pytest.raises(Unavailable):
        await store.nodes()
    await redis.start()

    assert await states(store) == {}
    await store.close()


@pytest.mark.postgres_only
async def test_the_tables_are_unlogged(database: Database) -> None:
    found = await database.read(
        lambda c: c.rows(
            "SELECT relname, relpersistence FROM pg_class"
            " WHERE relname IN ('nodes', 'node_presence') ORDER BY relname",
            {},
        )
    )

    assert [tuple(row) for row in found] == [("node_presence", "u"), ("nodes", "u")]


def test_users_are_named_if_they_are_few() -> None:
    many: Users = {UserId(user): Present("x", "X") for user in range(1, 202)}

    assert encode({}) is None
    assert decode(encode(ANA) or b"") == ANA
    assert decode(encode({UserId(1): None}) or b"") == {UserId(1): None}
    assert decode(encode(many) or b"") == dict.fromkeys(many)
    assert decode(encode(dict.fromkeys(map(UserId, range(1, 30_000)))) or b"") is not None


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{}",
        b"[",
        b"[0]",
        b"[true]",
        b'["1"]',
        b"[[1,2,3]]",
        b'[[1,"ana"]]',
        b'[[1,"","Ana"]]',
        b'[[1,"ana","%b"]]' % (b"x" * 65),
        b"[%b]" % b",".join([b"1"] * 20_001),
        b" " * 300_000 + b"[1]",
    ],
)
def test_what_is_no_list_of_users_is_none(value: bytes) -> None:
    assert decode(value) is None

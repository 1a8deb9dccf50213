"""Questions that are answered together: log-ins, rooms, standings, memberships."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from app.domain.errors import RoomNotFound, Unavailable
from app.domain.ids import RoomId
from app.domain.roles import Role
from app.services.rooms.room_directory import RoomDirectory
from app.store.batch_loader import BatchLoader, Loader
from app.store.database import DbConnection
from tests.harness.databases import GatedDatabase
from tests.harness.patience import until
from tests.harness.server import Server, open_server


class Doubles:
    """Doubles numbers, and remembers what it was asked."""

    def __init__(self, batch_loader: BatchLoader) -> None:
        self.asked: list[list[int]] = []
        self.together: Loader[int, int] = Loader(batch_loader, self.load)

    def load(self, _connection: DbConnection, keys: Sequence[int]) -> Mapping[int, int]:
        self.asked.append(sorted(keys))
        return {key: 2 * key for key in keys if key >= 0}


async def test_all_who_ask_at_once_are_answered_by_one_read(gated: GatedDatabase) -> None:
    batch_loader = BatchLoader(gated)
    some, others = Doubles(batch_loader), Doubles(batch_loader)

    with gated.holding_reads() as gate:
        lone = some.together.get(0)
        await until(lambda: gate.waiting, "the first read")
        asked = [some.together.get(n) for n in (1, 2, 1, -3)] + [others.together.get(5)]
        await asyncio.sleep(0)

    assert await lone == 0
    assert await asyncio.gather(*asked) == [2, 4, 2, None, 10]
    assert some.asked == [[0], [-3, 1, 2]]
    assert others.asked == [[5]]
    assert gated.reads == 2


@pytest.mark.parametrize(
    ("seconds", "first"),
    [
        pytest.param(60.0, [0, 1, 2, 3, 4], id="share a read"),
        pytest.param(0.0, [0], id="are not waited for beyond that"),
    ],
)
async def test_those_who_ask_in_the_turns_that_follow(
    gated: GatedDatabase, seconds: float, first: list[int]
) -> None:
    doubles = Doubles(BatchLoader(gated, gather_seconds=seconds))

    asked = []
    for n in range(5):
        asked.append(doubles.together.get(n))
        await asyncio.sleep(0)

    assert await asyncio.gather(*asked) == [0, 2, 4, 6, 8]
    assert doubles.asked[0] == first


async def test_one_who_goes_away_disturbs_nobody(gated: GatedDatabase) -> None:
    doubles = Doubles(BatchLoader(gated))

    with gated.holding_reads() as gate:
        first, second = doubles.together.get(1), doubles.together.get(1)
        await until(lambda: gate.waiting, "the read")
        first.cancel()

    assert await second == 2


async def test_all_hear_of_a_failure_and_the_next_is_asked_anew(gated: GatedDatabase) -> None:
    doubles = Doubles(BatchLoader(gated))
    gated.fails_with = Unavailable()

    for answer in [doubles.together.get(n) for n in (1, 2)]:
        with pytest.raises(Unavailable):
            await answer
    gated.fails_with = None

    assert await doubles.together.get(1) == 2


async def test_a_room_is_looked_up_once(gated: GatedDatabase) -> None:
    directory = RoomDirectory(BatchLoader(gated))
    assert directory.known("general") is None

    assert await directory.find("GENERAL") == RoomId(1)
    assert await directory.find("general") == directory.known("general") == RoomId(1)
    assert gated.reads == 1

    for name in ("nowhere", "no..name"):
        with pytest.raises(RoomNotFound):
            await directory.find(name)


async def test_a_directory_remembers_so_many_rooms(server: Server) -> None:
    directory = RoomDirectory(BatchLoader(server.database), max_remembered=1)
    await server.room("den")
    await directory.find("den")

    await directory.find("general")

    assert directory.known("general") == RoomId(1)
    assert directory.known("den") is None


async def test_a_room_that_is_made_later_is_found(server: Server) -> None:
    directory = server.runtime.rooms.directory
    with pytest.raises(RoomNotFound):
        await directory.find("den")

    room = await server.room("den")

    assert await directory.find("den") == room


async def test_where_one_stands_includes_what_is_not_yet_written(server: Server) -> None:
    ana = await server.joins("ana", "general")
    bo = await server.joins("bo", "general")
    for text in ("one", "two @bo", "three"):
        last = await ana.ask("send", text=text)
    user, room = (await server.person("bo")).user, server.room_id("general")
    get = server.runtime.rooms.room_views.get

    before = await get(room, user)
    await bo.ask("read", seq=last["seq"] - 1)
    after = await get(room, user)

    assert before is not None
    assert after is not None
    assert (before.unread, before.mentions, before.role) == (3, 1, Role.MEMBER)
    assert (after.unread, after.mentions, after.read) == (1, 0, last["seq"] - 1)
    assert await get(RoomId(404), user) is None


async def test_memberships_by_name_and_at_most_so_many(server: Server) -> None:
    for name in ("zoo", "attic", "den"):
        await server.room(name)
    ana, eve = [(await server.person(name)).user for name in ("ana", "eve")]
    memberships = server.runtime.rooms.memberships

    shown = await memberships.room_views(ana, 2)

    assert [view.name for view in shown] == ["attic", "den"]
    assert len(await memberships.of(ana)) == 3
    assert list(await memberships.of(eve)) == []
    assert await memberships.room_views(eve, 10) == []


async def test_a_marker_is_written_with_the_next_batch_or_after_a_while(
    gated: GatedDatabase,
) -> None:
    async with open_server(gated, limits={"log": {"read_receipt_seconds": 0.02}}) as server:
        bo = await server.joins("bo", "general")
        await gated.quiet()
        writes = gated.writes
        await bo.ask("read", seq=2)
        await bo.ask("read", seq=1)
        await until(lambda: gated.writes > writes, "the marker's own batch")
        await gated.quiet()

        assert gated.writes == writes + 1
        async with open_server(gated, limits={"log": {"read_receipt_seconds": 0.02}}) as restarted:
            restarted.shares_people_with(server)
            again = await restarted.connects("bo", "general")
            assert (await again.catches_up())[0]["read"] == 2


async def test_a_marker_that_could_not_be_written_is_kept(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        bo = await server.joins("bo", "general")
        await gated.quiet()
        await bo.ask("read", seq=2)
        gated.fails_with = Unavailable()
        assert (await bo.ask("send", text="x"))["code"] == "unavailable"
        gated.fails_with = None
        assert (await bo.ask("send", text="x"))["type"] == "ack"
        await gated.quiet()

        async with open_server(gated) as restarted:
            restarted.shares_people_with(server)
            again = await restarted.connects("bo", "general")
            assert (await again.catches_up())[0]["read"] == 2

"""Which rooms there are, and which of them a user sees."""

import pytest

from app.domain.appends import Admit, Ban
from app.domain.ids import NOWHERE, RoomId
from app.domain.roles import Kind
from app.store import rooms
from app.store.database import Database
from tests.store.log_env import GENERAL, START, LogEnv


class RoomListEnv(LogEnv):
    """With a private room, of ana and bo but not eve."""

    den = RoomId(0)

    async def visible(self, name: str, *, mine: bool = False, prefix: str = "") -> list[RoomId]:
        user = self.users[name]
        return await self.read(
            lambda c: rooms.visible(
                c, user, mine=mine, prefix=prefix, after="", limit=9, now=START
            )
        )


@pytest.fixture
async def env(database: Database) -> RoomListEnv:
    env = RoomListEnv(database)
    await env.add_users("ana", "bo", "eve")
    env.den = await env.create_room("den", Kind.PRIVATE)
    await env.append(Admit, "ana", env.den, user=env.users["bo"])
    return env


async def test_rooms_are_found_by_name(env: RoomListEnv) -> None:
    found = await env.read(lambda c: rooms.ids(c, ["den", "general", "nothing"]))

    assert found == {
        "den": (env.den, False),
        "general": (GENERAL, True),
        "nothing": (NOWHERE, False),
    }


async def test_a_private_room_is_visible_to_its_members(env: RoomListEnv) -> None:
    hall = await env.create_room("hall")

    assert await env.visible("bo") == [env.den, GENERAL, hall]
    assert await env.visible("eve") == [GENERAL, hall]
    assert await env.visible("bo", mine=True) == [env.den]
    assert await env.visible("eve", prefix="h") == [hall]


async def test_a_prefix_is_taken_literally(env: RoomListEnv) -> None:
    await env.create_room("axb")
    plain = await env.create_room("a_b")

    assert await env.visible("eve", prefix="a_") == [plain]
    assert await env.visible("eve", prefix="%") == await env.visible("eve", prefix="\\") == []


async def test_a_public_room_is_not_visible_to_banned_users(env: RoomListEnv) -> None:
    hall = await env.create_room("hall")

    await env.append(Ban, "ana", hall, user=env.users["eve"], on=True)

    assert await env.visible("eve") == [GENERAL]


async def test_the_rooms_of_users_are_sorted_by_name(env: RoomListEnv) -> None:
    attic = await env.create_room("attic", Kind.PRIVATE)
    ana, eve = env.users["ana"], env.users["eve"]

    found = await env.read(lambda c: rooms.of_users(c, [ana, eve]))

    assert found == {ana: [attic, env.den], eve: []}

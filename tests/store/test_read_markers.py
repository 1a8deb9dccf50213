"""Read markers: the receipt only moves forward, the own marker where it is placed."""

import pytest

from app.domain.appends import Send
from app.store import read_markers, room_views
from app.store.database import Database
from app.store.read_markers import Mark
from app.store.room_views import RoomViewKey
from tests.store.log_env import GENERAL, LogEnv


class MarkerEnv(LogEnv):
    """bo, a member of a room with eight events."""

    async def marks(self, seq: int, moves: int, receipt: int | None = None) -> tuple[int, int]:
        mark = Mark(GENERAL, self.users["bo"], seq, moves, receipt or seq)
        await self.database.write(lambda c: read_markers.save(c, [mark]))
        return await self.state()

    async def places(self, seq: int) -> tuple[int, int]:
        user = self.users["bo"]
        await self.database.write(lambda c: read_markers.place(c, GENERAL, user, seq))
        return await self.state()

    async def state(self) -> tuple[int, int]:
        """The own marker, and the receipt."""
        key = RoomViewKey(GENERAL, self.users["bo"])
        view = (await self.read(lambda c: room_views.load(c, [key])))[key]
        return view.read, view.receipt


@pytest.fixture
async def env(database: Database) -> MarkerEnv:
    env = MarkerEnv(database)
    await env.add_users("ana", "bo")
    await env.join("ana", "bo")
    for text in ("one", "two", "three", "four", "five"):
        await env.send("ana", text)
    assert await env.state() == (2, 2)
    return env


async def test_the_own_marker_moves_back_and_the_receipt_does_not(env: MarkerEnv) -> None:
    assert await env.marks(7, 0) == (7, 7)
    assert await env.places(5) == (5, 7)
    assert await env.places(4) == (4, 7)
    assert await env.places(8) == (8, 8)


async def test_a_mark_goes_on_from_a_placed_marker(env: MarkerEnv) -> None:
    await env.marks(7, 0)
    await env.places(4)

    assert await env.marks(3, 1) == (4, 7)
    assert await env.marks(5, 1) == (5, 7)
    assert await env.marks(7, 1) == (7, 7)
    assert await env.marks(8, 1) == (8, 8)


async def test_a_mark_from_before_moves_the_receipt_alone(env: MarkerEnv) -> None:
    await env.marks(6, 0)
    await env.places(4)

    assert await env.marks(5, 0) == (4, 6)
    assert await env.marks(8, 0) == (4, 8)
    assert await env.marks(6, 1, 8) == (6, 8)


async def test_a_message_of_the_user_keeps_the_placed_marker(env: MarkerEnv) -> None:
    await env.marks(7, 0)
    await env.places(4)

    await env.append(Send, "bo", GENERAL, text="mine")

    assert await env.state() == (4, 7)
    assert await env.places(0) == (0, 7)

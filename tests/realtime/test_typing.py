"""Typing ends by itself."""

import json
from collections.abc import AsyncIterator

import pytest

from app.domain.limits import TYPING_SECONDS
from app.realtime.fanout import Fanout
from app.realtime.hub import Hub
from app.realtime.typing import Typing
from tests.harness.patience import until
from tests.realtime.people import ANA, BO, DEN, Caller


class Room:
    """Ana types, bo looks on."""

    def __init__(self, expiry_seconds: float) -> None:
        self.hub = Hub(Fanout())
        self.typing = Typing(self.hub, expiry_seconds=expiry_seconds)
        self.ana, self.bo = Caller(ANA), Caller(BO)
        for caller in (self.ana, self.bo):
            self.hub.register(caller.connection)
            self.hub.subscribe(caller.connection, DEN, "den").live = True
        self.mine = self.ana.connection.subscriptions[DEN]

    @property
    def seen(self) -> list[bool]:
        frames = [json.loads(payload) for payload in self.bo.sequence.payloads]
        assert all((f["type"], f["room"], f["by"]) == ("typing", "den", "ana") for f in frames)
        return [frame["on"] for frame in frames]


@pytest.fixture
async def room(request: pytest.FixtureRequest) -> AsyncIterator[Room]:
    room = Room(getattr(request, "param", TYPING_SECONDS))
    yield room
    room.typing.close()


async def test_the_others_see_it_begin_and_end(room: Room) -> None:
    room.typing.signal(room.mine, on=True)
    room.typing.signal(room.mine, on=False)
    room.typing.signal(room.mine, on=False)

    assert room.seen == [True, False]
    assert room.ana.sequence.payloads == []


@pytest.mark.parametrize("room", [0.005], indirect=True)
async def test_it_ends_by_itself(room: Room) -> None:
    room.typing.signal(room.mine, on=True)

    await until(lambda: room.seen == [True, False], "the end of the typing")


async def test_it_ends_with_the_connection(room: Room) -> None:
    room.typing.signal(room.mine, on=True)
    room.typing.forget(room.ana.connection)
    room.typing.forget(room.ana.connection)

    assert room.seen == [True, False]

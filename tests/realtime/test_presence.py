"""Who is here. Time is the loop's; its lengths are shortened, never waited for."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from app.domain.ids import RoomId, UserId
from app.realtime.presence import Presence
from app.wire.frames import payload_of
from tests.harness.patience import turns, until
from tests.realtime.people import ANA, BO, DEN, NAMES

SOON = 0.005


class Room:
    """What a room was told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def __call__(self, room: RoomId, about: Mapping[UserId, bytes]) -> None:
        assert room == DEN
        for frame in about.values():
            self.told.append(json.loads(payload_of(frame)))

    @property
    def news(self) -> list[tuple[str, bool]]:
        return [(frame["by"], frame["online"]) for frame in self.told]


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
async def presence(room: Room, request: pytest.FixtureRequest) -> AsyncIterator[Presence]:
    """Everything is soon; what is not, a test passes as the fixture's parameter."""
    soon = {"gather_seconds": SOON, "grace_seconds": SOON, "count_seconds": SOON}
    presence = Presence(room, quiet_until=0.0, **{**soon, **getattr(request, "param", {})})
    yield presence
    presence.close()


def arrives(presence: Presence, user: UserId) -> None:
    presence.arrive(DEN, "den", user, NAMES.get(user, f"user{user}"))


async def test_comings_and_goings_are_told(presence: Presence, room: Room) -> None:
    arrives(presence, ANA)
    await until(lambda: room.told)
    arrives(presence, BO)
    await until(lambda: len(room.told) == 2)
    presence.leave(DEN, BO)
    await until(lambda: len(room.told) == 3)

    assert room.news == [("ana", True), ("bo", True), ("bo", False)]
    assert presence.usernames(DEN) == ["ana"]
    assert presence.count(DEN) == 1


async def test_several_tabs_are_one_presence(presence: Presence, room: Room) -> None:
    arrives(presence, ANA)
    for _ in range(3):
        arrives(presence, BO)
    await until(lambda: room.told)

    presence.leave(DEN, BO)
    presence.leave(DEN, BO)
    await asyncio.sleep(3 * SOON)

    assert room.news == [("ana", True), ("bo", True)]
    assert presence.count(DEN) == 2


@pytest.mark.parametrize("presence", [{"grace_seconds": 3_600}], indirect=True)
async def test_a_reconnect_makes_no_noise(presence: Presence, room: Room) -> None:
    arrives(presence, ANA)
    arrives(presence, BO)
    await until(lambda: room.told)

    presence.leave(DEN, BO)
    assert presence.count(DEN) == 2
    arrives(presence, BO)
    await turns()

    assert room.news == [("ana", True), ("bo", True)]


async def test_whoever_comes_and_goes_between_two_tellings_is_not_told(
    presence: Presence, room: Room
) -> None:
    arrives(presence, ANA)
    await until(lambda: room.told)

    arrives(presence, BO)
    presence.leave(DEN, BO)
    presence.drop(DEN, BO)
    arrives(presence, UserId(3))
    await until(lambda: len(room.told) > 1)

    assert room.news == [("ana", True), ("eve", True)]


async def test_who_is_thrown_out_is_gone_at_once(presence: Presence) -> None:
    arrives(presence, ANA)
    arrives(presence, BO)

    presence.drop(DEN, BO)
    assert presence.count(DEN) == 2, "another tab is still here"
    presence.leave(DEN, BO)
    presence.drop(DEN, BO)

    assert presence.usernames(DEN) == ["ana"]
    presence.drop(RoomId(9), BO)


async def test_an_empty_room_is_forgotten(presence: Presence) -> None:
    arrives(presence, ANA)
    presence.leave(DEN, ANA)
    await until(lambda: presence.count(DEN) == 0)

    assert presence.usernames(DEN) == []


async def test_after_a_start_everybody_comes_quietly(room: Room) -> None:
    presence = Presence(room, quiet_until=asyncio.get_running_loop().time() + 3_600)

    arrives(presence, ANA)
    arrives(presence, BO)
    await turns()

    assert room.told == []
    assert presence.usernames(DEN) == ["ana", "bo"]
    presence.close()


@pytest.mark.parametrize("presence", [{"max_listed": 2}], indirect=True)
async def test_a_crowd_is_a_number(presence: Presence, room: Room) -> None:
    for user in range(1, 5):
        arrives(presence, UserId(user))

    await until(lambda: room.told)

    assert room.told == [{"type": "presence", "room": "den", "count": 4}]
    assert presence.usernames(DEN) is None
    assert presence.count(DEN) == 4


async def test_closing_ends_what_is_under_way(presence: Presence, room: Room) -> None:
    arrives(presence, ANA)
    arrives(presence, BO)
    presence.leave(DEN, BO)

    presence.close()
    await asyncio.sleep(3 * SOON)

    assert room.told == []

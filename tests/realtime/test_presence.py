"""Presence: counting subscriptions, and announcing changes."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from app.domain.ids import RoomId, UserId
from app.domain.views import Present
from app.realtime.presence import Presence
from app.realtime.remote_presence import RemotePresence
from app.wire.websocket_frame import payload_of
from tests.harness.patience import turns, until
from tests.realtime.recording import ANA, BO, DEN, EVE, NAMES

SOON = 0.005


class Announcements:
    """Records what a room's subscribers are sent."""

    def __init__(self) -> None:
        self.frames: list[Any] = []

    def __call__(self, room: RoomId, about: Mapping[UserId, bytes]) -> None:
        assert room == DEN
        for frame in about.values():
            self.frames.append(json.loads(payload_of(frame)))

    @property
    def changes(self) -> list[tuple[str, bool]]:
        return [(frame["by"], frame["online"]) for frame in self.frames]


@pytest.fixture
def announced() -> Announcements:
    return Announcements()


@pytest.fixture
async def presence(
    announced: Announcements, request: pytest.FixtureRequest
) -> AsyncIterator[Presence]:
    """Every interval is short, unless a test gives another one as the fixture's parameter."""
    soon = {"gather_seconds": SOON, "grace_seconds": SOON, "count_seconds": SOON}
    presence = Presence(announced, quiet_until=0.0, **{**soon, **getattr(request, "param", {})})
    yield presence
    presence.close()


def add(presence: Presence, user: UserId) -> None:
    name = NAMES.get(user, f"user{user}")
    presence.add(DEN, "den", user, Present(name, name.title()))


def names(presence: Presence, room: RoomId) -> list[str]:
    return sorted(who.username for who in (presence.present(room) or {}).values())


async def test_changes_are_announced(presence: Presence, announced: Announcements) -> None:
    add(presence, ANA)
    await until(lambda: announced.frames)
    add(presence, BO)
    await until(lambda: len(announced.frames) == 2)
    presence.remove(DEN, BO)
    await until(lambda: len(announced.frames) == 3)

    assert announced.changes == [("ana", True), ("bo", True), ("bo", False)]
    assert [frame["display_name"] for frame in announced.frames] == ["Ana", "Bo", "Bo"]
    assert list((presence.present(DEN) or {}).values()) == [("ana", "Ana")]
    assert presence.count(DEN) == 1


async def test_several_subscriptions_are_one_presence(
    presence: Presence, announced: Announcements
) -> None:
    add(presence, ANA)
    for _ in range(3):
        add(presence, BO)
    await until(lambda: announced.frames)

    presence.remove(DEN, BO)
    presence.remove(DEN, BO)
    # Eve leaves later, and is announced after bo would have been.
    add(presence, EVE)
    presence.remove(DEN, EVE)
    await until(lambda: presence.count(DEN) == 2, "eve to leave")

    assert ("bo", False) not in announced.changes
    assert names(presence, DEN) == ["ana", "bo"]


@pytest.mark.parametrize("presence", [{"grace_seconds": 3_600}], indirect=True)
async def test_a_reconnect_is_not_announced(presence: Presence, announced: Announcements) -> None:
    add(presence, ANA)
    add(presence, BO)
    await until(lambda: announced.frames)

    presence.remove(DEN, BO)
    assert presence.count(DEN) == 2
    add(presence, BO)
    await turns()

    assert announced.changes == [("ana", True), ("bo", True)]


async def test_coming_and_going_between_two_announcements_is_not_announced(
    presence: Presence, announced: Announcements
) -> None:
    add(presence, ANA)
    await until(lambda: announced.frames)

    add(presence, BO)
    presence.remove(DEN, BO)
    presence.remove_now(DEN, BO)
    add(presence, UserId(3))
    await until(lambda: len(announced.frames) > 1)

    assert announced.changes == [("ana", True), ("eve", True)]


async def test_a_user_whose_access_has_ended_has_no_grace_period(presence: Presence) -> None:
    add(presence, ANA)
    add(presence, BO)

    presence.remove_now(DEN, BO)
    assert presence.count(DEN) == 2, "another subscription is left"
    presence.remove(DEN, BO)
    presence.remove_now(DEN, BO)

    assert names(presence, DEN) == ["ana"]
    presence.remove_now(RoomId(9), BO)


async def test_an_empty_room_is_forgotten(presence: Presence) -> None:
    add(presence, ANA)
    presence.remove(DEN, ANA)
    await until(lambda: presence.count(DEN) == 0)

    assert presence.present(DEN) == {}


async def test_nothing_is_announced_until_clients_have_reconnected(
    announced: Announcements,
) -> None:
    presence = Presence(announced, quiet_until=asyncio.get_running_loop().time() + 3_600)

    add(presence, ANA)
    add(presence, BO)
    await turns()

    assert announced.frames == []
    assert names(presence, DEN) == ["ana", "bo"]
    presence.close()


@pytest.mark.parametrize("presence", [{"max_listed": 2}], indirect=True)
async def test_a_large_room_announces_a_number(
    presence: Presence, announced: Announcements
) -> None:
    for user in range(1, 5):
        add(presence, UserId(user))

    await until(lambda: announced.frames)

    assert announced.frames == [{"type": "presence", "room": "den", "count": 4}]
    assert presence.present(DEN) is None
    assert presence.count(DEN) == 4


async def test_who_is_on_another_node_is_present(announced: Announcements) -> None:
    elsewhere = RemotePresence()
    presence = Presence(
        announced, 0.0, elsewhere=elsewhere, gather_seconds=SOON, grace_seconds=SOON
    )
    eve = {EVE: Present("eve", "Eve")}
    elsewhere.update("other", DEN, eve)
    elsewhere.update("other", RoomId(9), eve)

    add(presence, ANA)
    assert names(presence, DEN) == ["ana", "eve"]
    assert presence.count(DEN) == 2
    assert list(presence.local_users(DEN)) == [ANA]
    elsewhere.update("other", DEN, {**eve, BO: Present("bo", "Bo")})
    await until(lambda: len(announced.frames) == 2)
    elsewhere.drop("other")
    await until(lambda: len(announced.frames) == 4)

    assert announced.changes[:2] == [("ana", True), ("bo", True)]
    assert sorted(announced.changes[2:]) == [("bo", False), ("eve", False)]
    presence.close()


async def test_who_is_here_and_elsewhere_leaves_with_the_last(announced: Announcements) -> None:
    elsewhere = RemotePresence()
    presence = Presence(
        announced, 0.0, elsewhere=elsewhere, gather_seconds=SOON, grace_seconds=SOON
    )
    bo = {BO: Present("bo", "Bo")}
    for user in (ANA, BO, EVE):
        add(presence, user)
    elsewhere.update("other", DEN, bo)
    elsewhere.update("third", DEN, {})
    await until(lambda: len(announced.frames) == 3)

    presence.remove(DEN, BO)
    presence.remove(DEN, EVE)
    await until(lambda: len(announced.frames) == 4)
    assert names(presence, DEN) == ["ana", "bo"]
    elsewhere.update("other", DEN, {})
    await until(lambda: len(announced.frames) == 5)

    assert announced.changes[3:] == [("eve", False), ("bo", False)]
    presence.close()


async def test_closing_stops_the_timers(presence: Presence, announced: Announcements) -> None:
    add(presence, ANA)
    add(presence, BO)
    presence.remove(DEN, BO)

    presence.close()
    # The timers of another one, set later, fire behind it.
    others = Announcements()
    other = Presence(others, quiet_until=0.0, gather_seconds=2 * SOON, grace_seconds=2 * SOON)
    add(other, ANA)
    await until(lambda: others.frames, "the announcement")
    other.close()

    assert announced.frames == []

"""What is not in SQLite's search index is found and indexed in the order of its writing."""

import pytest

from app.domain.ids import Millis, RoomId
from app.domain.words import phrases
from app.store import search, search_backlog
from app.store.database import Database
from app.store.search_index import Scope
from tests.store.log_env import GENERAL, LogEnv

pytestmark = pytest.mark.sqlite_only

EVERYWHERE = Scope(rooms=[], public=True, excluded=[], by=None)


class BacklogEnv(LogEnv):
    """A log of messages that no one has indexed."""

    den: RoomId

    async def say(self, *turns: tuple[RoomId, int]) -> None:
        """A message in each of the rooms, at a time."""
        for room, at in turns:
            self.now = Millis(at)
            await self.send("ana", f"tea at {at}", room)

    async def spans(self, **how: int) -> list[tuple[int, int, int]]:
        """Room, first and last seq of each."""
        found = await self.read(lambda c: search_backlog.find(c, **how))
        return [(low >> 32, low & 0xFFFFFFFF, high & 0xFFFFFFFF) for low, high in found]

    async def found(self) -> list[int]:
        """The rooms of what a search of all rooms finds, newest first."""
        await self.database.write(lambda c: search_backlog.index(c, search_backlog.find(c)))
        hits = await self.read(
            lambda c: search.find(c, phrases("tea"), EVERYWHERE, before=None, limit=9)
        )
        return [hit >> 32 for hit in hits]


@pytest.fixture
async def env(database: Database) -> BacklogEnv:
    env = BacklogEnv(database)
    await env.add_users("ana")
    await env.join("ana")
    env.den = await env.create_room("den")
    return env


async def test_rooms_that_were_written_in_by_turns_are_found_by_turns(env: BacklogEnv) -> None:
    general, den = GENERAL, env.den
    await env.say((general, 1), (den, 2), (general, 3), (general, 4), (den, 5))

    spans = await env.spans()

    assert [room for room, _, _ in spans] == [general, den, general, den]
    assert spans[2][2] - spans[2][1] == 1, "two messages in a row are one span"
    assert await env.found() == [den, general, general, den, general]
    assert await env.spans() == []


async def test_a_room_keeps_its_order_if_the_clock_was_set_back(env: BacklogEnv) -> None:
    general, den = GENERAL, env.den
    await env.say((general, 9), (den, 8), (general, 2), (den, 10))

    spans = await env.spans()

    of_general = [low for room, low, _ in spans if room == general]
    assert of_general == sorted(of_general)
    assert sorted(await env.found()) == sorted([general, den, general, den])
    assert await env.spans() == [], "nothing before an indexed message is left out"


async def test_a_backlog_that_is_too_long_to_sort_is_found_by_room(env: BacklogEnv) -> None:
    general, den = GENERAL, env.den
    await env.say((general, 1), (den, 2), (general, 3), (den, 4))

    assert [room for room, _, _ in await env.spans(max_spans=3)] == [general, den]
    assert [room for room, _, _ in await env.spans(max_spans=4)] == [general, den, general, den]


def test_spans_are_cut_and_gathered_into_batches() -> None:
    spans = [(1, 1), (10, 14), (3, 4), (20, 20)]

    assert list(search_backlog.batches(spans, 3)) == [
        [(1, 1), (10, 11)],
        [(12, 14)],
        [(3, 4), (20, 20)],
    ]
    assert list(search_backlog.batches([], 3)) == []

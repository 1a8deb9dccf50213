"""Pages of messages, and what a page costs."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from app.domain.ids import RoomId, event_id
from app.domain.views import MessagePage
from app.store import edit_history, events, messages
from app.store.database import Database
from tests.store.message_env import DEN, NEXT, MessageEnv
from tests.store.statements import is_constant

Page = tuple[str, Callable[..., Any]]

PAGES: list[Page] = [
    ("newest", lambda c, room, middle: messages.before(c, room, None, 50)),
    ("before", lambda c, room, middle: messages.before(c, room, middle, 50)),
    ("after", lambda c, room, middle: messages.after(c, room, middle, 50)),
    ("around", lambda c, room, middle: messages.around(c, room, middle, 50)),
    ("one", lambda c, room, middle: messages.one(c, room, middle + 1)),
    ("pinned", lambda c, room, middle: messages.pinned(c, room, None, 50)),
    ("replies", lambda c, room, middle: messages.replies(c, room, 3, after=0, limit=50)),
    ("edits", lambda c, room, middle: edit_history.wordings(c, room, 3, after=0, limit=50)),
    ("by id", lambda c, room, middle: messages.by_ids(c, [event_id(room, middle + 1)])),
    ("log", lambda c, room, middle: events.batch_after(c, room, middle, upto=2**31, limit=50)),
]


def seqs(page: MessagePage) -> list[int]:
    return [message.seq for message in page.messages]


@pytest.fixture
async def env(database: Database) -> MessageEnv:
    """Ten messages, each with another event after it: 1, 3, 5, … 19."""
    env = MessageEnv(database)
    await env.fill(DEN, messages=10)
    await env.fill(NEXT, messages=3)
    return env


async def test_the_newest_come_oldest_first(env: MessageEnv) -> None:
    page = await env.read(lambda c: messages.before(c, DEN, None, 3))

    assert seqs(page) == [15, 17, 19]
    assert page[1:] == (20, 1, True, False)


@pytest.mark.parametrize(
    ("before", "found", "older", "newer"),
    [
        (0, [], False, True),
        (1, [], False, True),
        (2, [1], False, True),
        (8, [3, 5, 7], True, True),
        (20, [15, 17, 19], True, False),
        (21, [15, 17, 19], True, False),
        (2**53 - 1, [15, 17, 19], True, False),
    ],
)
async def test_before(
    env: MessageEnv, before: int, found: list[int], older: bool, newer: bool
) -> None:
    page = await env.read(lambda c: messages.before(c, DEN, before, 3))

    assert (seqs(page), page.has_older, page.has_newer) == (found, older, newer)


@pytest.mark.parametrize(
    ("after", "found", "older", "newer"),
    [
        (0, [1, 3, 5], False, True),
        (1, [3, 5, 7], True, True),
        (15, [17, 19], True, False),
        (20, [], True, False),
        (2**53 - 1, [], True, False),
    ],
)
async def test_after(
    env: MessageEnv, after: int, found: list[int], older: bool, newer: bool
) -> None:
    page = await env.read(lambda c: messages.after(c, DEN, after, 3))

    assert (seqs(page), page.has_older, page.has_newer) == (found, older, newer)


@pytest.mark.parametrize(
    ("around", "found", "older", "newer"),
    [
        (0, [1, 3], False, True),
        (1, [1, 3], False, True),
        (9, [5, 7, 9, 11], True, True),
        (10, [7, 9, 11, 13], True, True),
        (19, [15, 17, 19], True, False),
        (2**53 - 1, [17, 19], True, False),
    ],
)
async def test_around(
    env: MessageEnv, around: int, found: list[int], older: bool, newer: bool
) -> None:
    page = await env.read(lambda c: messages.around(c, DEN, around, 4))

    assert (seqs(page), page.has_older, page.has_newer) == (found, older, newer)


async def test_removed_messages_are_in_no_page(env: MessageEnv) -> None:
    await env.execute(f"UPDATE rooms SET first = 6 WHERE id = {DEN}")

    for page in (
        await env.read(lambda c: messages.before(c, DEN, 10, 50)),
        await env.read(lambda c: messages.around(c, DEN, 7, 4)),
    ):
        assert seqs(page)[0] == 7
        assert (page.first, page.has_older) == (6, False)
    page = await env.read(lambda c: messages.after(c, DEN, 0, 1))
    assert (seqs(page), page.has_older) == ([7], False)
    page = await env.read(lambda c: messages.before(c, DEN, 3, 50))
    assert (seqs(page), page.has_newer) == ([], True)
    assert await env.read(lambda c: messages.one(c, DEN, 5)) is None


async def test_an_empty_room_has_an_empty_page(env: MessageEnv) -> None:
    await env.fill(RoomId(13), messages=0)

    for page in (
        await env.read(lambda c: messages.before(c, RoomId(13), None, 5)),
        await env.read(lambda c: messages.after(c, RoomId(13), 0, 5)),
        await env.read(lambda c: messages.around(c, RoomId(13), 1, 5)),
    ):
        assert page == MessagePage([], 0, 1, has_older=False, has_newer=False)


async def test_only_messages_are_messages(env: MessageEnv) -> None:
    assert await env.read(lambda c: messages.one(c, DEN, 2)) is None
    assert await env.read(lambda c: messages.one(c, DEN, 21)) is None
    found = await env.read(lambda c: messages.one(c, DEN, 3))
    assert found is not None
    assert (found.room, found.seq, found.text, found.by) == (DEN, 3, "text 3", "ana")


async def test_messages_of_several_rooms_are_read_together(env: MessageEnv) -> None:
    ids = [event_id(DEN, 3), event_id(NEXT, 1), event_id(DEN, 2), event_id(NEXT, 99)]

    found = await env.read(lambda c: messages.by_ids(c, ids))

    assert [(m.room, m.seq) for m in found.values()] == [(DEN, 3), (NEXT, 1)]
    assert await env.read(lambda c: messages.by_ids(c, [])) == {}


async def test_replies_are_paged(env: MessageEnv) -> None:
    for seq in (5, 9, 11):
        await env.execute(f"UPDATE events SET ref = 3 WHERE id = {event_id(DEN, seq)}")
    # A reaction to it is no reply.
    await env.execute(f"UPDATE events SET ref = 3 WHERE id = {event_id(DEN, 6)}")

    first = await env.read(lambda c: messages.replies(c, DEN, 3, after=0, limit=2))
    then = await env.read(lambda c: messages.replies(c, DEN, 3, after=9, limit=2))

    assert (seqs(first), first.has_older, first.has_newer) == ([5, 9], False, True)
    assert (seqs(then), then.has_older, then.has_newer) == ([11], True, False)
    parent = await env.read(lambda c: messages.one(c, DEN, 3))
    assert parent is not None
    assert (parent.reply_count, parent.last_reply) == (3, 11)
    end = await env.read(lambda c: messages.replies(c, DEN, 3, after=2**53 - 1, limit=2))
    assert (seqs(end), end.has_older, end.has_newer) == ([], True, False)


# What it costs


@pytest.mark.sqlite_only
@pytest.mark.parametrize("page", PAGES, ids=[name for name, _ in PAGES])
async def test_a_page_costs_the_same_in_a_long_room(env: MessageEnv, page: Page) -> None:
    short, long = RoomId(13), RoomId(14)
    await env.fill(short, messages=200)
    await env.fill(long, messages=20_000)

    costs = [
        await env.cost(partial(page[1], room=room, middle=middle))
        for room, middle in ((short, 200), (long, 20_000))
    ]

    assert is_constant(*costs)

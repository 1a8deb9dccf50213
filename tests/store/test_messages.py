"""Pages of messages, and what a page costs."""

from functools import partial

import pytest
import sqlalchemy as sa

from app.domain.ids import RoomId, UserId, event_id
from app.domain.views import MessagePage
from app.store import events, messages, search
from app.store.database import Database
from tests.store.shelf import DEN, NEXT, Shelf


def seqs(page: MessagePage) -> list[int]:
    return [message.seq for message in page.messages]


@pytest.fixture
async def shelf(database: Database) -> Shelf:
    """Ten messages, each with another event after it: 1, 3, 5, … 19."""
    shelf = Shelf(database)
    await shelf.stock(DEN, messages=10)
    await shelf.stock(NEXT, messages=3)
    return shelf


async def test_the_newest_come_oldest_first(shelf: Shelf) -> None:
    page = await shelf.read(lambda c: messages.newest(c, DEN, 3))

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
    shelf: Shelf, before: int, found: list[int], older: bool, newer: bool
) -> None:
    page = await shelf.read(lambda c: messages.before(c, DEN, before, 3))

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
async def test_after(shelf: Shelf, after: int, found: list[int], older: bool, newer: bool) -> None:
    page = await shelf.read(lambda c: messages.after(c, DEN, after, 3))

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
    shelf: Shelf, around: int, found: list[int], older: bool, newer: bool
) -> None:
    page = await shelf.read(lambda c: messages.around(c, DEN, around, 4))

    assert (seqs(page), page.has_older, page.has_newer) == (found, older, newer)


async def test_what_is_no_longer_kept_is_not_there(shelf: Shelf) -> None:
    await shelf.write(f"UPDATE rooms SET first = 6 WHERE id = {DEN}")

    for page in (
        await shelf.read(lambda c: messages.before(c, DEN, 10, 50)),
        await shelf.read(lambda c: messages.around(c, DEN, 7, 4)),
    ):
        assert seqs(page)[0] == 7
        assert (page.first, page.has_older) == (6, False)
    page = await shelf.read(lambda c: messages.after(c, DEN, 0, 1))
    assert (seqs(page), page.has_older) == ([7], False)
    page = await shelf.read(lambda c: messages.before(c, DEN, 3, 50))
    assert (seqs(page), page.has_newer) == ([], True)
    assert await shelf.read(lambda c: messages.one(c, DEN, 5)) is None


async def test_an_empty_room_has_an_empty_page(shelf: Shelf) -> None:
    await shelf.stock(RoomId(13), messages=0)

    for page in (
        await shelf.read(lambda c: messages.newest(c, RoomId(13), 5)),
        await shelf.read(lambda c: messages.after(c, RoomId(13), 0, 5)),
        await shelf.read(lambda c: messages.around(c, RoomId(13), 1, 5)),
    ):
        assert page == MessagePage([], 0, 1, has_older=False, has_newer=False)


async def test_only_messages_are_messages(shelf: Shelf) -> None:
    assert await shelf.read(lambda c: messages.one(c, DEN, 2)) is None
    assert await shelf.read(lambda c: messages.one(c, DEN, 21)) is None
    found = await shelf.read(lambda c: messages.one(c, DEN, 3))
    assert found is not None
    assert (found.room, found.seq, found.text, found.by) == (DEN, 3, "text 3", "ana")


async def test_messages_of_several_rooms_are_read_together(shelf: Shelf) -> None:
    ids = [event_id(DEN, 3), event_id(NEXT, 1), event_id(DEN, 2), event_id(NEXT, 99)]

    found = await shelf.read(lambda c: messages.by_ids(c, ids))

    assert [(m.room, m.seq) for m in found.values()] == [(DEN, 3), (NEXT, 1)]
    assert await shelf.read(lambda c: messages.by_ids(c, [])) == {}


async def test_replies_are_paged(shelf: Shelf) -> None:
    for seq in (5, 9, 11):
        await shelf.write(f"UPDATE events SET ref = 3 WHERE id = {event_id(DEN, seq)}")
    # A reaction to it is no reply.
    await shelf.write(f"UPDATE events SET ref = 3 WHERE id = {event_id(DEN, 6)}")

    first = await shelf.read(lambda c: messages.replies(c, DEN, 3, after=0, limit=2))
    then = await shelf.read(lambda c: messages.replies(c, DEN, 3, after=9, limit=2))

    assert (seqs(first), first.has_older, first.has_newer) == ([5, 9], False, True)
    assert (seqs(then), then.has_older, then.has_newer) == ([11], True, False)
    parent = await shelf.read(lambda c: messages.one(c, DEN, 3))
    assert parent is not None
    assert (parent.reply_count, parent.last_reply) == (3, 11)
    end = await shelf.read(lambda c: messages.replies(c, DEN, 3, after=2**53 - 1, limit=2))
    assert (seqs(end), end.has_older, end.has_newer) == ([], True, False)


async def test_earlier_wordings_are_paged(shelf: Shelf) -> None:
    for seq in (4, 6, 8):
        await shelf.write(
            "UPDATE events SET type = 'message.edited', ref = 3,"
            f" text = 'wording {seq}' WHERE id = {event_id(DEN, seq)}"
        )

    whole = await shelf.read(lambda c: messages.wordings(c, DEN, 3, after=0, limit=9))
    first = await shelf.read(lambda c: messages.wordings(c, DEN, 3, after=0, limit=2))
    then = await shelf.read(lambda c: messages.wordings(c, DEN, 3, after=4, limit=2))

    assert [(w.seq, w.text) for w in whole] == [(3, "text 3"), (4, "wording 4"), (6, "wording 6")]
    assert (first, then) == (whole[:2], whole[2:])
    assert await shelf.read(lambda c: messages.wordings(c, DEN, 5, after=0, limit=9)) == []


# What it costs


@pytest.mark.sqlite_only
@pytest.mark.parametrize("long", [False, True], ids=["a short room", "a long room"])
async def test_every_page_is_found_by_a_key(shelf: Shelf, long: bool) -> None:
    if long:
        await shelf.stock(RoomId(13), messages=5_000)
    room = RoomId(13) if long else DEN
    scope = search.Scope([room], public=False, but=[], by=None)
    seen: list[str] = []

    def pages(connection: sa.Connection) -> None:
        messages.newest(connection, room, 50)
        messages.before(connection, room, 9, 50)
        messages.after(connection, room, 9, 50)
        messages.around(connection, room, 9, 50)
        messages.pinned(connection, room, None, 50)
        messages.replies(connection, room, 3, after=0, limit=50)
        messages.wordings(connection, room, 3, after=0, limit=50)
        events.batch_after(connection, room, 3, upto=9, limit=50)
        search.everywhere(connection, UserId(1), None, 0)
        search.find(connection, [["text"]], scope, before=event_id(room, 9), limit=50)

    await shelf.explain(pages, seen)

    assert len(seen) > 20
    for step in seen:
        # json_each is the page's own keys; FTS5 shows up as a scan of what matches.
        keyed = step.startswith(("SEARCH", "SCAN json_each", "SCAN i VIRTUAL TABLE INDEX"))
        assert keyed or step.startswith(("CORRELATED", "USE TEMP B-TREE")), step


@pytest.mark.sqlite_only
async def test_a_page_costs_the_same_in_a_long_room(shelf: Shelf) -> None:
    short, long = RoomId(13), RoomId(14)
    await shelf.stock(short, messages=200)
    await shelf.stock(long, messages=20_000)

    def pages(connection: sa.Connection, room: RoomId, middle: int) -> None:
        messages.newest(connection, room, 50)
        messages.before(connection, room, middle, 50)
        messages.after(connection, room, middle, 50)
        events.batch_after(connection, room, middle, upto=middle + 50, limit=50)

    costs = [
        await shelf.steps(partial(pages, room=room, middle=middle))
        for room, middle in ((short, 200), (long, 20_000))
    ]

    # Steps of SQLite's virtual machine: a clock that no other program can disturb.
    assert costs[1] <= costs[0] * 1.1

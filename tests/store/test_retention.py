"""Removing the oldest events of a room: what goes with them, and what stays."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from app.domain.appends import Append, Delete, Edit, Join, Pin, React, Send
from app.domain.ids import EventId, Millis, RoomId, UserId, event_id
from app.domain.words import phrases
from app.realtime.fanout import Fanout
from app.services.log.committer import commit
from app.services.messages.search_indexer import SearchIndexer
from app.store import messages, migrations, retention, rooms, search, users
from app.store.checking import check
from app.store.database import Database, T
from app.store.tables import events, mentions, reactions
from app.store.tables import rooms as rooms_table

GENERAL = RoomId(1)
DAY = 86_400_000
START = Millis(1_795_000_000_000)


class Den:
    """The room that is always there, in which ana and bo talk, an event a day."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.people: dict[str, UserId] = {}
        self.at = START

    async def fills(self) -> None:
        for name in ("ana", "bo"):
            self.people[name] = await self.database.write(lambda c, n=name: _user(c, n))
        await self.does("ana", Join)
        await self.does("bo", Join)
        await self.does("ana", Send, text="apple @bo", mentions=["bo"], client_id="one")  # 4
        await self.does("bo", React, ref=4, emoji="👍", on=True)
        await self.does("bo", Pin, ref=4, on=True)
        await self.does("bo", Send, text="pear", reply_to=4)  # 7
        await self.does("ana", Edit, ref=4, text="apricot @bo", mentions=["bo"])
        await self.does("bo", Send, text="plum @ana", mentions=["ana"])  # 9
        await self.does("ana", React, ref=9, emoji="🎉", on=True)
        await self.does("bo", Delete, ref=7)  # 11

    async def does(self, who: str, act: type[Append], **what: object) -> None:
        self.at = Millis(self.at + DAY)
        append = act(room=GENERAL, by=self.people[who], at=self.at, **what)
        batch = await self.database.write(lambda c: commit(c, [append]))
        assert not isinstance(batch.outcomes[0], Exception), batch.outcomes

    async def keeps(self, *, days: int | None = None, events: int | None = None) -> None:
        await self.database.write(lambda c: retention.keep(c, GENERAL, days=days, events=events))

    async def removes(self, limit: int = 500) -> int | None:
        return await self.database.write(
            lambda c: retention.remove_oldest(c, GENERAL, self.at, limit)
        )

    async def due(self) -> list[RoomId]:
        return list(await self.database.read(lambda c: retention.due(c, self.at)))

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        return await self.database.read(work)

    async def seqs(self) -> list[int]:
        rows = await self.read(lambda c: c.execute(sa.select(events.c.id)).scalars().all())
        return sorted(id_ & 0xFFFFFFFF for id_ in rows)

    async def finds(self, word: str) -> list[EventId]:
        scope = search.Scope(rooms=[GENERAL], public=False, but=[], by=None)
        await SearchIndexer(self.database, Fanout()).catch_up()
        return await self.read(
            lambda c: search.find(c, phrases(word), scope, before=None, limit=9)
        )


def _user(connection: sa.Connection, name: str) -> UserId:
    made = users.insert(
        connection, username=name, display_name=name, password_hash=None, is_admin=False, at=START
    )
    return made.id


@pytest.fixture
async def den(database: Database) -> Den:
    den = Den(database)
    await den.fills()
    return den


async def test_a_room_that_keeps_everything_is_never_due(den: Den) -> None:
    den.at = Millis(den.at + 10_000 * DAY)

    assert await den.due() == []
    assert await den.removes() is None
    assert await den.seqs() == list(range(1, 12))


@pytest.mark.parametrize(
    ("kept", "first"),
    [
        pytest.param({"events": 12}, None, id="more events than there are"),
        pytest.param({"events": 11}, None, id="as many as there are"),
        pytest.param({"events": 5}, 7, id="five events"),
        pytest.param({"events": 1}, 11, id="one event"),
        pytest.param({"days": 4_000}, None, id="longer than anything"),
        pytest.param({"days": 4}, 7, id="four days"),
        pytest.param({"days": 1}, 10, id="one day"),
    ],
)
async def test_the_oldest_go_and_the_log_stays_well(
    den: Den, kept: dict[str, int], first: int | None
) -> None:
    if "days" in kept:
        # The first event is of when the database was made.
        old = sa.update(events).where(events.c.id == event_id(GENERAL, 1)).values(at=START)
        await den.database.write(lambda c: c.execute(old) and None)
    await den.keeps(**kept)
    assert await den.due() == ([] if first is None else [GENERAL])

    assert await den.removes() == first

    assert await den.removes() is None
    assert await den.due() == []
    assert await den.seqs() == list(range(first or 1, 12))
    assert (await den.read(check)).findings == []


async def test_when_all_are_too_old_the_log_is_empty_and_goes_on(den: Den) -> None:
    await den.keeps(days=1)
    den.at = Millis(den.at + 30 * DAY)

    assert await den.removes() == 12

    page = await den.read(lambda c: messages.newest(c, GENERAL, 10))
    assert (page.messages, page.head, page.first) == ([], 11, 12)
    assert not page.has_older
    await den.does("ana", Send, text="still here")
    assert await den.seqs() == [12]
    assert (await den.read(check)).findings == []


async def test_what_is_said_after_everything_was_removed_is_found(den: Den) -> None:
    assert await den.finds("plum")
    await den.keeps(days=1)
    den.at = Millis(den.at + 30 * DAY)
    assert await den.removes() == 12

    await den.does("ana", Send, text="a plum again")

    assert await den.finds("plum") == [event_id(GENERAL, 12)]


async def test_an_old_event_behind_a_recent_one_waits_for_it(den: Den) -> None:
    recent = sa.update(events).where(events.c.id == event_id(GENERAL, 3)).values(at=den.at)
    await den.database.write(lambda c: c.execute(recent) and None)
    await den.keeps(days=2)
    before = sa.update(events).where(events.c.id == event_id(GENERAL, 1)).values(at=START)
    await den.database.write(lambda c: c.execute(before) and None)

    assert await den.removes() == 3
    assert await den.removes() is None


async def test_what_hangs_on_them_goes_too(den: Den) -> None:
    assert await den.finds("apricot")
    assert await den.finds("plum")
    await den.keeps(events=3)

    assert await den.removes() == 9

    assert await den.finds("apricot") == []
    assert await den.finds("plum") == [event_id(GENERAL, 9)]
    for table in (reactions, mentions):
        keys = await den.read(
            lambda c, t=table: c.execute(sa.select(t.c.event_id)).scalars().all()
        )
        assert keys == [event_id(GENERAL, 9)]


async def test_no_page_shows_what_is_before_the_first(den: Den) -> None:
    await den.keeps(events=4)
    await den.removes()

    def pages(c: sa.Connection) -> list[messages.MessagePage]:
        return [
            messages.newest(c, GENERAL, 50),
            messages.before(c, GENERAL, 9, 50),
            messages.after(c, GENERAL, 0, 50),
            messages.around(c, GENERAL, 4, 50),
            messages.pinned(c, GENERAL, None, 50),
            messages.replies(c, GENERAL, 4, after=0, limit=50),
        ]

    newest, before, after, around, pinned, replies = await den.read(pages)

    assert [m.seq for m in newest.messages] == [9]
    assert [m.seq for m in after.messages] == [9]
    assert [m.seq for m in around.messages] == [9]
    assert before.messages == pinned.messages == replies.messages == []
    assert not any(page.has_older for page in (newest, before, after, around, pinned, replies))
    assert all(page.first == 8 for page in (newest, before, after, around))
    assert await den.read(lambda c: messages.one(c, GENERAL, 4)) is None


async def test_what_was_removed_is_not_unread(den: Den) -> None:
    key = (GENERAL, den.people["bo"], 0)
    before = (await den.read(lambda c: rooms.room_views(c, [key])))[key]
    await den.keeps(events=2)
    await den.removes()

    after = (await den.read(lambda c: rooms.room_views(c, [key])))[key]

    assert (before.unread, before.mentions) == (1, 1)
    assert (after.unread, after.mentions, after.first, after.head) == (0, 0, 10, 11)


async def test_an_id_is_remembered_as_long_as_its_event(den: Den) -> None:
    await den.keeps(events=8)
    await den.removes()
    again = {"text": "apple @bo", "mentions": ["bo"], "client_id": "one"}
    await den.does("ana", Send, **again)
    assert len(await den.seqs()) == 8

    await den.keeps(events=7)
    await den.removes()
    await den.does("ana", Send, **again)

    assert await den.seqs() == list(range(5, 13))


async def test_each_transaction_removes_no_more_than_it_is_allowed(den: Den) -> None:
    await den.keeps(events=1)

    reached = [await den.removes(limit=4) for _ in range(4)]

    assert reached == [5, 9, 11, None]
    assert (await den.read(check)).findings == []


async def test_lifted_in_between_it_stops_there(den: Den) -> None:
    await den.keeps(events=1)
    await den.removes(limit=4)
    await den.keeps()

    assert await den.removes(limit=4) is None
    assert await den.seqs() == list(range(5, 12))


async def test_other_rooms_are_left_alone(den: Den) -> None:
    other = {"id": 2, "name": "den", "title": "", "kind": "public", "head": 1, "first": 1}
    made = {"id": event_id(RoomId(2), 1), "room_id": 2, "type": "room.created", "at": START}

    def make(connection: sa.Connection) -> None:
        connection.execute(sa.insert(rooms_table).values(**other, created_at=START))
        connection.execute(sa.insert(events).values(**made))

    await den.database.write(make)
    await den.keeps(events=1)

    await den.removes()

    assert await den.seqs() == [1, 11]
    assert (await den.read(check)).findings == []


async def test_the_schema_goes_back_and_forth_and_keeps_what_is_in_it(den: Den) -> None:
    await den.keeps(events=100)

    await den.database.write(lambda c: migrations.downgrade(c, "0003"))
    await den.database.write(migrations.upgrade)

    assert (await den.read(check)).findings == []
    assert await den.read(migrations.current) == migrations.latest()
    await den.keeps(events=3)
    assert await den.removes() == 9

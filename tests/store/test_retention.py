"""Removing the oldest events of a room: what is removed with them, and what stays."""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.appends import Append, Committed, Delete, Edit, Pin, React, Send
from app.domain.errors import MessageNotFound
from app.domain.ids import EventId, Millis, RoomId, event_id
from app.domain.words import phrases
from app.services.log.batch_transaction import commit
from app.store import events as event_store
from app.store import messages, migrations, retention, room_views, search
from app.store.checking import check
from app.store.database import Database
from app.store.integrity import wrong_bounds
from app.store.tables import events, mentions, reactions
from app.store.tables import rooms as rooms_table
from tests.store.log_env import GENERAL, START, LogEnv, index_messages

DAY = 86_400_000


class RetentionEnv(LogEnv):
    """The room ``general``, in which ana and bo talk, one event a day."""

    async def append(self, kind: type[Append], by: str | None, /, **fields: Any) -> Committed:
        self.now = Millis(self.now + DAY)
        return await super().append(kind, by, **fields)

    async def set_limits(
        self, *, days: int | None = None, events: int | None = None, keep_pinned: bool = False
    ) -> None:
        await self.database.write(
            lambda c: retention.set_limits(
                c, GENERAL, days=days, events=events, keep_pinned=keep_pinned
            )
        )

    async def remove(self, limit: int = 500) -> int | None:
        return await self.database.write(
            lambda c: retention.remove_oldest(c, GENERAL, self.now, limit)
        )

    async def due(self) -> list[RoomId]:
        return list(await self.read(lambda c: retention.due(c, self.now)))

    async def seqs(self) -> list[int]:
        rows = await self.read(lambda c: c.execute(sa.select(events.c.id)).scalars().all())
        return sorted(id_ & 0xFFFFFFFF for id_ in rows)

    async def find(self, word: str) -> list[EventId]:
        scope = search.Scope(rooms=[GENERAL], public=False, excluded=[], by=None)
        await index_messages(self.database)
        return await self.read(
            lambda c: search.find(c, phrases(word), scope, before=None, limit=9)
        )


@pytest.fixture
async def env(database: Database) -> RetentionEnv:
    env = RetentionEnv(database)
    await env.add_users("ana", "bo")
    await env.join("ana", "bo")
    await env.append(Send, "ana", text="apple @bo", mentions=["bo"], client_id="one")  # 4
    await env.append(React, "bo", ref=4, emoji="👍", on=True)
    await env.append(Pin, "bo", ref=4, on=True)
    await env.append(Send, "bo", text="pear", reply_to=4)  # 7
    await env.append(Edit, "ana", ref=4, text="apricot @bo", mentions=["bo"])
    await env.append(Send, "bo", text="plum @ana", mentions=["ana"])  # 9
    await env.append(React, "ana", ref=9, emoji="🎉", on=True)
    await env.append(Delete, "bo", ref=7)  # 11
    return env


async def test_a_room_that_keeps_everything_is_never_due(env: RetentionEnv) -> None:
    env.now = Millis(env.now + 10_000 * DAY)

    assert await env.due() == []
    assert await env.remove() is None
    assert await env.seqs() == list(range(1, 12))


@pytest.mark.parametrize("keep_pinned", [True, False])
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
async def test_the_oldest_events_are_removed_and_the_log_stays_consistent(
    env: RetentionEnv, kept: dict[str, int], first: int | None, keep_pinned: bool
) -> None:
    if "days" in kept:
        # The first event is of when the database was made: its checksum is of another time.
        first_event = sa.update(events).where(events.c.id == event_id(GENERAL, 1))
        old = first_event.values(at=START, checksum=None)
        await env.database.write(lambda c: c.execute(old) and None)
    await env.set_limits(**kept, keep_pinned=keep_pinned)
    assert await env.due() == ([] if first is None else [GENERAL])

    assert await env.remove() == first

    assert await env.remove() is None
    assert await env.due() == []
    pinned = [4] if first and keep_pinned else []
    assert await env.seqs() == pinned + list(range(first or 1, 12))
    assert (await env.read(check)).findings == []


async def test_a_log_with_only_old_events_becomes_empty_and_continues(
    env: RetentionEnv,
) -> None:
    await env.set_limits(days=1)
    env.now = Millis(env.now + 30 * DAY)

    assert await env.remove() == 12

    page = await env.read(lambda c: messages.before(c, GENERAL, None, 10))
    assert (page.messages, page.head, page.first) == ([], 11, 12)
    assert not page.has_older
    await env.append(Send, "ana", text="still here")
    assert await env.seqs() == [12]
    assert (await env.read(check)).findings == []


async def test_messages_after_a_complete_removal_are_found(env: RetentionEnv) -> None:
    assert await env.find("plum")
    await env.set_limits(days=1)
    env.now = Millis(env.now + 30 * DAY)
    assert await env.remove() == 12

    await env.append(Send, "ana", text="a plum again")

    assert await env.find("plum") == [event_id(GENERAL, 12)]


async def test_an_old_event_behind_a_recent_one_waits_for_it(env: RetentionEnv) -> None:
    recent = sa.update(events).where(events.c.id == event_id(GENERAL, 3)).values(at=env.now)
    await env.database.write(lambda c: c.execute(recent) and None)
    await env.set_limits(days=2)
    before = sa.update(events).where(events.c.id == event_id(GENERAL, 1)).values(at=START)
    await env.database.write(lambda c: c.execute(before) and None)

    assert await env.remove() == 3
    assert await env.remove() is None


async def test_reactions_mentions_and_documents_are_removed_too(env: RetentionEnv) -> None:
    assert await env.find("apricot")
    assert await env.find("plum")
    await env.set_limits(events=3)

    assert await env.remove() == 9

    assert await env.find("apricot") == []
    assert await env.find("plum") == [event_id(GENERAL, 9)]
    for table in (reactions, mentions):
        keys = await env.read(
            lambda c, t=table: c.execute(sa.select(t.c.event_id)).scalars().all()
        )
        assert keys == [event_id(GENERAL, 9)]


async def test_no_page_shows_what_is_before_the_first(env: RetentionEnv) -> None:
    await env.set_limits(events=4)
    await env.remove()

    def pages(c: sa.Connection) -> list[messages.MessagePage]:
        return [
            messages.before(c, GENERAL, None, 50),
            messages.before(c, GENERAL, 9, 50),
            messages.after(c, GENERAL, 0, 50),
            messages.around(c, GENERAL, 4, 50),
            messages.pinned(c, GENERAL, None, 50),
            messages.replies(c, GENERAL, 4, after=0, limit=50),
        ]

    newest, before, after, around, pinned, replies = await env.read(pages)

    assert [m.seq for m in newest.messages] == [9]
    assert [m.seq for m in after.messages] == [9]
    assert [m.seq for m in around.messages] == [9]
    assert before.messages == pinned.messages == replies.messages == []
    assert not any(page.has_older for page in (newest, before, after, around, pinned, replies))
    assert all(page.first == 8 for page in (newest, before, after, around))
    assert await env.read(lambda c: messages.one(c, GENERAL, 4)) is None


async def test_removed_messages_are_not_unread(env: RetentionEnv) -> None:
    key = room_views.RoomViewKey(GENERAL, env.users["bo"])
    before = (await env.read(lambda c: room_views.load(c, [key])))[key]
    await env.set_limits(events=2)
    await env.remove()

    after = (await env.read(lambda c: room_views.load(c, [key])))[key]

    assert (before.unread, before.mentions) == (1, 1)
    assert (after.unread, after.mentions, after.first, after.head) == (0, 0, 10, 11)


async def test_an_id_is_remembered_as_long_as_its_event(env: RetentionEnv) -> None:
    await env.set_limits(events=8)
    await env.remove()
    again = {"text": "apple @bo", "mentions": ["bo"], "client_id": "one"}
    await env.append(Send, "ana", **again)
    assert len(await env.seqs()) == 8

    await env.set_limits(events=7)
    await env.remove()
    await env.append(Send, "ana", **again)

    assert await env.seqs() == list(range(5, 13))


async def test_each_transaction_removes_no_more_than_it_is_allowed(env: RetentionEnv) -> None:
    await env.set_limits(events=1)

    reached = [await env.remove(limit=4) for _ in range(4)]

    assert reached == [5, 9, 11, None]
    assert (await env.read(check)).findings == []


async def test_removal_stops_when_the_limit_is_lifted(env: RetentionEnv) -> None:
    await env.set_limits(events=1)
    await env.remove(limit=4)
    await env.set_limits()

    assert await env.remove(limit=4) is None
    assert await env.seqs() == list(range(5, 12))


async def test_other_rooms_are_left_alone(env: RetentionEnv) -> None:
    other = {"id": 2, "name": "den", "title": "", "kind": "public", "head": 1, "first": 1}
    made = {"id": event_id(RoomId(2), 1), "room_id": 2, "type": "room.created", "at": START}

    def make(connection: sa.Connection) -> None:
        connection.execute(sa.insert(rooms_table).values(**other, created_at=START))
        connection.execute(sa.insert(events).values(**made))

    await env.database.write(make)
    await env.set_limits(events=1)

    await env.remove()

    assert await env.seqs() == [1, 11]
    assert (await env.read(check)).findings == []


# Pinned messages


def page(env: RetentionEnv, read: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
    return env.read(lambda c: read(c, GENERAL, *arguments))


async def test_a_pinned_message_stays_with_what_belongs_to_it(env: RetentionEnv) -> None:
    assert await env.find("apricot")
    before = await page(env, messages.one, 4)
    await env.set_limits(events=3, keep_pinned=True)

    assert await env.remove() == 9

    kept = await page(env, messages.one, 4)
    assert (kept.text, kept.reactions, kept.mentions) == ("apricot @bo", {"👍": ["bo"]}, ["bo"])
    assert kept == dataclasses.replace(before, reply_count=0, last_reply=None)
    pins = await page(env, messages.pinned, None, 50)
    assert [m.seq for m in pins.messages] == [4]
    assert await env.find("apricot") == [event_id(GENERAL, 4)]
    assert await env.read(lambda c: retention.kept_pinned(c, GENERAL)) == 1
    assert (await env.read(check)).findings == []


async def test_a_kept_message_is_no_part_of_the_log_or_of_its_pages(env: RetentionEnv) -> None:
    await env.set_limits(events=3, keep_pinned=True)
    await env.remove()

    for since in (0, 3, 4, 8):
        log = await env.read(lambda c, s=since: event_store.after(c, GENERAL, s, upto=11, limit=9))
        assert [event.seq for event in log] == [9, 10, 11]
    assert await env.read(lambda c: event_store.after(c, GENERAL, 0, upto=4, limit=9)) == []
    for read, arguments in (
        (messages.before, (None, 50)),
        (messages.before, (9, 50)),
        (messages.after, (0, 50)),
        (messages.around, (4, 50)),
    ):
        found = await page(env, read, *arguments)
        assert 4 not in [m.seq for m in found.messages]
        assert not found.has_older
    key = room_views.RoomViewKey(GENERAL, env.users["bo"])
    view = (await env.read(lambda c: room_views.load(c, [key])))[key]
    assert (view.unread, view.mentions) == (0, 0)


async def test_a_kept_message_can_be_changed_and_replied_to(env: RetentionEnv) -> None:
    await env.set_limits(events=1, keep_pinned=True)
    await env.remove()

    await env.append(React, "ana", ref=4, emoji="🎉", on=True)  # 12
    await env.append(React, "bo", ref=4, emoji="👍", on=False)
    await env.append(Edit, "ana", ref=4, text="cherry @ana", mentions=["ana"])
    await env.append(Send, "bo", text="which?", reply_to=4)  # 15
    assert (await env.read(check)).findings == []
    await env.remove()

    kept = await page(env, messages.one, 4)
    assert (kept.text, kept.reactions, kept.mentions) == ("cherry @ana", {"🎉": ["ana"]}, ["ana"])
    replies = await env.read(lambda c: messages.replies(c, GENERAL, 4, after=0, limit=9))
    assert [m.seq for m in replies.messages] == [15]
    assert (await env.read(check)).findings == []


@pytest.mark.parametrize("change", [Pin, Delete])
async def test_an_unpinned_or_deleted_message_goes_with_the_next_removal(
    env: RetentionEnv, change: type[Append]
) -> None:
    await env.set_limits(events=1, keep_pinned=True)
    await env.remove()
    assert await env.due() == []

    await env.append(change, "ana", ref=4, **({"on": False} if change is Pin else {}))

    assert await page(env, messages.one, 4) is None
    reaction = React(room=GENERAL, by=env.users["ana"], at=env.now, ref=4, emoji="🎉", on=True)
    refused = await env.database.write(lambda c: commit(c, [reaction]))
    assert isinstance(refused.outcomes[0], MessageNotFound)
    assert (await env.read(check)).findings == []
    assert await env.due() == [GENERAL]
    assert await env.remove() == 11
    assert await env.remove() == 12
    assert await env.remove() is None
    assert await env.seqs() == [12]
    assert await env.find("apricot") == []
    assert (await env.read(check)).findings == []


async def test_kept_messages_go_when_the_room_is_set_to_keep_none(env: RetentionEnv) -> None:
    await env.set_limits(events=2, keep_pinned=True)
    await env.remove()

    await env.set_limits(events=2, keep_pinned=False)

    assert await env.due() == [GENERAL]
    assert await env.remove() == 10
    assert await env.remove() is None
    assert await env.seqs() == [10, 11]


async def test_a_log_of_pinned_messages_alone_is_consistent(env: RetentionEnv) -> None:
    await env.append(Send, "bo", text="fig")  # 12
    await env.append(Pin, "bo", ref=12, on=True)
    await env.set_limits(days=1, keep_pinned=True)
    env.now = Millis(env.now + 30 * DAY)

    assert await env.remove() == 14

    assert await env.seqs() == [4, 12]
    assert (await env.read(check)).findings == []


async def test_a_first_event_that_is_too_high_is_found(env: RetentionEnv) -> None:
    await env.set_limits(events=4, keep_pinned=True)
    await env.remove()
    higher = sa.update(rooms_table).where(rooms_table.c.id == GENERAL).values(first=9)

    await env.database.write(lambda c: c.execute(higher) and None)

    assert "room 1: first is 9, but the oldest event is 8" in (await env.read(check)).findings


async def test_the_schema_can_be_downgraded_and_upgraded(env: RetentionEnv) -> None:
    await env.set_limits(events=5, keep_pinned=True)
    await env.remove()

    await env.database.write(lambda c: migrations.downgrade(c, "0003"))
    await env.database.write(migrations.upgrade)

    assert (await env.read(check)).findings == []
    assert await env.read(migrations.current) == migrations.latest()
    assert await env.seqs() == list(range(7, 12))
    await env.set_limits(events=3)
    assert await env.remove() == 9


@pytest.mark.sqlite_only
async def test_a_pinned_message_directly_before_the_log_is_no_damage(env: RetentionEnv) -> None:
    await env.set_limits(events=7, keep_pinned=True)
    assert await env.remove() == 5
    assert await env.seqs() == list(range(4, 12))

    assert await env.read(lambda c: wrong_bounds(c.driver)) is None
    await env.append(Pin, "bo", ref=4, on=False)
    assert await env.read(lambda c: wrong_bounds(c.driver)) is None, "until it is removed"

    lost = f"UPDATE rooms SET first = 6 WHERE id = {GENERAL}"
    await env.database.write(lambda c: c.run(lost, {}))
    assert await env.read(lambda c: wrong_bounds(c.driver)) is not None, "event 5 is no message"


async def test_a_kept_message_that_was_unpinned_is_not_pinned(env: RetentionEnv) -> None:
    await env.set_limits(events=7, keep_pinned=True)
    await env.remove()
    await env.append(Pin, "bo", ref=4, on=False)
    assert (await env.read(check)).findings == []
    back = f"UPDATE events SET pinned_at = 5, checksum = NULL WHERE id = {event_id(GENERAL, 4)}"
    await env.database.write(lambda c: c.run(back, {}))

    [found] = (await env.read(check)).findings

    assert found == "room 1, message 4: is pinned in the table or in the log, but not in both"

"""
A client that was away knows what one knows that stayed, and what one knows that asks anew.

    state of a fresh fetch  =  state of an old fetch + the events since

for every room, member, message, reaction, pin and count, over random histories, however the
events come: live, from the log, or from the tail. ``HYPOTHESIS_PROFILE=thorough`` looks at many
more of them, and at others each time.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given

from app.domain.appends import Committed
from app.domain.errors import ParleyError
from app.domain.ids import RoomId
from app.services.log.committer import AppendResult
from app.store import checking
from app.store.tables import metadata
from tests.model.histories import PEOPLE, History, examples, histories
from tests.model.house import ROOM_NAMES, House, furnished
from tests.model.room_state import Body, RoomState

pytestmark = [pytest.mark.sqlite_only, pytest.mark.timeout(1_800)]


@pytest.fixture(scope="module")
def engine() -> Iterator[sa.Engine]:
    """People in a new installation."""
    engine = furnished()
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """One event loop for all histories."""
    with asyncio.Runner() as runner:
        yield runner


def known(events: list[Body], to: RoomState | None = None) -> RoomState:
    """What a client knows after ``events``, which knew ``to`` before."""
    state = RoomState() if to is None else to.copy()
    for event in events:
        state.apply(event)
    return state


def after(seq: int, events: list[Body]) -> list[Body]:
    return [event for event in events if event["seq"] > seq]


def told(house: House, history: History) -> dict[RoomId, RoomState]:
    """Let it all happen; what was known at the first fetch."""
    fetched: dict[RoomId, RoomState] = {}
    for moment in range(len(history.batches) + 1):
        if moment == history.warm_after:
            house.is_listened_to()
        if moment == history.fetched_after:
            fetched = {room: house.fetch(room, page=3) for room in house.rooms}
        if moment < len(history.batches):
            house.does(history.batches[moment])
    return fetched


# The whole room


@examples(usual=300, thorough=2_000)
@given(histories)
def test_what_is_fetched_anew_is_what_was_fetched_before_and_the_events_since(
    engine: sa.Engine, runner: asyncio.Runner, history: History
) -> None:
    with engine.connect() as connection, connection.begin() as transaction:
        house = House(connection, history)
        before = told(house, history)
        for room in house.rooms:
            runner.run(_is_the_same_however_it_is_learnt(house, room, before[room], history))
        assert checking.check(connection).findings == []
        transaction.rollback()


async def _is_the_same_however_it_is_learnt(
    house: House, room: RoomId, before: RoomState, history: History
) -> None:
    now = house.fetch(room, page=4)
    shown = now.shown()
    live = house.live(room)
    heard = house.heard(room)
    cursor = before.cursor

    assert {event["room"] for event in live} == {ROOM_NAMES[house.rooms.index(room)]}
    assert heard == live[len(live) - len(heard) :]
    assert known(live).shown() == shown, "live, from the beginning"
    assert known(after(cursor, live), before).shown() == shown, "live"
    assert known(after(cursor, heard), before).shown() == shown, "delivered"
    assert known(house.logged(room, 0, 100)).shown() == shown, "the log, from the beginning"
    assert known(house.logged(room, cursor, 3), before).shown() == shown, "the log"
    assert known(await house.replayed(room, cursor), before).shown() == shown, "the tail"

    for since in (since % (now.cursor + 1) for since in history.since):
        then = known(live[:since])
        logged, replayed = house.logged(room, since, 5), await house.replayed(room, since)
        assert replayed == logged, f"the tail, since {since}"
        assert _texts_of_deleted(logged, now) == set(), f"since {since}"
        for source in (logged, replayed):
            assert [event["seq"] for event in source] == list(range(since + 1, now.cursor + 1))
            assert known(source, then).shown() == shown, f"since {since}"
            _once_more_changes_nothing(now, source)
        _once_more_changes_nothing(now, live[since:])

    newest = await house.newest(room, 4)
    assert [event["seq"] for event in newest] == sorted(now.messages)[-4:]
    for event in newest:
        whole = {**now.message(event["seq"]), "type": "message.created"}
        event.pop("id", None)
        assert {**event, "mentions": sorted(event["mentions"])} == whole


def _texts_of_deleted(events: list[Body], now: RoomState) -> set[str]:
    """What a replay says of messages that have been deleted."""
    gone = {seq for seq, message in now.messages.items() if message["deleted_at"] is not None}
    said = (event for event in events if event.get("ref", event["seq"]) in gone)
    return {event["text"] for event in said if event.get("text") is not None}


def _once_more_changes_nothing(state: RoomState, events: list[Body]) -> None:
    """Every event sets, none counts."""
    again = state.copy()
    for event in events:
        again.fold(event)
    assert again.shown() == state.shown()


# Unread


@examples(usual=100, thorough=1_000)
@given(histories)
def test_what_is_unread_is_counted_as_of_the_head(engine: sa.Engine, history: History) -> None:
    with engine.connect() as connection, connection.begin() as transaction:
        house = House(connection, history)
        for batch in [[], *history.batches]:
            house.does(batch)
            for room in house.rooms:
                _is_counted(house, room)
        transaction.rollback()


def _is_counted(house: House, room: RoomId) -> None:
    state = known(house.live(room))
    for name in PEOPLE:
        view = house.view(room, name)
        member = state.members.get(name)
        assert view.head == state.cursor
        assert view.role == (None if member is None else member["role"])
        if member is None:
            assert (view.unread, view.mentions) == (0, 0)
            continue
        assert view.read == _read(house, room, name, state)
        counted = (view.unread, view.mentions)
        assert counted == state.counts(name, view.read)
        # As if they had read further: never back, never beyond the head.
        further = house.view(room, name, read=state.cursor - 2)
        assert further.read == max(view.read, state.cursor - 2)
        assert (further.unread, further.mentions) == state.counts(name, further.read)
        assert house.view(room, name, read=state.cursor + 9).read == state.cursor


def _read(house: House, room: RoomId, name: str, state: RoomState) -> int:
    """How far a member has read: what they said, and what was there before they came."""
    came = [
        event["seq"] - 1
        for event in house.live(room)
        # The two of a direct room are there from the beginning.
        if event["type"] == "member.joined"
        and event["user"] == name
        and state.room["kind"] != "direct"
    ]
    marks = [
        seq
        for batch in house.marks
        for where, user, seq in batch
        if (where, user) == (room, PEOPLE[name])
    ]
    return max([0, *came, *marks])


# One by one


@examples(usual=150, thorough=1_000)
@given(histories)
def test_a_batch_does_what_its_appends_do_one_by_one(engine: sa.Engine, history: History) -> None:
    with engine.connect() as connection, connection.begin() as transaction:
        together = House(connection, history)
        for batch in history.batches:
            together.does(batch)
        stored = rows(connection)
        transaction.rollback()

    with engine.connect() as connection, connection.begin() as transaction:
        alone = House(connection, history)
        # Both begin with the same house.
        begun = len(alone.appends)
        asked = zip(together.appends[begun:], together.marks[begun:], strict=True)
        for appends, marks in asked:
            for append in appends:
                alone.redoes([append], [])
            alone.redoes([], marks)
        assert [said(o) for o in alone.outcomes] == [said(o) for o in together.outcomes]
        assert rows(connection) == stored
        assert {r: alone.live(r) for r in alone.rooms} == {
            r: together.live(r) for r in together.rooms
        }
        transaction.rollback()


def said(outcome: AppendResult) -> Any:
    """An answer, to be compared."""
    if isinstance(outcome, Committed):
        return outcome
    assert isinstance(outcome, ParleyError)
    return outcome.code, outcome.detail, outcome.retry_after


def rows(connection: sa.Connection) -> dict[str, list[Any]]:
    """Everything that is stored."""
    return {
        table.name: sorted(map(repr, connection.execute(sa.select(table))))
        for table in metadata.sorted_tables
    }

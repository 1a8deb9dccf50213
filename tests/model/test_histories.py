"""
A client that was away ends in the same state as one that stayed, and as one that starts afresh.

    state of a fresh fetch  =  state of an old fetch + the events since

This holds for every room, member, message, reaction, pin and count, over random histories,
whether the events come live, from the log, or from the replay buffer.
How many: :mod:`tests.harness.examples`.
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
from app.services.log.batch_transaction import AppendResult
from app.store import checking
from app.store.sqlite_connection import SqliteConnection
from app.store.tables import metadata
from tests.harness.examples import examples
from tests.model.histories import PEOPLE, History, histories
from tests.model.model_env import ROOM_NAMES, ModelEnv, new_installation
from tests.model.room_state import Body, RoomState

pytestmark = [pytest.mark.sqlite_only, pytest.mark.timeout(1_800)]


@pytest.fixture(scope="module")
def engine() -> Iterator[sa.Engine]:
    """A new installation with users."""
    engine = new_installation()
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """One event loop for all histories."""
    with asyncio.Runner() as runner:
        yield runner


def known(events: list[Body], to: RoomState | None = None) -> RoomState:
    """The state after ``events``, from the state ``to``."""
    state = RoomState() if to is None else to.copy()
    for event in events:
        state.apply(event)
    return state


def after(seq: int, events: list[Body]) -> list[Body]:
    return [event for event in events if event["seq"] > seq]


def run_history(env: ModelEnv, history: History) -> dict[RoomId, RoomState]:
    """Carry out the history; return what the first fetch showed."""
    fetched: dict[RoomId, RoomState] = {}
    for moment in range(len(history.batches) + 1):
        if moment == history.warm_after:
            env.activate_feeds()
        if moment == history.fetched_after:
            fetched = {room: env.fetch(room, page=3) for room in env.rooms}
        if moment < len(history.batches):
            env.carry_out(history.batches[moment])
    return fetched


# The whole room


@examples(300)
@given(histories)
def test_a_fresh_fetch_is_an_old_fetch_and_the_events_since(
    engine: sa.Engine, runner: asyncio.Runner, history: History
) -> None:
    with engine.connect() as opened, opened.begin() as transaction:
        connection = SqliteConnection(opened)
        env = ModelEnv(connection, history)
        before = run_history(env, history)
        for room in env.rooms:
            runner.run(_every_source_gives_the_same_state(env, room, before[room], history))
        assert checking.check(connection).findings == []
        transaction.rollback()


async def _every_source_gives_the_same_state(
    env: ModelEnv, room: RoomId, before: RoomState, history: History
) -> None:
    now = env.fetch(room, page=4)
    shown = now.shown()
    live = env.live(room)
    delivered = env.delivered(room)
    cursor = before.cursor

    assert {event["room"] for event in live} == {ROOM_NAMES[env.rooms.index(room)]}
    assert delivered == live[len(live) - len(delivered) :]
    assert known(live).shown() == shown, "live, from the beginning"
    assert known(after(cursor, live), before).shown() == shown, "live"
    assert known(after(cursor, delivered), before).shown() == shown, "delivered"
    assert known(env.logged(room, 0, 100)).shown() == shown, "the log, from the beginning"
    assert known(env.logged(room, cursor, 3), before).shown() == shown, "the log"
    assert known(await env.replayed(room, cursor), before).shown() == shown, "the buffer"

    for since in (since % (now.cursor + 1) for since in history.since):
        then = known(live[:since])
        logged, replayed = env.logged(room, since, 5), await env.replayed(room, since)
        assert replayed == logged, f"the buffer, since {since}"
        assert _texts_of_deleted(logged, now) == set(), f"since {since}"
        for source in (logged, replayed):
            assert [event["seq"] for event in source] == list(range(since + 1, now.cursor + 1))
            assert known(source, then).shown() == shown, f"since {since}"
            _repeating_changes_nothing(now, source)
        _repeating_changes_nothing(now, live[since:])

    newest = await env.newest(room, 4)
    assert [event["seq"] for event in newest] == sorted(now.messages)[-4:]
    for event in newest:
        whole = {**now.message(event["seq"]), "type": "message.created"}
        event.pop("id", None)
        assert {**event, "mentions": sorted(event["mentions"])} == whole


def _texts_of_deleted(events: list[Body], now: RoomState) -> set[str]:
    """The texts of deleted messages in a replay."""
    gone = {seq for seq, message in now.messages.items() if message["deleted_at"] is not None}
    said = (event for event in events if event.get("ref", event["seq"]) in gone)
    return {event["text"] for event in said if event.get("text") is not None}


def _repeating_changes_nothing(state: RoomState, events: list[Body]) -> None:
    """Every event sets a value; none adds to one."""
    again = state.copy()
    for event in events:
        again.fold(event)
    assert again.shown() == state.shown()


# Unread


@examples(100)
@given(histories)
def test_unread_counts_agree_with_the_state(engine: sa.Engine, history: History) -> None:
    with engine.connect() as opened, opened.begin() as transaction:
        connection = SqliteConnection(opened)
        env = ModelEnv(connection, history)
        for batch in [[], *history.batches]:
            env.carry_out(batch)
            for room in env.rooms:
                _counts_agree(env, room)
        transaction.rollback()


def _counts_agree(env: ModelEnv, room: RoomId) -> None:
    state = known(env.live(room))
    for name in PEOPLE:
        view = env.view(room, name)
        member = state.members.get(name)
        if view is None:
            assert member is None
            continue
        assert view.head == state.cursor
        assert view.role == (None if member is None else member["role"])
        if member is None:
            assert (view.unread, view.mentions) == (0, 0)
            continue
        assert view.read == _read(env, room, name, state)
        counted = (view.unread, view.mentions)
        assert counted == state.counts(name, view.read)
        # A marker on its way never moves back, and never beyond the head.
        further = env.view(room, name, read=state.cursor - 2)
        assert further.read == max(view.read, state.cursor - 2)
        assert (further.unread, further.mentions) == state.counts(name, further.read)
        assert env.view(room, name, read=state.cursor + 9).read == state.cursor


def _read(env: ModelEnv, room: RoomId, name: str, state: RoomState) -> int:
    """The read marker: the last of a member's own marks, and what preceded the join."""
    joined = [
        event["seq"] - 1
        for event in env.live(room)
        # The members of a direct room are there from the beginning.
        if event["type"] == "member.joined"
        and event["user"] == name
        and state.room["kind"] != "direct"
    ]
    marks = [
        seq
        for batch in env.marks
        for where, user, seq, *_ in batch
        if (where, user) == (room, PEOPLE[name])
    ]
    return max([0, *joined, *marks])


# One by one


@examples(150)
@given(histories)
def test_a_batch_does_what_its_appends_do_one_by_one(engine: sa.Engine, history: History) -> None:
    with engine.connect() as opened, opened.begin() as transaction:
        connection = SqliteConnection(opened)
        together = ModelEnv(connection, history)
        for batch in history.batches:
            together.carry_out(batch)
        stored = rows(connection)
        transaction.rollback()

    with engine.connect() as opened, opened.begin() as transaction:
        connection = SqliteConnection(opened)
        alone = ModelEnv(connection, history)
        # Both begin with the same two rooms.
        begun = len(alone.appends)
        asked = zip(together.appends[begun:], together.marks[begun:], strict=True)
        for appends, marks in asked:
            for append in appends:
                alone.commit([append], [])
            alone.commit([], marks)
        assert [comparable(o) for o in alone.outcomes] == [
            comparable(o) for o in together.outcomes
        ]
        assert rows(connection) == stored
        assert {r: alone.live(r) for r in alone.rooms} == {
            r: together.live(r) for r in together.rooms
        }
        transaction.rollback()


def comparable(outcome: AppendResult) -> Any:
    """The result of an append, in a form that can be compared."""
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

"""
What the committer writes, on the working set that it has loaded.

However appends are split into batches, the log and all that is derived from it are the same.
"""

import dataclasses
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app.domain.appends import (
    Admit,
    Append,
    Ban,
    Delete,
    Edit,
    Join,
    Mute,
    Pin,
    React,
    Remove,
    Send,
    UpdateRoom,
)
from app.domain.errors import ParleyError
from app.domain.ids import Millis, RoomId, UserId
from app.domain.mentions import mentioned
from app.domain.roles import Role
from app.services.log.batch_transaction import commit
from app.store import users
from app.store.checking import check
from app.store.sqlite_connection import SqliteConnection
from tests.harness.databases import install
from tests.harness.examples import examples
from tests.store.statements import CountingConnection

# Hundreds of histories on an installation of its own, in memory.
pytestmark = [pytest.mark.sqlite_only, pytest.mark.timeout(600)]

GENERAL = RoomId(1)
AT = Millis(1_795_248_000_000)

by = st.sampled_from([UserId(1), UserId(2), UserId(3), None])
whom = st.sampled_from([UserId(1), UserId(2), UserId(3), UserId(404)])
refs = st.integers(1, 9)
ids = st.none() | st.sampled_from(["a", "b", "c"])
texts = st.sampled_from(["hi", "ho @user1", "hey @user2 @user3"])
emojis = st.sampled_from(["👍", "🎉"])


def an_append(kind: type[Append], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Append]:
    common = {"room": st.just(GENERAL), "by": by, "at": st.just(AT), "client_id": ids}
    return st.builds(kind, **common, **fields)


appends_ = st.one_of(
    an_append(Send, text=texts, reply_to=st.none() | refs),
    an_append(Send, text=texts),
    an_append(Edit, ref=refs, text=texts),
    an_append(Delete, ref=refs),
    an_append(React, ref=refs, emoji=emojis, on=st.booleans()),
    an_append(Pin, ref=refs, on=st.booleans()),
    an_append(Join),
    an_append(Admit, user=whom, role=st.none() | st.sampled_from(Role)),
    an_append(Remove, user=whom),
    an_append(Ban, user=whom, on=st.booleans(), until=st.none() | st.just(Millis(AT + 5))),
    an_append(Mute, user=whom, on=st.booleans()),
    an_append(UpdateRoom, slow_mode_seconds=st.sampled_from([None, 0, 1])),
    an_append(UpdateRoom, archived=st.booleans(), as_operator=st.just(True)),
)


@pytest.fixture(scope="module")
def engine() -> Iterator[sa.Engine]:
    """An installation in memory. Tests roll back what they do."""
    memory = sqlite3.connect(
        ":memory:", check_same_thread=False, isolation_level=None, factory=CountingConnection
    )
    install(memory)
    engine = sa.create_engine("sqlite://", creator=lambda: memory, poolclass=sa.StaticPool)
    sa.event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN"))
    with engine.begin() as opened:
        connection = SqliteConnection(opened)
        for n in (1, 2, 3):
            users.insert(
                connection,
                username=f"user{n}",
                display_name="",
                password_hash=None,
                is_admin=n == 3,
                at=AT,
            )
        joins = [Join(room=GENERAL, by=UserId(n), at=AT) for n in (1, 2)]
        first = Admit(room=GENERAL, by=None, at=AT, user=UserId(1), role=Role.OWNER)
        commit(connection, [*joins, first])
    yield engine
    engine.dispose()
    memory.close()


KEPT = [
    "SELECT * FROM events ORDER BY id",
    "SELECT * FROM rooms ORDER BY id",
    "SELECT * FROM members ORDER BY room_id, user_id",
    "SELECT * FROM reactions ORDER BY event_id, emoji, user_id",
    "SELECT user_id, event_id FROM mentions ORDER BY user_id, event_id",
]


def carry_out(engine: sa.Engine, batches: list[list[Append]]) -> tuple[list[Any], list[Any]]:
    """The outcomes, and everything that is on disk then."""
    outcomes: list[Any] = []
    with engine.connect() as opened, opened.begin() as transaction:
        connection = SqliteConnection(opened)
        for batch in batches:
            fresh = [dataclasses.replace(append) for append in batch]
            for outcome in commit(connection, fresh).outcomes:
                refused = isinstance(outcome, ParleyError)
                outcomes.append((type(outcome), outcome.detail) if refused else outcome)
        kept = [[tuple(row) for row in connection.execute(sa.text(sql))] for sql in KEPT]
        findings = check(connection).findings
        transaction.rollback()
    assert findings == []
    return outcomes, kept


@examples(200)
@given(st.lists(st.tuples(appends_, st.booleans()), min_size=2, max_size=14))
def test_one_batch_is_the_same_as_many(
    engine: sa.Engine, story: list[tuple[Append, bool]]
) -> None:
    appends: list[Append] = []
    batches: list[list[Append]] = [[]]
    for n, (append, ends) in enumerate(story):
        append.at = Millis(AT + n)
        if append.by is None:
            # The operator is no user, and has no ids of their own.
            append.client_id = None
        if isinstance(append, Send | Edit):
            append.mentions = mentioned(append.text)
        appends.append(append)
        batches[-1].append(append)
        if ends:
            batches.append([])

    one_by_one = carry_out(engine, [[append] for append in appends])

    assert carry_out(engine, [appends]) == one_by_one
    assert carry_out(engine, [batch for batch in batches if batch]) == one_by_one


def test_the_number_of_statements_does_not_depend_on_the_batch(engine: sa.Engine) -> None:
    def statements(count: int) -> int:
        with engine.connect() as opened, opened.begin() as transaction:
            connection = SqliteConnection(opened)
            sends = [
                Send(
                    room=GENERAL,
                    by=UserId(1 + n % 2),
                    at=AT,
                    client_id=str(n),
                    text=f"hi @user{1 + n % 3}",
                    mentions=[f"user{1 + n % 3}"],
                )
                for n in range(count)
            ]
            raw = connection.driver
            assert isinstance(raw, CountingConnection)
            before, others = raw.calls, []
            sa.event.listen(opened, "before_cursor_execute", lambda *_: others.append(1))
            outcomes = commit(connection, sends).outcomes
            seen = raw.calls - before + len(others)
            transaction.rollback()
        assert not any(isinstance(outcome, ParleyError) for outcome in outcomes)
        return seen

    assert 5 < statements(10) == statements(500)

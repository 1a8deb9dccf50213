"""
A buffer holds what a replay from the log would send.

Rewriting is compared with the database itself: after any sequence of appends, the frames in the
buffer are those that are read from disk.
"""

import sqlite3
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app.domain.appends import Append, Delete, Edit, Pin, React, Send
from app.domain.events import EventType
from app.domain.ids import Millis, RoomId, UserId
from app.domain.mentions import mentioned
from app.realtime.replay_buffer import ReplayBuffer, ReplayBuffers
from app.services.log.batch_transaction import commit
from app.store import events as event_store
from app.store import users
from app.store.bulk import BulkStatement
from app.store.sqlite_connection import SqliteConnection
from app.wire.event_encoding import encode_batch
from app.wire.websocket_frame import payload_of, payloads_of, text_frame
from tests.harness.databases import install
from tests.harness.examples import examples
from tests.realtime.recording import AT, DEN, event

DEN_TOO = RoomId(2)


def frames(*seqs: int) -> list[bytes]:
    return [text_frame(orjson.dumps({"seq": seq})) for seq in seqs]


def seqs(joined: bytes) -> list[int]:
    return [orjson.loads(payload)["seq"] for payload in payloads_of(joined)]


def buffer_of(*numbers: int) -> ReplayBuffer:
    buffer = ReplayBuffer(numbers[0])
    buffer.append(frames(*numbers))
    return buffer


def test_an_empty_buffer_has_nothing() -> None:
    buffer = ReplayBuffer(5)

    assert (buffer.first, buffer.last, buffer.size) == (5, 4, 0)
    assert buffer.after(4, 10, 1000) is None


@pytest.mark.parametrize(
    ("after", "upto", "found"),
    [
        pytest.param(2, 5, [3, 4, 5], id="all"),
        pytest.param(3, 5, [4, 5], id="from the middle"),
        pytest.param(2, 3, [3], id="not beyond upto"),
        pytest.param(2, 9, [3, 4, 5], id="not beyond the last"),
        pytest.param(1, 5, None, id="older than the first"),
        pytest.param(5, 5, None, id="nothing newer"),
        pytest.param(7, 9, None, id="beyond the end"),
    ],
)
def test_a_chunk_starts_right_after_the_seq(
    after: int, upto: int, found: list[int] | None
) -> None:
    chunk = buffer_of(3, 4, 5).after(after, upto, 10_000)

    if found is None:
        assert chunk is None
    else:
        assert chunk is not None
        assert (seqs(chunk[0]), chunk[1]) == (found, found[-1])


def test_a_chunk_has_about_the_size_asked_for_and_is_never_empty() -> None:
    buffer = buffer_of(*range(1, 100))

    chunk = buffer.after(0, 99, 1)
    assert chunk is not None
    assert seqs(chunk[0]) == [1]
    chunk = buffer.after(0, 99, 35)
    assert chunk is not None
    assert seqs(chunk[0]) == [1, 2, 3, 4]


def test_trimming_drops_the_oldest_first() -> None:
    buffer = buffer_of(*range(1, 10))
    size = buffer.size // 9

    dropped = buffer.trim(size * 4)

    assert (buffer.first, buffer.last, buffer.size, dropped) == (6, 9, size * 4, size * 5)
    assert buffer.trim(size * 4) == 0
    buffer.trim(0)
    assert (buffer.first, buffer.last, buffer.size) == (10, 9, 0)
    buffer.append(frames(10))
    assert buffer.after(9, 10, 1000) is not None


def test_older_events_fit_only_where_the_buffer_begins() -> None:
    buffer = buffer_of(5, 6)

    buffer.prepend(2, frames(2, 3))
    assert buffer.first == 5
    buffer.prepend(3, frames(3, 4))
    assert buffer.first == 3
    assert buffer.size == sum(map(len, frames(3, 4, 5, 6)))


# All buffers of a node


@pytest.mark.parametrize(
    ("first", "left"),
    [
        pytest.param(1, [3, 4, 5], id="older than the first"),
        pytest.param(3, [3, 4, 5], id="the first"),
        pytest.param(5, [5], id="in the middle"),
        pytest.param(6, [], id="behind the last"),
        pytest.param(9, [], id="beyond it"),
    ],
)
def test_events_that_retention_has_removed_are_dropped(first: int, left: list[int]) -> None:
    replay_buffers = ReplayBuffers()
    buffer = replay_buffers.open(DEN, 2)
    replay_buffers.append(DEN, frames(3, 4, 5))

    replay_buffers.forget_before(DEN, first)
    replay_buffers.forget_before(DEN_TOO, first)

    assert list(range(buffer.first, buffer.last + 1)) == left
    assert replay_buffers.size == buffer.size == sum(map(len, frames(*left)))
    # The next event still comes right behind.
    replay_buffers.append(DEN, frames(6))
    found = buffer.after(buffer.last - 1, 6, 1000)
    assert found is not None
    assert seqs(found[0]) == [6]


def test_all_buffers_together_are_bounded() -> None:
    one = len(text_frame(b"x" * 100))
    replay_buffers = ReplayBuffers(room_bytes=10 * one, bytes_=12 * one)
    older, newer = replay_buffers.open(DEN, 0), replay_buffers.open(DEN_TOO, 0)

    replay_buffers.append(DEN, [text_frame(b"x" * 100)] * 15)
    assert replay_buffers.open(RoomId(3), 0).size == 0
    replay_buffers.append(DEN_TOO, [text_frame(b"x" * 100)] * 8)

    assert newer.size == 8 * one
    assert older.size == 0, "the least recently grown goes first"
    assert replay_buffers.size == 8 * one
    replay_buffers.append(DEN, [text_frame(b"x" * 100)])
    replay_buffers.drop(DEN_TOO)
    replay_buffers.drop(DEN_TOO)
    assert replay_buffers.size == one


def test_older_events_are_kept_while_there_is_space() -> None:
    one = len(frames(1)[0])
    replay_buffers = ReplayBuffers(room_bytes=4 * one, bytes_=100 * one)
    buffer = replay_buffers.open(DEN, 9)

    replay_buffers.prepend(DEN, buffer, 5, frames(5, 6, 7, 8, 9))
    assert buffer.first == 10
    replay_buffers.prepend(DEN, buffer, 7, frames(7, 8, 9))
    assert (buffer.first, replay_buffers.size) == (7, 3 * one)


def test_older_events_are_ignored_for_a_buffer_that_has_been_replaced() -> None:
    replay_buffers = ReplayBuffers()
    old = replay_buffers.open(DEN, 9)
    new = replay_buffers.open(DEN, 9)

    replay_buffers.prepend(DEN, old, 9, frames(9))
    replay_buffers.drop(DEN)
    replay_buffers.prepend(DEN, new, 9, frames(9))

    assert (old.size, new.size, replay_buffers.size) == (0, 0, 0)


def test_opening_a_room_again_starts_with_an_empty_buffer() -> None:
    replay_buffers = ReplayBuffers()
    replay_buffers.open(DEN, 0)
    replay_buffers.append(DEN, frames(1, 2))

    assert replay_buffers.open(DEN, 9).first == 10
    assert replay_buffers.size == 0


def test_an_event_without_ref_rewrites_nothing() -> None:
    buffer = buffer_of(1, 2)
    buffer.rewrite(event(3, EventType.MEMBER_JOINED))

    assert buffer.after(0, 2, 1000) == (b"".join(frames(1, 2)), 2)


# The same as on disk

ANA, BO = UserId(1), UserId(2)
texts = st.sampled_from(
    ["hi", "a @bo", '"ref":2,"type":"message.edited"', "see @ana @bo", "ü👍", "two\u2028lines\x85"]
)
refs = st.integers(2, 6)
people = st.sampled_from([ANA, BO])

actions = st.one_of(
    st.builds(
        lambda by, text, to, data: (Send, by, {"text": text, "reply_to": to, "data": data}),
        people,
        texts,
        st.none() | refs,
        st.sampled_from([None, {"ref": 2}]),
    ),
    st.builds(lambda by, ref, text: (Edit, by, {"ref": ref, "text": text}), people, refs, texts),
    st.builds(lambda by, ref: (Delete, by, {"ref": ref}), people, refs),
    st.builds(
        lambda by, ref, on: (React, by, {"ref": ref, "emoji": "👍", "on": on}),
        people,
        refs,
        st.booleans(),
    ),
    st.builds(lambda by, ref, on: (Pin, by, {"ref": ref, "on": on}), people, refs, st.booleans()),
)


def made(kind: type[Append], by: UserId, what: dict[str, Any], n: int) -> Append:
    if "text" in what:
        what = {**what, "mentions": mentioned(what["text"])}
    return kind(room=DEN, by=by, at=Millis(AT + n), client_id=str(n), **what)


@pytest.fixture(scope="module")
def engine() -> Iterator[sa.Engine]:
    """A database in memory. Tests roll back what they do."""
    memory = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    install(memory)
    engine = sa.create_engine("sqlite://", creator=lambda: memory, poolclass=sa.StaticPool)
    sa.event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN"))
    with engine.begin() as opened:
        connection = SqliteConnection(opened)
        for name in ("ana", "bo"):
            users.insert(
                connection,
                username=name,
                display_name=name,
                password_hash=None,
                is_admin=False,
                at=AT,
            )
        members = BulkStatement(
            "INSERT INTO members (room_id, user_id, role) "
            "SELECT 1, id, 'owner' FROM {keys} WHERE true",
            id="bigint",
        )
        members.run(connection, [(ANA,), (BO,)])
    yield engine
    engine.dispose()
    memory.close()


@examples(300)
@given(st.lists(st.lists(actions, min_size=1, max_size=6), max_size=5))
def test_a_buffer_holds_what_a_replay_from_disk_would_send(
    engine: sa.Engine, batches: list[list[Any]]
) -> None:
    buffer, n = ReplayBuffer(2), 0
    with engine.connect() as opened, opened.begin() as transaction:
        connection = SqliteConnection(opened)
        for batch in batches:
            appends = []
            for kind, by, what in batch:
                n += 1
                appends.append(made(kind, by, what, n))
            for batch in commit(connection, appends).event_batches:
                # As the feed does.
                buffer.append(encode_batch(batch))
                for event_ in batch.events:
                    if event_.type in (EventType.MESSAGE_EDITED, EventType.MESSAGE_DELETED):
                        buffer.rewrite(event_)
        stored = event_store.batch_after(connection, DEN, 1, upto=buffer.last, limit=1000)
        transaction.rollback()

    kept = buffer.after(1, buffer.last, 10**9)
    buffered = [] if kept is None else [orjson.loads(p) for p in payloads_of(kept[0])]
    from_disk = [] if stored is None else encode_batch(stored)
    assert buffered == [orjson.loads(payload_of(frame)) for frame in from_disk]
    assert buffer.size == (0 if kept is None else len(kept[0]))

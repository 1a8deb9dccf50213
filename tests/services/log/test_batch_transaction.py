"""A batch as one transaction: locked, loaded, decided in order, written; and read back."""

import threading
from collections.abc import Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.appends import Append, Committed, CreateRoom, Delete, Join, Send
from app.domain.errors import Forbidden, IdReused, RoomNotFound, Unavailable
from app.domain.events import Event
from app.domain.ids import RoomId, UserId
from app.domain.roles import Kind
from app.domain.working_set import NO_ROOM
from app.services.log.batch_transaction import AppendResult, CommitResult, commit, read_back
from app.store import events
from app.store.database import Database, DbConnection
from app.store.read_markers import Mark
from tests.store.log_env import GENERAL, START, LogEnv


class Env(LogEnv):
    """Ana owns ``den`` and is a member of ``general``, bo is a member of both, eve of none."""

    den: RoomId

    async def set_up(self) -> "Env":
        await self.add_users("ana", "bo", "eve")
        await self.join("ana", "bo")
        self.den = await self.create_room("den")
        await self.append(Join, "bo", self.den)
        return self

    def send(self, by: str, text: str, room: RoomId = GENERAL, **fields: Any) -> Send:  # type: ignore[override]
        """An append that is not committed yet."""
        return Send(room=room, by=self.users[by], at=self.now, text=text, **fields)

    def join_of(self, by: str, room: RoomId = GENERAL) -> Join:
        return Join(room=room, by=self.users[by], at=self.now)

    async def batch(
        self, appends: Sequence[Append], marks: Sequence[Mark] = (), **how: Any
    ) -> CommitResult:
        return await self.database.write(lambda c: commit(c, appends, marks, **how))

    async def reads_back(
        self, appends: Sequence[Append], decided: Sequence[AppendResult]
    ) -> Sequence[AppendResult]:
        result = await self.database.write(lambda c: read_back(c, appends, decided))
        assert (result.event_batches, result.locked) == ([], frozenset())
        return result.outcomes

    async def log(self, room: RoomId = GENERAL) -> list[Event]:
        return await self.read(lambda c: log_of(c, room))

    async def texts(self, room: RoomId = GENERAL) -> list[str]:
        return [event.text for event in await self.log(room) if event.text is not None]

    async def receipt(self, who: str) -> int:
        """How far others see that this member has read in ``general``."""
        return await self.read(lambda c: receipt_of(c, self.users[who]))

    def mark(self, who: str, seq: int) -> Mark:
        """The member has read up to ``seq`` in ``general``."""
        return Mark(GENERAL, self.users[who], seq=seq, receipt=seq)


def receipt_of(connection: DbConnection, user: UserId) -> int:
    sql = sa.text("SELECT read_seq FROM members WHERE room_id = 1 AND user_id = :user")
    found: int = connection.execute(sql, {"user": user}).scalar_one()
    return found


def log_of(connection: DbConnection, room: RoomId) -> list[Event]:
    head = events.head(connection, room)
    return list(events.after(connection, room, 0, upto=head, limit=head))


@pytest.fixture
async def env(database: Database) -> Env:
    return await Env(database).set_up()


# Decide in order


async def test_an_append_depends_on_those_before_it(env: Env) -> None:
    joined, sent = (await env.batch([env.join_of("eve"), env.send("eve", "hi")])).outcomes

    assert isinstance(joined, Committed)
    assert isinstance(sent, Committed)
    assert (joined.seq, sent.seq) == (sent.seq - 1 if sent.seq else None, len(await env.log()))


async def test_an_append_does_not_depend_on_those_after_it(env: Env) -> None:
    refused, joined = (await env.batch([env.send("eve", "hi"), env.join_of("eve")])).outcomes

    assert isinstance(refused, Forbidden)
    assert isinstance(joined, Committed)


async def test_a_refused_append_writes_nothing_and_stops_no_other(env: Env) -> None:
    head = len(await env.log())

    result = await env.batch(
        [env.send("ana", "one"), env.send("eve", "no member"), env.send("bo", "two")]
    )

    one, refused, two = result.outcomes
    assert isinstance(refused, Forbidden)
    assert one == Committed(head + 1, START, room=GENERAL)
    assert two == Committed(head + 2, START, room=GENERAL)
    assert await env.texts() == ["one", "two"]


async def test_a_retry_in_the_same_batch_is_one(env: Env) -> None:
    first, second = (await env.batch([env.send("ana", "hi", client_id="a")] * 2)).outcomes

    assert isinstance(first, Committed)
    assert second == first._replace(duplicate=True)
    assert await env.texts() == ["hi"]


async def test_a_refusal_keeps_no_traceback(env: Env) -> None:
    """It would keep the batch alive for as long as the refusal is."""
    [refused] = (await env.batch([env.send("eve", "hi")])).outcomes

    assert isinstance(refused, Forbidden)
    assert refused.__traceback__ is None


# What has happened, room by room


async def test_each_room_has_one_event_batch_in_the_order_of_its_appends(env: Env) -> None:
    result = await env.batch(
        [
            env.send("ana", "one"),
            env.send("bo", "of the den", env.den),
            env.send("bo", "two"),
        ]
    )

    assert [
        (batch.room, batch.room_name, batch.kind, [event.text for event in batch.events])
        for batch in result.event_batches
    ] == [
        (GENERAL, "general", Kind.PUBLIC, ["one", "two"]),
        (env.den, "den", Kind.PUBLIC, ["of the den"]),
    ]
    for batch in result.event_batches:
        assert (await env.log(batch.room))[-len(batch.events) :] == list(batch.events)


async def test_a_room_that_the_batch_creates_has_an_event_batch(env: Env) -> None:
    create = CreateRoom(
        room=NO_ROOM,
        by=env.users["eve"],
        at=env.now,
        name="attic",
        title="Attic",
        kind=Kind.PRIVATE,
    )

    result = await env.batch([create])

    [created], [batch] = result.outcomes, result.event_batches
    assert isinstance(created, Committed)
    assert (batch.room, batch.room_name, batch.kind) == (created.room, "attic", Kind.PRIVATE)
    assert batch.names == {env.users["eve"]: "eve"}


async def test_names_are_those_of_all_users_in_the_events(env: Env) -> None:
    """The author of a message that another deletes takes part in nothing of the batch."""
    [said] = (await env.batch([env.send("bo", "hi", env.den)])).outcomes
    assert isinstance(said, Committed)
    assert said.seq is not None
    ana = env.users["ana"]

    mentions = await env.batch([env.send("ana", "@bo", mentions=["bo"])])
    deletes = await env.batch([Delete(room=env.den, by=ana, at=env.now, ref=said.seq)])

    for result in (mentions, deletes):
        assert result.event_batches[0].names == {ana: "ana", env.users["bo"]: "bo"}


async def test_what_is_refused_or_known_is_no_event(env: Env) -> None:
    await env.batch([env.send("ana", "hi", client_id="a")])

    result = await env.batch([env.send("ana", "hi", client_id="a"), env.send("eve", "hi")])

    assert result.event_batches == []


# Write, in the caller's transaction


async def test_nothing_is_left_if_the_caller_rolls_back(env: Env) -> None:
    before = await env.log()

    def work(connection: DbConnection) -> None:
        commit(connection, [env.send("bo", "hi")], [env.mark("ana", 2)])
        raise Unavailable

    with pytest.raises(Unavailable):
        await env.database.write(work)

    assert await env.log() == before
    assert await env.receipt("ana") == 1


async def test_only_commit_is_left_when_it_says_so(env: Env) -> None:
    """``before_commit`` is called once, in the thread of the transaction."""
    seen: list[tuple[int, list[str | None], int]] = []

    def work(connection: DbConnection) -> int:
        def before_commit() -> None:
            texts = [event.text for event in log_of(connection, GENERAL)]
            receipt = receipt_of(connection, env.users["ana"])
            seen.append((threading.get_ident(), texts[-1:], receipt))

        marks = [env.mark("ana", 2)]
        commit(connection, [env.send("bo", "hi")], marks, before_commit=before_commit)
        return threading.get_ident()

    thread = await env.database.write(work)

    assert seen == [(thread, ["hi"], 2)]
    assert thread != threading.get_ident()


async def test_receipts_need_no_append(env: Env) -> None:
    called: list[bool] = []
    assert await env.receipt("ana") == 1

    result = await env.batch([], [env.mark("ana", 2)], before_commit=lambda: called.append(True))

    assert result == CommitResult([], [], frozenset())
    assert await env.receipt("ana") == 2
    assert called == [True]


# Lock


@contextmanager
def locked(postgres: str, room: RoomId) -> Any:
    """Another transaction holds the row of the room."""
    import psycopg

    with psycopg.connect(postgres) as other:
        other.execute("SELECT 1 FROM rooms WHERE id = %s FOR UPDATE", (room,))
        yield
        other.rollback()


@pytest.mark.postgres_only
async def test_a_room_that_is_locked_elsewhere_is_left_out(env: Env, postgres: str) -> None:
    sends = [env.send("ana", "one"), env.send("bo", "two", env.den), env.send("bo", "three")]

    with locked(postgres, env.den):
        result = await env.batch(sends, skip_locked=True)

    assert result.locked == {env.den}
    assert [type(outcome) for outcome in result.outcomes] == [Committed, Unavailable, Committed]
    assert [batch.room for batch in result.event_batches] == [GENERAL]
    assert await env.texts() == ["one", "three"]
    assert await env.texts(env.den) == []


async def test_a_room_that_no_one_has_locked_is_not_left_out(env: Env) -> None:
    result = await env.batch([env.send("ana", "hi", env.den)], skip_locked=True)

    assert result.locked == frozenset()
    assert await env.texts(env.den) == ["hi"]


# Read back


async def test_what_was_committed_is_found_by_its_client_id(env: Env) -> None:
    sends = [env.send("ana", "one", client_id="a"), env.send("bo", "two", client_id="a")]
    decided = (await env.batch(sends)).outcomes

    assert await env.reads_back(sends, decided) == decided


async def test_what_was_not_committed_is_unavailable(env: Env) -> None:
    before = await env.log()
    send = env.send("ana", "hi", client_id="a")

    [outcome] = await env.reads_back([send], [Committed(len(before) + 1, START, room=GENERAL)])

    assert isinstance(outcome, Unavailable)
    assert await env.log() == before


async def test_without_a_client_id_it_is_not_known(env: Env) -> None:
    sends = [env.send("ana", "one"), env.send("ana", "two", client_id="a")]
    decided = (await env.batch(sends)).outcomes

    unknown, found = await env.reads_back(sends, decided)

    assert isinstance(unknown, Unavailable)
    assert found == decided[1]


async def test_a_retry_stays_one(env: Env) -> None:
    send = env.send("ana", "hi", client_id="a")
    await env.batch([send])
    [retried] = (await env.batch([send])).outcomes
    assert isinstance(retried, Committed)

    assert await env.reads_back([send], [retried]) == [retried]
    assert retried.duplicate


@pytest.mark.parametrize("decided", ["another seq", "refused"])
async def test_what_another_transaction_has_stored_since_is_a_retry(
    env: Env, decided: str
) -> None:
    send = env.send("ana", "hi", client_id="a")
    [stored] = (await env.batch([send])).outcomes
    assert isinstance(stored, Committed)
    assert stored.seq is not None
    before = Forbidden() if decided == "refused" else stored._replace(seq=stored.seq - 1)

    assert await env.reads_back([send], [before]) == [stored._replace(duplicate=True)]


async def test_another_request_with_the_same_client_id_is_refused(env: Env) -> None:
    [stored] = (await env.batch([env.send("ana", "hi", client_id="a")])).outcomes

    [outcome] = await env.reads_back([env.send("ana", "ho", client_id="a")], [stored])

    assert isinstance(outcome, IdReused)
    assert outcome.__traceback__ is None


async def test_reading_back_decides_nothing(env: Env) -> None:
    """The append would be refused, since there is no such room; it is only looked for."""
    send = Send(room=RoomId(404), by=env.users["ana"], at=env.now, text="hi", client_id="a")

    [outcome] = await env.reads_back([send], [RoomNotFound()])

    assert isinstance(outcome, Unavailable)

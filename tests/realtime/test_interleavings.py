"""
Interleavings of everything that happens to a room, chosen by Hypothesis.

Commits, their publication, notifications, joins, removals, revocations and reads of the
database come in any order. Each subscriber must receive exactly the next ``seq`` after its
cursor, up to the event that ended its access or to the end of the log.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app.domain.appends import Admit, Append, Edit, Remove, Send
from app.domain.close_codes import Close
from app.domain.errors import ParleyError
from app.domain.events import EventBatch
from app.domain.ids import Millis, RoomId, SessionId, UserId
from app.realtime.activity import ActivityNotifier
from app.realtime.connection import Connection
from app.realtime.fanout import Fanout
from app.realtime.feed import Feed
from app.realtime.hub import Hub
from app.realtime.joins import Joins
from app.realtime.outbox import Outbox
from app.realtime.presence import Presence
from app.realtime.replay import Replay
from app.realtime.replay_buffer import ReplayBuffers
from app.realtime.replay_pages import ReplayPages
from app.realtime.resume import ResumeRequest
from app.realtime.separation import Separation
from app.realtime.write_coalescer import WriteCoalescer
from app.services.log.batch_transaction import commit
from app.services.log.committer import Committer
from app.services.log.epoch import Epoch
from app.services.log.read_receipt_buffer import ReadReceiptBuffer
from app.services.log.seams import Seam
from app.services.rooms.room_directory import RoomDirectory
from app.services.rooms.room_views import RoomViews
from app.store import users
from app.store.batch_loader import BatchLoader
from app.store.bulk import BulkStatement
from app.store.database import T, Work
from app.store.sqlite_connection import SqliteConnection
from app.wire.websocket_frame import payloads_of
from tests.harness.databases import install
from tests.harness.examples import examples
from tests.harness.patience import turns
from tests.harness.socket_client import SIGNALS, SequenceChecker
from tests.realtime.recording import NO_LIMIT, answers

ROOM, ANA = RoomId(1), UserId(1)
USERS = [UserId(2), UserId(3)]
AT = Millis(1_795_248_000_000)


class SteppedDatabase:
    """A database whose reads wait until the test takes a step, and then run at once."""

    shared = True
    fault = None
    checking = False

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self._waiting: list[tuple[asyncio.Future[None], Callable[[], None]]] = []

    async def read(self, work: Work[T]) -> T:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        found: list[T] = []
        self._waiting.append((future, lambda: found.append(work(self.connection))))
        await future
        return found[0]

    async def write(self, work: Work[T]) -> T:
        raise AssertionError("only the test writes")

    async def close(self) -> None: ...

    def step(self, which: int) -> bool:
        """Run one of the reads that wait; False if none does."""
        self._waiting = [pair for pair in self._waiting if not pair[0].done()]
        if not self._waiting:
            return False
        future, read = self._waiting.pop(which % len(self._waiting))
        read()
        future.set_result(None)
        return True


class CheckingTransport:
    """A transport that checks the sequence of every frame as it is written."""

    def __init__(self) -> None:
        self.sequence = SequenceChecker()
        self.sequence.check({"type": "welcome"}, None)
        self.since: int | None = None
        self.frames: list[dict[str, Any]] = []
        self.gone = False

    def write(self, frames: bytes) -> None:
        assert not self.gone, "written to a connection whose log-in has ended"
        for payload in payloads_of(frames):
            frame = orjson.loads(payload)
            self.sequence.check(frame, self.since)
            self.frames.append(frame)

    def unsent(self) -> int:
        return 0

    def abort(self) -> None: ...

    async def drained(self) -> None: ...


class Env:
    """A node without sockets, and a log that other nodes write to as well."""

    def __init__(self, connection: sa.Connection, small_buffers: bool) -> None:
        self.database = SteppedDatabase(connection)
        self.hub = Hub(Fanout())
        activity = ActivityNotifier(self.hub)
        replay_buffers = ReplayBuffers(room_bytes=300) if small_buffers else ReplayBuffers()
        self.feed = Feed(self.database, self.hub, activity, replay_buffers)
        receipts = ReadReceiptBuffer()
        room_views = RoomViews(BatchLoader(self.database), receipts)
        separation = Separation(BatchLoader(self.database), self.hub)
        self.joins = Joins(
            hub=self.hub,
            feed=self.feed,
            directory=RoomDirectory(BatchLoader(self.database)),
            room_views=room_views,
            committer=Committer(
                self.database,
                on_committed=Seam(),
                receipts=receipts,
                pacing=self.hub.fanout,
            ),
            separation=separation,
            now=lambda: AT,
        )
        self.replay = Replay(
            hub=self.hub,
            feed=self.feed,
            presence=Presence(lambda _room, _about: None, quiet_until=float("inf")),
            pages=ReplayPages(self.database, replay_buffers),
            room_views=room_views,
            coalescer=WriteCoalescer(),
            epoch=Epoch("epoch"),
            now=lambda: AT,
        )
        self.unpublished: list[EventBatch] = []
        self.subscribers: list[tuple[CheckingTransport, Connection, asyncio.Task[str]]] = []

    # Steps

    def commit(self, *appends: Append) -> None:
        self.unpublished += commit(self.database.connection, appends).event_batches

    def publish(self, which: int, *, keep: bool) -> None:
        """One of the batches reaches the feed: in any order, or twice."""
        if self.unpublished:
            at = which % len(self.unpublished)
            batch = self.unpublished[at] if keep else self.unpublished.pop(at)
            self.feed.on_committed([batch])

    def lose(self, which: int) -> None:
        """One of the batches was of another node, and its notification is lost."""
        if self.unpublished:
            self.unpublished.pop(which % len(self.unpublished))

    def join(self, user: UserId, since: int | None) -> None:
        transport = CheckingTransport()
        transport.since = since

        def close(_why: Close) -> None:
            # As the socket does: it ends the subscriptions and cancels the join.
            transport.gone = True
            self.hub.unregister(connection)
            joining.cancel()

        connection = Connection(
            user=user,
            username=f"user{user}",
            session=SessionId(user),
            expires_at=AT,
            outbox=Outbox(transport, NO_LIMIT, close),
            close=close,
            probe=answers,
            path_room=None,
        )
        self.hub.register(connection)
        joining = asyncio.create_task(self._join(connection, since))
        self.subscribers.append((transport, connection, joining))

    async def _join(self, connection: Connection, since: int | None) -> str:
        try:
            admission = await self.joins.admit(connection, "general")
            await self.replay.run(admission, ResumeRequest(since))
        except ParleyError as exc:
            return exc.code
        return "joined"

    @property
    def head(self) -> int:
        head: int = self.database.connection.execute(
            sa.text("SELECT head FROM rooms WHERE id = 1")
        ).scalar_one()
        return head


numbers = st.integers(0, 10)
subscribers = st.sampled_from(USERS)
steps = st.one_of(
    st.tuples(st.just("send"), st.integers(1, 4)),
    st.tuples(st.just("publish"), numbers),
    st.tuples(st.just("publish again"), numbers),
    st.tuples(st.just("lose"), numbers),
    st.tuples(st.just("notify"), st.integers(-1, 2)),
    st.tuples(st.just("read"), numbers),
    st.tuples(st.just("join"), subscribers, st.none() | st.integers(0, 3)),
    st.tuples(st.just("remove"), subscribers),
    st.tuples(st.just("admit"), subscribers),
    st.tuples(st.just("log out"), subscribers),
    st.tuples(st.just("turn"), st.integers(1, 3)),
    st.tuples(st.just("read all")),
    st.tuples(st.just("send and publish"), st.permutations(range(3))),
    st.tuples(st.just("half a batch"), st.integers(1, 2)),
    st.tuples(st.just("join and remove"), subscribers, st.none() | st.just(0), st.integers(0, 4)),
)


async def take(env: Env, step: tuple[Any, ...]) -> None:
    match step:
        case ("send", count):
            sends = [Send(room=ROOM, by=ANA, at=AT, text=f"text {n}") for n in range(count)]
            env.commit(*sends, Edit(room=ROOM, by=ANA, at=AT, ref=env.head + 1, text="edited"))
        case ("publish", which):
            env.publish(which, keep=False)
        case ("publish again", which):
            env.publish(which, keep=True)
        case ("lose", which):
            env.lose(which)
        case ("notify", ahead):
            env.feed.on_head(ROOM, env.head + ahead)
        case ("read", which):
            env.database.step(which)
        case ("join", user, since):
            env.join(user, None if since is None else min(since, env.head))
        case ("remove", user):
            env.commit(Remove(room=ROOM, by=None, at=AT, user=user))
        case ("admit", user):
            env.commit(Admit(room=ROOM, by=None, at=AT, user=user))
        case ("log out", user):
            env.hub.end_sessions(user, None)
        case ("turn", count):
            await turns(count)
        case ("read all",):
            for _ in range(50):
                await turns(8)
                env.database.step(0)
        case ("half a batch", missing):
            # The notification of a part comes first, then the whole batch.
            sends = [Send(room=ROOM, by=ANA, at=AT, text=f"half {n}") for n in range(3)]
            env.commit(*sends)
            env.feed.on_head(ROOM, env.head - missing)
            await take(env, ("read all",))
            env.feed.on_committed([env.unpublished.pop()])
        case ("join and remove", user, since, reads):
            env.commit(Admit(room=ROOM, by=None, at=AT, user=user))
            env.join(user, since)
            for _ in range(reads):
                await turns(8)
                env.database.step(0)
            env.commit(Remove(room=ROOM, by=None, at=AT, user=user))
            env.commit(Send(room=ROOM, by=ANA, at=AT, text="about them"))
            env.feed.on_committed(env.unpublished)
            env.unpublished.clear()
            env.commit(Admit(room=ROOM, by=None, at=AT, user=user))
        case ("send and publish", order):
            for n in order:
                env.commit(Send(room=ROOM, by=ANA, at=AT, text=f"in step {n}"))
            batches = env.unpublished[-len(order) :]
            del env.unpublished[-len(order) :]
            for n in order:
                env.feed.on_committed([batches[n]])


async def settle(env: Env) -> None:
    """Publish, read and deliver everything."""
    while env.unpublished:
        env.publish(0, keep=False)
    for _ in range(500):
        env.feed.on_head(ROOM, env.head)
        await turns(8)
        if not env.database.step(0) and all(task.done() for _, _, task in env.subscribers):
            await turns(8)
            return
    raise AssertionError("it does not settle")


def check(env: Env) -> None:
    removals = env.database.connection.execute(
        sa.text(
            "SELECT id & 0xffffffff, json_extract(data, '$.user') FROM events"
            " WHERE type = 'member.left' ORDER BY id"
        )
    ).all()
    for transport, connection, task in env.subscribers:
        if transport.gone:
            continue
        if task.result() != "joined":
            assert task.result() == "room_not_found"
            continue
        frames = [frame for frame in transport.frames if frame["type"] not in SIGNALS]
        # Before `joined`, the user may have been added and removed again.
        frames = frames[[frame["type"] for frame in frames].index("joined") :]
        head = frames[0]["head"]
        ends = [seq for seq, user in removals if user == connection.user and seq > head]
        types = [frame["type"] for frame in frames]
        if ends:
            # Behind `removed`, the user may have been added and removed again.
            frames = frames[: types.index("removed")]
            assert "removed" not in {frame["type"] for frame in frames}
        else:
            assert "removed" not in types
        reached = max((frame["seq"] for frame in frames if "seq" in frame), default=0)
        if ends and transport.since is None:
            # The newest messages may show a later state than that of the last event.
            assert reached <= ends[0]
        else:
            assert reached == (ends[0] if ends else env.head)


@pytest.fixture(scope="module")
def engine() -> Iterator[sa.Engine]:
    """A database in memory. Tests roll back what they do."""
    memory = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
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
                is_admin=False,
                at=AT,
            )
        connection.execute(sa.text("UPDATE rooms SET kind = 'private' WHERE id = 1"))
        BulkStatement(
            "INSERT INTO members (room_id, user_id, role) SELECT 1, id, 'member' FROM {keys}"
            " WHERE true",
            id="bigint",
        ).run(connection, [(1,), (2,), (3,)])
    yield engine
    engine.dispose()
    memory.close()


@examples(300)
@given(st.lists(steps, min_size=3, max_size=40), st.booleans())
def test_each_subscriber_receives_the_next_seq_and_nothing_after_its_access_ends(
    engine: sa.Engine, history: list[tuple[Any, ...]], small_buffers: bool
) -> None:
    async def run() -> None:
        env = Env(connection, small_buffers)
        env.join(USERS[0], 0)
        await take(env, ("read all",))
        for step in history:
            await take(env, step)
        await settle(env)
        check(env)
        await env.feed.close()

    with engine.connect() as opened, opened.begin() as transaction:
        connection = SqliteConnection(opened)
        asyncio.run(run())
        transaction.rollback()

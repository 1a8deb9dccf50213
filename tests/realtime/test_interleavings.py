"""
The order in which things happen, chosen by Hypothesis.

Commits, their publication, doorbells, joins, removals, ends of log-ins and reads of the
database come in any order. Whatever it is, each listener hears exactly the next number from
its cursor on, up to the event that ended its access or to the end of the log.
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
from app.realtime.replay_buffer import ReplayBuffers
from app.realtime.replays import Replays
from app.realtime.resume import ResumeRequest
from app.realtime.write_coalescer import WriteCoalescer
from app.services.log.committer import Committer, commit
from app.services.log.epoch import Epoch
from app.services.log.read_receipt_buffer import ReadReceiptBuffer
from app.services.log.seams import Seam
from app.services.rooms.room_directory import RoomDirectory
from app.services.rooms.room_views import RoomViews
from app.store import users
from app.store.batch_loader import BatchLoader
from app.store.bulk import BulkStatement
from app.store.database import T, Work
from app.wire.frames import payloads_of
from tests.harness.databases import install
from tests.harness.examples import examples
from tests.harness.patience import turns
from tests.harness.socket_client import SIGNALS, SequenceChecker

ROOM, ANA = RoomId(1), UserId(1)
LISTENERS = [UserId(2), UserId(3)]
AT = Millis(1_795_248_000_000)


class SteppedDatabase:
    """A database whose reads wait until the test takes a step, and then are done at once."""

    shared = True

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
        raise AssertionError("nobody writes here but the test")

    async def close(self) -> None: ...

    def step(self, which: int) -> bool:
        """Do one of the reads that wait; False if none does."""
        self._waiting = [pair for pair in self._waiting if not pair[0].done()]
        if not self._waiting:
            return False
        future, read = self._waiting.pop(which % len(self._waiting))
        read()
        future.set_result(None)
        return True


class Lane:
    """A lane whose reader checks every frame as it is written."""

    def __init__(self) -> None:
        self.sequence = SequenceChecker()
        self.sequence.check({"type": "welcome"}, None)
        self.since: int | None = None
        self.frames: list[dict[str, Any]] = []
        self.gone = False

    def write(self, frames: bytes) -> None:
        assert not self.gone, "written to one whose log-in has ended"
        for payload in payloads_of(frames):
            frame = orjson.loads(payload)
            self.sequence.check(frame, self.since)
            self.frames.append(frame)

    def unsent(self) -> int:
        return 0

    def abort(self) -> None: ...

    async def drained(self) -> None: ...


class World:
    """A node without sockets, and a log that others write to as well."""

    def __init__(self, connection: sa.Connection, small_tail: bool) -> None:
        self.database = SteppedDatabase(connection)
        self.hub = Hub(Fanout())
        activity = ActivityNotifier(self.hub)
        replay_buffers = ReplayBuffers(room_bytes=300) if small_tail else ReplayBuffers()
        self.feed = Feed(self.database, self.hub, activity, replay_buffers)
        receipts = ReadReceiptBuffer()
        self.joins = Joins(
            hub=self.hub,
            feed=self.feed,
            presence=Presence(lambda _room, _about: None, quiet_until=float("inf")),
            replays=Replays(self.database, replay_buffers),
            directory=RoomDirectory(BatchLoader(self.database)),
            room_views=RoomViews(BatchLoader(self.database), receipts),
            committer=Committer(
                self.database,
                on_committed=Seam(),
                receipts=receipts,
                pacing=self.hub.fanout,
            ),
            coalescer=WriteCoalescer(),
            epoch=Epoch("epoch"),
            now=lambda: AT,
        )
        self.unpublished: list[EventBatch] = []
        self.listeners: list[tuple[Lane, Connection, asyncio.Task[str]]] = []

    # What can happen

    def commit(self, *appends: Append) -> None:
        self.unpublished += commit(self.database.connection, appends).event_batches

    def publish(self, which: int, *, keep: bool) -> None:
        """One of the runs reaches the feed: in any order, or twice."""
        if self.unpublished:
            at = which % len(self.unpublished)
            run = self.unpublished[at] if keep else self.unpublished.pop(at)
            self.feed.on_committed([run])

    def lose(self, which: int) -> None:
        """One of the runs was of another node, and its doorbell is lost."""
        if self.unpublished:
            self.unpublished.pop(which % len(self.unpublished))

    def join(self, user: UserId, since: int | None) -> None:
        lane = Lane()
        lane.since = since

        def close(_why: Close) -> None:
            # What the socket does: it stops listening, and drops what is under way.
            lane.gone = True
            self.hub.unregister(connection)
            joining.cancel()

        connection = Connection(
            user=user,
            username=f"user{user}",
            session=SessionId(user),
            expires_at=AT,
            outbox=Outbox(lane, 0, lambda: None),
            close=close,
            path_room=None,
        )
        self.hub.register(connection)
        joining = asyncio.create_task(self._join(connection, since))
        self.listeners.append((lane, connection, joining))

    async def _join(self, connection: Connection, since: int | None) -> str:
        try:
            entry = await self.joins.enter(connection, "general")
            await self.joins.replay(entry, ResumeRequest(since))
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
listeners = st.sampled_from(LISTENERS)
happenings = st.one_of(
    st.tuples(st.just("say"), st.integers(1, 4)),
    st.tuples(st.just("publish"), numbers),
    st.tuples(st.just("publish again"), numbers),
    st.tuples(st.just("lose"), numbers),
    st.tuples(st.just("ring"), st.integers(-1, 2)),
    st.tuples(st.just("read"), numbers),
    st.tuples(st.just("join"), listeners, st.none() | st.integers(0, 3)),
    st.tuples(st.just("remove"), listeners),
    st.tuples(st.just("admit"), listeners),
    st.tuples(st.just("log out"), listeners),
    st.tuples(st.just("turn"), st.integers(1, 3)),
    st.tuples(st.just("read all")),
    st.tuples(st.just("say and publish"), st.permutations(range(3))),
    st.tuples(st.just("half a run"), st.integers(1, 2)),
    st.tuples(st.just("join and remove"), listeners, st.none() | st.just(0), st.integers(0, 4)),
)


async def happen(world: World, what: tuple[Any, ...]) -> None:
    match what:
        case ("say", count):
            said = [Send(room=ROOM, by=ANA, at=AT, text=f"text {n}") for n in range(count)]
            world.commit(*said, Edit(room=ROOM, by=ANA, at=AT, ref=world.head + 1, text="edited"))
        case ("publish", which):
            world.publish(which, keep=False)
        case ("publish again", which):
            world.publish(which, keep=True)
        case ("lose", which):
            world.lose(which)
        case ("ring", ahead):
            world.feed.on_head(ROOM, world.head + ahead)
        case ("read", which):
            world.database.step(which)
        case ("join", user, since):
            world.join(user, None if since is None else min(since, world.head))
        case ("remove", user):
            world.commit(Remove(room=ROOM, by=None, at=AT, user=user))
        case ("admit", user):
            world.commit(Admit(room=ROOM, by=None, at=AT, user=user))
        case ("log out", user):
            world.hub.end_sessions(user, None)
        case ("turn", count):
            await turns(count)
        case ("read all",):
            for _ in range(50):
                await turns(8)
                world.database.step(0)
        case ("half a run", missing):
            # Another node rings before it has said all; then comes the run itself.
            said = [Send(room=ROOM, by=ANA, at=AT, text=f"half {n}") for n in range(3)]
            world.commit(*said)
            world.feed.on_head(ROOM, world.head - missing)
            await happen(world, ("read all",))
            world.feed.on_committed([world.unpublished.pop()])
        case ("join and remove", user, since, steps):
            world.commit(Admit(room=ROOM, by=None, at=AT, user=user))
            world.join(user, since)
            for _ in range(steps):
                await turns(8)
                world.database.step(0)
            world.commit(Remove(room=ROOM, by=None, at=AT, user=user))
            world.commit(Send(room=ROOM, by=ANA, at=AT, text="about them"))
            world.feed.on_committed(world.unpublished)
            world.unpublished.clear()
            world.commit(Admit(room=ROOM, by=None, at=AT, user=user))
        case ("say and publish", order):
            for n in order:
                world.commit(Send(room=ROOM, by=ANA, at=AT, text=f"in step {n}"))
            runs = world.unpublished[-len(order) :]
            del world.unpublished[-len(order) :]
            for n in order:
                world.feed.on_committed([runs[n]])


async def settle(world: World) -> None:
    """Everything that is under way comes to its end."""
    while world.unpublished:
        world.publish(0, keep=False)
    for _ in range(500):
        world.feed.on_head(ROOM, world.head)
        await turns(8)
        if not world.database.step(0) and all(task.done() for _, _, task in world.listeners):
            await turns(8)
            return
    raise AssertionError("it does not come to rest")


def judge(world: World) -> None:
    removals = world.database.connection.execute(
        sa.text(
            "SELECT id & 0xffffffff, json_extract(data, '$.user') FROM events"
            " WHERE type = 'member.left' ORDER BY id"
        )
    ).all()
    for lane, connection, task in world.listeners:
        if lane.gone:
            continue
        if task.result() != "joined":
            assert task.result() == "room_not_found"
            continue
        frames = [frame for frame in lane.frames if frame["type"] not in SIGNALS]
        # Before it, one may have been added elsewhere, and removed again.
        frames = frames[[frame["type"] for frame in frames].index("joined") :]
        head = frames[0]["head"]
        ends = [seq for seq, user in removals if user == connection.user and seq > head]
        told = [frame["type"] for frame in frames]
        if ends:
            # After it, only that one was added elsewhere, and removed again.
            frames = frames[: told.index("removed")]
            assert "removed" not in {frame["type"] for frame in frames}
        else:
            assert "removed" not in told
        reached = max((frame["seq"] for frame in frames if "seq" in frame), default=0)
        if ends and lane.since is None:
            # The newest messages may be of a moment that is later than the last of them.
            assert reached <= ends[0]
        else:
            assert reached == (ends[0] if ends else world.head)


@pytest.fixture(scope="module")
def engine() -> Iterator[sa.Engine]:
    """What is done in it is taken back."""
    memory = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    install(memory)
    engine = sa.create_engine("sqlite://", creator=lambda: memory, poolclass=sa.StaticPool)
    sa.event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN"))
    with engine.begin() as connection:
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
@given(st.lists(happenings, min_size=3, max_size=40), st.booleans())
def test_each_hears_the_next_number_and_nothing_after_the_end(
    engine: sa.Engine, history: list[tuple[Any, ...]], small_tail: bool
) -> None:
    async def live() -> None:
        world = World(connection, small_tail)
        world.join(LISTENERS[0], 0)
        await happen(world, ("read all",))
        for what in history:
            await happen(world, what)
        await settle(world)
        judge(world)
        await world.feed.close()

    with engine.connect() as connection, connection.begin() as transaction:
        asyncio.run(live())
        transaction.rollback()

"""
A house with two rooms, in which a history happens: on one connection that is rolled back.

All of it is the server's own code: the committer's batch, the feed with its tails, the pages of
a replay, the queries behind HTTP. Only the sockets are missing, and the threads.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa

from app.domain.appends import Admit, Append, Committed, CreateRoom, OpenDirect, Send
from app.domain.events import EventBatch, EventType
from app.domain.ids import Millis, RoomId, UserId
from app.domain.roles import Kind, Role
from app.domain.views import RoomView
from app.realtime.activity import ActivityNotifier
from app.realtime.fanout import Fanout
from app.realtime.feed import Feed, RoomFeed
from app.realtime.hub import Hub
from app.realtime.replay_buffer import ReplayBuffers
from app.realtime.replays import Replays
from app.services.log.committer import AppendResult, commit
from app.store import events as event_store
from app.store import messages, rooms, users
from app.store.database import Work
from app.wire.encoding import encode_batch
from app.wire.frames import payload_of, payloads_of
from app.wire.messages import message_body
from app.wire.rooms import member_body, room_body
from tests.harness.databases import install
from tests.model.histories import PEOPLE, History, Message, Step
from tests.model.room_state import Body, RoomState

T = TypeVar("T")

AT = Millis(1_795_248_000_000)
ROOM_NAMES = ("den", "lair")

_ROLES = {"mo": Role.MODERATOR, "bo": Role.MEMBER, "cy": Role.MEMBER}


def furnished() -> sa.Engine:
    """A new installation in memory, where the people of the histories live."""
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)

    @sa.event.listens_for(engine, "connect")
    def _connect(driver: Any, _record: object) -> None:
        driver.isolation_level = None

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        install(driver)
    with engine.begin() as connection:
        for name in PEOPLE:
            made = users.insert(
                connection,
                username=name,
                display_name=name.title(),
                password_hash=None,
                is_admin=name == "root",
                at=AT,
            )
            assert made.id == PEOPLE[name]
    return engine


class Held:
    """The database, for those who read a page: the connection on which all happens."""

    shared = False

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    async def read(self, work: Work[T]) -> T:
        return work(self._connection)

    async def write(self, work: Work[T]) -> T:
        return work(self._connection)

    async def close(self) -> None: ...


class Everybody:
    """A hub's place: hears every frame that the feed delivers."""

    def __init__(self) -> None:
        self.heard: dict[RoomId, list[bytes]] = {}

    def deliver(self, run: EventBatch, frames: Sequence[bytes]) -> None:
        self.heard.setdefault(run.room, []).extend(frames)


class House:
    """Two rooms, and what became known of them."""

    def __init__(self, connection: sa.Connection, history: History) -> None:
        self.connection = connection
        self.at = AT
        self.outcomes: list[AppendResult] = []
        self.appends: list[list[Append]] = []
        """What was asked, batch by batch."""
        self.marks: list[list[tuple[RoomId, UserId, int]]] = []
        """What was read, after each batch."""
        self.committed: dict[RoomId, list[bytes]] = {}
        """Every event as it went out, by room."""
        self._said: dict[RoomId, list[Message]] = {}
        database = Held(connection)
        replay_buffers = ReplayBuffers(room_bytes=1_500) if history.small_tail else ReplayBuffers()
        self._everybody = Everybody()
        self._feed = Feed(
            database, self._everybody, ActivityNotifier(Hub(Fanout())), replay_buffers
        )  # type: ignore[arg-type]
        self._replays = Replays(database, replay_buffers)
        self._room_feeds: dict[RoomId, RoomFeed] = {}
        # The lair may be the direct room of ana and bo.
        self.den = self._make("den", history.kinds[0])
        self.lair = self._make("lair", history.kinds[1])
        self.redoes([self._admission(room, name) for room in self.rooms for name in _ROLES], [])
        self.redoes([self._greeting(room, name) for room in self.rooms for name in _ROLES], [])

    @property
    def rooms(self) -> tuple[RoomId, RoomId]:
        """Both."""
        return self.den, self.lair

    # What happens

    def does(self, acts: Sequence[Step]) -> None:
        """Carry out a batch."""
        appends, marks = [], []
        for act in acts:
            self.at = Millis(self.at + act.waits_ms)
            room = act.room(self.den, self.lair)
            about = self._meant(room, act.ref)
            append = act.append(room, about, self.at)
            if append is not None:
                appends.append(append)
            elif act.by is not None:
                # As the services do: never beyond the head.
                marks.append((room, act.by, min(about.seq, self._head(room))))
        self.redoes(appends, marks)

    def redoes(
        self, appends: Sequence[Append], marks: Sequence[tuple[RoomId, UserId, int]]
    ) -> None:
        """Carry out requests, and then move read markers."""
        done = commit(self.connection, appends, marks)
        self.appends.append(list(appends))
        self.marks.append(list(marks))
        self.outcomes += done.outcomes
        for run in done.event_batches:
            self.committed.setdefault(run.room, []).extend(encode_batch(run))
            self._said.setdefault(run.room, []).extend(
                Message(event.seq, event.by, event.client_id)
                for event in run.events
                if event.type == EventType.MESSAGE_CREATED
            )
        self._feed.on_committed(done.event_batches)

    def is_listened_to(self) -> None:
        """From now on the rooms are warm: their tails grow."""
        for room in self.rooms:
            self._room_feeds[room] = self._feed.acquire(room)
            self._feed.seed(self._room_feeds[room], self._head(room))

    # What can be seen of it

    def live(self, room: RoomId) -> list[Body]:
        """All events as they were said when they happened."""
        return [orjson.loads(payload_of(frame)) for frame in self.committed[room]]

    def heard(self, room: RoomId) -> list[Body]:
        """Events as the feed delivered them, since it is warm."""
        return [orjson.loads(payload_of(f)) for f in self._everybody.heard.get(room, [])]

    def logged(self, room: RoomId, since: int, page: int) -> list[Body]:
        """Events after ``since`` as they are read from the log, page by page."""
        found: list[Body] = []
        head = self._head(room)
        while True:
            run = event_store.batch_after(self.connection, room, since, upto=head, limit=page)
            if run is None:
                return found
            found += [orjson.loads(payload_of(frame)) for frame in encode_batch(run)]
            since = run.last

    async def replayed(self, room: RoomId, since: int) -> list[Body]:
        """Events after ``since`` as a join replays them: from the tail, and before it the log."""
        found: list[Body] = []
        head = self._head(room)
        while since < head:
            chunk = await self._replays.after(self._room_feeds[room], since, head)
            found += [orjson.loads(payload) for payload in payloads_of(b"".join(chunk.frames))]
            assert chunk.last > since
            since = chunk.last
        return found

    async def newest(self, room: RoomId, limit: int) -> list[Body]:
        """The newest messages, as a join without ``since`` brings them."""
        head = self._head(room)
        name = ROOM_NAMES[self.rooms.index(room)]
        chunk = await self._replays.newest(self._room_feeds[room], name, limit, head)
        return [orjson.loads(payload) for payload in payloads_of(b"".join(chunk.frames))]

    def fetch(self, room: RoomId, page: int) -> RoomState:
        """What a client gets that asks for everything, page by page."""
        state = RoomState.fetched(
            room_body(self.view(room, "root")),
            self._messages(room, page),
            self._members(room, page),
        )
        pinned = messages.pinned(self.connection, room, None, 200).messages
        assert [m.seq for m in pinned] == sorted(
            (seq for seq, m in state.messages.items() if m["pinned"]), reverse=True
        )
        return state

    def view(self, room: RoomId, name: str, read: int = 0) -> RoomView:
        """Where somebody stands in a room, if they have read up to ``read``."""
        key = (room, PEOPLE[name], read)
        return rooms.room_views(self.connection, [key])[key]

    def _messages(self, room: RoomId, limit: int) -> list[Body]:
        name = ROOM_NAMES[self.rooms.index(room)]
        found: list[Body] = []
        before = None
        while True:
            page = messages.before(self.connection, room, before, limit)
            found[:0] = [message_body(message, name) for message in page.messages]
            if not page.has_older:
                return [{**m, "mentions": sorted(m["mentions"])} for m in found]
            before = page.messages[0].seq

    def _members(self, room: RoomId, limit: int) -> list[Body]:
        found: list[Body] = []
        after = ""
        while True:
            page = rooms.members(self.connection, room, after=after, limit=limit)
            found += [member_body(member) for member in page]
            if len(page) < limit:
                return found
            after = page[-1].user

    def _meant(self, room: RoomId, ref: int) -> Message:
        """The message that is so far from the newest; or what the batch itself may make."""
        said = self._said.get(room, [])
        if ref < len(said):
            return said[-1 - ref]
        return Message(self._head(room) + 1 + ref % 4, None)

    def _head(self, room: RoomId) -> int:
        return event_store.head(self.connection, room)

    def _admission(self, room: RoomId, name: str) -> Admit:
        # Refused in a direct room.
        return Admit(room=room, by=PEOPLE["ana"], at=self.at, user=PEOPLE[name], role=_ROLES[name])

    def _greeting(self, room: RoomId, name: str) -> Send:
        return Send(room=room, by=PEOPLE[name], at=self.at, text=f"{name} here")

    def _make(self, name: str, kind: str) -> RoomId:
        made: CreateRoom | OpenDirect = (
            OpenDirect(room=RoomId(0), by=PEOPLE["ana"], at=self.at, user=PEOPLE["bo"], name=name)
            if kind == "direct"
            else CreateRoom(
                room=RoomId(0),
                by=PEOPLE["ana"],
                at=self.at,
                name=name,
                title=name.title(),
                kind=Kind(kind),
            )
        )
        self.redoes([made], [])
        done = self.outcomes[-1]
        assert isinstance(done, Committed)
        return done.room

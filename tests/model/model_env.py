"""
The server's own code around two rooms, without sockets and threads.

The committer's batch, the feed with its replay buffers, the pages of a replay, and the queries
behind HTTP, all on one connection, whose transaction a test rolls back.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa

from app.domain.appends import Admit, Append, Committed, CreateRoom, OpenDirect, Send
from app.domain.events import EventBatch, EventType
from app.domain.ids import Millis, RoomId
from app.domain.roles import Kind, Role
from app.domain.views import RoomView
from app.realtime.activity import ActivityNotifier
from app.realtime.fanout import Fanout
from app.realtime.feed import Feed
from app.realtime.hub import Hub
from app.realtime.replay_buffer import ReplayBuffers
from app.realtime.replay_pages import ReplayPages
from app.realtime.room_feed import RoomFeed
from app.services.log.batch_transaction import AppendResult, commit
from app.store import events as event_store
from app.store import members, messages, room_views, users
from app.store.database import Work
from app.store.read_markers import Mark
from app.store.sqlite_connection import SqliteConnection
from app.wire.event_encoding import encode_batch
from app.wire.messages import message_body
from app.wire.rooms import member_body, room_body
from app.wire.websocket_frame import payload_of, payloads_of
from tests.harness.databases import install
from tests.model.histories import PEOPLE, History, Message, Step
from tests.model.room_state import Body, RoomState

T = TypeVar("T")

AT = Millis(1_795_248_000_000)
ROOM_NAMES = ("den", "lair")

_ROLES = {"mo": Role.MODERATOR, "bo": Role.MEMBER, "cy": Role.MEMBER}


def new_installation() -> sa.Engine:
    """A new installation in memory, with the users of the histories."""
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
    with engine.begin() as opened:
        connection = SqliteConnection(opened)
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


class SingleConnectionDatabase:
    """A :class:`Database` on the connection of the test."""

    shared = False
    fault = None
    checking = False

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    async def read(self, work: Work[T]) -> T:
        return work(self._connection)

    async def write(self, work: Work[T]) -> T:
        return work(self._connection)

    async def close(self) -> None: ...


class RecordingFanout:
    """Records every frame that the feed delivers."""

    def __init__(self) -> None:
        self.delivered: dict[RoomId, list[bytes]] = {}

    def deliver(self, run: EventBatch, frames: Sequence[bytes]) -> None:
        self.delivered.setdefault(run.room, []).extend(frames)


class ModelEnv:
    """Two rooms, what was asked of them, and what can be seen of them."""

    def __init__(self, connection: sa.Connection, history: History) -> None:
        self.connection = connection
        self.at = AT
        self.outcomes: list[AppendResult] = []
        self.appends: list[list[Append]] = []
        """The appends of each batch."""
        self.marks: list[list[Mark]] = []
        """The read markers after each batch."""
        self.committed: dict[RoomId, list[bytes]] = {}
        """The frame of every committed event, by room."""
        self._messages: dict[RoomId, list[Message]] = {}
        database = SingleConnectionDatabase(connection)
        replay_buffers = ReplayBuffers(room_bytes=1_500) if history.small_tail else ReplayBuffers()
        self._fanout = RecordingFanout()
        self._feed = Feed(database, self._fanout, ActivityNotifier(Hub(Fanout())), replay_buffers)  # type: ignore[arg-type]
        self._replay_pages = ReplayPages(database, replay_buffers)
        self._room_feeds: dict[RoomId, RoomFeed] = {}
        # This one may be the direct room of ana and bo.
        self.den = self._make("den", history.kinds[0])
        self.lair = self._make("lair", history.kinds[1])
        self.commit([self._admission(room, name) for room in self.rooms for name in _ROLES], [])
        self.commit([self._greeting(room, name) for room in self.rooms for name in _ROLES], [])

    @property
    def rooms(self) -> tuple[RoomId, RoomId]:
        """Both rooms."""
        return self.den, self.lair

    # Changing the rooms

    def carry_out(self, acts: Sequence[Step]) -> None:
        """Carry out the steps of a batch."""
        appends, marks = [], []
        for act in acts:
            self.at = Millis(self.at + act.waits_ms)
            room = act.room(self.den, self.lair)
            about = self._referenced(room, act.ref)
            append = act.append(room, about, self.at)
            if append is not None:
                appends.append(append)
            elif act.by is not None:
                # Never beyond the head, as in the services.
                seq = min(about.seq, self._head(room))
                marks.append(Mark(room, act.by, seq, receipt=seq))
        self.commit(appends, marks)

    def commit(self, appends: Sequence[Append], marks: Sequence[Mark]) -> None:
        """Commit a batch, then move read markers."""
        done = commit(self.connection, appends, marks)
        self.appends.append(list(appends))
        self.marks.append(list(marks))
        self.outcomes += done.outcomes
        for run in done.event_batches:
            self.committed.setdefault(run.room, []).extend(encode_batch(run))
            self._messages.setdefault(run.room, []).extend(
                Message(event.seq, event.by, event.client_id)
                for event in run.events
                if event.type == EventType.MESSAGE_CREATED
            )
        self._feed.on_committed(done.event_batches)

    def activate_feeds(self) -> None:
        """From now on the feed delivers, and fills the replay buffers."""
        for room in self.rooms:
            self._room_feeds[room] = self._feed.acquire(room)
            self._room_feeds[room].seed(self._head(room))

    # Looking at the rooms

    def live(self, room: RoomId) -> list[Body]:
        """All events, as they were when they were committed."""
        return [orjson.loads(payload_of(frame)) for frame in self.committed[room]]

    def delivered(self, room: RoomId) -> list[Body]:
        """The events that the feed has delivered."""
        return [orjson.loads(payload_of(f)) for f in self._fanout.delivered.get(room, [])]

    def logged(self, room: RoomId, since: int, page: int) -> list[Body]:
        """Events after ``since``, read from the log in pages."""
        found: list[Body] = []
        head = self._head(room)
        while True:
            run = event_store.batch_after(self.connection, room, since, upto=head, limit=page)
            if run is None:
                return found
            found += [orjson.loads(payload_of(frame)) for frame in encode_batch(run)]
            since = run.last

    async def replayed(self, room: RoomId, since: int) -> list[Body]:
        """Events after ``since`` as a join replays them: from the log, then from the buffer."""
        found: list[Body] = []
        head = self._head(room)
        while since < head:
            chunk = await self._replay_pages.after(self._room_feeds[room], since, head)
            found += [orjson.loads(payload) for payload in payloads_of(b"".join(chunk.frames))]
            assert chunk.last > since
            since = chunk.last
        return found

    async def newest(self, room: RoomId, limit: int) -> list[Body]:
        """The newest messages, as a join without ``since`` sends them."""
        head = self._head(room)
        name = ROOM_NAMES[self.rooms.index(room)]
        chunk = await self._replay_pages.newest(self._room_feeds[room], name, limit, head)
        return [orjson.loads(payload) for payload in payloads_of(b"".join(chunk.frames))]

    def fetch(self, room: RoomId, page: int) -> RoomState:
        """What a client knows that fetches everything, in pages."""
        state = RoomState.fetched(
            # A room always has an owner.
            room_body(next(filter(None, (self.view(room, name) for name in PEOPLE)))),
            self._fetch_messages(room, page),
            self._fetch_members(room, page),
        )
        pinned = messages.pinned(self.connection, room, None, 200).messages
        assert [m.seq for m in pinned] == sorted(
            (seq for seq, m in state.messages.items() if m["pinned"]), reverse=True
        )
        return state

    def view(self, room: RoomId, name: str, read: int = 0) -> RoomView | None:
        """The room as a member sees it who has read up to ``read``; None if it is hidden."""
        key = room_views.RoomViewKey(room, PEOPLE[name], read)
        return room_views.load(self.connection, [key]).get(key)

    def _fetch_messages(self, room: RoomId, limit: int) -> list[Body]:
        name = ROOM_NAMES[self.rooms.index(room)]
        found: list[Body] = []
        before = None
        while True:
            page = messages.before(self.connection, room, before, limit)
            found[:0] = [message_body(message, name) for message in page.messages]
            if not page.has_older:
                return [{**m, "mentions": sorted(m["mentions"])} for m in found]
            before = page.messages[0].seq

    def _fetch_members(self, room: RoomId, limit: int) -> list[Body]:
        found: list[Body] = []
        after = ""
        while True:
            page = members.page(self.connection, room, after=after, limit=limit)
            found += [member_body(member) for member in page]
            if len(page) < limit:
                return found
            after = page[-1].user

    def _referenced(self, room: RoomId, ref: int) -> Message:
        """The message ``ref`` places before the newest, or one that the batch may create."""
        messages = self._messages.get(room, [])
        if ref < len(messages):
            return messages[-1 - ref]
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
        self.commit([made], [])
        done = self.outcomes[-1]
        assert isinstance(done, Committed)
        return done.room

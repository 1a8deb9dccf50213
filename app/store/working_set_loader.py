"""
Loads what the decisions of a batch may depend on.

A fixed number of statements, however many appends. Those that nothing in the batch needs are
skipped.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from ..domain.appends import (
    Admit,
    Append,
    Ban,
    CreateRoom,
    Delete,
    Edit,
    Mute,
    OpenDirect,
    Pin,
    React,
    Remove,
    Send,
)
from ..domain.decide_rooms import direct_key
from ..domain.events import Event
from ..domain.ids import RoomId, UserId, event_id
from ..domain.mentions import possible_names
from ..domain.roles import Kind, Role
from ..domain.working_set import NO_ROOM, Message, Person, RoomState, WorkingSet
from .bulk import BulkStatement
from .database import DbConnection
from .events import decode_data

# Locked in the order of their ids, so that two nodes can't deadlock.
_LOCK_ROOMS = BulkStatement(
    "SELECT rooms.id FROM {keys} JOIN rooms ON rooms.id = k.id"
    " ORDER BY rooms.id FOR NO KEY UPDATE OF rooms",
    id="bigint",
)

_ROOMS = BulkStatement(
    "SELECT rooms.id, name, title, kind, head, first, slow_mode_seconds, created_at,"
    " archived_at, direct_key FROM {keys} JOIN rooms ON rooms.id = k.id",
    id="bigint",
)

_PEOPLE = BulkStatement(
    "SELECT k.room, u.id, u.username, u.is_admin, u.disabled_at, m.role, m.joined_at,"
    " m.banned_until, m.muted_until, coalesce(m.read_seq, 0), m.last_sent_at"
    " FROM {keys} JOIN users AS u ON u.id = k.person"
    " LEFT JOIN members AS m ON m.room_id = k.room AND m.user_id = k.person"
    " WHERE u.erased_at IS NULL",
    room="bigint",
    person="bigint",
)

_CLIENT_IDS = BulkStatement(
    "SELECT e.room_id, e.id, e.type, e.by, e.at, e.ref, e.text, e.data, e.client_id"
    " FROM {keys} JOIN events AS e ON e.room_id = k.room AND e.by = k.person"
    " AND e.client_id = k.client_id AND e.client_id IS NOT NULL",
    room="bigint",
    person="bigint",
    client_id="text",
)

_MESSAGES = BulkStatement(
    "SELECT e.room_id, e.id, e.by, e.text, e.edited_text, e.edited_at, e.deleted_at,"
    " e.pinned_at FROM {keys} JOIN events AS e ON e.id = k.id"
    " WHERE e.type = 'message.created'",
    id="bigint",
)

_REACTIONS = BulkStatement(
    "SELECT r.event_id, r.emoji, r.user_id FROM {keys} JOIN reactions AS r ON r.event_id = k.id",
    id="bigint",
)

_MENTIONABLE = BulkStatement(
    "SELECT k.room, u.username, u.id FROM {keys} JOIN users AS u ON u.username = k.name"
    " JOIN members AS m ON m.room_id = k.room AND m.user_id = u.id AND m.role IS NOT NULL",
    room="bigint",
    name="text",
)

_OWNERS = BulkStatement(
    "SELECT m.room_id, m.user_id FROM {keys} JOIN members AS m ON m.room_id = k.id"
    " WHERE m.role = 'owner'",
    id="bigint",
)

# The users of direct rooms whom the other user has blocked.
_BLOCKED = BulkStatement(
    "SELECT k.room, b.blocked_id FROM {keys} JOIN members AS m ON m.room_id = k.room"
    " JOIN blocks AS b ON b.user_id = m.user_id AND b.blocked_id = k.person",
    room="bigint",
    person="bigint",
)

_BLOCKS = BulkStatement(
    "SELECT b.user_id, b.blocked_id FROM {keys} JOIN blocks AS b"
    " ON b.user_id = k.owner AND b.blocked_id = k.blocked",
    owner="bigint",
    blocked="bigint",
)

_ROOM_NAMES = BulkStatement(
    "SELECT rooms.name, rooms.id FROM {keys} JOIN rooms ON rooms.name = k.name", name="text"
)
_DIRECT_KEYS = BulkStatement(
    "SELECT rooms.direct_key, rooms.id FROM {keys} JOIN rooms ON rooms.direct_key = k.name",
    name="text",
)

_ABOUT_MESSAGE = (Edit, Delete, React, Pin)
_ABOUT_USER = (Admit, Remove, Ban, Mute)


class _ByType:
    """A batch, grouped by type: most batches hold one type of append, or two."""

    def __init__(self, appends: Sequence[Append]) -> None:
        self._by_type: dict[type[Append], list[Any]] = {}
        for append in appends:
            self._by_type.setdefault(type(append), []).append(append)

    def of(self, *types: type[Append]) -> list[Any]:
        """Return the appends of these types."""
        found: list[Any] = []
        for kind in types:
            found += self._by_type.get(kind, ())
        return found


def load(connection: DbConnection, appends: Sequence[Append]) -> WorkingSet:
    """Lock the rooms of a batch, then read all that its decisions may depend on."""
    batch = _ByType(appends)
    # Appends that create a room name none.
    rooms = {a.room for a in appends} - {NO_ROOM}
    if connection.dialect.name == "postgresql" and rooms:
        _LOCK_ROOMS.run(connection, [(room,) for room in sorted(rooms)])
    ws = WorkingSet()
    if rooms:
        _load_rooms(connection, ws, rooms)
    pairs = {(a.room, a.by) for a in appends if a.by is not None}
    pairs |= {(a.room, a.user) for a in batch.of(*_ABOUT_USER, OpenDirect)}
    if pairs:
        _load_people(connection, ws, pairs)
    keys = {(a.room, a.by, a.client_id) for a in appends if a.client_id is not None}
    if keys:
        _load_client_ids(connection, ws, keys)
    _load_messages(connection, ws, batch)
    names = {
        (a.room, name)
        for a in batch.of(Send, Edit)
        for mention in a.mentions
        for name in possible_names(mention)
    }
    if names:
        for room, name, user in _MENTIONABLE.rows(connection, names):
            ws.mentionable[room, name] = user
    if changing := {a.room for a in batch.of(*_ABOUT_USER)}:
        ws.owners = {room: set() for room in changing}
        for room, user in _OWNERS.rows(connection, [(room,) for room in changing]):
            ws.owners[room].add(user)
    if making := batch.of(CreateRoom, OpenDirect):
        _load_for_new_rooms(connection, ws, making)
    _load_blocks(connection, ws, batch)
    return ws


def _load_rooms(connection: DbConnection, ws: WorkingSet, rooms: Iterable[RoomId]) -> None:
    for row in _ROOMS.rows(connection, [(room,) for room in rooms]):
        id_, name, title, kind, head, first, slow, created_at, archived_at, key = row
        ws.rooms[id_] = RoomState(
            id_, name, title, Kind(kind), head, first, slow, created_at, archived_at, key
        )
        ws.rooms[id_].head_before = head


def _load_people(
    connection: DbConnection, ws: WorkingSet, pairs: set[tuple[RoomId, UserId]]
) -> None:
    for row in _PEOPLE.rows(connection, pairs):
        room, user, username, is_admin, disabled_at, role, joined, banned, muted, read, sent = row
        ws.people[room, user] = Person(
            room,
            user,
            username,
            bool(is_admin),
            disabled_at is not None,
            Role(role) if role is not None else None,
            joined,
            banned,
            muted,
            read,
            sent,
        )
    direct = [pair for pair in pairs if (r := ws.rooms.get(pair[0])) and r.kind is Kind.DIRECT]
    if direct:
        for room, user in _BLOCKED.rows(connection, direct):
            ws.people[room, user].blocked = True


def _load_client_ids(
    connection: DbConnection, ws: WorkingSet, keys: set[tuple[RoomId, UserId | None, str]]
) -> None:
    for row in _CLIENT_IDS.rows(connection, keys):
        room, id_, kind, by, at, ref, text, data, client_id = row
        seq = id_ - event_id(room, 0)
        ws.keys[room, by, client_id] = Event(
            room, seq, kind, by, at, ref, text, decode_data(data), client_id
        )


def _load_messages(connection: DbConnection, ws: WorkingSet, batch: _ByType) -> None:
    wanted = {event_id(a.room, a.ref) for a in batch.of(*_ABOUT_MESSAGE)}
    replies = (a for a in batch.of(Send) if a.reply_to is not None)
    wanted |= {event_id(a.room, a.reply_to) for a in replies}
    if not wanted:
        return
    by_id: dict[int, Message] = {}
    for row in _MESSAGES.rows(connection, [(id_,) for id_ in wanted]):
        room, id_, by, text, edited_text, edited_at, deleted_at, pinned_at = row
        seq = id_ - event_id(room, 0)
        by_id[id_] = ws.messages[room, seq] = Message(
            room, seq, by, text, edited_text, edited_at, deleted_at, pinned_at
        )
    reacted = {event_id(a.room, a.ref) for a in batch.of(React)}
    if reacted:
        for id_, emoji, user in _REACTIONS.rows(connection, [(id_,) for id_ in reacted]):
            by_id[id_].reactions.setdefault(emoji, set()).add(user)


def _load_for_new_rooms(
    connection: DbConnection, ws: WorkingSet, making: Sequence[CreateRoom | OpenDirect]
) -> None:
    names = {(a.name,) for a in making}
    for name, room in _ROOM_NAMES.rows(connection, names):
        ws.room_names[name] = room
    pairs = [(a.by, a.user) for a in making if isinstance(a, OpenDirect) and a.by is not None]
    if pairs:
        for key, room in _DIRECT_KEYS.rows(connection, {(direct_key(*p),) for p in pairs}):
            ws.direct_rooms[key] = room
    ws.room_ids = _new_room_ids(connection)


def _load_blocks(connection: DbConnection, ws: WorkingSet, batch: _ByType) -> None:
    """Load the blocks that keep a caller from reaching a user: in a room, or by a mention."""
    pairs = {(a.user, a.by) for a in batch.of(OpenDirect, Admit) if a.user != a.by}
    if ws.mentionable:
        by_room: dict[RoomId, set[UserId]] = {}
        for (room, _), user in ws.mentionable.items():
            by_room.setdefault(room, set()).add(user)
        writers = {(a.room, a.by) for a in batch.of(Send, Edit) if a.mentions}
        pairs |= {(user, by) for room, by in writers for user in by_room.get(room, ())}
    if pairs:
        blocks = _BLOCKS.rows(connection, pairs)
        ws.blocks = {(owner, blocked) for owner, blocked in blocks}


def _new_room_ids(connection: DbConnection) -> Iterator[RoomId]:
    if connection.dialect.name == "postgresql":
        sql = sa.text("SELECT nextval(pg_get_serial_sequence('rooms', 'id'))")
        while True:
            yield RoomId(connection.execute(sql).scalar_one())
    # The write lock is held, and rooms are never deleted.
    top = connection.execute(sa.text("SELECT coalesce(max(id), 0) FROM rooms")).scalar_one()
    while True:
        top += 1
        yield RoomId(top)

"""
Loads what the decisions of a batch may depend on.

A fixed number of statements, however many appends. Those that nothing in the batch needs are
skipped.
"""

from collections.abc import Callable, Sequence
from typing import Any

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
from ..domain.events import Event
from ..domain.ids import NOWHERE, Millis, RoomId, event_id
from ..domain.mentions import possible_names
from ..domain.roles import Kind, Role
from ..domain.working_set import NO_ROOM, Message, Person, RoomState, WorkingSet
from .block_loader import ask_for_blocks
from .bulk import BulkStatement
from .database import DbConnection
from .events import decode_data
from .new_room_loader import ask_for_new_rooms

# Locked in the order of their ids, so that two nodes can't deadlock.
_LOCK_ROOMS = BulkStatement(
    "SELECT rooms.id FROM {keys} JOIN rooms ON rooms.id = k.id"
    " ORDER BY rooms.id FOR NO KEY UPDATE OF rooms",
    id="bigint",
)
_LOCK_FREE_ROOMS = BulkStatement(
    "SELECT rooms.id FROM {keys} JOIN rooms ON rooms.id = k.id"
    " ORDER BY rooms.id FOR NO KEY UPDATE OF rooms SKIP LOCKED",
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
    "SELECT e.room_id, {e.id}, e.type, e.by, e.at, e.ref, e.text, e.data, e.client_id"
    " FROM {keys} JOIN events AS e ON e.room_id = k.room AND e.by = k.person"
    " AND e.client_id = k.client_id AND e.client_id IS NOT NULL",
    # Statistics from before the first client id make PostgreSQL's planner read the whole index.
    lateral="SELECT e.room_id, {e.id}, e.type, e.by, e.at, e.ref, e.text, e.data, e.client_id"
    " FROM {keys} CROSS JOIN LATERAL (SELECT * FROM events WHERE room_id = k.room"
    " AND by = k.person AND client_id = k.client_id AND client_id IS NOT NULL LIMIT 1) AS e",
    room="bigint",
    person="bigint",
    client_id="text",
)

_MESSAGES = BulkStatement(
    "SELECT e.room_id, {e.id}, e.by, e.text, e.edited_text, e.edited_at, e.deleted_at,"
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


_Fill = Callable[[WorkingSet], None]
"""Puts the rows of queries that have been asked for into the working set."""


def load(
    connection: DbConnection, appends: Sequence[Append], *, skip_locked: bool = False
) -> WorkingSet:
    """
    Lock the rooms of a batch, then read all that its decisions may depend on.

    With ``skip_locked``, rooms that are locked elsewhere are not waited for, but named in
    ``locked_elsewhere``. Nothing may be decided in them.

    One network round trip, and another one if there are direct rooms in the batch: everything is
    asked for before anything is looked at.
    """
    batch = _ByType(appends)
    # Appends that create a room name none.
    rooms = [(room,) for room in sorted({a.room for a in appends} - {NO_ROOM})]
    free: Sequence[tuple[RoomId]] | None = None
    if rooms and not connection.is_only_writer:
        # A statement of its own: the next ones see what was committed before it was granted.
        if skip_locked:
            free = _LOCK_FREE_ROOMS.rows(connection, rooms)
        else:
            _LOCK_ROOMS.run(connection, rooms)
    asked = [
        _ask_rooms(connection, rooms),
        _ask_people(connection, batch, appends),
        _ask_client_ids(connection, appends),
        _ask_messages(connection, batch),
        _ask_mentionable(connection, batch),
        _ask_owners(connection, batch),
        ask_for_new_rooms(connection, batch.of(CreateRoom, OpenDirect)),
        ask_for_blocks(connection, batch.of(OpenDirect, Admit), batch.of(Send, Edit)),
    ]
    ws = WorkingSet()
    for fill in asked:
        fill(ws)
    if free is not None:
        ws.locked_elsewhere = set(ws.rooms).difference(id_ for (id_,) in free)
    _load_blocked(connection, ws)
    return ws


def _nothing(_ws: WorkingSet) -> None:
    """The rows of queries that nothing in the batch needs."""


def _ask_rooms(connection: DbConnection, rooms: Sequence[tuple[RoomId]]) -> _Fill:
    if not rooms:
        return _nothing
    rows = _ROOMS.rows(connection, rooms)

    def fill(ws: WorkingSet) -> None:
        if (NOWHERE,) in rooms:
            # Decided like a hidden room, to take the same time.
            ws.rooms[NOWHERE] = RoomState(
                NOWHERE, "", "", Kind.PRIVATE, 0, 1, 0, Millis(0), None, None
            )
        for id_, name, title, kind, head, first, slow, created_at, archived_at, key in rows:
            ws.rooms[id_] = RoomState(
                id_, name, title, Kind(kind), head, first, slow, created_at, archived_at, key
            )
            ws.rooms[id_].head_before = head

    return fill


def _ask_people(connection: DbConnection, batch: _ByType, appends: Sequence[Append]) -> _Fill:
    pairs = {(a.room, a.by) for a in appends if a.by is not None}
    pairs |= {(a.room, a.user) for a in batch.of(*_ABOUT_USER, OpenDirect)}
    if not pairs:
        return _nothing
    rows = _PEOPLE.rows(connection, pairs)

    def fill(ws: WorkingSet) -> None:
        for row in rows:
            room, user, username, is_admin, disabled_at, role, *kept = row
            ws.people[room, user] = Person(
                room,
                user,
                username,
                bool(is_admin),
                disabled_at is not None,
                Role(role) if role is not None else None,
                *kept,
            )

    return fill


def _load_blocked(connection: DbConnection, ws: WorkingSet) -> None:
    # Not for strangers: for a room that doesn't exist there is nothing to look up either.
    direct = [
        pair
        for pair, person in ws.people.items()
        if person.role is not None and (r := ws.rooms.get(pair[0])) and r.kind is Kind.DIRECT
    ]
    if direct:
        for room, user in _BLOCKED.rows(connection, direct):
            ws.people[room, user].blocked = True


def _ask_client_ids(connection: DbConnection, appends: Sequence[Append]) -> _Fill:
    keys = {(a.room, a.by, a.client_id) for a in appends if a.client_id is not None}
    if not keys:
        return _nothing
    rows = _CLIENT_IDS.rows(connection, keys)

    def fill(ws: WorkingSet) -> None:
        for room, id_, kind, by, at, ref, text, data, client_id in rows:
            seq = id_ - event_id(room, 0)
            ws.keys[room, by, client_id] = Event(
                room, seq, kind, by, at, ref, text, decode_data(data), client_id
            )

    return fill


def _ask_messages(connection: DbConnection, batch: _ByType) -> _Fill:
    wanted = {event_id(a.room, a.ref) for a in batch.of(*_ABOUT_MESSAGE)}
    replies = (a for a in batch.of(Send) if a.reply_to is not None)
    wanted |= {event_id(a.room, a.reply_to) for a in replies}
    if not wanted:
        return _nothing
    rows = _MESSAGES.rows(connection, [(id_,) for id_ in wanted])
    reacted = {event_id(a.room, a.ref) for a in batch.of(React)}
    reactions = _REACTIONS.rows(connection, [(id_,) for id_ in reacted]) if reacted else ()

    def fill(ws: WorkingSet) -> None:
        by_id: dict[int, Message] = {}
        for room, id_, by, text, edited_text, edited_at, deleted_at, pinned_at in rows:
            seq = id_ - event_id(room, 0)
            by_id[id_] = ws.messages[room, seq] = Message(
                room, seq, by, text, edited_text, edited_at, deleted_at, pinned_at
            )
        for id_, emoji, user in reactions:
            by_id[id_].reactions.setdefault(emoji, set()).add(user)

    return fill


def _ask_mentionable(connection: DbConnection, batch: _ByType) -> _Fill:
    names = {
        (a.room, name)
        for a in batch.of(Send, Edit)
        for mention in a.mentions
        for name in possible_names(mention)
    }
    if not names:
        return _nothing
    rows = _MENTIONABLE.rows(connection, names)

    def fill(ws: WorkingSet) -> None:
        for room, name, user in rows:
            ws.mentionable[room, name] = user

    return fill


def _ask_owners(connection: DbConnection, batch: _ByType) -> _Fill:
    rooms = {a.room for a in batch.of(*_ABOUT_USER)}
    if not rooms:
        return _nothing
    rows = _OWNERS.rows(connection, [(room,) for room in rooms])

    def fill(ws: WorkingSet) -> None:
        ws.owners = {room: set() for room in rooms}
        for room, user in rows:
            ws.owners[room].add(user)

    return fill

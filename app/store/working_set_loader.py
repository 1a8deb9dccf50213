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
from ..domain.ids import NOWHERE, RoomId
from ..domain.mentions import possible_names
from ..domain.roles import ROOM_MENTION_ROLE, Kind, Role
from ..domain.working_set import NO_ROOM, Person, RoomState, WorkingSet
from .block_loader import ask_for_blocks
from .bulk import BulkStatement
from .database import DbConnection
from .message_loader import ask_for_keys, ask_for_messages
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

# NOWHERE has a row like a hidden room, and takes the same time.
_ROOMS = BulkStatement(
    "SELECT k.id, coalesce(name, ''), coalesce(title, ''), coalesce(kind, 'private'),"
    " coalesce(head, 0), coalesce(first, 1), coalesce(slow_mode_seconds, 0),"
    " coalesce(created_at, 0), archived_at, direct_key,"
    f" coalesce(room_mention_role, '{ROOM_MENTION_ROLE}'), coalesce(room_mentions_full_at, 0)"
    " FROM {keys} LEFT JOIN rooms ON rooms.id = k.id"
    f" WHERE rooms.id IS NOT NULL OR k.id = {NOWHERE}",
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


def _opened(appends: Sequence[Append]) -> set[RoomId]:
    """Rooms of which the batch changes more than messages: who is in them, or their kind."""
    return {a.room for a in appends if not isinstance(a, (Send, *_ABOUT_MESSAGE))}


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
            _LOCK_ROOMS.rows(connection, rooms)
    asked = [
        _ask_rooms(connection, rooms),
        _ask_people(connection, batch, appends),
        ask_for_keys(connection, appends),
        ask_for_messages(
            connection, batch.of(*_ABOUT_MESSAGE), batch.of(Send), opened=_opened(appends)
        ),
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
        for id_, name, title, kind, head, first, slow, created_at, archived_at, key, *last in rows:
            room = ws.rooms[id_] = RoomState(
                id_, name, title, Kind(kind), head, first, slow, created_at, archived_at, key
            )
            room.head_before = head
            room.room_mention_role, room.room_mentions_full_at = Role(last[0]), last[1]

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

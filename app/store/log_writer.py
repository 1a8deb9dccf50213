"""Writes what a batch has decided: new events, and the rows that they change."""

from collections.abc import Iterator, Sequence

import orjson

from ..domain.events import Event, EventType
from ..domain.ids import EVERYONE, EventId, RoomId, UserId, event_id
from ..domain.mentions import HERE
from ..domain.working_set import WorkingSet
from . import mentioned_present, tables
from .bulk import BulkInsert, BulkStatement
from .database import DbConnection
from .event_checksum import checksum, sealing
from .search_index import Span

_EVENTS = BulkInsert(
    tables.events,
    *("id", "room_id", "type", "by", "at", "ref", "text", "data", "client_id", "checksum"),
)
_NOT_CHANGED = (None, None, None, None)
_ROOMS = BulkInsert(
    tables.rooms,
    *("id", "name", "title", "kind", "direct_key", "head", "first"),
    *("slow_mode_seconds", "created_at", "archived_at"),
)
_REACTIONS = BulkInsert(tables.reactions, "event_id", "emoji", "user_id", "seq")
_MENTIONS = BulkInsert(tables.mentions, "user_id", "event_id", "among")

_HEADS = BulkStatement(
    "UPDATE rooms SET head = k.head FROM {keys} WHERE rooms.id = k.id", id="bigint", head="bigint"
)
_CHANGED_ROOMS = BulkStatement(
    "UPDATE rooms SET title = k.title, slow_mode_seconds = k.slow, archived_at = k.archived_at,"
    " room_mention_role = k.mention_role, room_mentions_full_at = k.mentions_full_at"
    " FROM {keys} WHERE rooms.id = k.id",
    id="bigint",
    title="text",
    slow="bigint",
    archived_at="bigint",
    mention_role="text",
    mentions_full_at="bigint",
)
_MEMBERS = BulkStatement(
    "INSERT INTO members (room_id, user_id, role, joined_at, banned_until, muted_until,"
    " read_seq, last_sent_at)"
    " SELECT room, person, role, joined_at, banned_until, muted_until, read_seq, last_sent_at"
    " FROM {keys} WHERE true ON CONFLICT (room_id, user_id) DO UPDATE SET"
    " role = excluded.role, joined_at = excluded.joined_at,"
    " banned_until = excluded.banned_until, muted_until = excluded.muted_until,"
    " own_read_seq = CASE WHEN excluded.read_seq > members.read_seq THEN NULL"
    " ELSE members.own_read_seq END,"
    " read_seq = CASE WHEN excluded.read_seq > members.read_seq THEN excluded.read_seq"
    " ELSE members.read_seq END, last_sent_at = excluded.last_sent_at",
    room="bigint",
    person="bigint",
    role="text",
    joined_at="bigint",
    banned_until="bigint",
    muted_until="bigint",
    read_seq="bigint",
    last_sent_at="bigint",
)
_CHANGED_MESSAGES = BulkStatement(
    "UPDATE events SET text = k.text, edited_text = k.edited_text, edited_at = k.edited_at,"
    " deleted_at = k.deleted_at, pinned_at = k.pinned_at"
    " FROM {keys} WHERE events.id = k.id",
    id="bigint",
    text="text",
    edited_text="text",
    edited_at="bigint",
    deleted_at="bigint",
    pinned_at="bigint",
)
# A damaged event is not given a checksum that is right.
_VERIFY_EDITS = BulkStatement(
    "SELECT {e.id} FROM {keys} JOIN events AS e"
    " ON e.room_id = k.room AND e.ref = k.seq AND e.ref IS NOT NULL"
    " AND e.type = 'message.edited'",
    room="bigint",
    seq="bigint",
)
_SEAL = BulkStatement(
    f"UPDATE events SET checksum = {sealing()} FROM {{keys}} WHERE events.id = k.id", id="bigint"
)
# Deleting a message blanks its earlier wordings too.
_BLANK_EDITS = BulkStatement(
    "UPDATE events SET text = NULL, data = NULL FROM {keys}"
    " WHERE events.room_id = k.room AND events.ref = k.seq AND events.ref IS NOT NULL"
    " AND events.type = 'message.edited'",
    room="bigint",
    seq="bigint",
)
_BLANK_DATA = BulkStatement(
    "UPDATE events SET data = NULL FROM {keys} WHERE events.id = k.id", id="bigint"
)
_DROP_REACTIONS = BulkStatement(
    "DELETE FROM reactions WHERE event_id IN (SELECT id FROM {keys})", id="bigint"
)
_DROP_REACTION = BulkStatement(
    "DELETE FROM reactions WHERE (event_id, emoji, user_id) IN"
    " (SELECT id, emoji, person FROM {keys})",
    id="bigint",
    emoji="text",
    person="bigint",
)
_DROP_MENTIONS = BulkStatement(
    "DELETE FROM mentions WHERE event_id IN (SELECT id FROM {keys})", id="bigint"
)


def save(connection: DbConnection, ws: WorkingSet) -> None:
    """Write what a batch has added to its working set and changed in it."""
    new_rooms = [room for room in ws.rooms.values() if room.is_new]
    if new_rooms:
        _ROOMS(
            connection,
            [
                (r.id, r.name, r.title, r.kind.value, r.direct_key, r.head, r.first)
                + (r.slow_mode_seconds, r.created_at, r.archived_at)
                for r in new_rooms
            ],
        )
    _save_events(connection, ws)
    grown = [(r.id, r.head) for r in ws.rooms.values() if r.head > r.head_before and not r.is_new]
    if grown:
        _HEADS.run(connection, grown)
    changed = [r for r in ws.rooms.values() if r.changed and not r.is_new]
    if changed:
        rows = [
            (r.id, r.title, r.slow_mode_seconds, r.archived_at)
            + (r.room_mention_role.value, r.room_mentions_full_at)
            for r in changed
        ]
        _CHANGED_ROOMS.run(connection, rows)
    _save_members(connection, ws)
    _save_messages(connection, ws)
    _save_reactions(connection, ws)


def _save_events(connection: DbConnection, ws: WorkingSet) -> None:
    dumps = orjson.dumps
    numbered = [(event_id(e.room, e.seq), e) for e in ws.events]
    rows = [
        (id_, e.room, e.type, e.by, e.at, e.ref, e.text)
        + (None if e.data is None else dumps(e.data).decode(), e.client_id)
        for id_, e in numbered
    ]
    has_checksums = connection.has_checksums
    _EVENTS(
        connection,
        [(*row, checksum(row + _NOT_CHANGED) if has_checksums else None) for row in rows],
    )
    messages = [(id_, e) for id_, e in numbered if e.type == EventType.MESSAGE_CREATED]
    mentions = [
        row
        for id_, e in messages
        if e.data is not None
        for row in _mention_rows(
            id_,
            e.data.get("mentions", ()),
            e.data.get("mentions_room"),
            ws.mentioned_present.get((e.room, e.seq), frozenset()),
        )
    ]
    _MENTIONS(connection, mentions)
    if messages:
        connection.search_index.note(connection, _spans(messages))


def _spans(messages: Sequence[tuple[EventId, Event]]) -> list[Span]:
    """Of each room, the first and the last of ``messages``."""
    spans: dict[RoomId, Span] = {}
    for id_, event in messages:
        spans[event.room] = (spans.get(event.room, (id_, id_))[0], id_)
    return list(spans.values())


def _save_members(connection: DbConnection, ws: WorkingSet) -> None:
    changed = [
        (
            *(p.room, p.user, None if p.role is None else p.role.value, p.joined_at),
            *(p.banned_until, p.muted_until, p.read_seq, p.last_sent_at),
        )
        for p in ws.people.values()
        if p.changed
    ]
    if changed:
        _MEMBERS.run(connection, changed)


def _save_messages(connection: DbConnection, ws: WorkingSet) -> None:
    changed = [m for m in ws.messages.values() if m.changed]
    if not changed:
        return
    _CHANGED_MESSAGES.run(
        connection,
        [
            (event_id(m.room, m.seq), m.original_text, m.edited_text)
            + (m.edited_at, m.deleted_at, m.pinned_at)
            for m in changed
        ],
    )
    index = connection.search_index
    index.change(
        connection,
        [
            (
                event_id(m.room, m.seq),
                index.document(ws.rooms[m.room].kind, m.room, m.by, m.text),
            )
            for m in changed
        ],
    )
    mentioning = [
        (event_id(m.room, m.seq), m.mentions, m.mentions_room, m.mentioned_present)
        for m in changed
        if m.mentions is not None
    ]
    if mentioning:
        _DROP_MENTIONS.run(connection, [(id_,) for id_, *_ in mentioning])
        _MENTIONS(connection, [row for mention in mentioning for row in _mention_rows(*mention)])
    deleted = [m for m in changed if m.deleted_at is not None]
    edits: Sequence[tuple[int]] = ()
    if deleted:
        ids = [(event_id(m.room, m.seq),) for m in deleted]
        numbers = [(m.room, m.seq) for m in deleted]
        if connection.has_checksums:
            edits = [(id_,) for (id_,) in _VERIFY_EDITS.rows(connection, numbers)]
        _BLANK_EDITS.run(connection, numbers)
        _BLANK_DATA.run(connection, ids)
        _DROP_REACTIONS.run(connection, ids)
    if connection.has_checksums:
        _SEAL.run(connection, [*((event_id(m.room, m.seq),) for m in changed), *edits])


def _mention_rows(
    id_: int, users: Sequence[UserId], to_room: str | None, present: frozenset[UserId]
) -> Iterator[tuple[UserId, int, str | None]]:
    for user in users:
        yield user, id_, None
    if to_room is not None:
        yield EVERYONE, id_, mentioned_present.encode(present) if to_room == HERE else None


def _save_reactions(connection: DbConnection, ws: WorkingSet) -> None:
    if ws.reactions_removed:
        _DROP_REACTION.run(
            connection,
            [(event_id(room, seq), emoji, u) for room, seq, emoji, u in ws.reactions_removed],
        )
    # Without reactions that the same batch has removed, or whose message it has deleted.
    added = {
        (event_id(room, seq), emoji, user): at
        for room, seq, emoji, user, at in ws.reactions_added
        if user in ws.messages[room, seq].reactions.get(emoji, ())
    }
    _REACTIONS(connection, [(*key, at) for key, at in added.items()])

"""Decide whom a text mentions: members, the whole room, and those who are present."""

from .appends import Edit, Send
from .authorization import role_of
from .errors import RateLimited
from .ids import Millis, UserId
from .limits import ROOM_MENTION_BURST, ROOM_MENTION_SECONDS
from .mentions import HERE, ROOM, possible_names
from .roles import has_rank
from .working_set import Person, RoomState, WorkingSet

_INTERVAL_MS = ROOM_MENTION_SECONDS * 1_000
# The first includes the second.
_NAMES = (ROOM, HERE)


def mentioned_members(ws: WorkingSet, room: RoomState, append: Send | Edit) -> list[UserId]:
    """
    The mentioned members, each once, without those who have blocked the author.

    Of the names that a mention may mean, the longest wins.
    """
    members = ws.mentionable
    found = (
        next((members[room.id, n] for n in possible_names(m) if (room.id, n) in members), None)
        for m in append.mentions
    )
    mentioned = dict.fromkeys(user for user in found if user is not None)
    return [user for user in mentioned if (user, append.by) not in ws.blocks]


def room_mention(
    ws: WorkingSet, room: RoomState, person: Person, append: Send | Edit
) -> str | None:
    """
    ``all`` if the text mentions the whole room, ``here`` if only those who are present.

    None if neither, or by a person who may not: then it is plain text.
    """
    if not has_rank(role_of(room, person), room.room_mention_role):
        return None
    meant = {_meant(ws, room, mention) for mention in append.mentions}
    return next((name for name in _NAMES if name in meant), None)


def use_room_mention(room: RoomState, at: Millis) -> None:
    """
    Count a mention of the whole room, or of those who are present.

    Raises:
        RateLimited: If there were too many; the room is then unchanged.

    """
    full_at = max(room.room_mentions_full_at, at) + _INTERVAL_MS
    wait = full_at - at - ROOM_MENTION_BURST * _INTERVAL_MS
    if wait > 0:
        raise RateLimited(
            "This room has been mentioned as a whole too often.", retry_after=wait / 1000
        )
    room.room_mentions_full_at, room.changed = Millis(full_at), True


def _meant(ws: WorkingSet, room: RoomState, mention: str) -> str | None:
    """A member may have a longer name; one who is called like it is mentioned besides."""
    for name in possible_names(mention):
        if name in _NAMES:
            return name
        if (room.id, name) in ws.mentionable:
            return None
    return None

"""
Notifications as bytes: what the nodes of one installation send each other. Pure.

A message is ``{"v":1,"node":"…","hints":[["log",7,120,119,true],["sessions",3,null]]}``, and has
``"probe":5`` if its node measures how long it takes. Nodes of other versions share the channel
during an upgrade: hints of unknown kinds are counted and skipped, unknown members ignored.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import orjson

from ..domain.ids import RoomId, SessionId, UserId
from ..domain.limits import MAX_INTEGER, MAX_NOTIFIED_ROOMS, MAX_SEQ, MAX_SIGNAL_CHARACTERS
from ..domain.sessions import SessionsRevoked
from .base import (
    LogAdvanced,
    LookEverywhere,
    Notification,
    PresenceChanged,
    RoomSignal,
    UserSignal,
)
from .presence import is_node_name

_VERSION = 1


class Message(NamedTuple):
    """What one node has sent in one piece."""

    node: str
    """The sender."""
    notifications: list[Notification]
    """Empty: it only tests whether it hears itself."""
    skipped: int
    """Hints that were not understood."""
    probe: int | None = None
    """The number that the sender has given to a probe."""


def encode(notification: Notification) -> bytes:
    """Return a notification as one hint of a message."""
    if isinstance(notification, LogAdvanced):
        return orjson.dumps(_log_hint(notification))
    if isinstance(notification, SessionsRevoked):
        return orjson.dumps(["sessions", *notification])
    if isinstance(notification, RoomSignal):
        return orjson.dumps(["signal", *notification])
    if isinstance(notification, UserSignal):
        return orjson.dumps(["user_signal", *notification])
    if isinstance(notification, PresenceChanged):
        return orjson.dumps(["presence", *notification])
    return b'["everywhere"]'


def pack(
    node: str, hints: Iterable[bytes], max_bytes: int, probe: int | None = None
) -> Iterator[bytes]:
    """
    Yield messages of at most ``max_bytes`` that hold ``hints``; one without hints if none.

    Args:
        probe: A number that comes back with each of them; None: no number.

    """
    numbered = b"" if probe is None else b'"probe":%d,' % probe
    head, tail = b'{"v":%d,"node":"%s",%b"hints":[' % (_VERSION, node.encode(), numbered), b"]}"
    room = max_bytes - len(head) - len(tail)
    packed: list[bytes] = []
    size = 0
    for hint in hints:
        if packed and size + len(hint) + 1 > room:
            yield head + b",".join(packed) + tail
            packed, size = [], 0
        packed.append(hint)
        size += len(hint) + 1
    yield head + b",".join(packed) + tail


def decode(payload: bytes) -> Message | None:
    """Return the message in ``payload``; None if it is not one that this version understands."""
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    match found:
        case {"v": int(version), "node": str(node), "hints": list(hints)} if version == _VERSION:
            decoded = [_decode_hint(hint) for hint in hints]
            notifications = [one for one in decoded if one is not None]
            probe = found.get("probe")
            skipped = len(decoded) - len(notifications)
            return Message(node, notifications, skipped, probe if type(probe) is int else None)
    return None


def _log_hint(notification: LogAdvanced) -> list[object]:
    room, head, first, changes_members = notification
    return ["log", room, head] if first is None else ["log", room, head, first, changes_members]


def _decode_hint(hint: object) -> Notification | None:
    match hint:
        case ["log", int(room), int(head)] if _is_id(room) and _is_id(head, MAX_SEQ):
            return LogAdvanced(RoomId(room), head)
        case ["log", int(room), int(head), int(first), bool(changes_members)] if (
            _is_id(room) and _is_id(head, MAX_SEQ) and _is_id(first, head)
        ):
            return LogAdvanced(RoomId(room), head, first, changes_members)
        case ["sessions", int(user), None] if _is_id(user):
            return SessionsRevoked(UserId(user), None)
        case ["sessions", int(user), int(session)] if _is_id(user) and _is_id(session):
            return SessionsRevoked(UserId(user), SessionId(session))
        case ["signal", int(room), int(user), str(payload)] if (
            _is_id(room) and _is_id(user) and len(payload) <= MAX_SIGNAL_CHARACTERS
        ):
            return RoomSignal(RoomId(room), UserId(user), payload)
        case ["user_signal", int(user), str(payload)] if (
            _is_id(user) and len(payload) <= MAX_SIGNAL_CHARACTERS
        ):
            return UserSignal(UserId(user), payload)
        case ["presence", str(node), int(version), list(rooms)] if (
            is_node_name(node)
            and _is_id(version)
            and len(rooms) <= MAX_NOTIFIED_ROOMS
            and all(isinstance(room, int) and _is_id(room) for room in rooms)
        ):
            return PresenceChanged(node, version, tuple(map(RoomId, rooms)))
        case ["everywhere"]:
            return LookEverywhere()
    return None


def _is_id(value: int, most: int = MAX_INTEGER) -> bool:
    return not isinstance(value, bool) and 0 < value <= most

"""
What was asked, what was answered and what was heard, by everybody, while it happens.

Plain function calls, no I/O. Memory is bounded by the number of events, not by their size: of
what was said only a hash is kept. What can be seen at once (an answer that contradicts an
earlier one, an event out of order) is found at once; the rest is for :mod:`app.torture.checker`.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from app.torture.findings import Findings, Promise

Frame = Mapping[str, Any]

# What can't change about an event, whoever hears it, and when.
_FIXED = ("type", "at", "by", "ref", "reply_to", "id", "emoji", "user", "author", "reason")
# Pages of newest messages that are compared with the log in the end.
_MAX_PAGES = 10_000


class Kind(Enum):
    """What a client asks for; its value is the event that comes of it."""

    SEND = "message.created"
    EDIT = "message.edited"
    DELETE = "message.deleted"
    REACT = "reaction.added"
    UNREACT = "reaction.removed"


class Outcome(Enum):
    """What became of a request."""

    OPEN = "open"
    """Not answered yet; it will be retried."""

    DONE = "done"
    REFUSED = "refused"
    GIVEN_UP = "given up"
    """Not answered, and never retried: it may have happened, or not."""


@dataclass(slots=True)
class Request:
    """Something a user asked for, from its first try to its answer."""

    room: str
    user: str
    id: str
    kind: Kind
    text: str | None = field(default=None, repr=False)
    """Forgotten once it is in the history, where ``said`` stands for it."""
    ref: int | None = None
    emoji: str | None = None
    said: bytes = b""
    outcome: Outcome = Outcome.OPEN
    seq: int | None = None
    """Where the answer says that it stands; None also if nothing changed."""


class NewestMessages(NamedTuple):
    """Newest messages that a join without ``since`` brought."""

    first: int
    upto: int
    messages: int
    limit: int


@dataclass(slots=True)
class ReceivedEvent:
    """What was heard at one number: what can't change, and the versions it had."""

    fixed: bytes
    versions: set[bytes] = field(default_factory=set)


class RoomHistory:
    """What was heard of one room, by everybody together."""

    def __init__(self) -> None:
        self.heard: dict[int, ReceivedEvent] = {}
        self.pages: deque[NewestMessages] = deque(maxlen=_MAX_PAGES)


class History:
    """Everything that the clients of a run know."""

    def __init__(self, rooms: Iterable[str], users: Iterable[str] = ()) -> None:
        self.rooms = {room: RoomHistory() for room in rooms}
        self.users = frozenset(users)
        self.requests: dict[str, Request] = {}
        self.findings = Findings()
        self.counts: Counter[str] = Counter()

    def asks(self, request: Request) -> None:
        """A request is tried for the first time."""
        self.counts[_ASKED[request.kind]] += 1
        if request.text is not None:
            request.said = digest(request.text)
            request.text = None
        self.requests[request.id] = request

    def answers(self, id_: str, seq: int | None, *, duplicate: bool = False) -> None:
        """A request was acknowledged, perhaps not for the first time."""
        request = self.requests[id_]
        if duplicate:
            self.counts["duplicates answered"] += 1
        if request.kind is Kind.SEND and seq is None:
            self._bad_retry(request, "was acknowledged without a seq")
        if request.outcome is Outcome.DONE:
            if seq != request.seq:
                self._bad_retry(request, f"was answered with seq {request.seq}, then with {seq}")
            elif seq is not None and not duplicate:
                self._bad_retry(request, "was acknowledged twice as if it were new")
            return
        if request.outcome is Outcome.REFUSED:
            self._bad_retry(request, "was acknowledged after it was refused")
        request.outcome, request.seq = Outcome.DONE, seq
        self.counts["acknowledged"] += 1

    def record_refusal(self, id_: str, code: str) -> None:
        """A request was refused for good."""
        request = self.requests[id_]
        self.counts[f"refused: {code}"] += 1
        if request.outcome is Outcome.DONE:
            self._bad_retry(request, f"was acknowledged, then refused ({code})")
            return
        if code == "id_reused":
            self._bad_retry(request, "was taken for another request with the same id")
        request.outcome = Outcome.REFUSED

    def record_give_up(self, id_: str) -> None:
        """A request is not tried again."""
        self.counts["given up"] += 1
        self.requests[id_].outcome = Outcome.GIVEN_UP

    def hears(self, room: str, event: Frame) -> None:
        """Somebody heard an event, in whatever way."""
        self.counts["events heard"] += 1
        if event.get("room") != room:
            self.findings.add(Promise.SAME, room, f"heard an event of {event.get('room')!r}")
        seq, fixed = event["seq"], fixed_digest(event)
        known = self.rooms[room].heard.setdefault(seq, ReceivedEvent(fixed))
        if known.fixed != fixed:
            self.findings.add(
                Promise.SAME, room, f"two heard different events as seq {seq}: {format_event(event)}"
            )
        if (words := content_version(event)) is not None:
            known.versions.add(words)

    def open(self, room: str | None = None) -> list[Request]:
        """Requests without an answer that are still retried."""
        return [
            request
            for request in self.requests.values()
            if request.outcome is Outcome.OPEN and room in (None, request.room)
        ]

    def _bad_retry(self, request: Request, what: str) -> None:
        self.findings.add(
            Promise.RETRY, request.room, f"{request.kind.name.lower()} {request.id} {what}"
        )


_ASKED = {
    Kind.SEND: "messages sent",
    Kind.EDIT: "edits",
    Kind.DELETE: "deletions",
    Kind.REACT: "reactions",
    Kind.UNREACT: "reactions",
}


def digest(text: str) -> bytes:
    """What is kept of a text."""
    return blake2b(text.encode(), digest_size=12).digest()


def fixed_digest(event: Frame) -> bytes:
    """What is kept of what can't change about an event."""
    fixed = orjson.dumps([event.get(name) for name in _FIXED])
    return blake2b(fixed, digest_size=12).digest()


# How an event words its message: as it was sent, as it was edited, or not any more.
SENT, EDITED, DELETED = b"=", b"~", b"-"


def content_version(event: Frame) -> bytes | None:
    """How ``event`` words its message; None if it has no words."""
    if event["type"] not in (Kind.SEND.value, Kind.EDIT.value):
        return None
    text = event.get("text")
    if event.get("deleted_at") is not None or text is None:
        return DELETED if text is None else DELETED + digest(text)
    edited = event.get("edited_at") is not None or event["type"] == Kind.EDIT.value
    return (EDITED if edited else SENT) + digest(text)


def format_event(event: Frame) -> str:
    """An event for a finding, without what was said in it."""
    return orjson.dumps({k: v for k, v in event.items() if k not in ("text", "room")}).decode()

"""
Everything that the clients of a run requested, were answered and received.

No I/O. Memory grows with the number of events, not with their size: of content only a hash is
kept. Contradictions that show at once (an answer that differs from an earlier one) become findings
at once; :mod:`app.torture.checker` finds the rest.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from .findings import Findings, Promise

Frame = Mapping[str, Any]

# Fields of an event that are the same for every client at any time.
_FIXED = ("type", "at", "by", "ref", "reply_to", "id", "emoji", "user", "author", "reason")
# Joins without `since` that are compared with the log at the end.
_MAX_PAGES = 10_000


class Kind(Enum):
    """What a request does; the value is the type of the event that it appends."""

    SEND = "message.created"
    EDIT = "message.edited"
    DELETE = "message.deleted"
    REACT = "reaction.added"
    UNREACT = "reaction.removed"


class Outcome(Enum):
    """What is known about the result of a request."""

    OPEN = "open"
    """Not answered yet; it will be retried."""

    DONE = "done"
    REFUSED = "refused"
    GIVEN_UP = "given up"
    """Not answered, and never retried: it may have been stored, or not."""


@dataclass(slots=True)
class Request:
    """One request, from its first try to its answer."""

    room: str
    user: str
    id: str
    kind: Kind
    text: str | None = field(default=None, repr=False)
    """Dropped when it is recorded; ``digest`` replaces it."""
    ref: int | None = None
    emoji: str | None = None
    digest: bytes = b""
    outcome: Outcome = Outcome.OPEN
    seq: int | None = None
    """The seq in its acknowledgement; None also if it changed nothing."""


class NewestMessages(NamedTuple):
    """The newest messages that one join without ``since`` received."""

    first: int
    upto: int
    messages: int
    limit: int


@dataclass(slots=True)
class ReceivedEvent:
    """What was received with one seq: its fixed fields, and every version of its content."""

    fixed: bytes
    versions: set[bytes] = field(default_factory=set)


class RoomHistory:
    """What all clients together received of one room."""

    def __init__(self) -> None:
        self.received: dict[int, ReceivedEvent] = {}
        self.pages: deque[NewestMessages] = deque(maxlen=_MAX_PAGES)


class History:
    """What the clients of a run know. Shared by all of them, on one event loop."""

    def __init__(self, rooms: Iterable[str], users: Iterable[str] = ()) -> None:
        self.rooms = {room: RoomHistory() for room in rooms}
        self.users = frozenset(users)
        self.requests: dict[str, Request] = {}
        self.findings = Findings()
        self.counts: Counter[str] = Counter()

    def record_request(self, request: Request) -> None:
        """Record the first try of a request."""
        self.counts[_ASKED[request.kind]] += 1
        if request.text is not None:
            request.digest = text_digest(request.text)
            request.text = None
        self.requests[request.id] = request

    def record_ack(self, id_: str, seq: int | None, *, duplicate: bool = False) -> None:
        """Record an acknowledgement, which may not be the first for its request."""
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
        """Record that a request was refused for good."""
        request = self.requests[id_]
        self.counts[f"refused: {code}"] += 1
        if request.outcome is Outcome.DONE:
            self._bad_retry(request, f"was acknowledged, then refused ({code})")
            return
        if code == "id_reused":
            self._bad_retry(request, "was taken for another request with the same id")
        request.outcome = Outcome.REFUSED

    def record_give_up(self, id_: str) -> None:
        """Record that a request will not be tried again."""
        self.counts["given up"] += 1
        self.requests[id_].outcome = Outcome.GIVEN_UP

    def record_event(self, room: str, event: Frame) -> None:
        """Record an event that a client received, live, in a replay or in a page."""
        self.counts["events received"] += 1
        if event.get("room") != room:
            what = f"received an event of {event.get('room')!r}"
            self.findings.add(Promise.SAME, room, what)
        seq, fixed = event["seq"], fixed_digest(event)
        received = self.rooms[room].received.setdefault(seq, ReceivedEvent(fixed))
        if received.fixed != fixed:
            what = f"different events were received as seq {seq}: {format_event(event)}"
            self.findings.add(Promise.SAME, room, what)
        if (version := content_version(event)) is not None:
            received.versions.add(version)

    def open_requests(self, room: str | None = None) -> list[Request]:
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


def text_digest(text: str) -> bytes:
    """The hash that is kept of a text."""
    return blake2b(text.encode(), digest_size=12).digest()


def fixed_digest(event: Frame) -> bytes:
    """The hash that is kept of an event's fixed fields."""
    fixed = orjson.dumps([event.get(name) for name in _FIXED])
    return blake2b(fixed, digest_size=12).digest()


# Prefixes of a content version: as sent, as edited, deleted.
SENT, EDITED, DELETED = b"=", b"~", b"-"


def content_version(event: Frame) -> bytes | None:
    """Which content ``event`` shows of its message; None if it shows none."""
    if event["type"] not in (Kind.SEND.value, Kind.EDIT.value):
        return None
    text = event.get("text")
    if event.get("deleted_at") is not None or text is None:
        return DELETED if text is None else DELETED + text_digest(text)
    edited = event.get("edited_at") is not None or event["type"] == Kind.EDIT.value
    return (EDITED if edited else SENT) + text_digest(text)


def format_event(event: Frame) -> str:
    """An event for the text of a finding, without its content."""
    return orjson.dumps({k: v for k, v in event.items() if k not in ("text", "room")}).decode()

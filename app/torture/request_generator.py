"""Generates a client's requests at random, and remembers its answered ones. No I/O."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import uuid4

import orjson

from .history import History, Kind, Request
from .subscription import Subscription

_EMOJIS = ("👍", "🎉", "🙈")
# Own messages that may be edited or deleted, and answered requests that may be repeated.
_REMEMBERED_MESSAGES = 40
_REMEMBERED_REQUESTS = 20
# Percentages of requests that are not new messages.
_REPEAT_PERCENT, _EDIT_PERCENT, _DELETE_PERCENT, _REACT_PERCENT = 4, 8, 3, 8
# Characters of one to four bytes in UTF-8.
_LETTERS = "abcdefghijklmnopqrstuvwxyz     äöüß€漢字🙂"


@dataclass(slots=True)
class PendingRequest:
    """A request without an answer, and the frame that carries it."""

    id: str
    room: str
    body: Mapping[str, Any]
    order: int = 0
    """Its position among the requests sent on this connection."""
    due: float = 0.0
    """When to send it (again), on the caller's clock."""
    sent_at: float | None = None
    """When it was last sent without being answered; None if it has not been sent."""

    @property
    def payload(self) -> bytes:
        """The encoded frame."""
        return orjson.dumps(self.body)


class RequestGenerator:
    """Makes the requests of one client. Its choices depend on ``rng`` and what was received."""

    def __init__(
        self, history: History, user: str, subscriptions: Mapping[str, Subscription], rng: Random
    ) -> None:
        self._history = history
        self._user = user
        self._subscriptions = subscriptions
        self._rng = rng
        # Own messages as (room, seq), and requests that were answered.
        self._mine: deque[tuple[str, int]] = deque(maxlen=_REMEMBERED_MESSAGES)
        self._done: deque[PendingRequest] = deque(maxlen=_REMEMBERED_REQUESTS)

    def next(self) -> PendingRequest:
        """Make a request, or return an answered one to be repeated."""
        roll = self._rng.randrange(100)
        if roll < _REPEAT_PERCENT and self._done:
            self._history.counts["repeated on purpose"] += 1
            repeated = self._rng.choice(self._done)
            self._done.remove(repeated)
            return repeated
        roll -= _REPEAT_PERCENT
        if roll < _EDIT_PERCENT + _DELETE_PERCENT and self._mine:
            room, ref = self._rng.choice(self._mine)
            if roll < _EDIT_PERCENT:
                return self._create(Kind.EDIT, room, ref=ref, text=self._text())
            self._mine.remove((room, ref))
            return self._create(Kind.DELETE, room, ref=ref)
        roll -= _EDIT_PERCENT + _DELETE_PERCENT
        room = self._rng.choice(list(self._subscriptions))
        known = self._subscriptions[room].messages
        if roll < _REACT_PERCENT and known:
            kind = Kind.REACT if self._rng.random() < 0.7 else Kind.UNREACT
            emoji = self._rng.choice(_EMOJIS)
            return self._create(kind, room, ref=self._rng.choice(known), emoji=emoji)
        return self._create(Kind.SEND, room, text=self._text())

    def next_message(self) -> PendingRequest:
        """Make a request that sends a message."""
        room = self._rng.choice(list(self._subscriptions))
        return self._create(Kind.SEND, room, text=self._text())

    def on_ack(self, request: PendingRequest, seq: int | None) -> None:
        """Remember an acknowledged request, so that it can be referred to or repeated."""
        if seq is None:
            # A request that changed nothing stored nothing: repeating it would be a new request.
            return
        if request.body["type"] == "send":
            self._mine.append((request.room, seq))
        self._done.append(request)

    def _create(
        self,
        kind: Kind,
        room: str,
        *,
        ref: int | None = None,
        text: str | None = None,
        emoji: str | None = None,
    ) -> PendingRequest:
        id_ = str(uuid4())
        body: dict[str, Any] = {"type": _TYPES[kind], "id": id_, "room": room}
        if ref is not None:
            body["ref"] = ref
        if text is not None:
            body["text"] = text
        if emoji is not None:
            body |= {"emoji": emoji, "on": kind is Kind.REACT}
        self._history.record_request(Request(room, self._user, id_, kind, text, ref, emoji))
        return PendingRequest(id_, room, body)

    def _text(self) -> str:
        roll = self._rng.random()
        length = 4_000 if roll < 0.01 else 1_000 if roll < 0.1 else self._rng.randint(3, 160)
        start = f"{self._rng.getrandbits(32):08x} "
        rest = "".join(self._rng.choices(_LETTERS, k=length - len(start))) if length > 9 else ""
        return start + rest


_TYPES = {
    Kind.SEND: "send",
    Kind.EDIT: "edit",
    Kind.DELETE: "delete",
    Kind.REACT: "react",
    Kind.UNREACT: "react",
}

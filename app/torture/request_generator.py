"""What a client says next: the rng, and what it remembers of what it has said. No I/O."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import uuid4

import orjson

from app.torture.history import History, Kind, Request
from app.torture.subscription import Subscription

_EMOJIS = ("👍", "🎉", "🙈")
# Own messages that may be edited or deleted, and requests that may be repeated for no reason.
_REMEMBERED_MESSAGES = 40
_REMEMBERED_REQUESTS = 20
# Of a hundred requests, so many are not messages.
_REPEAT_PERCENT, _EDIT_PERCENT, _DELETE_PERCENT, _REACT_PERCENT = 4, 8, 3, 8
# Letters that take one to four bytes.
_LETTERS = "abcdefghijklmnopqrstuvwxyz     äöüß€漢字🙂"


@dataclass(slots=True)
class PendingRequest:
    """A request that waits for its answer, and the frame that asks for it."""

    id: str
    room: str
    body: Mapping[str, Any]
    order: int = 0
    """Its place among everything that was sent on this connection."""
    due: float = 0.0
    """When it is to be sent (again)."""
    sent_at: float | None = None
    """When it was sent on this connection, and not answered since."""

    @property
    def payload(self) -> bytes:
        """The text of its frame."""
        return orjson.dumps(self.body)


class RequestGenerator:
    """What one client has to say."""

    def __init__(
        self, history: History, user: str, subscriptions: Mapping[str, Subscription], rng: Random
    ) -> None:
        self._history = history
        self._user = user
        self._listeners = subscriptions
        self._rng = rng
        # Own messages by room and seq, and requests that were answered.
        self._mine: deque[tuple[str, int]] = deque(maxlen=_REMEMBERED_MESSAGES)
        self._done: deque[PendingRequest] = deque(maxlen=_REMEMBERED_REQUESTS)

    def next(self) -> PendingRequest:
        """A new request; or, now and then, an old one once more."""
        roll = self._rng.randrange(100)
        if roll < _REPEAT_PERCENT and self._done:
            self._history.counts["repeated on purpose"] += 1
            again = self._rng.choice(self._done)
            self._done.remove(again)
            return again
        roll -= _REPEAT_PERCENT
        if roll < _EDIT_PERCENT + _DELETE_PERCENT and self._mine:
            room, ref = self._rng.choice(self._mine)
            if roll < _EDIT_PERCENT:
                return self._asks(Kind.EDIT, room, ref=ref, text=self._text())
            self._mine.remove((room, ref))
            return self._asks(Kind.DELETE, room, ref=ref)
        roll -= _EDIT_PERCENT + _DELETE_PERCENT
        room = self._rng.choice(list(self._listeners))
        known = self._listeners[room].messages
        if roll < _REACT_PERCENT and known:
            kind = Kind.REACT if self._rng.random() < 0.7 else Kind.UNREACT
            emoji = self._rng.choice(_EMOJIS)
            return self._asks(kind, room, ref=self._rng.choice(known), emoji=emoji)
        return self._asks(Kind.SEND, room, text=self._text())

    def message(self) -> PendingRequest:
        """A new message."""
        return self._asks(Kind.SEND, self._rng.choice(list(self._listeners)), text=self._text())

    def answered(self, asked: PendingRequest, seq: int | None) -> None:
        """What :meth:`next` made has got its answer."""
        if seq is None:
            # Nothing is stored of what changes nothing, so that a repetition is a new request.
            return
        if asked.body["type"] == "send":
            self._mine.append((asked.room, seq))
        self._done.append(asked)

    def _asks(
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
        self._history.asks(Request(room, self._user, id_, kind, text, ref, emoji))
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

"""
A small history to tamper with: two people, one room, and the log that belongs to it.

    stage = Stage()
    hi = stage.sends("ana", "hi")        asked, stored, acknowledged, heard by both
    stage.verdict()                      {} as long as nothing is tampered with
"""

from typing import Any

from app.torture.checker import Checker
from app.torture.findings import Promise
from app.torture.history import History, Kind, Request
from app.torture.subscription import Subscription

ROOM = "den"


class Stage:
    """Ana and Bo talk, and both listen from the start."""

    def __init__(self) -> None:
        self.history = History([ROOM], ["ana", "bo"])
        self.subscriptions = {name: self.listener(name) for name in ("ana", "bo")}
        self.log: list[dict[str, Any]] = []
        self.stores({"type": "room.created", "by": "ana"})

    def listener(self, name: str, since: int | None = 0) -> Subscription:
        """Somebody who has joined, and heard nothing yet."""
        listener = Subscription(self.history, ROOM, name)
        listener.cursor = since
        listener.connects()
        listener.joins(limit=50)
        listener.joined()
        return listener

    def asks(self, user: str, kind: Kind, text: str | None = None, **about: Any) -> Request:
        """Somebody asks for something, and nothing comes of it yet."""
        id_ = f"id-{len(self.history.requests) + 1}"
        request = Request(ROOM, user, id_, kind, text, **about)
        self.history.asks(request)
        return request

    def stores(self, event: dict[str, Any], *, heard: bool = True) -> int:
        """The next event of the log, heard by everybody."""
        seq = len(self.log) + 1
        self.log.append({"room": ROOM, "seq": seq, "at": f"at {seq}", **event})
        if heard:
            self.tells(self.log[-1])
        return seq

    def tells(self, event: dict[str, Any]) -> None:
        """Everybody hears ``event``."""
        for listener in self.subscriptions.values():
            listener.hears(dict(event))

    def sends(self, user: str, text: str, *, heard: bool = True) -> int:
        """A message that everything goes well with."""
        request = self.asks(user, Kind.SEND, text)
        event = {"type": "message.created", "by": user, "text": text, "id": request.id}
        seq = self.stores(event, heard=heard)
        self.history.answers(request.id, seq)
        return seq

    def edits(self, user: str, ref: int, text: str) -> int:
        """An edit that everything goes well with; the log words the message anew."""
        request = self.asks(user, Kind.EDIT, text, ref=ref)
        seq = self.stores({"type": "message.edited", "by": user, "ref": ref, "text": text})
        self.history.answers(request.id, seq)
        for event in self.log:
            if event["type"] == "message.edited" and event["ref"] == ref:
                event["text"] = text
        self.log[ref - 1] |= {"text": text, "edited_at": f"at {seq}"}
        return seq

    def deletes(self, user: str, ref: int) -> int:
        """A deletion that everything goes well with; the log forgets the message."""
        request = self.asks(user, Kind.DELETE, ref=ref)
        author = self.log[ref - 1]["by"]
        event = {"type": "message.deleted", "by": user, "ref": ref, "author": author}
        seq = self.stores(event)
        self.history.answers(request.id, seq)
        self.log[ref - 1] |= {"text": None, "deleted_at": f"at {seq}"}
        return seq

    def reacts(self, user: str, ref: int, emoji: str) -> int:
        """A reaction that everything goes well with."""
        request = self.asks(user, Kind.REACT, ref=ref, emoji=emoji)
        seq = self.stores({"type": "reaction.added", "by": user, "ref": ref, "emoji": emoji})
        self.history.answers(request.id, seq)
        return seq

    def verdict(self) -> dict[Promise, int]:
        """How often each promise was found broken, once the log is read."""
        checker = Checker(self.history, ROOM)
        for event in self.log:
            checker.reads(event)
        checker.finish()
        return dict(self.history.findings.counts)

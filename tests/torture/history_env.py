"""
A short history to tamper with: two users, one room, and the matching log.

    env = HistoryEnv()
    hi = env.send("ana", "hi")        requested, stored, acknowledged, received by both
    env.broken()                      {} unless something was tampered with
"""

from typing import Any

from app.torture.checker import Checker
from app.torture.findings import Promise
from app.torture.history import History, Kind, Request
from app.torture.subscription import Subscription

ROOM = "lobby"


class HistoryEnv:
    """Ana and Bo send messages to one room, which both have joined from the start."""

    def __init__(self) -> None:
        self.history = History([ROOM], ["ana", "bo"])
        self.subscriptions = {name: self.subscribe(name) for name in ("ana", "bo")}
        self.log: list[dict[str, Any]] = []
        self.store({"type": "room.created", "by": "ana"})

    def subscribe(self, name: str, since: int | None = 0) -> Subscription:
        """A client that has joined, and received nothing yet."""
        subscription = Subscription(self.history, ROOM, name)
        subscription.cursor = since
        subscription.on_connect()
        subscription.start_join(limit=50)
        subscription.on_joined()
        return subscription

    def request(self, user: str, kind: Kind, text: str | None = None, **about: Any) -> Request:
        """Record a request that is neither answered nor stored."""
        id_ = f"id-{len(self.history.requests) + 1}"
        request = Request(ROOM, user, id_, kind, text, **about)
        self.history.record_request(request)
        return request

    def store(self, event: dict[str, Any], *, received: bool = True) -> int:
        """Append an event to the log, and deliver it to every subscription."""
        seq = len(self.log) + 1
        self.log.append({"room": ROOM, "seq": seq, "at": f"at {seq}", **event})
        if received:
            self.deliver(self.log[-1])
        return seq

    def deliver(self, event: dict[str, Any]) -> None:
        """Deliver ``event`` to every subscription."""
        for subscription in self.subscriptions.values():
            subscription.on_event(dict(event))

    def send(self, user: str, text: str, *, received: bool = True) -> int:
        """A message that is sent, stored and acknowledged."""
        request = self.request(user, Kind.SEND, text)
        event = {"type": "message.created", "by": user, "text": text, "id": request.id}
        seq = self.store(event, received=received)
        self.history.record_ack(request.id, seq)
        return seq

    def edit(self, user: str, ref: int, text: str) -> int:
        """An edit that is stored and acknowledged; the log's message changes accordingly."""
        request = self.request(user, Kind.EDIT, text, ref=ref)
        seq = self.store({"type": "message.edited", "by": user, "ref": ref, "text": text})
        self.history.record_ack(request.id, seq)
        for event in self.log:
            if event["type"] == "message.edited" and event["ref"] == ref:
                event["text"] = text
        self.log[ref - 1] |= {"text": text, "edited_at": f"at {seq}"}
        return seq

    def delete(self, user: str, ref: int) -> int:
        """A deletion that is stored and acknowledged; the log's message loses its text."""
        request = self.request(user, Kind.DELETE, ref=ref)
        author = self.log[ref - 1]["by"]
        event = {"type": "message.deleted", "by": user, "ref": ref, "author": author}
        seq = self.store(event)
        self.history.record_ack(request.id, seq)
        self.log[ref - 1] |= {"text": None, "deleted_at": f"at {seq}"}
        return seq

    def react(self, user: str, ref: int, emoji: str) -> int:
        """A reaction that is stored and acknowledged."""
        request = self.request(user, Kind.REACT, ref=ref, emoji=emoji)
        seq = self.store({"type": "reaction.added", "by": user, "ref": ref, "emoji": emoji})
        self.history.record_ack(request.id, seq)
        return seq

    def broken(self) -> dict[Promise, int]:
        """Compare with the log; returns the number of findings for each broken promise."""
        checker = Checker(self.history, ROOM)
        for event in self.log:
            checker.check(event)
        checker.finish()
        return dict(self.history.findings.counts)

"""
A room as a client holds it: a full fetch, and events applied to it.

Written from ``docs/protocol.md`` alone, without the server's code, so that the two can be
compared. Users are names and times are texts, as on the wire.

    state = RoomState.fetched(room, messages, members)      or RoomState(), before seq 1
    state.apply(event)                                      the next event; known ones are
    state.shown()                                           ignored, a gap is an error
"""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

Body = dict[str, Any]

MAX_COUNTED = 100
"""The limit of ``unread`` and ``mentions``."""


class RoomState:
    """One room. ``cursor`` is the last ``seq`` that was applied."""

    def __init__(self) -> None:
        self.cursor = 0
        self.room: Body = {"archived": False}
        self.messages: dict[int, Body] = {}
        self.members: dict[str, Body] = {}

    @classmethod
    def fetched(cls, room: Body, messages: Iterable[Body], members: Iterable[Body]) -> "RoomState":
        """The state after a full fetch over HTTP, at one moment."""
        state = cls()
        state.cursor = room["head"]
        state.room = {
            name: room[name] for name in ("title", "kind", "slow_mode_seconds", "archived")
        }
        for message in messages:
            kept = deepcopy(message)
            # Derived from the messages; see :meth:`message`.
            kept.pop("replies")
            state.messages[message["seq"]] = kept
        for member in members:
            state.members[member["user"]] = {
                name: member[name] for name in ("role", "joined_at", "muted_until")
            }
        return state

    def copy(self) -> "RoomState":
        """An independent copy."""
        return deepcopy(self)

    def apply(self, event: Body) -> None:
        """Apply the next event. One that is known already changes nothing."""
        if event["seq"] <= self.cursor:
            return
        assert event["seq"] == self.cursor + 1, f"{event['seq']} after {self.cursor}"
        self.fold(event)
        self.cursor = event["seq"]

    def fold(self, event: Body) -> None:
        """Set what ``event`` sets, whether or not it is the next one."""
        kind = event["type"]
        family, _, what = kind.partition(".")
        if kind == "message.created":
            self._add_message(event)
        elif family in ("message", "reaction"):
            if (message := self.messages.get(event["ref"])) is not None:
                _change(message, kind, event)
        elif family == "room":
            self._room_changed(what, event)
        elif family == "member":
            self._member_changed(what, event)

    # Looking at the state

    def shown(self) -> Body:
        """The whole state, in a form that can be compared."""
        return {
            "head": self.cursor,
            "room": self.room,
            "messages": {seq: self.message(seq) for seq in sorted(self.messages)},
            "members": self.members,
        }

    def message(self, seq: int) -> Body:
        """A message as ``GET …/messages/{seq}`` shows it."""
        replies = [
            reply["seq"]
            for reply in self.messages.values()
            if reply["reply_to"] == seq and reply["deleted_at"] is None
        ]
        return {
            **self.messages[seq],
            "replies": {"count": len(replies), "last_seq": max(replies, default=None)},
        }

    def counts(self, user: str, read: int) -> tuple[int, int]:
        """How many messages after ``read`` the user has not read, and how many are mentions."""
        unread = [
            message
            for seq, message in self.messages.items()
            if seq > read and message["by"] != user and message["deleted_at"] is None
        ]
        mentioning = [message for message in unread if user in message["mentions"]]
        return min(len(unread), MAX_COUNTED), min(len(mentioning), MAX_COUNTED)

    # Internal

    def _add_message(self, event: Body) -> None:
        before = self.messages.get(event["seq"], {})
        message = {
            "room": event["room"],
            "seq": event["seq"],
            "at": event["at"],
            "by": event["by"],
            "text": event["text"],
            "reply_to": event.get("reply_to"),
            "edited_at": event.get("edited_at"),
            "deleted_at": event.get("deleted_at"),
            "pinned": before.get("pinned", False),
            "reactions": before.get("reactions", {}),
            "mentions": sorted(event.get("mentions", [])),
        }
        if "data" in event:
            message["data"] = event["data"]
        self.messages[event["seq"]] = message

    def _room_changed(self, what: str, event: Body) -> None:
        match what:
            case "created":
                self.room |= {n: event[n] for n in ("title", "kind", "slow_mode_seconds")}
                if event["by"] is not None:
                    # A direct room has two members, and no owner.
                    role = "member" if event["kind"] == "direct" else "owner"
                    self._admit(event["by"], role, event["at"])
            case "updated":
                self.room |= {n: event[n] for n in ("title", "slow_mode_seconds") if n in event}
            case "archived":
                self.room["archived"] = True
            case "reopened":
                self.room["archived"] = False

    def _member_changed(self, what: str, event: Body) -> None:
        user = event["user"]
        match what:
            case "joined":
                self._admit(user, "member", event["at"])
            case "left":
                self.members.pop(user, None)
            case "updated" if user in self.members:
                self.members[user] |= {n: event[n] for n in ("role", "muted_until") if n in event}

    def _admit(self, user: str, role: str, at: str) -> None:
        self.members[user] = {"role": role, "joined_at": at, "muted_until": None}


def _change(message: Body, kind: str, event: Body) -> None:
    match kind:
        case "message.edited":
            message["text"] = event["text"]
            message["edited_at"] = event["at"]
            message["mentions"] = sorted(event.get("mentions", []))
        case "message.deleted":
            message |= {"text": None, "deleted_at": event["at"], "pinned": False}
            message |= {"reactions": {}, "mentions": []}
            message.pop("data", None)
        case "message.pinned":
            message["pinned"] = True
        case "message.unpinned":
            message["pinned"] = False
        case "reaction.added":
            users = message["reactions"].setdefault(event["emoji"], [])
            if event["by"] not in users:
                users.append(event["by"])
        case "reaction.removed":
            users = message["reactions"].get(event["emoji"], [])
            if event["by"] in users:
                users.remove(event["by"])
            if not users:
                message["reactions"].pop(event["emoji"], None)

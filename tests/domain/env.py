"""
A room and its users in a working set, so that decisions are plain function calls.

ana owns the room, mo and max moderate it, bo and bea are members, dis is a member whose account is
disabled, eve is not a member, and root is an administrator who is not a member.
"""

from copy import copy, deepcopy
from typing import Any

import pytest

from app.domain.appends import Append, Committed, Send
from app.domain.decide import decide
from app.domain.errors import ParleyError
from app.domain.events import Event
from app.domain.ids import Millis, RoomId, UserId
from app.domain.roles import Kind, Role
from app.domain.working_set import NO_ROOM, Message, Person, RoomState, WorkingSet

NOW = Millis(1_795_000_000_000)
MINUTE = 60_000
ROOM = RoomId(7)
NEXT_ROOM = RoomId(8)
HEAD = 10

_ROLES = {
    "ana": Role.OWNER,
    "mo": Role.MODERATOR,
    "max": Role.MODERATOR,
    "bo": Role.MEMBER,
    "bea": Role.MEMBER,
    "dis": Role.MEMBER,
    "eve": None,
    "root": None,
}
_IDS = {name: UserId(number) for number, name in enumerate(_ROLES, 1)}
_UNKNOWN_USER = UserId(404)


def user_id(name: str | None) -> UserId | None:
    """The id of a user; None is the operator."""
    return None if name is None else _IDS[name]


class Env:
    """The working set of one batch with one room, and a clock that a test moves."""

    def __init__(self, kind: Kind = Kind.PUBLIC, *, archived: bool = False, head: int = 0) -> None:
        self.at = NOW
        self.ws = WorkingSet()
        self.room = RoomState(
            id=ROOM,
            name="den",
            title="The den",
            kind=kind,
            head=head,
            first=1,
            slow_mode_seconds=0,
            created_at=Millis(NOW - MINUTE),
            archived_at=Millis(NOW - 1) if archived else None,
            head_before=head,
        )
        self.ws.rooms[ROOM] = self.room
        self.ws.room_names["den"] = ROOM
        self.ws.room_ids = iter([NEXT_ROOM, RoomId(NEXT_ROOM + 1)])
        for name, role in _ROLES.items():
            if kind is Kind.DIRECT:
                role = Role.MEMBER if name in ("ana", "bo") else None
            self._add_person(ROOM, name, role)
            self._add_person(NO_ROOM, name, None)
            if role is not None:
                self.ws.mentionable[ROOM, name] = _IDS[name]
        self.ws.owners[ROOM] = {_IDS["ana"]} if kind is not Kind.DIRECT else set()

    def _add_person(self, room: RoomId, name: str, role: Role | None) -> None:
        self.ws.people[room, _IDS[name]] = Person(
            room=room,
            user=_IDS[name],
            username=name,
            is_admin=name == "root",
            disabled=name == "dis",
            role=role,
            joined_at=None if role is None else Millis(NOW - MINUTE),
        )

    def person(self, name: str) -> Person:
        """A user in the room."""
        return self.ws.people[ROOM, _IDS[name]]

    def decide(
        self, by: str | None, request: type[Append], /, at: int | None = None, **fields: Any
    ) -> Committed:
        """Decide a request; users in it are given by name."""
        if "user" in fields:
            fields["user"] = _IDS.get(fields["user"], _UNKNOWN_USER)
        at = self.at if at is None else at
        append = request(**{"room": ROOM, "by": user_id(by), "at": at, **fields})
        before = _Before(self.ws)
        committed = decide(self.ws, append)
        before.assert_only_told_changes(append, committed)
        return committed

    def send(self, by: str, text: str = "hi", **fields: Any) -> int:
        """Send a message; returns its seq."""
        committed = self.decide(by, Send, text=text, **fields)
        assert committed.seq is not None
        return committed.seq

    def assert_refused(
        self,
        error: type[ParleyError],
        by: str | None,
        request: type[Append],
        /,
        at: int | None = None,
        **fields: Any,
    ) -> ParleyError:
        """Assert that a request is refused with exactly this error and changes nothing."""
        ids, self.ws.room_ids = self.ws.room_ids, iter(())
        before = deepcopy(self.ws)
        with pytest.raises(error) as caught:
            self.decide(by, request, at, **fields)
        assert type(caught.value) is error
        for field in ("rooms", "room_names", "direct_rooms", "people", "owners", "events"):
            assert getattr(self.ws, field) == getattr(before, field), field
        self.ws.room_ids = ids
        return caught.value

    def advance(self, seconds: float) -> None:
        """Move the clock."""
        self.at = Millis(self.at + int(seconds * 1000))

    @property
    def types(self) -> list[str]:
        """The types of the appended events."""
        return [event.type for event in self.ws.events]

    @property
    def appended(self) -> list[tuple[str, dict[str, Any] | None]]:
        """The types and data of the appended events, users by name."""
        return [(event.type, _with_names(event)) for event in self.ws.events]


class _Before:
    """A working set before a decision: what a decision changes, it has to tell of."""

    def __init__(self, ws: WorkingSet) -> None:
        self.ws = ws
        self.events = len(ws.events)
        self.rows = [(row, copy(row)) for row in self._rows()]

    def _rows(self) -> list[RoomState | Person | Message]:
        ws = self.ws
        return [*ws.rooms.values(), *ws.people.values(), *ws.messages.values()]

    def assert_only_told_changes(self, append: Append, committed: Committed) -> None:
        """Assert what is true of every decision that is not refused."""
        events = self.ws.events[self.events :]
        if append.room != NO_ROOM:
            assert committed.room == append.room
        if committed.seq is None or committed.duplicate:
            assert events == [], "what appends nothing has no seq"
        else:
            last = events[-1]
            assert committed == (last.seq, last.at, False, last.room), "the result is the event's"
        if not committed.duplicate:
            assert committed.at == append.at
        assert all((e.by, e.at) == (append.by, append.at) for e in events)
        for row, old in self.rows:
            stored = [name for name in row.__slots__ if name not in _NOT_STORED]
            if any(getattr(row, name) != getattr(old, name) for name in stored):
                assert row.changed is True, "what has changed is written"


# The head is written with the events, and reactions are rows of their own.
_NOT_STORED = {"head", "reactions", "changed"}


def _with_names(event: Event) -> dict[str, Any] | None:
    if event.data is None:
        return None
    names = {number: name for name, number in _IDS.items()}
    return {k: names[v] if k == "user" else v for k, v in event.data.items()}

"""
A room and its people, in a working set, so that decisions are plain function calls.

ana owns the den, mo and max moderate it, bo and bea are members, eve is outside, dis is a
member whose account is disabled, and root is an administrator who isn't a member.
"""

from copy import deepcopy
from typing import Any

import pytest

from app.domain.appends import Append, Committed
from app.domain.authority import NOBODY
from app.domain.deciding import decide
from app.domain.errors import ParleyError
from app.domain.events import Event
from app.domain.ids import Millis, RoomId, UserId
from app.domain.roles import Kind, Role
from app.domain.working_set import Person, RoomState, WorkingSet

NOW = Millis(1_795_000_000_000)
MINUTE = 60_000
DEN = RoomId(7)
NEXT = RoomId(8)
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


def user(name: str | None) -> UserId | None:
    """Somebody's number; None is the operator."""
    return None if name is None else _IDS[name]


class Den:
    """The working set of one batch, and what it has done."""

    def __init__(self, kind: Kind = Kind.PUBLIC, *, archived: bool = False) -> None:
        self.ws = WorkingSet()
        self.room = RoomState(
            id=DEN,
            name="den",
            title="The den",
            kind=kind,
            head=HEAD,
            first=1,
            slow_mode_seconds=0,
            created_at=Millis(NOW - MINUTE),
            archived_at=Millis(NOW - 1) if archived else None,
            head_before=HEAD,
        )
        self.ws.rooms[DEN] = self.room
        self.ws.room_names["den"] = DEN
        self.ws.room_ids = iter([NEXT, RoomId(NEXT + 1)])
        for name, role in _ROLES.items():
            if kind is Kind.DIRECT:
                role = Role.MEMBER if name in ("ana", "bo") else None
            for room in (DEN, NOBODY):
                here = role if room == DEN else None
                self.ws.people[room, _IDS[name]] = Person(
                    room=room,
                    user=_IDS[name],
                    username=name,
                    is_admin=name == "root",
                    disabled=name == "dis",
                    role=here,
                    joined_at=None if here is None else Millis(NOW - MINUTE),
                )
        self.ws.owners[DEN] = {_IDS["ana"]} if kind is not Kind.DIRECT else set()

    def person(self, name: str) -> Person:
        """Somebody, in the den."""
        return self.ws.people[DEN, _IDS[name]]

    def does(
        self, who: str | None, request: type[Append], /, at: int = NOW, **what: Any
    ) -> Committed:
        """Have somebody ask for something; people in it are given by name."""
        if "user" in what:
            what["user"] = user(what["user"]) if what["user"] in _IDS else UserId(404)
        return decide(self.ws, request(**{"room": DEN, "by": user(who), "at": at, **what}))

    def refuses(
        self,
        error: type[ParleyError],
        who: str | None,
        request: type[Append],
        /,
        at: int = NOW,
        **what: Any,
    ) -> ParleyError:
        """Assert that it is refused with exactly this error, and that nothing has changed."""
        ids, self.ws.room_ids = self.ws.room_ids, iter(())
        before = deepcopy(self.ws)
        with pytest.raises(error) as caught:
            self.does(who, request, at, **what)
        assert type(caught.value) is error
        for field in ("rooms", "room_names", "direct_rooms", "people", "owners", "events"):
            assert getattr(self.ws, field) == getattr(before, field), field
        self.ws.room_ids = ids
        return caught.value

    @property
    def happened(self) -> list[tuple[str, dict[str, Any] | None]]:
        """What the batch has appended, people by name."""
        return [(event.type, _named(event)) for event in self.ws.events]


def _named(event: Event) -> dict[str, Any] | None:
    if event.data is None:
        return None
    names = {number: name for name, number in _IDS.items()}
    return {k: names[v] if k == "user" else v for k, v in event.data.items()}

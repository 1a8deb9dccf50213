"""People who talk, in memory: ana owns the room, moe moderates, bo is a member, eve is outside."""

from typing import Any

from app.domain.appends import Append, Committed, Send
from app.domain.deciding import decide
from app.domain.ids import Millis, RoomId, UserId
from app.domain.roles import Kind, Role
from app.domain.working_set import Person, RoomState, WorkingSet

DEN = RoomId(7)
ANA, MOE, BO, EVE, ADA = (UserId(n) for n in range(1, 6))
NAMES = {ANA: "ana", MOE: "moe", BO: "bo", EVE: "eve", ADA: "ada"}
NOW = Millis(1_795_000_000_000)


class Talk:
    """A working set with one room, and a clock that a test can move."""

    def __init__(self, kind: Kind = Kind.PUBLIC) -> None:
        self.at = NOW
        self.room = RoomState(DEN, "den", "Den", kind, 0, 1, 0, NOW, None)
        self.ws = WorkingSet(rooms={DEN: self.room})
        roles = {ANA: Role.OWNER, MOE: Role.MODERATOR, BO: Role.MEMBER, EVE: None, ADA: None}
        for user, role in roles.items():
            person = Person(DEN, user, NAMES[user], user == ADA, disabled=False, role=role)
            self.ws.people[DEN, user] = person
            if role is not None:
                self.ws.mentionable[DEN, NAMES[user]] = user

    def person(self, user: UserId) -> Person:
        return self.ws.people[DEN, user]

    def does(self, kind: type[Append], by: UserId | None, **what: Any) -> Committed:
        """Decide one request."""
        return decide(self.ws, kind(room=DEN, by=by, at=self.at, **what))

    def says(self, by: UserId, text: str = "hi", **what: Any) -> int:
        """Say something; its seq."""
        done = self.does(Send, by, text=text, **what)
        assert done.seq is not None
        return done.seq

    def pass_time(self, seconds: float) -> None:
        self.at = Millis(self.at + int(seconds * 1000))

    @property
    def types(self) -> list[str]:
        """What has been appended."""
        return [event.type for event in self.ws.events]

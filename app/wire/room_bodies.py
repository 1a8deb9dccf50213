"""Rooms, members, invites and blocks over HTTP: the bodies of requests and answers."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from app.domain.limits import (
    MAX_INTEGER,
    MAX_INVITE_SECONDS,
    MAX_INVITE_USES,
    MAX_ROOM_NAME_CHARACTERS,
    MAX_SLOW_MODE_SECONDS,
    MAX_TITLE_CHARACTERS,
)
from app.domain.roles import Role
from app.wire.accounts import Body, Moment

RoleName = Literal["owner", "moderator", "member"]
KindName = Literal["public", "private", "direct"]
Next = Annotated[
    str | None, Field(description="For `after`, to get the next page; null on the last.")
]
Title = Annotated[str, Field(max_length=MAX_TITLE_CHARACTERS, examples=["Everything and nothing"])]

EXAMPLE_ROOM: JsonDict = {
    "name": "general",
    "title": "Everything and nothing",
    "kind": "public",
    "head": 118,
    "first": 1,
    "created_at": "2026-11-21T08:00:00.123Z",
    "archived": False,
    "slow_mode_seconds": 0,
    "member": True,
    "role": "member",
    "read": 115,
    "unread": 3,
    "mentions": 1,
    "as_of": 118,
}
EXAMPLE_MEMBER: JsonDict = {
    "user": "bob",
    "display_name": "Bob",
    "role": "member",
    "joined_at": "2026-11-21T08:00:00.123Z",
    "muted_until": None,
}
EXAMPLE_INVITE: JsonDict = {
    "id": 7,
    "created_by": "alice",
    "created_at": "2026-11-21T08:00:00.123Z",
    "expires_at": "2026-11-28T08:00:00.123Z",
    "max_uses": 10,
    "uses": 0,
}


def _moment(value: object) -> datetime:
    # As a check of its own: pydantic would also take numbers and times without a zone.
    if not isinstance(value, str):
        raise ValueError("is a moment in ISO 8601, as text")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("is not a moment in ISO 8601") from None
    if moment.tzinfo is None:
        raise ValueError("has no time zone: end it with Z, or with an offset")
    return moment


Until = Annotated[
    AwareDatetime,
    BeforeValidator(_moment),
    Field(
        description="ISO 8601 with a time zone, in the future. Left out: for good.",
        examples=["2026-12-24T18:00:00Z"],
    ),
]


# What is asked


class NewRoom(Body):
    """A room to be made."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_ROOM_NAME_CHARACTERS,
            description="`a-z 0-9 - _ .`, without regard to case; fixed for life.",
            examples=["announcements"],
        ),
    ]
    title: Title = ""
    kind: Literal["public", "private"] = Field(
        description="Public: everybody may find and join it. Private: who is added or invited."
    )


class RoomChanges(Body):
    """What to change of a room; what is left out or null stays."""

    title: Title | None = None
    slow_mode_seconds: int | None = Field(
        default=None,
        ge=0,
        le=MAX_SLOW_MODE_SECONDS,
        description="What a member waits from one message to the next; 0: nothing.",
        examples=[30],
    )
    archived: bool | None = Field(
        default=None, description="An archived room can be read, not changed. Owners only."
    )


class MemberWish(Body):
    """What somebody is to be in a room."""

    role: RoleName | None = Field(
        default=None, description="Left out: a member; who is one already keeps their role."
    )

    def wanted(self) -> Role | None:
        """The role that was named."""
        return None if self.role is None else Role(self.role)


class Term(Body):
    """Until when a ban or a mute holds."""

    until: Until | None = None


class NewInvite(Body):
    """An invitation to be made; it holds for everybody who has its code."""

    expires_in: int | None = Field(
        default=None, ge=1, le=MAX_INVITE_SECONDS, description="Seconds.", examples=[604_800]
    )
    max_uses: int | None = Field(default=None, ge=1, le=MAX_INVITE_USES, examples=[10])


class ReadMark(Body):
    """How far one has read."""

    seq: int = Field(ge=0, le=MAX_INTEGER, examples=[118])


# What is answered


class RoomAnswer(BaseModel):
    """A room, and where one stands in it; the last six are null if one is no member."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_ROOM]})

    name: str
    title: str
    kind: KindName
    head: int = Field(description="Seq of the last event.")
    first: int = Field(description="Seq of the oldest event that is kept.")
    created_at: Moment
    archived: bool
    slow_mode_seconds: int
    with_: str | None = Field(
        default=None, alias="with", description="Of a direct room, and only there: the other one."
    )
    member: Literal[True] | None
    role: RoleName | None
    read: int | None = Field(description="Seq up to which one has read.")
    unread: int | None = Field(description="Messages since then; 100 means 99+.")
    mentions: int | None = Field(description="Those among them that mention one; 100 means 99+.")
    as_of: int | None = Field(description="The seq for which `unread` and `mentions` hold.")


class RoomsAnswer(BaseModel):
    """A page of rooms."""

    rooms: list[RoomAnswer]
    next: Next


class MemberAnswer(BaseModel):
    """A member of a room."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_MEMBER]})

    user: str
    display_name: str
    role: RoleName
    joined_at: Moment
    muted_until: Moment | None = Field(description="`9999-12-31T23:59:59.999Z`: for good.")


class MembersAnswer(BaseModel):
    """A page of members."""

    members: list[MemberAnswer]
    next: Next


class BanAnswer(BaseModel):
    """Somebody who is kept out of a room."""

    user: str = Field(examples=["eve"])
    banned_until: Moment = Field(description="`9999-12-31T23:59:59.999Z`: for good.")


class InviteAnswer(BaseModel):
    """An invitation that can be used."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_INVITE]})

    id: int
    created_by: str
    created_at: Moment
    expires_at: Moment | None = Field(description="Null: never.")
    max_uses: int | None = Field(description="Null: any number.")
    uses: int


class NewInviteAnswer(InviteAnswer):
    """An invitation just made."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**EXAMPLE_INVITE, "code": "the code, 43 characters"}]}
    )

    code: str = Field(description="Shown this once: what is stored is a hash of it.")


class InvitesAnswer(BaseModel):
    """A page of invitations, the newest first."""

    invites: list[InviteAnswer]
    next: Next


class ReadAnswer(BaseModel):
    """How far one has read, and what is left."""

    read: int = Field(examples=[118])
    unread: int = Field(description="100 means 99+.", examples=[0])
    mentions: int = Field(description="100 means 99+.", examples=[0])
    as_of: int = Field(description="The seq for which this holds.", examples=[118])


class BlockAnswer(BaseModel):
    """Somebody whom one has blocked."""

    user: str = Field(examples=["eve"])
    display_name: str = Field(examples=["Eve"])
    blocked_at: Moment


class BlocksAnswer(BaseModel):
    """A page of them."""

    blocks: list[BlockAnswer]
    next: Next

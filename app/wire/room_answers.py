"""Rooms, members, invites and blocks over HTTP: the bodies of responses."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from .accounts import Moment
from .room_bodies import KindName, LevelName, RoleName

Next = Annotated[
    str | None, Field(description="For `after`, to get the next page; null on the last.")
]

EXAMPLE_ROOM: JsonDict = {
    "name": "general",
    "title": "Everything and nothing",
    "kind": "public",
    "head": 118,
    "first": 1,
    "created_at": "2026-11-21T08:00:00.123Z",
    "archived": False,
    "slow_mode_seconds": 0,
    "room_mention_role": "moderator",
    "member": True,
    "role": "member",
    "read": 115,
    "unread": 3,
    "mentions": 1,
    "as_of": 118,
    "notifications": "mentions",
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


class RoomAnswer(BaseModel):
    """A room as the caller sees it; the last seven fields are null for a non-member."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_ROOM]})

    name: str
    title: str
    kind: KindName
    head: int = Field(description="Seq of the last event.")
    first: int = Field(description="Seq of the oldest event that is kept.")
    created_at: Moment
    archived: bool
    slow_mode_seconds: int
    room_mention_role: RoleName = Field(
        description="The lowest role that may mention the whole room with `@all`."
    )
    with_: str | None = Field(
        default=None,
        alias="with",
        description="The username of the other member; only in direct rooms.",
    )
    member: Literal[True] | None
    role: RoleName | None
    read: int | None = Field(description="The seq up to which the caller has read.")
    unread: int | None = Field(description="Messages after `read`; 100 means 99+.")
    mentions: int | None = Field(
        description="Unread messages that mention the caller; 100 means 99+."
    )
    as_of: int | None = Field(
        description="The seq as of which `unread` and `mentions` were counted."
    )
    notifications: LevelName | None = Field(
        description="Which messages of others a client should notify the caller of."
    )


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
    muted_until: Moment | None = Field(description="`9999-12-31T23:59:59.999Z`: without end.")


class MembersAnswer(BaseModel):
    """A page of members."""

    members: list[MemberAnswer]
    next: Next


class BanAnswer(BaseModel):
    """A user who is banned from a room."""

    user: str = Field(examples=["eve"])
    banned_until: Moment = Field(description="`9999-12-31T23:59:59.999Z`: without end.")


class InviteAnswer(BaseModel):
    """A valid invitation."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_INVITE]})

    id: int
    created_by: str
    created_at: Moment
    expires_at: Moment | None = Field(description="Null: never.")
    max_uses: int | None = Field(description="Null: any number.")
    uses: int


class NewInviteAnswer(InviteAnswer):
    """A new invitation, with its code."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**EXAMPLE_INVITE, "code": "the code, 43 characters"}]}
    )

    code: str = Field(description="Returned only once: the server stores a hash of it.")


class InvitesAnswer(BaseModel):
    """A page of invitations, the newest first."""

    invites: list[InviteAnswer]
    next: Next


class ReadAnswer(BaseModel):
    """How far the caller has read, and what is unread."""

    read: int = Field(examples=[118])
    unread: int = Field(description="100 means 99+.", examples=[0])
    mentions: int = Field(description="100 means 99+.", examples=[0])
    as_of: int = Field(description="The seq as of which this was counted.", examples=[118])


class BlockAnswer(BaseModel):
    """A user whom the caller has blocked."""

    user: str = Field(examples=["eve"])
    display_name: str = Field(examples=["Eve"])
    blocked_at: Moment


class BlocksAnswer(BaseModel):
    """A page of blocked users."""

    blocks: list[BlockAnswer]
    next: Next

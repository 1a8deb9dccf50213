"""Rooms, members, invites and blocks over HTTP: the bodies of requests and responses."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict

from ..domain.limits import (
    MAX_INTEGER,
    MAX_INVITE_SECONDS,
    MAX_INVITE_USES,
    MAX_ROOM_NAME_CHARACTERS,
    MAX_SLOW_MODE_SECONDS,
    MAX_TITLE_CHARACTERS,
)
from ..domain.notification_levels import NotificationLevel
from ..domain.roles import Role
from .accounts import COMPOSED, Body, Moment

RoleName = Literal["owner", "moderator", "member"]
LevelName = Literal["all", "mentions", "none"]
KindName = Literal["public", "private", "direct"]
Next = Annotated[
    str | None, Field(description="For `after`, to get the next page; null on the last.")
]
Title = Annotated[
    str, Field(max_length=MAX_TITLE_CHARACTERS, examples=["Everything and nothing"]), COMPOSED
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


def _moment(value: object) -> datetime:
    # pydantic alone would also accept numbers and times without a zone.
    if not isinstance(value, str):
        raise ValueError("must be a time in ISO 8601, as a string")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("is not a time in ISO 8601") from None
    if moment.tzinfo is None:
        raise ValueError("has no time zone: add Z or an offset")
    return moment


Until = Annotated[
    AwareDatetime,
    BeforeValidator(_moment),
    Field(
        description="ISO 8601 with a time zone, in the future. Left out: without end.",
        examples=["2026-12-24T18:00:00Z"],
    ),
]


# Requests


class NewRoom(Body):
    """A room to create."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"name": "announcements", "title": "What is new", "kind": "public"}
        }
    )

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_ROOM_NAME_CHARACTERS,
            description="`a-z 0-9 - _ .`, case-insensitive; can't be changed later.",
            examples=["announcements"],
        ),
    ]
    title: Title = ""
    kind: Literal["public", "private"] = Field(
        description="`public`: all users can find and join it. `private`: by invitation only."
    )


class RoomChanges(Body):
    """Changes to a room. A field that is left out or null stays unchanged."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"title": "What is new here", "slow_mode_seconds": 0}}
    )

    title: Title | None = None
    slow_mode_seconds: int | None = Field(
        default=None,
        ge=0,
        le=MAX_SLOW_MODE_SECONDS,
        description="How long a member has to wait between two messages; 0: no wait.",
        examples=[30],
    )
    room_mention_role: RoleName | None = Field(
        default=None,
        description="The lowest role that may mention the whole room with `@all`.",
        examples=["moderator"],
    )
    archived: bool | None = Field(
        default=None, description="An archived room is read-only. Owners only."
    )

    def wanted(self) -> dict[str, Any]:
        """The fields, as the service takes them."""
        role = None if self.room_mention_role is None else Role(self.room_mention_role)
        return {**self.model_dump(), "room_mention_role": role}


class MemberRole(Body):
    """The role of a member, new or existing."""

    model_config = ConfigDict(json_schema_extra={"example": {"role": "member"}})

    role: RoleName | None = Field(
        default=None,
        description="Left out: `member` for a new member, unchanged for an existing one.",
    )

    def wanted(self) -> Role | None:
        """The role; None if left out."""
        return None if self.role is None else Role(self.role)


class Expiry(Body):
    """When a ban or a mute ends."""

    model_config = ConfigDict(json_schema_extra={"example": {"until": "2099-12-24T18:00:00Z"}})

    until: Until | None = None


class NewInvite(Body):
    """An invitation to create; it is valid for any user who has its code."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"expires_in": 604800, "max_uses": 10}}
    )

    expires_in: int | None = Field(
        default=None, ge=1, le=MAX_INVITE_SECONDS, description="Seconds.", examples=[604_800]
    )
    max_uses: int | None = Field(default=None, ge=1, le=MAX_INVITE_USES, examples=[10])


class Notifications(Body):
    """What a client should notify the caller of in a room, on all of their devices."""

    model_config = ConfigDict(json_schema_extra={"example": {"level": "mentions"}})

    level: LevelName = Field(
        description="`all` messages of others, only `mentions` of the caller, or `none`."
    )

    def wanted(self) -> NotificationLevel:
        """The level."""
        return NotificationLevel(self.level)


class ReadMark(Body):
    """How far the caller has read."""

    model_config = ConfigDict(json_schema_extra={"example": {"seq": 1}})

    seq: int = Field(ge=0, le=MAX_INTEGER, examples=[118])


# Responses


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

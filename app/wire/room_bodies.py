"""Rooms, members, invites and blocks over HTTP: the bodies of requests."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator, ConfigDict, Field

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
from .accounts import COMPOSED, Body

RoleName = Literal["owner", "moderator", "member"]
LevelName = Literal["all", "mentions", "none"]
KindName = Literal["public", "private", "direct"]
Title = Annotated[
    str, Field(max_length=MAX_TITLE_CHARACTERS, examples=["Everything and nothing"]), COMPOSED
]


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
    force: bool = Field(
        default=False,
        description="Move it back, too: what follows `seq` is unread again, for you alone.",
    )

"""The admin API: the bodies of requests and responses."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..domain.limits import (
    MAX_RETENTION_DAYS,
    MAX_ROOM_NAME_CHARACTERS,
    MAX_SEQ,
    MAX_TITLE_CHARACTERS,
)
from .accounts import COMPOSED, Body, DisplayName, MeAnswer, Moment, NewPassword, Username


class NewAccount(Body):
    """An account that an administrator creates for another user."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "username": "carol",
                "password": "battery staple horse",
                "display_name": "Carol",
            }
        }
    )

    username: Username
    password: NewPassword | None = Field(
        default=None,
        description="Left out: the user can log in only through `/admin/users/…/token`.",
    )
    display_name: DisplayName | None = Field(
        default=None, description="The name that other users see; the username if left out."
    )
    admin: bool = False


class PasswordReset(Body):
    """A new password, set by an administrator."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"password": "battery staple correct"}}
    )

    password: NewPassword


class AccountAnswer(MeAnswer):
    """An account, with what only administrators see."""

    disabled_at: Moment | None = Field(
        description="When the account was disabled; null if it is not."
    )


class AccountsAnswer(BaseModel):
    """A page of accounts."""

    users: list[AccountAnswer]
    next: str | None = Field(description="For `after`, to get the next page; null on the last.")


class AdminNewRoom(Body):
    """A room to create, with or without an owner."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"name": "lobby", "title": "Everyone is here", "kind": "public"}
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
    title: Annotated[str, Field(max_length=MAX_TITLE_CHARACTERS), COMPOSED] = ""
    kind: Literal["public", "private"] = "public"
    owner: str | None = Field(
        default=None,
        description="A username. Without an owner, no user can enter a private room.",
        examples=["alice"],
    )


class Retention(Body):
    """How much of a room is kept: set one of `days` and `events`."""

    model_config = ConfigDict(json_schema_extra={"example": {"days": 30}})

    days: Annotated[int, Field(ge=1, le=MAX_RETENTION_DAYS, examples=[30])] | None = Field(
        default=None, description="Keep the events of this many days."
    )
    events: Annotated[int, Field(ge=1, le=MAX_SEQ)] | None = Field(
        default=None, description="Keep this many events, the newest."
    )
    keep_pinned: bool = Field(
        default=True,
        description="Whether pinned messages are kept until they are unpinned, however old.",
    )


class AdminRoomAnswer(BaseModel):
    """A room, with what only administrators see."""

    name: str = Field(examples=["general"])
    title: str = Field(examples=["General"])
    kind: Literal["public", "private", "direct"]
    head: int = Field(description="Seq of the last event.")
    first: int = Field(description="Seq of the oldest event that is kept.")
    created_at: Moment
    archived: bool
    slow_mode_seconds: int
    retention_days: int | None = Field(
        description="Events are kept for this many days; null: no limit."
    )
    retention_events: int | None = Field(description="This many events are kept; null: no limit.")
    retention_keep_pinned: bool = Field(
        description="Whether pinned messages are kept that are older than that."
    )
    member_count: int


class AdminRoomsAnswer(BaseModel):
    """A page of rooms."""

    rooms: list[AdminRoomAnswer]
    next: str | None = Field(description="For `after`, to get the next page; null on the last.")


class AuditEntryAnswer(BaseModel):
    """An entry of the audit log: an action by an administrator or the operator."""

    at: Moment
    by: str | None = Field(
        description="Current username of the administrator; null: the command line.",
        examples=["ada"],
    )
    action: str = Field(examples=["room.set_retention"])
    target: str = Field(
        description="The user or room, by its name at the time.", examples=["general"]
    )
    data: dict[str, Any] | None = Field(
        description="Details of the action.", examples=[{"days": 30}]
    )


class AuditAnswer(BaseModel):
    """A page of the audit log."""

    entries: list[AuditEntryAnswer]
    next: str | None = Field(description="For `after`, to get the next page; null on the last.")


class MoveTarget(Body):
    """Where to move the database."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"to": "postgresql://parley@db.example.org/parley"}}
    )

    to: str = Field(
        min_length=1, max_length=2_000, description="As `DATABASE_URL`: of an empty database."
    )


class MoveLine(BaseModel):
    """A line about a move: how far it is, or its outcome."""

    state: str
    copied: int | None = None
    """Events so far."""
    events: int | None = None
    """About how many there are; with ``moved``, how many were moved."""
    rooms: int | None = None
    changes: int | None = None
    """Rows that were copied again, because they changed meanwhile."""
    refused_ms: int | None = None
    """How long writers were refused."""
    to: str | None = None
    """The target, without user and password."""
    detail: str | None = None
    """Why it has failed."""


class EpochAnswer(BaseModel):
    """The name of the current history."""

    epoch: str = Field(examples=["k3v9x2"])

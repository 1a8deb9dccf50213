"""The admin API: the bodies of requests and answers."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from app.domain.limits import (
    MAX_RETENTION_DAYS,
    MAX_ROOM_NAME_CHARACTERS,
    MAX_SEQ,
    MAX_TITLE_CHARACTERS,
)
from app.wire.accounts import Body, DisplayName, MeAnswer, Moment, NewPassword, Username


class NewAccount(Body):
    """An account that somebody else makes."""

    username: Username
    password: NewPassword | None = Field(
        default=None,
        description="Without one, this user logs in only through `/admin/users/…/token`.",
    )
    display_name: DisplayName | None = Field(
        default=None, description="What others see; the username if it is left out."
    )
    admin: bool = False


class PasswordReset(Body):
    """A password that somebody else chose."""

    password: NewPassword


class AccountAnswer(MeAnswer):
    """An account, as administrators see it."""

    disabled_at: Moment | None = Field(description="Since when they are kept out, if they are.")


class AccountsAnswer(BaseModel):
    """A page of accounts."""

    users: list[AccountAnswer]
    next: str | None = Field(description="For `after`, to get the next page; null on the last.")


class AdminNewRoom(Body):
    """A room that belongs to nobody, or to somebody named."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_ROOM_NAME_CHARACTERS,
            description="`a-z 0-9 - _ .`, without regard to case; fixed for life.",
            examples=["announcements"],
        ),
    ]
    title: Annotated[str, Field(max_length=MAX_TITLE_CHARACTERS)] = ""
    kind: Literal["public", "private"] = "public"
    owner: str | None = Field(
        default=None,
        description="A username. A private room without one can be entered by nobody.",
        examples=["alice"],
    )


class Retention(Body):
    """What a room keeps: one of the two."""

    days: Annotated[int, Field(ge=1, le=MAX_RETENTION_DAYS, examples=[30])] | None = Field(
        default=None, description="The events of so many days."
    )
    events: Annotated[int, Field(ge=1, le=MAX_SEQ)] | None = Field(
        default=None, description="So many events, the newest."
    )


class AdminRoomAnswer(BaseModel):
    """A room, as administrators see it."""

    name: str = Field(examples=["general"])
    title: str = Field(examples=["General"])
    kind: Literal["public", "private", "direct"]
    head: int = Field(description="Seq of the last event.")
    first: int = Field(description="Seq of the oldest event that is kept.")
    created_at: Moment
    archived: bool
    slow_mode_seconds: int
    retention_days: int | None = Field(description="Events of so many days are kept.")
    retention_events: int | None = Field(description="So many events are kept.")
    member_count: int


class AdminRoomsAnswer(BaseModel):
    """A page of rooms."""

    rooms: list[AdminRoomAnswer]
    next: str | None = Field(description="For `after`, to get the next page; null on the last.")


class EntryAnswer(BaseModel):
    """Something that was done with an operator's powers."""

    at: Moment
    by: str | None = Field(
        description="What the administrator is called now; null: the command line.",
        examples=["ada"],
    )
    action: str = Field(examples=["room.set_retention"])
    target: str = Field(description="Whom or what, by its name then.", examples=["general"])
    data: dict[str, Any] | None = Field(
        description="What else there is to say.", examples=[{"days": 30}]
    )


class AuditAnswer(BaseModel):
    """A page of the audit."""

    entries: list[EntryAnswer]
    next: str | None = Field(description="For `after`, to get the next page; null on the last.")


class EpochAnswer(BaseModel):
    """What the history is called now."""

    epoch: str = Field(examples=["k3v9x2"])

"""
The answers and signals that a client receives, as models: what the AsyncAPI document says.

Nothing is encoded with these: :mod:`app.wire.answers` writes the JSON, and a test compares.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from .room_answers import RoomAnswer
from .room_bodies import KindName, RoleName
from .sent_events import By, RoomName

Re = Annotated[str | None, Field(description="The `id` of the request.")]
Count = Annotated[int, Field(ge=0, le=100, description="100 means 99+.")]


class SentFrame(BaseModel):
    """Base of answers and signals."""

    model_config = ConfigDict(extra="forbid")


class ClientLimits(SentFrame):
    """The limits that a client can respect by itself; 0 means none."""

    text_characters: int
    data_bytes: int
    frame_bytes: int
    rooms_per_connection: int
    sends_per_second: int
    send_burst: int
    frames_per_second: int
    frame_burst: int


class Welcome(SentFrame):
    """The first frame of a connection."""

    type: Literal["welcome"]
    user: str
    display_name: str
    epoch: str
    server_time: AwareDatetime
    heartbeat_seconds: int
    expires_in: int = Field(description="Seconds until the access token expires.")
    limits: ClientLimits
    rooms: list[RoomAnswer] | None = Field(None, description="On `/ws`: your rooms, at most 200.")


class Joined(SentFrame):
    """The answer to `join`; the replay follows."""

    type: Literal["joined"]
    re: Re = None
    room: RoomName
    head: int
    first: int
    epoch: str
    role: RoleName
    read: int
    unread: Count
    mentions: Count
    as_of: int
    present_count: int
    present: list[str] | None = None
    display_names: dict[str, str] | None = Field(
        None, description="By username, of those present whose display name is another."
    )


class CaughtUp(SentFrame):
    """The replay is complete: the cursor is `seq`, and what follows is live."""

    type: Literal["caught_up"]
    re: Re = None
    room: RoomName
    seq: int


class Reset(SentFrame):
    """Instead of `joined`: the client can't resume. Drop the state of the room and join anew."""

    type: Literal["reset"]
    re: Re = None
    room: RoomName
    head: int
    first: int
    epoch: str
    reason: Literal["gap", "ahead", "epoch", "gone"]


class Ack(SentFrame):
    """The request was carried out: the `seq` of its event, or the result of `read` or `auth`."""

    type: Literal["ack"]
    re: Re = None
    seq: int | None = None
    at: AwareDatetime | None = None
    duplicate: bool | None = Field(None, description="True: carried out before, by a first try.")
    read: int | None = None
    unread: Count | None = None
    mentions: Count | None = None
    as_of: int | None = None
    expires_in: int | None = None


class FieldProblem(SentFrame):
    """A field that is wrong."""

    loc: list[str | int]
    type: str
    msg: str


class Error(SentFrame):
    """The request was refused. `code` is stable, `detail` is for people."""

    type: Literal["error"]
    re: Re = None
    code: str
    detail: str
    errors: list[FieldProblem] | None = None
    retry_after: float | None = Field(None, description="Seconds.")


class Pong(SentFrame):
    """The answer to `ping`."""

    type: Literal["pong"]
    re: Re = None


class Added(SentFrame):
    """The user became a member of a room that this connection has not joined."""

    type: Literal["added"]
    room: RoomName
    kind: KindName
    by: By


class Removed(SentFrame):
    """Access to the room has ended; its last frame."""

    type: Literal["removed"]
    room: RoomName
    reason: Literal["left", "removed", "banned", "archived"]


class Activity(SentFrame):
    """New events in a room of the user that this connection has not joined."""

    type: Literal["activity"]
    room: RoomName
    head: int
    mention: bool | None = None
    mentions_room: Literal["all", "here"] | None = None


class Presence(SentFrame):
    """A user came or went; in a large room, how many there are."""

    type: Literal["presence"]
    room: RoomName
    by: str | None = None
    display_name: str | None = None
    online: bool | None = None
    count: int | None = None


class TypingSignal(SentFrame):
    """A user types, or has stopped. Clear it after 6 s."""

    type: Literal["typing"]
    room: RoomName
    by: str
    on: bool


class ReadSignal(SentFrame):
    """
    A user's read marker.

    With counts it is your own, which only your connections are sent: take it as it is, also if it
    moves back.
    """

    type: Literal["read"]
    room: RoomName
    by: str
    seq: int
    unread: int | None = None
    mentions: int | None = None
    as_of: int | None = None


class AuthExpiring(SentFrame):
    """The access token expires in so many seconds: send `auth`."""

    type: Literal["auth_expiring"]
    expires_in: int


class Drain(SentFrame):
    """The server is about to restart: reconnect after so many milliseconds."""

    type: Literal["drain"]
    reconnect_in_ms: int


AnyAnswer = Welcome | Joined | CaughtUp | Reset | Ack | Error | Pong
AnySignal = (
    Added | Removed | Activity | Presence | TypingSignal | ReadSignal | AuthExpiring | Drain
)

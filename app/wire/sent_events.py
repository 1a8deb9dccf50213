"""
The events that a client receives, as models: what the AsyncAPI document says of them.

Nothing is encoded with these: :mod:`app.wire.events` writes the JSON, and a test compares.
"""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from .message_bodies import Replies
from .room_bodies import KindName, RoleName

Seq = Annotated[int, Field(ge=1, description="Its number in the room's log.", examples=[118])]
Ref = Annotated[int, Field(ge=1, description="The `seq` of a message in the room.")]
RoomName = Annotated[str, Field(description="Name of the room.", examples=["general"])]
By = Annotated[str | None, Field(description="The user who did it; null: the operator.")]
Who = Annotated[str | None, Field(description="Name of the user.", examples=["bob"])]
Mentions = Annotated[list[str], Field(description="Usernames.")]
MentionsRoom = Annotated[
    Literal["all", "here"] | None,
    Field(description="`all`: all members of the room are mentioned; `here`: who is present."),
]


class SentEvent(BaseModel):
    """Base of events."""

    model_config = ConfigDict(extra="forbid")

    room: RoomName
    seq: Seq
    at: AwareDatetime
    by: By


class MessageCreated(SentEvent):
    """A message. `text` is null if it was deleted; after a `join` without `since` it is whole."""

    type: Literal["message.created"]
    text: str | None
    id: str | None = Field(None, description="The idempotency key with which it was sent.")
    reply_to: int | None = None
    mentions: Mentions = []
    mentions_room: MentionsRoom = None
    data: dict[str, Any] | None = None
    edited_at: AwareDatetime | None = None
    deleted_at: AwareDatetime | None = None
    pinned: bool | None = None
    reactions: dict[str, list[str]] | None = None
    replies: Replies | None = None


class MessageEdited(SentEvent):
    """Message `ref` has another text."""

    type: Literal["message.edited"]
    ref: Ref
    text: str | None
    mentions: Mentions = []
    mentions_room: MentionsRoom = None


class MessageDeleted(SentEvent):
    """Message `ref` of `author` was deleted."""

    type: Literal["message.deleted"]
    ref: Ref
    author: Who


class ReactionAdded(SentEvent):
    """`by` has reacted to message `ref`."""

    type: Literal["reaction.added"]
    ref: Ref
    emoji: str


class ReactionRemoved(SentEvent):
    """`by` has taken a reaction back."""

    type: Literal["reaction.removed"]
    ref: Ref
    emoji: str


class MessagePinned(SentEvent):
    """Message `ref` is pinned."""

    type: Literal["message.pinned"]
    ref: Ref


class MessageUnpinned(SentEvent):
    """Message `ref` is no longer pinned."""

    type: Literal["message.unpinned"]
    ref: Ref


class RoomCreated(SentEvent):
    """The first event of a room; `by` is its owner."""

    type: Literal["room.created"]
    title: str
    kind: KindName
    slow_mode_seconds: int


class RoomUpdated(SentEvent):
    """The fields that changed."""

    type: Literal["room.updated"]
    title: str | None = None
    slow_mode_seconds: int | None = None
    room_mention_role: RoleName | None = None


class RoomArchived(SentEvent):
    """The room can only be read."""

    type: Literal["room.archived"]


class RoomReopened(SentEvent):
    """The room can be written in again."""

    type: Literal["room.reopened"]


class MemberJoined(SentEvent):
    """`user` became a member."""

    type: Literal["member.joined"]
    user: Who


class MemberLeft(SentEvent):
    """`user` is no longer a member."""

    type: Literal["member.left"]
    user: Who
    reason: Literal["left", "removed", "banned"]


class MemberUpdated(SentEvent):
    """The fields that changed; null: lifted."""

    type: Literal["member.updated"]
    user: Who
    role: RoleName | None = None
    muted_until: AwareDatetime | None = None
    banned_until: AwareDatetime | None = None


class UserErased(SentEvent):
    """The account `user` is erased, and what it did is by `as`."""

    type: Literal["user.erased"]
    user: Who
    as_: Annotated[Who, Field(alias="as")]


AnyEvent = (
    MessageCreated
    | MessageEdited
    | MessageDeleted
    | ReactionAdded
    | ReactionRemoved
    | MessagePinned
    | MessageUnpinned
    | RoomCreated
    | RoomUpdated
    | RoomArchived
    | RoomReopened
    | MemberJoined
    | MemberLeft
    | MemberUpdated
    | UserErased
)

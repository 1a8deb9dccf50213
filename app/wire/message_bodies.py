"""Messages, events and search over HTTP: the bodies of requests and responses."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from .accounts import Body, Moment
from .requests import ClientData, MessageText, Reference

EXAMPLE_MESSAGE: JsonDict = {
    "room": "general",
    "seq": 118,
    "at": "2026-11-21T08:00:00.123Z",
    "by": "alice",
    "text": "Shall we go, @carol?",
    "reply_to": 112,
    "edited_at": None,
    "deleted_at": None,
    "pinned": False,
    "reactions": {"👍": ["bob"]},
    "mentions": ["carol"],
    "replies": {"count": 1, "last_seq": 120},
}
EXAMPLE_EVENT: JsonDict = {
    "type": "message.created",
    "room": "general",
    "seq": 118,
    "at": "2026-11-21T08:00:00.123Z",
    "by": "alice",
    "text": "hi",
    "id": "3f1c9b0e-6a51-4a52-9f3c-0c8e6f1b7d11",
}

Name = Annotated[str, Field(examples=["general"])]
Seq = Annotated[int, Field(examples=[118])]
Epoch = Annotated[
    str,
    Field(
        description="The name of this history: if it changes, discard what you have stored.",
        examples=["k3v9x2"],
    ),
]

# Requests


class NewMessage(Body):
    """A message to send."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"text": "Hello!", "data": {"mood": "curious"}}}
    )

    text: Annotated[MessageText, Field(description="Stored as sent.", examples=["hi @bob"])]
    reply_to: Reference | None = Field(
        default=None, description="The `seq` of the message that this one replies to."
    )
    data: ClientData | None = Field(
        default=None,
        description="Your own JSON object, returned unchanged; at most 4 KiB.",
    )


class MessageEdit(Body):
    """The new text of a message."""

    model_config = ConfigDict(json_schema_extra={"example": {"text": "Hello, all of you!"}})

    text: Annotated[MessageText, Field(examples=["hi @carol"])]


# Responses


class Answer(BaseModel):
    """Base of responses: exactly these fields."""

    model_config = ConfigDict(extra="forbid")


class Replies(Answer):
    """The replies to a message."""

    count: int
    last_seq: int | None = Field(description="The `seq` of the newest reply.")


class MessageAnswer(Answer):
    """A message as it is now."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": EXAMPLE_MESSAGE})

    room: Name
    seq: Seq
    at: Moment
    by: str | None = Field(description="A username.")
    text: str | None = Field(description="Null once deleted.")
    data: dict[str, Any] | None = Field(
        default=None, description="The JSON object that the client sent; absent if there was none."
    )
    reply_to: int | None
    edited_at: Moment | None
    deleted_at: Moment | None
    pinned: bool
    reactions: dict[str, list[str]] = Field(description="Usernames by emoji.")
    mentions: list[str] = Field(description="Usernames of the mentioned members.")
    mentions_room: Literal["all", "here"] | None = Field(
        default=None,
        description="`all`: it mentions all members; `here`: those who were present; absent if "
        "neither.",
    )
    replies: Replies


class MessagesAnswer(Answer):
    """A page of messages, and its place in the room's log: one snapshot."""

    messages: list[MessageAnswer]
    head: int = Field(description="`seq` of the room's last event.")
    first: int = Field(description="`seq` of the oldest event that is kept.")
    epoch: Epoch
    has_older: bool
    has_newer: bool


class EarlierTextAnswer(Answer):
    """An earlier text of a message."""

    text: str
    at: Moment


class EditsAnswer(Answer):
    """The earlier texts of a message, the oldest first."""

    edits: list[EarlierTextAnswer]
    next: str | None = Field(description="For `after`, to get the next page; null on the last.")


class EventAnswer(BaseModel):
    """An event. Further fields depend on its type; skip types that you don't know."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"example": EXAMPLE_EVENT})

    type: str = Field(examples=["message.created"])
    room: Name
    seq: Seq
    at: Moment
    by: str | None = Field(description="The username of the author; null: the operator.")


class EventsAnswer(Answer):
    """A page of the log, and its place in the log: one snapshot."""

    events: list[EventAnswer]
    head: int = Field(description="`seq` of the last event.")
    first: int = Field(description="`seq` of the oldest event that is kept.")
    epoch: Epoch
    has_more: bool = Field(description="Whether the log goes on after this page.")


class FoundAnswer(MessageAnswer):
    """A message that matches a search."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {**EXAMPLE_MESSAGE, "snippet": "Shall we «go», @carol?"}},
    )

    snippet: str = Field(
        description="Plain text around the first match: matches in «», … where text is left out."
    )


class SearchAnswer(Answer):
    """A page of search results, the newest first."""

    messages: list[FoundAnswer]
    next: str | None = Field(description="For `before`, to get the next page; null on the last.")

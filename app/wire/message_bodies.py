"""Messages, events and search over HTTP: the bodies of requests and answers."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from app.wire.accounts import Body, Moment
from app.wire.requests import ClientData, MessageText, Reference

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

# What is asked


class NewMessage(Body):
    """Something to say."""

    text: Annotated[MessageText, Field(description="Stored as sent.", examples=["hi @bob"])]
    reply_to: Reference | None = Field(
        default=None, description="The message that this replies to, by its `seq`."
    )
    data: ClientData | None = Field(
        default=None, description="Your own JSON object, kept and returned unread; ≤ 4 KiB."
    )


class NewWording(Body):
    """What a message says from now on."""

    text: Annotated[MessageText, Field(examples=["hi @carol"])]


# What is answered


class Answer(BaseModel):
    """Base of what is answered: these fields and no others."""

    model_config = ConfigDict(extra="forbid")


class Replies(Answer):
    """The replies to a message."""

    count: int
    last_seq: int | None = Field(description="The newest of them.")


class MessageAnswer(Answer):
    """A message as it is now."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": EXAMPLE_MESSAGE})

    room: Name
    seq: Seq
    at: Moment
    by: str | None = Field(description="A username.")
    text: str | None = Field(description="Null once deleted.")
    data: dict[str, Any] | None = Field(
        default=None, description="What the client sent with it; absent if nothing."
    )
    reply_to: int | None
    edited_at: Moment | None
    deleted_at: Moment | None
    pinned: bool
    reactions: dict[str, list[str]] = Field(description="Usernames by emoji.")
    mentions: list[str] = Field(description="Usernames of the members whom it mentions.")
    replies: Replies


class MessagesAnswer(Answer):
    """A page of messages, and where the room stands: one snapshot."""

    messages: list[MessageAnswer]
    head: int = Field(description="`seq` of the room's last event.")
    first: int = Field(description="`seq` of the oldest event that is kept.")
    has_older: bool
    has_newer: bool


class WordingAnswer(Answer):
    """What a message said once."""

    text: str
    at: Moment


class WordingsAnswer(Answer):
    """Earlier wordings of a message, the oldest first."""

    edits: list[WordingAnswer]
    next: str | None = Field(description="For `after`, to get the next page; null on the last.")


class EventAnswer(BaseModel):
    """An event. What else it has depends on its type; skip a type that you don't know."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"example": EXAMPLE_EVENT})

    type: str = Field(examples=["message.created"])
    room: Name
    seq: Seq
    at: Moment
    by: str | None = Field(description="Who did it; null: the operator.")


class EventsAnswer(Answer):
    """A page of the log, and where it stands: one snapshot."""

    events: list[EventAnswer]
    head: int = Field(description="`seq` of the last event.")
    first: int = Field(description="`seq` of the oldest event that is kept.")
    epoch: str = Field(
        description="The name of this history: if it changes, drop what you hold.",
        examples=["k3v9x2"],
    )
    has_more: bool = Field(description="Whether the log goes on after this page.")


class FoundAnswer(MessageAnswer):
    """A message that was found."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {**EXAMPLE_MESSAGE, "snippet": "Shall we «go», @carol?"}},
    )

    snippet: str = Field(
        description="Plain text around the first match: matches in «», cut where there is a …"
    )


class SearchAnswer(Answer):
    """What was found, the newest first."""

    messages: list[FoundAnswer]
    next: str | None = Field(description="For `before`, to get the next page; null on the last.")

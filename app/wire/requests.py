"""
The requests that a client may send on its socket: one class per ``type``, unknown fields refused.

Every request may carry an ``id``; its one answer echoes it as ``re``.
"""

import json
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ..domain.characters import shows_something
from ..domain.emoji_forms import standard_emoji
from ..domain.errors import BadRequest, FieldError, Invalid, ParleyError
from ..domain.limits import (
    MAX_CLIENT_ID_CHARACTERS,
    MAX_DATA_BYTES,
    MAX_EMOJI_CHARACTERS,
    MAX_EPOCH_CHARACTERS,
    MAX_INTEGER,
    MAX_PAGE,
    MAX_SEQ,
    MAX_TEXT_CHARACTERS,
    MAX_TOKEN_CHARACTERS,
)
from ..domain.text import unstorable_reason


def _storable(text: str) -> str:
    if reason := unstorable_reason(text):
        raise ValueError(reason)
    return text


def _message_text(text: str) -> str:
    if not shows_something(text):
        raise ValueError("is empty")
    return _storable(text)


def _one_emoji(text: str) -> str:
    standard = standard_emoji(text)
    if standard is None:
        raise ValueError("is not a single emoji")
    return standard


def _client_data(data: dict[str, Any]) -> dict[str, Any]:
    try:
        encoded = orjson.dumps(data)
        # pydantic accepts NaN and 1e999, which orjson would turn into null.
        json.dumps(data, allow_nan=False)
    except (TypeError, ValueError) as exc:
        raise ValueError("is not JSON that can be stored") from exc
    if len(encoded) > MAX_DATA_BYTES:
        raise ValueError(f"is larger than {MAX_DATA_BYTES} bytes")
    return data


RequestId = Annotated[
    str, Field(min_length=1, max_length=MAX_CLIENT_ID_CHARACTERS, pattern=r"^[\x20-\x7e]+$")
]
Name = Annotated[str, Field(min_length=1, max_length=100)]
MessageText = Annotated[
    str, Field(min_length=1, max_length=MAX_TEXT_CHARACTERS), AfterValidator(_message_text)
]
Reference = Annotated[int, Field(ge=1, le=MAX_SEQ)]
Since = Annotated[int, Field(ge=0, le=MAX_INTEGER)]
Limit = Annotated[int, Field(ge=1, le=MAX_PAGE)]
ClientData = Annotated[dict[str, Any], AfterValidator(_client_data)]
Emoji = Annotated[
    str, Field(min_length=1, max_length=MAX_EMOJI_CHARACTERS), AfterValidator(_one_emoji)
]


class Request(BaseModel):
    """Base of requests. An unknown field is refused: it is a typo or from a newer client."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: RequestId | None = None


class InRoom(Request):
    """A request about a room. On ``/ws/{room}``, ``room`` defaults to the room of the path."""

    room: Name | None = None


class Join(Request):
    """Subscribe to a room, from ``since`` or with its newest messages."""

    type: Literal["join"]
    room: Name | None = None
    since: Since | None = None
    limit: Limit | None = None
    epoch: Annotated[str, Field(max_length=MAX_EPOCH_CHARACTERS)] | None = None


class Leave(InRoom):
    """Unsubscribe from a room. The membership stays."""

    type: Literal["leave"]


class Send(InRoom):
    """Send a message. A retry with the same ``id`` appends it once."""

    type: Literal["send"]
    text: MessageText
    reply_to: Reference | None = None
    data: ClientData | None = None


class Read(InRoom):
    """
    Mark everything up to ``seq`` as read.

    With ``force`` also mark everything after it as unread: only for yourself.
    """

    type: Literal["read"]
    seq: Since
    force: bool = False


class Typing(InRoom):
    """The user is typing, or has stopped. Not stored, not answered."""

    type: Literal["typing"]
    on: bool


class Auth(Request):
    """Replace the connection's access token with a new one of the same user."""

    type: Literal["auth"]
    token: Annotated[str, Field(max_length=MAX_TOKEN_CHARACTERS)]


class Ping(Request):
    """Answered with ``pong``."""

    type: Literal["ping"]


class Edit(InRoom):
    """Replace the text of the user's own message."""

    type: Literal["edit"]
    ref: Reference
    text: MessageText


class Delete(InRoom):
    """Delete a message."""

    type: Literal["delete"]
    ref: Reference


class React(InRoom):
    """Add a reaction to a message (``on``), or remove it."""

    type: Literal["react"]
    ref: Reference
    emoji: Emoji
    on: bool


class Pin(InRoom):
    """Pin a message (``on``), or unpin it."""

    type: Literal["pin"]
    ref: Reference
    on: bool


AnyRequest = Join | Leave | Send | Read | Typing | Auth | Ping | Edit | Delete | React | Pin
REQUESTS: TypeAdapter[AnyRequest] = TypeAdapter(Annotated[AnyRequest, Field(discriminator="type")])

_NOT_JSON = "json_invalid"
_WRONG_TYPE = ("union_tag_invalid", "union_tag_not_found")


def decode(text: str) -> AnyRequest:
    """
    Parse the request in a text frame.

    Raises:
        BadRequest: If it is not a JSON object of a known type.
        Invalid: If a field is invalid. The error names the field and never contains its value.

    """
    try:
        return REQUESTS.validate_json(text)
    except ValidationError as exc:
        raise _refusal(exc) from None
    except UnicodeEncodeError:
        raise BadRequest("The frame contains a lone surrogate.") from None


def plain_send(text: str) -> Send:
    """
    A frame that is not JSON, as a message: for people with a plain WebSocket client.

    Raises:
        Invalid: If the text can't be a message.

    """
    try:
        return Send(type="send", text=text)
    except ValidationError as exc:
        raise Invalid.field("text", plain(exc.errors()[0]["msg"])) from None


def _refusal(exc: ValidationError) -> ParleyError:
    found = exc.errors(include_url=False, include_context=False, include_input=False)
    kind = found[0]["type"]
    if kind == _NOT_JSON:
        return BadRequest("The frame is not valid JSON.")
    if kind in _WRONG_TYPE:
        return BadRequest("The frame has no type, or an unknown one.")
    errors: list[FieldError] = [
        # pydantic puts the type of the request first.
        {"loc": error["loc"][1:], "type": error["type"], "msg": plain(error["msg"])}
        for error in found
    ]
    if not errors[0]["loc"]:
        return BadRequest("The frame is not a JSON object.")
    field = ".".join(str(part) for part in errors[0]["loc"])
    return Invalid(f"{field}: {errors[0]['msg']}", errors=errors)


def plain(message: str) -> str:
    """A message of pydantic without its prefix."""
    return message.removeprefix("Value error, ")


def request_id(text: str) -> str | None:
    """The valid ``id`` of a frame that :func:`decode` refused, for the ``re`` of the error."""
    try:
        found = orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return None
    value = found.get("id") if isinstance(found, dict) else None
    if isinstance(value, str) and 0 < len(value) <= MAX_CLIENT_ID_CHARACTERS and value.isascii():
        return value if value.isprintable() else None
    return None

"""
What a client may ask on its socket: one class per ``type``, unknown fields refused.

Every request may carry ``id``; its one answer echoes it as ``re``.
"""

import json
from typing import Annotated, Any, Literal

import emoji
import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from app.domain.errors import BadRequest, FieldError, Invalid, ParleyError
from app.domain.limits import (
    MAX_CLIENT_ID_CHARACTERS,
    MAX_DATA_BYTES,
    MAX_EMOJI_CHARACTERS,
    MAX_INTEGER,
    MAX_PAGE,
    MAX_SEQ,
    MAX_TEXT_CHARACTERS,
    MAX_TOKEN_CHARACTERS,
)
from app.domain.text import fault


def _storable(text: str) -> str:
    if why := fault(text):
        raise ValueError(why)
    return text


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return _storable(text)


def _one_emoji(text: str) -> str:
    if not emoji.is_emoji(text):
        raise ValueError("is not one emoji")
    return text


def _small(data: dict[str, Any]) -> dict[str, Any]:
    try:
        encoded = orjson.dumps(data)
        # orjson makes null of what is no number; pydantic takes NaN and 1e999 for numbers.
        json.dumps(data, allow_nan=False)
    except (TypeError, ValueError) as exc:
        raise ValueError("is not JSON that can be kept") from exc
    if len(encoded) > MAX_DATA_BYTES:
        raise ValueError(f"is larger than {MAX_DATA_BYTES} bytes")
    return data


RequestId = Annotated[
    str, Field(min_length=1, max_length=MAX_CLIENT_ID_CHARACTERS, pattern=r"^[\x20-\x7e]+$")
]
Name = Annotated[str, Field(min_length=1, max_length=100)]
MessageText = Annotated[
    str, Field(min_length=1, max_length=MAX_TEXT_CHARACTERS), AfterValidator(_said)
]
Reference = Annotated[int, Field(ge=1, le=MAX_SEQ)]
Since = Annotated[int, Field(ge=0, le=MAX_INTEGER)]
Limit = Annotated[int, Field(ge=1, le=MAX_PAGE)]
ClientData = Annotated[dict[str, Any], AfterValidator(_small)]
Emoji = Annotated[
    str, Field(min_length=1, max_length=MAX_EMOJI_CHARACTERS), AfterValidator(_one_emoji)
]


class Request(BaseModel):
    """Base of all. An unknown field is a typo or a newer client: say so, don't drop it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: RequestId | None = None


class InRoom(Request):
    """A request about a room. On ``/ws/{room}`` a missing one is that of the path."""

    room: Name | None = None


class Join(Request):
    """Listen to a room, from ``since`` or from its newest messages."""

    type: Literal["join"]
    room: Name | None = None
    since: Since | None = None
    limit: Limit | None = None
    epoch: Annotated[str, Field(max_length=64)] | None = None


class Leave(InRoom):
    """Stop listening. Membership stays."""

    type: Literal["leave"]


class Send(InRoom):
    """Say something. Retrying with the same ``id`` says it once."""

    type: Literal["send"]
    text: MessageText
    reply_to: Reference | None = None
    data: ClientData | None = None


class Read(InRoom):
    """Everything up to ``seq`` has been read."""

    type: Literal["read"]
    seq: Since


class Typing(InRoom):
    """Somebody is typing, or has stopped. Not stored, not answered."""

    type: Literal["typing"]
    on: bool


class Auth(Request):
    """A fresh access token of the same user."""

    type: Literal["auth"]
    token: Annotated[str, Field(max_length=MAX_TOKEN_CHARACTERS)]


class Ping(Request):
    """Is anybody there?"""

    type: Literal["ping"]


class Edit(InRoom):
    """Give one's own message another wording."""

    type: Literal["edit"]
    ref: Reference
    text: MessageText


class Delete(InRoom):
    """Blank a message."""

    type: Literal["delete"]
    ref: Reference


class React(InRoom):
    """Put an emoji on a message, or take it off."""

    type: Literal["react"]
    ref: Reference
    emoji: Emoji
    on: bool


class Pin(InRoom):
    """Pin a message, or unpin it."""

    type: Literal["pin"]
    ref: Reference
    on: bool


AnyRequest = Join | Leave | Send | Read | Typing | Auth | Ping | Edit | Delete | React | Pin
REQUESTS: TypeAdapter[AnyRequest] = TypeAdapter(Annotated[AnyRequest, Field(discriminator="type")])

_NOT_JSON = "json_invalid"
_WRONG_TYPE = ("union_tag_invalid", "union_tag_not_found")


def decode(text: str) -> AnyRequest:
    """
    The request in a text frame.

    Raises:
        BadRequest: If it is no JSON object, or of no known type.
        Invalid: If one of its fields is wrong; names the field, never repeats its value.

    """
    try:
        return REQUESTS.validate_json(text)
    except ValidationError as exc:
        raise _refusal(exc) from None
    except UnicodeEncodeError:
        raise BadRequest("The frame holds a lone surrogate.") from None


def plain_send(text: str) -> Send:
    """
    What a person has typed into a plain WebSocket client.

    Raises:
        Invalid: If it can't be a message.

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
        return BadRequest("The frame has no known type.")
    errors: list[FieldError] = [
        # The first part of the place is the type of the request.
        {"loc": error["loc"][1:], "type": error["type"], "msg": plain(error["msg"])}
        for error in found
    ]
    if not errors[0]["loc"]:
        return BadRequest("A frame is a JSON object.")
    where = ".".join(str(part) for part in errors[0]["loc"])
    return Invalid(f"{where}: {errors[0]['msg']}", errors=errors)


def plain(message: str) -> str:
    """pydantic's sentence without its own prefix."""
    return message.removeprefix("Value error, ")


def request_id(text: str) -> str | None:
    """The ``id`` of a frame that could not be decoded, so that its error can say ``re``."""
    try:
        found = orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return None
    value = found.get("id") if isinstance(found, dict) else None
    if isinstance(value, str) and 0 < len(value) <= MAX_CLIENT_ID_CHARACTERS and value.isascii():
        return value if value.isprintable() else None
    return None

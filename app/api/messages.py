"""Messages: read pages of them, send, edit and delete them."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Header, Path, Query, Response

from ..domain.clock import iso
from ..domain.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    IdReused,
    MessageNotFound,
    Muted,
    RateLimited,
    SlowMode,
)
from ..domain.limits import DEFAULT_PAGE, MAX_EPOCH_CHARACTERS, MAX_INTEGER, MAX_PAGE, MAX_SEQ
from ..domain.views import EarlierText, MessageView
from ..services.messages.history import History, HistoryPage
from ..services.messages.message_pages import MessagePages
from ..services.messages.messages import Messages
from ..wire.message_bodies import (
    EarlierTextAnswer,
    EditsAnswer,
    MessageAnswer,
    MessageEdit,
    MessagesAnswer,
    NewMessage,
)
from ..wire.messages import message_body, page_json
from ..wire.requests import RequestId
from .deps import Me, RuntimeDep
from .pagination import PageDep
from .responses import errors
from .rooms import IN_ROOM, RoomName
from .strict import StrictRoute

router = APIRouter(prefix="/rooms/{room}", tags=["Messages"], route_class=StrictRoute)

ABOUT_MESSAGE = (*IN_ROOM, MessageNotFound)
"""The errors of every endpoint about one message."""

SPEAKING = (*ABOUT_MESSAGE, Forbidden, Muted, Conflict, IdReused, RateLimited)
"""The errors of every endpoint that changes one."""

MessageSeq = Annotated[
    int, Path(ge=1, le=MAX_SEQ, description="The message's `seq`.", examples=[3])
]
Cursor = Annotated[int | None, Query(ge=0, le=MAX_INTEGER)]
EpochOfCursor = Annotated[
    str | None,
    Query(
        max_length=MAX_EPOCH_CHARACTERS,
        description="The epoch that your `seq` belongs to. If the history was replaced since, "
        "the answer is `conflict`.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
Key = Annotated[
    RequestId | None,
    Header(
        alias="Idempotency-Key",
        description="1-64 printable ASCII characters, random (a UUID): a retry with the same "
        "key is answered without being carried out again. The same as `id` on a WebSocket.",
    ),
]


async def _history(runtime: RuntimeDep) -> History:
    return runtime.messages.history


async def _messages(runtime: RuntimeDep) -> Messages:
    return runtime.messages.messages


async def _message_pages(runtime: RuntimeDep) -> MessagePages:
    return runtime.messages.message_pages


HistoryDep = Annotated[History, Depends(_history)]
MessagePagesDep = Annotated[MessagePages, Depends(_message_pages)]
MessagesDep = Annotated[Messages, Depends(_messages)]


@router.get(
    "/messages",
    operation_id="listMessages",
    summary="List messages",
    response_model=MessagesAnswer,
    responses=errors(*IN_ROOM, Conflict),
)
async def list_messages(
    room: RoomName,
    me: Me,
    pages: MessagePagesDep,
    before: Cursor = None,
    after: Cursor = None,
    around: Cursor = None,
    epoch: EpochOfCursor = None,
    limit: Limit = DEFAULT_PAGE,
) -> Response:
    """
    List messages in their current form, oldest first: the newest, or those before, after or
    around a `seq`. `head` is from the same snapshot: join with `since=head` to continue live.
    """
    body = await pages.get(
        me.user, room, before=before, after=after, around=around, epoch=epoch, limit=limit
    )
    return finished(body)


@router.post(
    "/messages",
    status_code=201,
    operation_id="sendMessage",
    summary="Send a message",
    response_model=MessageAnswer,
    responses={
        200: {
            "model": MessageAnswer,
            "description": "The key is known: the message in its current form.",
        },
        **errors(BadRequest, *SPEAKING, SlowMode),
    },
)
async def send(
    new: NewMessage, room: RoomName, me: Me, messages: MessagesDep, key: Key = None
) -> Response:
    """Send a message. With an `Idempotency-Key`, a retry does not send it twice."""
    sent = await messages.send(me, room, new.text, reply_to=new.reply_to, data=new.data, key=key)
    if sent.duplicate:
        return message_answer(sent.message, room)
    answer = message_answer(sent.message, room, status=201)
    answer.headers["Location"] = f"/rooms/{room.lower()}/messages/{sent.message.seq}"
    return answer


@router.get(
    "/messages/{seq}",
    operation_id="getMessage",
    summary="Get a message",
    response_model=MessageAnswer,
    responses=errors(*ABOUT_MESSAGE),
)
async def get(room: RoomName, seq: MessageSeq, me: Me, history: HistoryDep) -> Response:
    """Get a message in its current form. A deleted one has no text."""
    return message_answer(await history.message(me.user, room, seq), room)


@router.patch(
    "/messages/{seq}",
    operation_id="editMessage",
    summary="Edit a message",
    response_model=MessageAnswer,
    responses=errors(BadRequest, *SPEAKING),
)
async def edit(
    new: MessageEdit,
    room: RoomName,
    seq: MessageSeq,
    me: Me,
    messages: MessagesDep,
    key: Key = None,
) -> Response:
    """Change the text of your own message."""
    return message_answer(await messages.edit(me.user, room, seq, new.text, key=key), room)


@router.delete(
    "/messages/{seq}",
    status_code=204,
    operation_id="deleteMessage",
    summary="Delete a message",
    responses=errors(*ABOUT_MESSAGE, Forbidden, IdReused, RateLimited),
)
async def delete(
    room: RoomName, seq: MessageSeq, me: Me, messages: MessagesDep, key: Key = None
) -> None:
    """Blank a message for good: your own, or as a moderator any. Its number stays."""
    await messages.delete(me.user, room, seq, key=key)


@router.get(
    "/messages/{seq}/edits",
    operation_id="listEdits",
    summary="List earlier versions",
    responses=errors(*ABOUT_MESSAGE, Forbidden),
)
async def list_edits(
    room: RoomName, seq: MessageSeq, me: Me, history: HistoryDep, page: PageDep
) -> EditsAnswer:
    """
    List the earlier texts of a message, oldest first, for its author and moderators.

    The current text is not included. Of a deleted message nothing is kept.
    """
    after = page.key("edits", int) or 0
    found = await history.edits(me, room, seq, after=after, limit=page.limit + 1)
    shown, following = page.cut("edits", found, lambda wording: wording.seq)
    return EditsAnswer(edits=[_wording(wording) for wording in shown], next=following)


@router.get(
    "/messages/{seq}/replies",
    operation_id="listReplies",
    summary="List replies to a message",
    response_model=MessagesAnswer,
    responses=errors(*ABOUT_MESSAGE, Conflict),
)
async def list_replies(
    room: RoomName,
    seq: MessageSeq,
    me: Me,
    history: HistoryDep,
    after: Annotated[int, Query(ge=0, le=MAX_INTEGER)] = 0,
    epoch: EpochOfCursor = None,
    limit: Limit = DEFAULT_PAGE,
) -> Response:
    """List the replies to a message, oldest first, starting after the `seq` in `after`."""
    page = await history.replies(me.user, room, seq, after=after, epoch=epoch, limit=limit)
    return page_answer(page, room)


# Responses. Pages are large and built from plain dicts: they are encoded directly, without a
# Pydantic model per message.


def message_answer(view: MessageView, room: str, *, status: int = 200) -> Response:
    """The response that carries a message."""
    return json_answer(message_body(view, room.lower()), status)


def page_answer(page: HistoryPage, room: str) -> Response:
    """The response that carries a page of messages."""
    return finished(page_json(page.messages, room.lower(), page.epoch))


def json_answer(body: object, status: int = 200) -> Response:
    """A JSON response that is not validated against its model; tests do that."""
    return finished(orjson.dumps(body), status)


def finished(body: bytes, status: int = 200) -> Response:
    """A JSON response from bytes that are encoded already."""
    return Response(body, status, media_type="application/json")


def _wording(wording: EarlierText) -> EarlierTextAnswer:
    assert wording.text is not None
    return EarlierTextAnswer(text=wording.text, at=iso(wording.at))

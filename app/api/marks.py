"""Reactions and pins."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from ..domain.errors import Conflict
from ..domain.limits import DEFAULT_PAGE
from ..wire.message_bodies import MessageAnswer, MessagesAnswer
from ..wire.requests import Emoji
from .deps import Me
from .messages import (
    SPEAKING,
    Cursor,
    EpochOfCursor,
    HistoryDep,
    Key,
    Limit,
    MessagesDep,
    MessageSeq,
    message_answer,
    page_answer,
)
from .responses import errors
from .rooms import IN_ROOM, RoomName
from .strict import StrictRoute

router = APIRouter(prefix="/rooms/{room}", tags=["Messages"], route_class=StrictRoute)

EmojiInPath = Annotated[Emoji, Path(description="One emoji, URL-encoded.", examples=["👍"])]


@router.put(
    "/messages/{seq}/reactions/{emoji}",
    operation_id="react",
    summary="React to a message",
    response_model=MessageAnswer,
    responses=errors(*SPEAKING),
)
async def react(
    room: RoomName,
    seq: MessageSeq,
    emoji: EmojiInPath,
    me: Me,
    messages: MessagesDep,
    key: Key = None,
) -> Response:
    """Add your reaction to a message."""
    return message_answer(await messages.react(me.user, room, seq, emoji, on=True, key=key), room)


@router.delete(
    "/messages/{seq}/reactions/{emoji}",
    status_code=204,
    operation_id="unreact",
    summary="Remove a reaction",
    responses=errors(*SPEAKING),
)
async def unreact(
    room: RoomName,
    seq: MessageSeq,
    emoji: EmojiInPath,
    me: Me,
    messages: MessagesDep,
    key: Key = None,
) -> None:
    """Remove your reaction from a message."""
    await messages.react(me.user, room, seq, emoji, on=False, key=key)


@router.put(
    "/messages/{seq}/pin",
    operation_id="pinMessage",
    summary="Pin a message",
    response_model=MessageAnswer,
    responses=errors(*SPEAKING),
)
async def pin(
    room: RoomName, seq: MessageSeq, me: Me, messages: MessagesDep, key: Key = None
) -> Response:
    """Pin a message for the whole room."""
    return message_answer(await messages.pin(me.user, room, seq, on=True, key=key), room)


@router.delete(
    "/messages/{seq}/pin",
    status_code=204,
    operation_id="unpinMessage",
    summary="Unpin a message",
    responses=errors(*SPEAKING),
)
async def unpin(
    room: RoomName, seq: MessageSeq, me: Me, messages: MessagesDep, key: Key = None
) -> None:
    """Unpin a message."""
    await messages.pin(me.user, room, seq, on=False, key=key)


@router.get(
    "/pins",
    operation_id="listPins",
    summary="List pinned messages",
    response_model=MessagesAnswer,
    responses=errors(*IN_ROOM, Conflict),
)
async def list_pins(
    room: RoomName,
    me: Me,
    history: HistoryDep,
    before: Cursor = None,
    epoch: EpochOfCursor = None,
    limit: Limit = DEFAULT_PAGE,
) -> Response:
    """List pinned messages, newest first. If `has_older` is true, page on with `before`."""
    page = await history.pinned(me.user, room, before=before, epoch=epoch, limit=limit)
    return page_answer(page, room)

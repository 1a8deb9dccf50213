"""The log of a room, as pages, as an export, or as an event stream."""

import re
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from ..domain.errors import Conflict, Gone, Invalid, MethodNotAllowed, RateLimited, Unauthorized
from ..domain.limits import (
    DEFAULT_EVENTS_PAGE,
    MAX_EPOCH_CHARACTERS,
    MAX_EVENTS_PAGE,
    MAX_INTEGER,
    MAX_WAIT_SECONDS,
)
from ..services.messages.history import LogPage
from ..wire.events import event_body
from ..wire.message_bodies import EventsAnswer
from .deps import BearerToken, RuntimeDep
from .head import is_head
from .messages import EpochOfCursor, HistoryDep, json_answer
from .open_requests import Cursor
from .responses import errors
from .rooms import IN_ROOM, RoomName
from .streams import EventStream, Export, long_poll
from .strict import StrictRoute

router = APIRouter(prefix="/rooms/{room}", tags=["Log"], route_class=StrictRoute)


_LINES = "application/x-ndjson"
_STREAM = "text/event-stream"
_TYPES = {
    "*/*": "application/json",
    "application/*": "application/json",
    "application/json": "application/json",
    _LINES: _LINES,
    "text/*": _STREAM,
    _STREAM: _STREAM,
}
# The second part is missing in what a client of an earlier version kept.
_LAST_EVENT_ID = re.compile(rf"(\d{{1,16}})(?:-(\w{{1,{MAX_EPOCH_CHARACTERS}}}))?", re.ASCII)
_EXAMPLE = '{"type":"message.created","room":"general","seq":118,…}'

Since = Annotated[
    int,
    Query(
        ge=0,
        le=MAX_INTEGER,
        description="The last `seq` that you have; 0 starts at the beginning.",
    ),
]


@router.get(
    "/events",
    operation_id="listEvents",
    summary="Read the log of a room",
    response_model=EventsAnswer,
    responses={
        200: {
            "description": "A page, an export or a stream, depending on `Accept`.",
            "content": {
                _LINES: {"schema": {"type": "string"}, "example": _EXAMPLE + "\n"},
                _STREAM: {
                    "schema": {"type": "string"},
                    "example": f"id: 118-8a41c09fd2e7\ndata: {_EXAMPLE}\n\n",
                },
            },
        },
        **errors(*IN_ROOM, Gone, Conflict, RateLimited),
    },
)
async def list_events(
    request: Request,
    runtime: RuntimeDep,
    room: RoomName,
    bearer: BearerToken,
    history: HistoryDep,
    since: Since = 0,
    epoch: EpochOfCursor = None,
    limit: Annotated[int | None, Query(ge=1, le=MAX_EVENTS_PAGE)] = None,
    wait: Annotated[
        int,
        Query(
            ge=0,
            le=MAX_WAIT_SECONDS,
            description="Seconds to wait for an event, if there is none.",
        ),
    ] = 0,
    token: Annotated[
        str | None,
        Query(description="The access token, for `EventSource`, which can't set headers."),
    ] = None,
    last_event_id: Annotated[
        str | None,
        Header(
            alias="Last-Event-ID",
            description="For `text/event-stream`: the last `id`, a `seq` and its epoch. "
            "Overrides `since` and `epoch`.",
        ),
    ] = None,
) -> Response:
    """
    Read the log after `since`: the same events, numbers and cursor as on a WebSocket.

    With `Accept: application/json`, or without `Accept`, the response is one page; `wait`
    makes it wait until there is an event. `application/x-ndjson` exports the log up to its
    current end, one event per line. `text/event-stream` sends the log and then stays open:
    `new EventSource(url)` resumes by itself, and the last event is named `end` and has the
    `code` and `reason` of a WebSocket close. An open response counts as a connection.
    """
    cursor = Cursor(since, epoch)
    media_type = _preferred(request.headers.get("accept", ""))
    if is_head(request.scope) and (media_type != "application/json" or wait):
        raise MethodNotAllowed("A stream and a wait have no end that HEAD could answer with.")
    if media_type != "application/json":
        _refuse(limit=limit, wait=wait or None)
    if media_type == _STREAM:
        tokens = [t for t in (bearer, token) if t is not None]
        resumed = cursor if last_event_id is None else _cursor(last_event_id)
        return EventStream(runtime, _single(tokens), room, resumed)
    _refuse(token=token)
    access_token = _single([] if bearer is None else [bearer])
    if media_type == _LINES:
        return Export(runtime, access_token, room, cursor)
    me = await runtime.accounts.authenticator.authenticate(access_token)
    limit = DEFAULT_EVENTS_PAGE if limit is None else limit
    page = await history.events(me.user, room, since, epoch=epoch, limit=limit)
    if wait and page.batch is None:
        page = await long_poll(
            runtime, request, access_token, room, cursor, limit=limit, seconds=wait
        )
    return _page(page)


def _cursor(last_event_id: str) -> Cursor:
    found = _LAST_EVENT_ID.fullmatch(last_event_id)
    if found is None or int(found[1]) > MAX_INTEGER:
        raise Invalid.field("Last-Event-ID", "is not an id of a stream: a seq, - and an epoch")
    return Cursor(int(found[1]), found[2])


def _single(tokens: list[str]) -> str:
    if len(tokens) != 1:
        raise Unauthorized("Send exactly one access token." if tokens else "")
    return tokens[0]


def _refuse(**parameters: object) -> None:
    for name, value in parameters.items():
        if value is not None:
            raise Invalid.field(name, "is not allowed with this Accept header")


def _preferred(accept: str) -> str:
    """The media type that ``Accept`` (RFC 9110, section 12.5.1) prefers; JSON if none fits."""
    ranges: list[tuple[float, int, str]] = []
    for part in accept.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        if name in _TYPES and quality > 0:
            ranges.append((-quality, len(ranges), _TYPES[name]))
    return min(ranges)[2] if ranges else "application/json"


def _page(page: LogPage) -> Response:
    batch = page.batch
    events = (
        []
        if batch is None
        else [event_body(e, batch.room_name, batch.names) for e in batch.events]
    )
    answer = json_answer(
        {
            "events": events,
            "head": page.head,
            "first": page.first,
            "epoch": page.epoch,
            "has_more": page.has_more,
        }
    )
    answer.headers["Vary"] = "Accept"
    return answer

"""The log of a room: as pages, as a file, or as a stream that stays open."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from app.api.deps import BearerToken, RuntimeDep
from app.api.messages import HistoryDep, json_answer
from app.api.responses import errors
from app.api.rooms import IN_ROOM, RoomName
from app.api.streams import EventStream, Export, long_poll
from app.api.strict import StrictRoute
from app.domain.errors import Conflict, Gone, Invalid, RateLimited, Unauthorized
from app.domain.limits import DEFAULT_EVENTS_PAGE, MAX_EVENTS_PAGE, MAX_INTEGER, MAX_WAIT_SECONDS
from app.services.messages.history import LogPage
from app.wire.events import event_body
from app.wire.message_bodies import EventsAnswer

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
_EXAMPLE = '{"type":"message.created","room":"general","seq":118,…}'

Since = Annotated[
    int,
    Query(ge=0, le=MAX_INTEGER, description="The last `seq` that you have; 0: from the start."),
]


@router.get(
    "/events",
    operation_id="listEvents",
    summary="What happened in a room",
    response_model=EventsAnswer,
    responses={
        200: {
            "description": "A page, an export, or a stream: as `Accept` asks.",
            "content": {
                _LINES: {"schema": {"type": "string"}, "example": _EXAMPLE + "\n"},
                _STREAM: {
                    "schema": {"type": "string"},
                    "example": f"id: 118\ndata: {_EXAMPLE}\n\n",
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
    limit: Annotated[int | None, Query(ge=1, le=MAX_EVENTS_PAGE)] = None,
    wait: Annotated[
        int,
        Query(ge=0, le=MAX_WAIT_SECONDS, description="Seconds to wait for an event."),
    ] = 0,
    token: Annotated[
        str | None,
        Query(description="The access token, for `EventSource`, which can't send headers."),
    ] = None,
    last_event_id: Annotated[
        int | None,
        Header(
            alias="Last-Event-ID",
            ge=0,
            le=MAX_INTEGER,
            description="Of `text/event-stream`: wins over `since`.",
        ),
    ] = None,
) -> Response:
    """
    Read the log after `since`: the same events, numbers and cursor as on a socket.

    `Accept: application/json` (or none) answers a page; with `wait`, as soon as there is
    something on it. `application/x-ndjson` streams the log to where it ends now, an event a
    line. `text/event-stream` streams it and then stays open: `new EventSource(url)` resumes
    by itself; an event named `end`, with `code` and `reason` as on a socket, is the last.
    What stays open counts as a connection.
    """
    kind = _wanted(request.headers.get("accept", ""))
    if kind != "application/json":
        _refuse(limit=limit, wait=wait or None)
    if kind == _STREAM:
        shown = [t for t in (bearer, token) if t is not None]
        start = since if last_event_id is None else last_event_id
        return EventStream(runtime, _only(shown), room, start)
    _refuse(token=token)
    shown_here = _only([] if bearer is None else [bearer])
    if kind == _LINES:
        return Export(runtime, shown_here, room, since)
    me = await runtime.accounts.authenticator.authenticate(shown_here)
    limit = DEFAULT_EVENTS_PAGE if limit is None else limit
    page = await history.events(me.user, room, since, limit=limit)
    if wait and page.batch is None:
        page = await long_poll(
            runtime, request, shown_here, room, since, limit=limit, seconds=wait
        )
    return _page(page)


def _only(tokens: list[str]) -> str:
    if len(tokens) != 1:
        raise Unauthorized("Exactly one access token is needed." if tokens else "")
    return tokens[0]


def _refuse(**given: object) -> None:
    for name, value in given.items():
        if value is not None:
            raise Invalid.field(name, "is not for what Accept asks")


def _wanted(accept: str) -> str:
    """The representation that ``Accept`` (RFC 9110, section 12.5.1) likes best; JSON, if none."""
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

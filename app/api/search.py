"""Full-text search over messages."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from ..domain.errors import Invalid, UserNotFound
from ..domain.limits import DEFAULT_PAGE, MAX_QUERY_CHARACTERS, MAX_SEQ
from ..services.messages.search import Hit, Search
from ..wire.message_bodies import SearchAnswer
from ..wire.messages import message_body
from .deps import Me, RuntimeDep
from .messages import Limit, json_answer
from .pagination import PageRequest
from .responses import errors
from .rooms import IN_ROOM
from .strict import StrictRoute

router = APIRouter(prefix="/search", tags=["Messages"], route_class=StrictRoute)


async def _search(runtime: RuntimeDep) -> Search:
    return runtime.messages.search


SearchDep = Annotated[Search, Depends(_search)]


@router.get(
    "",
    operation_id="search",
    summary="Search messages",
    response_model=SearchAnswer,
    responses=errors(*IN_ROOM, UserNotFound),
)
async def search(
    me: Me,
    search: SearchDep,
    runtime: RuntimeDep,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=MAX_QUERY_CHARACTERS,
            description="Whole words, all of which must occur; case and accents are ignored.",
            examples=["release thursday"],
        ),
    ],
    room: Annotated[
        str | None, Query(max_length=100, description="Search only this room.")
    ] = None,
    by: Annotated[
        str | None, Query(max_length=100, description="Search only messages by this user.")
    ] = None,
    before: Annotated[
        str | None, Query(max_length=300, description="`next` of the previous page.")
    ] = None,
    limit: Limit = DEFAULT_PAGE,
) -> Response:
    """
    Search the messages of all rooms that you may read, newest first.

    Any text is a query; there are no operators. Chinese, Japanese, Korean and Thai text is
    found by any part of it, other scripts by whole words.
    """
    page = PageRequest(before, limit, runtime.log.epoch.name)
    found = await search.find(me.user, q, room=room, by=by, before=_cursor(page), limit=limit + 1)
    shown, following = page.cut("search", found, _key)
    return json_answer({"messages": [_hit(hit) for hit in shown], "next": following})


def _key(hit: Hit) -> str:
    return f"{hit.room}/{hit.message.seq}"


def _cursor(page: PageRequest) -> tuple[str, int] | None:
    try:
        key = page.key("search", str)
        if key is None:
            return None
        room, _, seq = key.partition("/")
        number = int(seq)
        if not 0 < number <= MAX_SEQ:
            raise ValueError(key)
    except (Invalid, ValueError):
        raise Invalid.field("before", "is not a cursor of this list") from None
    return room, number


def _hit(hit: Hit) -> dict[str, object]:
    return {**message_body(hit.message, hit.room), "snippet": hit.snippet}

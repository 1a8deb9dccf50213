"""Search."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from app.api.deps import Me, RuntimeDep
from app.api.messages import Limit, json_answer
from app.api.pages import PageRequest
from app.api.responses import errors
from app.api.rooms import IN_ROOM
from app.api.strict import StrictRoute
from app.domain.errors import Invalid, UserNotFound
from app.domain.limits import DEFAULT_PAGE, MAX_QUERY_CHARACTERS, MAX_SEQ
from app.services.messages.search import Hit, Search
from app.wire.message_bodies import SearchAnswer
from app.wire.messages import message_body

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
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=MAX_QUERY_CHARACTERS,
            description="Whole words, all of which have to occur; case and accents don't count.",
            examples=["release thursday"],
        ),
    ],
    room: Annotated[str | None, Query(max_length=100, description="Only in this room.")] = None,
    by: Annotated[str | None, Query(max_length=100, description="Only by this user.")] = None,
    before: Annotated[
        str | None, Query(max_length=300, description="`next` of the page before.")
    ] = None,
    limit: Limit = DEFAULT_PAGE,
) -> Response:
    """
    Find messages in the rooms that one may read, the newest first.

    Any text is a query; there are no operators. Of Chinese, Japanese, Korean and Thai texts
    every part is found, of other scripts whole words.
    """
    page = PageRequest(before, limit)
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

"""Moving the database of a running server, for the command line alone."""

from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from ..domain.errors import Conflict, Forbidden, Invalid
from ..wire.admin import MoveLine, MoveTarget
from .deps import Operator, RuntimeDep
from .responses import AUTHENTICATED, errors
from .strict import StrictRoute

router = APIRouter(prefix="/admin", tags=["Administration"], route_class=StrictRoute)

_LINES = "application/x-ndjson"
_EXAMPLE = '{"state":"copying","copied":120000,"events":1000000}'


@router.post(
    "/move",
    operation_id="adminMove",
    summary="Move to another database",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "How far the move is, once a second; the last line is its outcome.",
            "content": {_LINES: {"schema": {"type": "string"}, "example": _EXAMPLE + "\n"}},
        },
        **errors(*AUTHENTICATED, Forbidden, Conflict, Invalid),
    },
)
async def move(target: MoveTarget, _: Operator, runtime: RuntimeDep) -> StreamingResponse:
    """
    Copy everything to another database while serving, then drain and stop: `parley move`.

    Only the command line of the installation may do this, since the target gets all that there
    is. Each line has a `state`: `copying`, `comparing`, `switching`, and at last `moved` or
    `failed`, with a `detail`. Writers get `unavailable` for the last difference. Closing the
    connection before that cancels the move, and the server goes on.
    """
    return StreamingResponse(_encoded(runtime.database_move.begin(target.to)), media_type=_LINES)


async def _encoded(lines: AsyncIterator[MoveLine]) -> AsyncIterator[bytes]:
    async for line in lines:
        yield line.model_dump_json(exclude_none=True).encode() + b"\n"

"""Whether the process is alive, and whether it can do its work."""

from fastapi import APIRouter, Request, Response

from app.api.strict import StrictRoute
from app.domain.errors import Unavailable
from app.runtime import Runtime
from app.store import migrations

router = APIRouter(tags=["Operations"], route_class=StrictRoute)


@router.get("/health", operation_id="health", summary="The process is alive")
async def health() -> dict[str, str]:
    """Always 200: restart the process when this doesn't answer."""
    return {"status": "ok"}


@router.get(
    "/ready",
    operation_id="ready",
    summary="The server can do its work",
    responses={503: {"description": "One of the parts is not ready; the body says which."}},
)
async def ready(request: Request, response: Response) -> dict[str, str]:
    """Each part by name, `ok` or what is wrong: send no traffic while this is 503."""
    runtime: Runtime = request.state.runtime
    parts = {"broker": "ok"}
    try:
        current = await runtime.database.read(migrations.current)
    except Unavailable:
        parts |= {"database": "unavailable", "migrations": "unknown"}
    else:
        parts["database"] = "ok" if runtime.committer.ready else "commits fail"
        parts["migrations"] = "ok" if current == migrations.latest() else "pending"
    if runtime.draining:
        parts["server"] = "draining"
    good = all(state == "ok" for state in parts.values())
    response.status_code = 200 if good else 503
    return {"status": "ok" if good else "unavailable", **parts}

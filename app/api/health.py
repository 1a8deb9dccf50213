"""Liveness and readiness."""

from fastapi import APIRouter, Response

from ..broker.base import DEAF
from ..domain.errors import Unavailable
from ..store import migrations
from .deps import RuntimeDep
from .strict import StrictRoute

router = APIRouter(tags=["Operations"], route_class=StrictRoute)


@router.get("/health", operation_id="health", summary="Liveness")
async def health() -> dict[str, str]:
    """Respond with 200 while the process is alive. Restart it if there is no response."""
    return {"status": "ok"}


@router.get(
    "/ready",
    operation_id="ready",
    summary="Readiness",
    responses={503: {"description": "A part is not ready; the body names it."}},
)
async def ready(runtime: RuntimeDep, response: Response) -> dict[str, str]:
    """Report each part: `ok`, or what is wrong. Send no traffic while this responds with 503."""
    broker_fault = runtime.realtime.cluster.broker_fault
    parts = {"broker": broker_fault or "ok"}
    try:
        current = await runtime.database.read(migrations.current)
    except Unavailable:
        parts |= {"database": "unavailable", "migrations": "unknown"}
    else:
        parts["database"] = "ok" if runtime.log.committer.ready else "commits fail"
        parts["migrations"] = "ok" if current == migrations.latest() else "pending"
    if runtime.database.fault is not None:
        parts["database"] = runtime.database.fault
    if runtime.realtime.drain.started:
        parts["server"] = "draining"
    # The poller does a deaf broker's work, within a second. It can be deaf on all nodes at once:
    # 503 everywhere would make an outage of it.
    good = all(state == "ok" for state in parts.values() if state != DEAF)
    response.status_code = 200 if good else 503
    if locked := runtime.log.committer.locked_rooms:
        parts["locked_rooms"] = str(locked)
    if runtime.database.checking:
        parts["check"] = "running"
    return {"status": "ok" if good else "unavailable", **parts}

"""The addresses of the WebSocket, asked over plain HTTP: a proxy has removed the upgrade."""

from fastapi import APIRouter

from ..domain.errors import UpgradeRequired

router = APIRouter(include_in_schema=False)


@router.get("/ws")
@router.get("/ws/{room}")
async def no_upgrade() -> None:
    """Say what a proxy has to pass on (RFC 9110, section 15.5.22)."""
    raise UpgradeRequired

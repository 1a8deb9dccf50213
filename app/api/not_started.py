"""What an app answers when its lifespan has not been entered."""

import logging
from typing import Any

from ..domain.errors import Internal
from ..observability.logs import event
from . import problems

log = logging.getLogger("parley.server")

_HINT = (
    "This Parley app has not been started: Starlette does not run the lifespan of a mounted app. "
    "Add to the host's lifespan: async with chat.router.lifespan_context(chat): yield"
)


class NotStarted:
    """An ASGI app that refuses every connection and names the missing line. Logs it once."""

    def __init__(self) -> None:
        self._logged = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Refuse a request or a handshake. Never raises."""
        if not self._logged:
            self._logged = True
            event(log, logging.ERROR, "server.not_started", hint=_HINT)
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close"})
            return
        await problems.answer(Internal(_HINT))(scope, receive, send)

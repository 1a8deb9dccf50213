"""
``HEAD`` as ``GET`` without the body (RFC 9110, section 9.3.2), for every address that has ``GET``.

The app gets a ``GET``. What would not end by itself, a stream or a wait, is refused by its
endpoint, which asks :func:`is_head`.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .http_counts import share_route

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_EXTENSION = "parley.head"


def is_head(scope: Scope) -> bool:
    """Whether the client asked for the headers alone."""
    return _EXTENSION in scope


class HeadAsGet:
    """Pure ASGI middleware."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; the body of the answer to a ``HEAD`` is left out."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        inner = {**scope, "method": "GET", _EXTENSION: True}
        try:
            await self._app(inner, receive, without_body)
        finally:
            share_route(inner, scope)

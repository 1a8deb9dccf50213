"""
A fast path for pages of messages, which bypasses FastAPI.

They are what HTTP clients request most, and FastAPI's middleware, routing and dependencies take
longer than reading the page. A well-formed request is answered here, by the same service. Every
other request goes to the endpoint ``listMessages``, which validates it and explains what is
wrong.
"""

import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

from ..domain.errors import Internal, ParleyError
from ..domain.limits import DEFAULT_PAGE, MAX_INTEGER, MAX_PAGE
from ..realtime.connect_request import route_path
from ..runtime import Runtime
from . import problems
from .messages import finished

log = logging.getLogger("parley.http")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PATH = re.compile(r"/rooms/([\w.-]+)/messages", re.ASCII)
_CURSORS = frozenset((b"before", b"after", b"around"))
_MAX_DIGITS = len(str(MAX_INTEGER)) - 1
# Headers that a plain request lacks: it has no body, and no page of another origin sends it.
_NOT_PLAIN = frozenset((b"content-length", b"transfer-encoding", b"origin"))


class PlainRequest(NamedTuple):
    """A well-formed request for a page of messages."""

    room: str
    token: str
    cursors: dict[str, int]
    limit: int

    async def answer(self, runtime: Runtime, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the endpoint ``listMessages`` would. Never raises."""
        try:
            me = await runtime.accounts.authenticator.authenticate(self.token)
            response = finished(
                await runtime.messages.message_pages.get(
                    me.user,
                    self.room,
                    before=self.cursors.get("before"),
                    after=self.cursors.get("after"),
                    around=self.cursors.get("around"),
                    limit=self.limit,
                )
            )
            response.headers["Cache-Control"] = "no-store"
        except ParleyError as exc:
            response = problems.answer(exc)
        except Exception as exc:  # the root of a request: logged, and reported to the client
            log.error("request.failed", exc_info=exc)
            response = problems.answer(Internal())
        await response(scope, receive, send)


def plain_request(scope: Scope) -> PlainRequest | None:
    """The request, if it is a well-formed one for a page of messages."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    path = _PATH.fullmatch(route_path(scope))
    if path is None:
        return None
    token = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, credentials = value.partition(b" ")
            if token is not None or scheme.lower() != b"bearer":
                return None
            # One space or more (RFC 6750, section 2.1).
            token = credentials.strip(b" ")
        elif name in _NOT_PLAIN:
            return None
    parameters = _parameters(scope["query_string"])
    if not token or parameters is None:
        return None
    limit = parameters.pop("limit", DEFAULT_PAGE)
    if not 1 <= limit <= MAX_PAGE:
        return None
    return PlainRequest(path[1], token.decode("latin-1"), parameters, limit)


def _parameters(query: bytes) -> dict[str, int] | None:
    """The parameters, all whole numbers, by name; None if there is anything else."""
    found: dict[str, int] = {}
    for part in query.split(b"&") if query else ():
        name, _, value = part.partition(b"=")
        if name not in _CURSORS and name != b"limit":
            return None
        if not value.isdigit() or len(value) > _MAX_DIGITS or name.decode() in found:
            return None
        found[name.decode()] = int(value)
    return found

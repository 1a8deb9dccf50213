"""Counts every HTTP request, and adds a request id, a log line and security headers to it."""

import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from ..domain.errors import BadRequest, TooLarge
from ..observability.logs import LogContext, event, new_id
from ..transport.context import Refusal
from . import problems
from .docs import API_CSP, SECURITY_HEADERS
from .http_counts import HttpCounts, route_of

log = logging.getLogger("parley.http")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_PLAIN = (b"content-type", b"text/plain; charset=utf-8")
_OF_A_BODY = frozenset((b"content-length", b"content-type"))
# Of every response that doesn't have its own.
_HEADERS = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_HEADERS.append((b"content-security-policy", API_CSP.encode()))
_NAMES = frozenset(name for name, _ in _HEADERS)


def refuse_request(status: int, detail: str) -> Refusal:
    """The answer to what never becomes a request, as every other error is answered."""
    problem = problems.answer(BadRequest(detail))
    request_id = new_id()
    with LogContext(request=request_id):
        event(log, logging.INFO, "request.refused", status=status, detail=detail)
    headers = [header for header in problem.raw_headers if header[0] != b"content-length"]
    headers += [*_HEADERS, (b"x-request-id", request_id.encode())]
    body = orjson.loads(bytes(problem.body))
    return Refusal(status, headers, orjson.dumps({**body, "status": status}))


class Requests:
    """
    Plain ASGI middleware: buffers nothing and creates no task.

    Args:
        counts: What every request is added to.

    """

    def __init__(self, app: Asgi, counts: HttpCounts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request. Other kinds of scope pass through unchanged."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_id()
        started = time.perf_counter()
        status, answered = 0, 0.0
        replacement: bytes | None = None
        mounted_at = scope.get("root_path", "").encode()

        async def answer(message: Message) -> None:
            nonlocal status, answered, replacement
            if message["type"] == "http.response.start":
                status, answered = message["status"], time.perf_counter()
                headers = list(message.get("headers", []))
                if status == TooLarge.status and _PLAIN in headers:
                    # From Starlette's body limit, which our exception handlers don't see.
                    problem = problems.answer(TooLarge())
                    others = [header for header in headers if header[0] not in _OF_A_BODY]
                    headers, replacement = problem.raw_headers + others, bytes(problem.body)
                present = _NAMES.intersection([name for name, _ in headers])
                headers += (
                    [header for header in _HEADERS if header[0] not in present]
                    if present
                    else _HEADERS
                )
                headers.append((b"x-request-id", request_id.encode()))
                if mounted_at:
                    headers = [_below(mounted_at, header) for header in headers]
                message = {**message, "headers": headers}
            elif replacement is not None:
                message = {**message, "body": replacement}
            await send(message)

        with LogContext(request=request_id):
            try:
                await self._app(scope, receive, answer)
            finally:
                seconds = max(answered - started, 0.0)
                self._counts.add(scope["method"], route_of(scope), status, seconds)
                if log.isEnabledFor(logging.INFO):
                    ms = round((time.perf_counter() - started) * 1000, 1)
                    event(
                        log,
                        logging.INFO,
                        "request.done",
                        method=scope["method"],
                        path=scope["path"],
                        status=status,
                        ms=ms,
                    )


def _below(mounted_at: bytes, header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """``Location`` as it is seen from outside the host that the app is mounted in."""
    name, value = header
    return (name, mounted_at + value) if name == b"location" and value[:1] == b"/" else header

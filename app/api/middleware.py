"""What every HTTP request gets: an id, a line in the log, and safe headers."""

import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from app.api import problems
from app.api.docs import API_CSP, SECURITY_HEADERS
from app.domain.errors import BadRequest, TooLarge
from app.observability.logs import event, log_context, new_id
from app.transport.context import Refusal

log = logging.getLogger("parley.http")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_HEADERS = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_PLAIN = (b"content-type", b"text/plain; charset=utf-8")
_CSP = (b"content-security-policy", API_CSP.encode())


def refuse_request(status: int, detail: str) -> Refusal:
    """The answer to what never becomes a request, as every other error is answered."""
    problem = problems.answer(BadRequest(detail))
    request_id = new_id()
    with log_context(request=request_id):
        event(log, logging.INFO, "request.refused", status=status, detail=detail)
    headers = [header for header in problem.raw_headers if header[0] != b"content-length"]
    headers += [*_HEADERS, _CSP, (b"x-request-id", request_id.encode())]
    body = orjson.loads(bytes(problem.body))
    return Refusal(status, headers, orjson.dumps({**body, "status": status}))


class Requests:
    """Pure ASGI: nothing is buffered, no task is made."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; other kinds of connection go through untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_id()
        started = time.perf_counter()
        status = 0
        instead: bytes | None = None

        async def answer(message: Message) -> None:
            nonlocal status, instead
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = list(message.get("headers", []))
                if status == TooLarge.status and _PLAIN in headers:
                    # Starlette's own, made outside of our handlers.
                    problem = problems.answer(TooLarge())
                    headers, instead = problem.raw_headers, bytes(problem.body)
                given = {name for name, _ in headers}
                headers += [header for header in _HEADERS if header[0] not in given]
                if _CSP[0] not in given:
                    headers.append(_CSP)
                headers.append((b"x-request-id", request_id.encode()))
                message = {**message, "headers": headers}
            elif instead is not None:
                message = {**message, "body": instead}
            await send(message)

        with log_context(request=request_id):
            try:
                await self._app(scope, receive, answer)
            finally:
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

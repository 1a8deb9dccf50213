"""
Exception handlers: every HTTP error becomes an ``application/problem+json`` response.

Validation errors name the field and the fault, never the value, which may be a password.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException  # noqa: TID251 - handled, not raised
from starlette.routing import Match

from ..domain.errors import (
    BadRequest,
    FieldError,
    Forbidden,
    Internal,
    Invalid,
    MethodNotAllowed,
    NotFound,
    ParleyError,
    TooLarge,
    Unauthorized,
    Unavailable,
    UpgradeRequired,
)
from ..wire.errors import problem
from ..wire.requests import plain
from .responses import MEDIA_TYPE

log = logging.getLogger("parley.http")

_BY_STATUS: Mapping[int, type[ParleyError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    413: TooLarge,
    503: Unavailable,
}


def answer(exc: ParleyError, headers: Mapping[str, str] | None = None) -> Response:
    """The HTTP response for an error."""
    fields = {"Cache-Control": "no-store", **(headers or {})}
    if exc.status == Unauthorized.status:
        fields["WWW-Authenticate"] = "Bearer"
    if exc.status == UpgradeRequired.status:
        fields |= {"Upgrade": "websocket", "Connection": "Upgrade"}
    if exc.retry_after is not None and exc.status in (429, 503):
        fields["Retry-After"] = str(max(1, math.ceil(exc.retry_after)))
    return Response(orjson.dumps(problem(exc)), exc.status, fields, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Register the handlers on ``app``."""
    app.add_exception_handler(ParleyError, _parley)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


async def _parley(_request: Request, exc: Exception) -> Response:
    assert isinstance(exc, ParleyError)
    return answer(exc)


async def _validation(_request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)
    found: Sequence[Any] = exc.errors()
    if any(error["type"] == "json_invalid" for error in found):
        return answer(BadRequest("The body is not valid JSON."))
    errors: list[FieldError] = [
        {"loc": list(error["loc"]), "type": error["type"], "msg": plain(error["msg"])}
        for error in found
    ]
    first = errors[0]
    where = ".".join(str(part) for part in first["loc"])
    return answer(Invalid(f"{where}: {first['msg']}", errors=errors))


async def _http(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    kind = _BY_STATUS.get(exc.status_code, Internal if exc.status_code >= 500 else BadRequest)
    headers = dict(exc.headers or {})
    if exc.status_code == MethodNotAllowed.status:
        # Starlette names the methods of the first route that has the path.
        headers["Allow"] = ", ".join(allowed_methods(request))
    return answer(kind(), headers)


def allowed_methods(request: Request) -> list[str]:
    """The methods that the requested path has, of all its routes (RFC 9110, section 10.2.1)."""
    allowed = [
        method
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]
    return ["GET", "HEAD", *allowed[1:]] if "GET" in allowed else allowed


async def _unexpected(_request: Request, exc: Exception) -> Response:
    log.error("request.failed", exc_info=exc)
    return answer(Internal())

"""Errors on the wire: as a problem body, an error frame or a WebSocket close."""

from typing import Any

import orjson

from ..domain.close_codes import Close
from ..domain.errors import Invalid, InvalidGrant, ParleyError


def problem(exc: ParleyError) -> dict[str, Any]:
    """The body of an ``application/problem+json`` response: RFC 9457, section 3.1."""
    body: dict[str, Any] = {
        "type": f"/errors/{exc.code}",
        "title": exc.title,
        "status": exc.status,
        "detail": exc.detail,
        "code": exc.code,
    }
    if isinstance(exc, Invalid):
        body["errors"] = exc.errors
    if isinstance(exc, InvalidGrant):
        body["error"] = "invalid_grant"
    if exc.retry_after is not None:
        body["retry_after"] = _seconds(exc.retry_after)
    return body


def error_frame(exc: ParleyError, re: str | None) -> bytes:
    """The payload of an ``error`` frame. ``re`` is the id of the request that failed."""
    body: dict[str, Any] = {"type": "error"}
    if re is not None:
        body["re"] = re
    body["code"] = exc.code
    body["detail"] = exc.detail
    if isinstance(exc, Invalid) and exc.errors:
        body["errors"] = exc.errors
    if exc.retry_after is not None:
        body["retry_after"] = _seconds(exc.retry_after)
    return orjson.dumps(body)


def close_for(exc: ParleyError) -> Close | None:
    """The WebSocket close for an error that ends a connection; None if it doesn't end any."""
    if exc.close is None:
        return None
    return Close(exc.close, _reason(f"{exc.code}: {exc.detail}"))


def _reason(text: str) -> str:
    # RFC 6455, section 5.5: a control frame has at most 125 bytes, two of which are the code.
    return text.encode()[:123].decode(errors="ignore")


def _seconds(value: float) -> float:
    return round(max(value, 0.001), 3)

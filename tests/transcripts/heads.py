"""The headers of an answer that a transcript shows."""

import re
from collections.abc import Iterable, Mapping

# Headers of every answer that is data or an error.
_ALWAYS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_REQUEST_ID = re.compile(r"[0-9a-f]{8}")


def all_headers(headers: Iterable[tuple[str, str]]) -> list[str]:
    """Every header, sorted."""
    shown = {
        "content-length": "<bytes>",
        "etag": "<etag>",
        "sec-websocket-accept": "<accept>",
        "x-request-id": "<request-id>",
    }
    return sorted(f"{name.lower()}: {shown.get(name.lower(), value)}" for name, value in headers)


def notable_headers(
    status: int, headers: Iterable[tuple[str, str]], body: bytes | None
) -> list[str]:
    """
    The headers that not every answer has, and those that are missing, sorted.

    Args:
        body: None if it has not been read to its end.

    """
    pairs = [(name.lower(), value) for name, value in headers]
    usual = _usual(status, dict(pairs), body)
    shown = [f"{name}: {value}" for name, value in pairs if usual.get(name) != value]
    missing = [f"no {name}" for name in usual.keys() - {name for name, _ in pairs}]
    return sorted(shown) + sorted(missing)


def handshake_headers(headers: Iterable[tuple[str, str]]) -> list[str]:
    """The same for the answer to a WebSocket handshake."""
    usual = {"upgrade", "connection", "sec-websocket-accept", "date"}
    pairs = [(name.lower(), value) for name, value in headers]
    shown = [f"{name}: {value}" for name, value in pairs if name not in usual]
    missing = [f"no {name}" for name in usual - {name for name, _ in pairs}]
    return sorted(shown) + sorted(missing)


def _usual(status: int, given: Mapping[str, str], body: bytes | None) -> dict[str, str]:
    usual = dict(_ALWAYS)
    # Any value of the right form is usual.
    usual["date"] = given.get("date", "")
    request_id = given.get("x-request-id", "")
    usual["x-request-id"] = request_id if _REQUEST_ID.fullmatch(request_id) else "<request-id>"
    if status == 204:
        # A 204 may or may not name a type; http_headers.txt records it.
        usual |= {"content-type": "application/json"} if "content-type" in given else {}
    else:
        usual["content-type"] = "application/json"
        if status >= 400:
            usual["content-type"] = "application/problem+json"
        if body is not None:
            usual["content-length"] = str(len(body))
    return usual

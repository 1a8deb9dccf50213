"""The heads of answers: every header for once, and elsewhere what is not always the same."""

import re
from collections.abc import Iterable, Mapping

# On every answer that is data or an error.
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
    """Every header, by name."""
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
    The headers that not every answer has, and those that are missing, by name.

    Args:
        body: None if it has not been read to its end.

    """
    pairs = [(name.lower(), value) for name, value in headers]
    usual = _usual(status, dict(pairs), body)
    shown = [f"{name}: {value}" for name, value in pairs if usual.get(name) != value]
    missing = [f"no {name}" for name in usual.keys() - {name for name, _ in pairs}]
    return sorted(shown) + sorted(missing)


def _usual(status: int, given: Mapping[str, str], body: bytes | None) -> dict[str, str]:
    usual = dict(_ALWAYS)
    # Whatever it is, if it is what it should be.
    usual["date"] = given.get("date", "")
    request_id = given.get("x-request-id", "")
    usual["x-request-id"] = request_id if _REQUEST_ID.fullmatch(request_id) else "<request-id>"
    if status == 204:
        # Whether a type is named where there is no content: headers.txt has it.
        usual |= {"content-type": "application/json"} if "content-type" in given else {}
    else:
        usual["content-type"] = "application/json"
        if status >= 400:
            usual["content-type"] = "application/problem+json"
        if body is not None:
            usual["content-length"] = str(len(body))
    return usual

"""The server's HTTP API: answers as JSON, errors as exceptions."""

import json
import ssl
from collections.abc import Mapping
from functools import cache
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import httpx2

from .errors import Unreachable, refused
from .limits import MAX_ANSWER_BYTES, Limits

USER_AGENT = "parley-client/0.1"
"""Names the client in the list of the user's sessions."""

_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


def base_url(url: str) -> str:
    """
    The address of a server without what no address needs.

    Raises:
        ValueError: If it is not one of http, https, ws or wss, or holds a password or a query.

    """
    parts = urlsplit(url.strip())
    scheme = _SCHEMES.get(parts.scheme)
    if (
        scheme is None
        or not parts.hostname
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise ValueError(f"{url!r} is not the address of a server, like https://chat.example.org")
    # Each raises ValueError: a port that is out of range, a host that DNS can't have.
    _ = parts.port, parts.hostname.encode("idna")
    return urlunsplit((scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def socket_url(base: str) -> str:
    """The address of the WebSocket of a server."""
    return f"ws{base.removeprefix('http')}/ws"


@cache
def _default_tls(trust_env: bool) -> ssl.SSLContext:
    """Verifies as httpx does by default. Shared: it takes 25 ms to load the certificates."""
    return httpx2.create_ssl_context(trust_env=trust_env)


class HttpApi:
    """Requests to one server. Redirects are not followed: they could lead a token elsewhere."""

    def __init__(
        self, base: str, limits: Limits, *, tls: ssl.SSLContext | None, trust_env: bool
    ) -> None:
        self._client = httpx2.AsyncClient(
            base_url=base,
            headers={"User-Agent": USER_AGENT},
            timeout=limits.http_seconds,
            verify=_default_tls(trust_env) if tls is None else tls,
            trust_env=trust_env,
            follow_redirects=False,
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(exc_type, exc, traceback)

    async def request(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        form: Mapping[str, str] | None = None,
        body: Any = None,
        parameters: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """
        Send one request; return the JSON of its answer, or None if that is empty.

        Raises:
            Unreachable: If there is no answer, or one that is not Parley's.
            Refused: If Parley answers with an error.

        """
        sent = {} if token is None else {"Authorization": f"Bearer {token}"}
        try:
            async with self._client.stream(
                method,
                path,
                headers={**sent, **(headers or {})},
                data=form,
                json=body,
                params=parameters,
            ) as answer:
                content = await _read(answer)
        except httpx2.RequestError as exc:
            raise Unreachable(
                f"{self._client.base_url} can't be reached: {str(exc) or type(exc).__name__}"
            ) from exc
        found = _json(answer, content)
        if answer.is_success:
            return found
        if not isinstance(found, dict) or not isinstance(found.get("code"), str):
            raise _foreign(answer)
        raise refused(found)


async def _read(answer: httpx2.Response) -> bytes:
    content = bytearray()
    async for chunk in answer.aiter_bytes():
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            raise Unreachable(f"The answer is larger than {MAX_ANSWER_BYTES} bytes.")
    return bytes(content)


def _json(answer: httpx2.Response, content: bytes) -> Any:
    if not content:
        return None
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    if kind not in ("application/json", "application/problem+json"):
        raise _foreign(answer)
    try:
        # The server's JSON is UTF-8 (RFC 8259, section 8.1).
        return json.loads(content)
    except ValueError:
        raise _foreign(answer) from None


def _foreign(answer: httpx2.Response) -> Unreachable:
    kind = answer.headers.get("Content-Type", "no content type")
    return Unreachable(
        f"{answer.url.copy_with(query=None)} answered {answer.status_code} with {kind}, "
        "which is not a response of Parley."
    )

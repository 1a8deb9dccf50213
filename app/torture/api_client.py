"""
The server's HTTP API: accounts, tokens, rooms and logs.

The server may be unavailable at any moment. Requests that are safe to repeat are repeated until it
has been unavailable for OUTAGE_SECONDS.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from copy import copy
from itertools import cycle
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import httpx2
import orjson

from .history import Frame
from .plan import LOG_PAGE_EVENTS, OUTAGE_SECONDS

_RETRY_SECONDS = 0.1
_TIMEOUT_SECONDS = 30.0
# What a proxy answers without a backend, and what Parley answers when it is overloaded.
_UNAVAILABLE_STATUSES = frozenset({429, 500, 502, 503, 504})


class TortureError(Exception):
    """The run can't go on, whatever it has found. The message is a full sentence for the user."""


class ApiClient:
    """
    One deployment, addressed by the base URLs of its nodes.

    Each request, and each WebSocket, goes to another node than the one before: as behind a load
    balancer, but every node gets its share.
    """

    def __init__(self, urls: Sequence[str], client: httpx2.AsyncClient) -> None:
        self.urls = [url.rstrip("/") for url in urls]
        """The nodes."""
        self._turns = cycle(self.urls)
        self._client = client

    @classmethod
    @asynccontextmanager
    async def open(cls, urls: Sequence[str]) -> AsyncIterator[Self]:
        """
        Open a client for the deployment whose nodes are at ``urls``. Sends nothing yet.

        Raises:
            TortureError: If one of them is not an HTTP URL.

        """
        for url in urls:
            if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
                raise TortureError(
                    f"{url!r} is not the address of a server, such as http://host:port."
                )
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=20)
        # Ignore proxies from the environment: faults must hit the server under test.
        async with httpx2.AsyncClient(
            timeout=_TIMEOUT_SECONDS, limits=limits, trust_env=False
        ) as client:
            yield cls(urls, client)

    def of_node(self, url: str) -> "ApiClient":
        """A client for one of the nodes, on the same connections."""
        return ApiClient([url], self._client)

    def socket_url(self, path: str) -> str:
        """The URL for the next WebSocket, at ``path``."""
        parts = urlsplit(next(self._turns) + path)
        return urlunsplit(parts._replace(scheme={"http": "ws", "https": "wss"}[parts.scheme]))

    async def request_once(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """
        Send one request, without retries.

        Raises:
            httpx2.TransportError: If there was no response.

        """
        return await self._client.request(method, next(self._turns) + path, **options)

    async def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """
        Send a request, and repeat it until a node answers. Honours ``Retry-After``.

        Raises:
            TortureError: If the server is unavailable for OUTAGE_SECONDS.

        """
        unavailable_since = None
        while True:
            try:
                answer = await self.request_once(method, path, **options)
            except httpx2.TransportError as exc:
                pause, why = _RETRY_SECONDS, type(exc).__name__
            else:
                if answer.status_code not in _UNAVAILABLE_STATUSES:
                    return answer
                pause, why = _pause(answer), f"status {answer.status_code}"
                if answer.status_code == 429:
                    # A rate limit is an answer: wait for as long as the server says.
                    unavailable_since = None
            unavailable_since = unavailable_since or time.monotonic()
            if time.monotonic() - unavailable_since > OUTAGE_SECONDS:
                where = " or ".join(self.urls)
                raise TortureError(f"{where} has not answered for {OUTAGE_SECONDS:.0f} s ({why}).")
            await asyncio.sleep(pause)

    async def check_health(self) -> None:
        """
        Check that a Parley server answers at each URL.

        Raises:
            TortureError: If none does at one of them.

        """
        for url in self.urls:
            try:
                answer = await self._client.get(url + "/health")
            except (httpx2.TransportError, httpx2.InvalidURL) as exc:
                raise TortureError(f"Nothing answers at {url} ({type(exc).__name__}).") from None
            if answer.status_code != 200:
                raise TortureError(
                    f"{url} is not a Parley server: /health answered {describe(answer)}."
                )

    async def check_one_installation(self, account: "Account") -> None:
        """
        Check that all nodes know an account.

        Raises:
            TortureError: If one doesn't: it has another database, or another key. Or if it is
                unavailable for OUTAGE_SECONDS.

        """
        for url in self.urls:
            node = self.of_node(url)
            answer = await node.request("GET", "/users/me", headers=account.bearer())
            if not answer.is_success:
                raise TortureError(
                    f"{url} is not a node of the same installation as {self.urls[0]}: "
                    f"it does not know {account.name} ({describe(answer)})."
                )

    async def register(self, name: str, password: str) -> None:
        """Register an account."""
        answer = await self.request(
            "POST", "/users", json={"username": name, "password": password}
        )
        if error_code(answer) == "registration_closed":
            raise TortureError("Registration is closed on this server; use --accounts FILE.")
        # The name is random: if it is taken, an earlier try succeeded and its response was lost.
        if not answer.is_success and error_code(answer) != "username_taken":
            raise TortureError(f"Could not create an account: {describe(answer)}.")

    async def create_room(self, account: "Account", name: str) -> None:
        """Create a public room."""
        body = {"name": name, "title": "Torture", "kind": "public"}
        answer = await account.request("POST", "/rooms", json=body)
        if not answer.is_success and error_code(answer) != "room_exists":
            raise TortureError(f"Could not create a room: {describe(answer)}.")

    async def archive_room(self, account: "Account", room: str) -> None:
        """Archive a room of a finished run."""
        await account.request("DELETE", f"/rooms/{room}")


class Account:
    """One account and its tokens, which the clients of its user share."""

    def __init__(self, api: ApiClient, name: str, password: str) -> None:
        self.api = api
        self.name = name
        self._password = password
        self._renewing = asyncio.Lock()
        self._refresh: str | None = None
        self.token = ""

    def on(self, api: ApiClient) -> "Account":
        """The account, with its tokens of now, and another client: for one node, or for all."""
        other = copy(self)
        other.api = api
        return other

    async def renew(self, old: str, *, log_in: bool = False) -> None:
        """
        Replace the access token ``old``. Does nothing if another client has replaced it by now.

        Args:
            log_in: Log in with the password at once, because the session is no longer valid.

        """
        async with self._renewing:
            if self.token != old:
                return
            forms = [{"username": self.name, "password": self._password}]
            if self._refresh is not None and not log_in:
                refresh = {"grant_type": "refresh_token", "refresh_token": self._refresh}
                forms.insert(0, refresh)
            for form in forms:
                answer = await self.api.request("POST", "/token", data=form)
                if answer.is_success:
                    tokens = answer.json()
                    self.token = tokens["access_token"]
                    self._refresh = tokens.get("refresh_token")
                    return
            raise TortureError(f"Could not log in as {self.name}: {describe(answer)}.")

    async def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send an authenticated request until it is answered; renews the token if necessary."""
        token = self.token
        answer = await self.api.request(method, path, headers=self.bearer(), **options)
        if answer.status_code == 401:
            await self.renew(token, log_in=error_code(answer) != "token_expired")
            answer = await self.api.request(method, path, headers=self.bearer(), **options)
        return answer

    async def post_once(self, path: str, body: dict[str, Any], key: str) -> httpx2.Response:
        """Send one POST with an idempotency key, without retries."""
        headers = {**self.bearer(), "Idempotency-Key": key}
        return await self.api.request_once("POST", path, json=body, headers=headers)

    async def read_log(self, room: str) -> AsyncIterator[Frame]:
        """Read the whole log of a room, up to its current head."""
        since, more = 0, True
        while more:
            page = await self.read_page(room, since, limit=LOG_PAGE_EVENTS)
            for event in page["events"]:
                yield event
                since = max(since, event["seq"])
            more = page["has_more"] and bool(page["events"])

    async def read_page(self, room: str, since: int, **parameters: int) -> dict[str, Any]:
        """
        Read one page of a room's log.

        Raises:
            RequestRefused: If the server answers with an error.

        """
        path = f"/rooms/{room}/events"
        answer = await self.request("GET", path, params={"since": since, **parameters})
        if not answer.is_success:
            raise RequestRefused(error_code(answer) or "", describe(answer))
        page: dict[str, Any] = orjson.loads(answer.content)
        return page

    async def head(self, room: str) -> int:
        """The ``seq`` of the last event of a room."""
        answer = await self.request("GET", f"/rooms/{room}")
        if not answer.is_success:
            raise TortureError(f"Could not read the room {room}: {describe(answer)}.")
        head: int = answer.json()["head"]
        return head

    def bearer(self) -> dict[str, str]:
        """The header that authenticates a request."""
        return {"Authorization": f"Bearer {self.token}"}


class RequestRefused(Exception):
    """The server answered with an error. ``code`` is the problem's code."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def error_code(answer: httpx2.Response) -> str | None:
    """The ``code`` of a problem response; None if the response is not one of Parley's."""
    try:
        found = answer.json().get("code")
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None


def describe(answer: httpx2.Response) -> str:
    """An unexpected response in a few words, for an error message."""
    return f"status {answer.status_code}, {error_code(answer) or 'not a Parley problem response'}"


def _pause(answer: httpx2.Response) -> float:
    try:
        return max(_RETRY_SECONDS, float(answer.headers.get("Retry-After", _RETRY_SECONDS)))
    except ValueError:
        return 1.0

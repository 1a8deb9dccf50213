"""
The server over HTTP: accounts, log-ins, rooms and logs.

It may be away at any moment: what is safe to ask again is asked again, until it has been away
for too long.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import httpx2
import orjson

from app.torture.history import Frame
from app.torture.plan import LOG_PAGE_EVENTS, OUTAGE_SECONDS

_RETRY_SECONDS = 0.1
_TIMEOUT_SECONDS = 30.0
# What a proxy says while there is nobody behind it, and what Parley says when it can't just now.
_UNAVAILABLE_STATUSES = frozenset({429, 500, 502, 503, 504})


class TortureError(Exception):
    """The run can't go on, whatever it has found. The text is a sentence for a person."""


class ApiClient:
    """A deployment."""

    def __init__(self, url: str, client: httpx2.AsyncClient) -> None:
        self._url = url.rstrip("/")
        self._client = client

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Self]:
        """The deployment at ``url``."""
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
            raise TortureError(f"{url!r} is not the address of a server: http://host:port is one.")
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=20)
        # Straight there: a proxy of the environment would stand between us and the faults.
        async with httpx2.AsyncClient(
            timeout=_TIMEOUT_SECONDS, limits=limits, trust_env=False
        ) as client:
            yield cls(url, client)

    def socket_url(self, path: str) -> str:
        """Where a WebSocket is opened."""
        parts = urlsplit(self._url + path)
        return urlunsplit(parts._replace(scheme={"http": "ws", "https": "wss"}[parts.scheme]))

    async def once(self, method: str, path: str, **what: Any) -> httpx2.Response:
        """
        Ask once.

        Raises:
            httpx2.TransportError: If there was no answer.

        """
        return await self._client.request(method, self._url + path, **what)

    async def ask(self, method: str, path: str, **what: Any) -> httpx2.Response:
        """
        Ask until there is an answer; honours ``Retry-After``.

        Raises:
            TortureError: If the server is away for too long.

        """
        away_since = None
        while True:
            try:
                answer = await self.once(method, path, **what)
            except httpx2.TransportError as exc:
                pause, why = _RETRY_SECONDS, type(exc).__name__
            else:
                if answer.status_code not in _UNAVAILABLE_STATUSES:
                    return answer
                pause, why = _pause(answer), f"status {answer.status_code}"
                if answer.status_code == 429:
                    # It is there, and says when: however long that takes.
                    away_since = None
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > OUTAGE_SECONDS:
                raise TortureError(
                    f"{self._url} has not answered for {OUTAGE_SECONDS:.0f} s ({why})."
                )
            await asyncio.sleep(pause)

    async def check_health(self) -> None:
        """
        Look whether a Parley is there.

        Raises:
            TortureError: If there is none.

        """
        try:
            answer = await self.once("GET", "/health")
        except (httpx2.TransportError, httpx2.InvalidURL) as exc:
            raise TortureError(f"Nobody answers at {self._url} ({type(exc).__name__}).") from None
        if answer.status_code != 200:
            raise TortureError(f"{self._url} is no Parley: /health has {said(answer)}.")

    async def register(self, name: str, password: str) -> None:
        """Make an account."""
        answer = await self.ask("POST", "/users", json={"username": name, "password": password})
        if code(answer) == "registration_closed":
            raise TortureError("Registration is closed there: give --accounts FILE.")
        # Taken: by the try before, whose answer was lost. The name is random.
        if not answer.is_success and code(answer) != "username_taken":
            raise TortureError(f"An account could not be made: {said(answer)}.")

    async def create_room(self, member: "Account", name: str) -> None:
        """Make a public room."""
        body = {"name": name, "title": "Torture", "kind": "public"}
        answer = await member.ask("POST", "/rooms", json=body)
        if not answer.is_success and code(answer) != "room_exists":
            raise TortureError(f"A room could not be made: {said(answer)}.")

    async def archive(self, member: "Account", room: str) -> None:
        """Close a room: nobody needs it any more."""
        await member.ask("DELETE", f"/rooms/{room}")


class Account:
    """An account, and its log-in, which its clients share."""

    def __init__(self, site: ApiClient, name: str, password: str) -> None:
        self.site = site
        self.name = name
        self._password = password
        self._renewing = asyncio.Lock()
        self._refresh: str | None = None
        self.token = ""

    async def renew(self, old: str, *, log_in: bool = False) -> None:
        """
        Get another token than ``old``, unless somebody else has by now.

        Args:
            log_in: Whether the old log-in is of no use.

        """
        async with self._renewing:
            if self.token != old:
                return
            forms = [{"username": self.name, "password": self._password}]
            if self._refresh is not None and not log_in:
                refresh = {"grant_type": "refresh_token", "refresh_token": self._refresh}
                forms.insert(0, refresh)
            for form in forms:
                answer = await self.site.ask("POST", "/token", data=form)
                if answer.is_success:
                    tokens = answer.json()
                    self.token = tokens["access_token"]
                    self._refresh = tokens.get("refresh_token")
                    return
            raise TortureError(f"{self.name} could not log in: {said(answer)}.")

    async def ask(self, method: str, path: str, **what: Any) -> httpx2.Response:
        """Ask as this user until there is an answer; with a fresh token where it takes one."""
        token = self.token
        answer = await self.site.ask(method, path, headers=self._bearer(), **what)
        if answer.status_code == 401:
            await self.renew(token, log_in=code(answer) != "token_expired")
            answer = await self.site.ask(method, path, headers=self._bearer(), **what)
        return answer

    async def post(self, path: str, body: dict[str, Any], key: str) -> httpx2.Response:
        """Try once to say something."""
        headers = {**self._bearer(), "Idempotency-Key": key}
        return await self.site.once("POST", path, json=body, headers=headers)

    async def log(self, room: str) -> AsyncIterator[Frame]:
        """The whole log of a room, as it is now."""
        since, more = 0, True
        while more:
            page = await self.events(room, since, limit=LOG_PAGE_EVENTS)
            for event in page["events"]:
                yield event
                since = max(since, event["seq"])
            more = page["has_more"] and bool(page["events"])

    async def events(self, room: str, since: int, **how: int) -> dict[str, Any]:
        """
        A page of a room's log.

        Raises:
            RequestRefused: If there is none, as the server sees it.

        """
        path = f"/rooms/{room}/events"
        answer = await self.ask("GET", path, params={"since": since, **how})
        if not answer.is_success:
            raise RequestRefused(code(answer) or "", said(answer))
        page: dict[str, Any] = orjson.loads(answer.content)
        return page

    async def head(self, room: str) -> int:
        """Where a room's log ends."""
        answer = await self.ask("GET", f"/rooms/{room}")
        if not answer.is_success:
            raise TortureError(f"The room {room} can't be read: {said(answer)}.")
        head: int = answer.json()["head"]
        return head

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


class RequestRefused(Exception):
    """The server said no. ``code`` is its reason."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def code(answer: httpx2.Response) -> str | None:
    """The stable code of a problem; None if it is none of Parley's."""
    try:
        found = answer.json().get("code")
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None


def said(answer: httpx2.Response) -> str:
    """An answer that is not what was hoped for, in a few words."""
    return f"status {answer.status_code}, {code(answer) or 'no problem of Parley'}"


def _pause(answer: httpx2.Response) -> float:
    try:
        return max(_RETRY_SECONDS, float(answer.headers.get("Retry-After", _RETRY_SECONDS)))
    except ValueError:
        return 1.0

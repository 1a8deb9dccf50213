"""
Access tokens: where they come from, and one exchange at a time.

A refresh token can be exchanged once (docs/protocol.md, 2.7). So an exchange is one task that all
callers share and none can cancel, and a lost response is retried at once with the same token.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from .errors import ParleyError, Refused, Unauthorized, Unreachable
from .http_api import HttpApi

# Within the 10 s in which the server exchanges a used refresh token again.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Tokens:
    """One log-in. Secret: the refresh token gives access as the user for 30 days."""

    access: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)


GetToken = Callable[[], str | Awaitable[str]]


class TokenSource(Protocol):
    """Gives access tokens. Both methods raise Unauthorized, Refused or Unreachable."""

    async def access(self) -> str:
        """The token to connect with."""

    async def renew(self, stale: str) -> str:
        """Another token than ``stale``, which the server no longer takes."""

    async def end(self) -> None:
        """End the log-in, unless its tokens are also used elsewhere. Never raises."""


class TokenStore(Protocol):
    """Keeps a log-in. Called in the event loop, so it must be quick."""

    def load(self) -> Tokens | None:
        """The tokens, if there are any."""

    def save(self, tokens: Tokens) -> None:
        """Replace the tokens."""

    def exclusive(self) -> AbstractAsyncContextManager[None]:
        """Keep others from exchanging these tokens meanwhile."""


class TokenCallback:
    """Asks the application at each connect: a token is never kept, so never out of date."""

    def __init__(self, get_token: GetToken) -> None:
        self._get_token = get_token

    async def access(self) -> str:
        """What the application gives."""
        try:
            found = self._get_token()
            token = await found if inspect.isawaitable(found) else found
        except (ParleyError, asyncio.CancelledError):
            raise
        except Exception as exc:
            raise Unreachable(
                f"There is no token: get_token raised {type(exc).__name__}."
            ) from exc
        return checked(token)

    async def renew(self, stale: str) -> str:
        """What the application gives now."""
        return await self.access()

    async def end(self) -> None:
        """Nothing: the token is the application's."""


class LogIn:
    """
    Logs in with a password or with tokens of an earlier log-in, and renews them.

    Args:
        http: The server.
        username: With ``password``: to log in, also again after the session has ended.
        password: None: only ``tokens``.
        tokens: Of an earlier log-in, or where it is kept.
        on_tokens: Called with new tokens, before they are used, to keep them.

    """

    def __init__(
        self,
        http: HttpApi,
        *,
        username: str | None = None,
        password: str | None = None,
        tokens: Tokens | TokenStore | None = None,
        on_tokens: Callable[[Tokens], None] | None = None,
    ) -> None:
        self._http = http
        self._username = username
        self._password = password
        self._store: TokenStore | None = None
        self._tokens: Tokens | None = None
        if isinstance(tokens, Tokens):
            self._tokens = tokens
        elif tokens is not None:
            self._store = tokens
            self._tokens = tokens.load()
        self._on_tokens = on_tokens
        self._getting: asyncio.Task[Tokens] | None = None
        # Whether this object began the session, and its tokens are used nowhere else.
        self._is_ours = on_tokens is None and tokens is None

    async def access(self) -> str:
        """The present token; logs in if there is none."""
        return self._tokens.access if self._tokens else (await self._shared()).access

    async def renew(self, stale: str) -> str:
        """Exchange the refresh token, or log in again; callers at the same time share one."""
        if self._tokens is not None and self._tokens.access != stale:
            return self._tokens.access
        return (await self._shared()).access

    async def end(self) -> None:
        """Log out, if this object has logged in and the application does not keep the tokens."""
        if self._getting is not None:
            self._getting.cancel()
        if self._is_ours and self._tokens is not None:
            form = {"token": self._tokens.refresh or self._tokens.access}
            try:
                await self._http.request("POST", "/token/revoke", form=form)
            except ParleyError:
                pass

    async def _shared(self) -> Tokens:
        if self._getting is None:
            self._getting = asyncio.create_task(self._get(), name="parley-token")
            self._getting.add_done_callback(self._got)
        # Cancelling a caller must not lose an exchange that the server has carried out.
        return await asyncio.shield(self._getting)

    def _got(self, task: "asyncio.Task[Tokens]") -> None:
        self._getting = None
        if not task.cancelled():
            # No caller may be left to take it, which is no error.
            task.exception()

    async def _get(self) -> Tokens:
        if self._store is None:
            return await self._get_alone()
        async with self._store.exclusive():
            kept = self._store.load()
            if kept is not None and (self._tokens is None or kept.access != self._tokens.access):
                # Another process was first.
                self._tokens = kept
                return kept
            return await self._get_alone()

    async def _get_alone(self) -> Tokens:
        refresh = self._tokens.refresh if self._tokens else None
        if refresh is not None:
            try:
                return self._keep(await self._exchange(refresh))
            except Unauthorized:
                # The session has ended; only a password begins another.
                if self._password is None:
                    raise
        if self._username is None or self._password is None:
            raise Unauthorized("unauthorized", "The log-in has ended. Log in again.")
        form = {
            "grant_type": "password",
            "username": self._username,
            "password": self._password,
        }
        return self._keep(await self._http.request("POST", "/token", form=form))

    async def _exchange(self, refresh: str) -> Any:
        form = {"grant_type": "refresh_token", "refresh_token": refresh}
        for _ in range(_TRIES - 1):
            try:
                return await self._http.request("POST", "/token", form=form)
            except Unreachable:
                continue
        return await self._http.request("POST", "/token", form=form)

    def _keep(self, answer: Any) -> Tokens:
        if not isinstance(answer, dict) or "access_token" not in answer:
            raise Unreachable("The answer to the log-in has no token.")
        refresh = answer.get("refresh_token")
        tokens = Tokens(checked(answer["access_token"]), None if refresh is None else str(refresh))
        if self._store is not None:
            self._store.save(tokens)
        if self._on_tokens is not None:
            self._on_tokens(tokens)
        self._tokens = tokens
        return tokens


def checked(token: object) -> str:
    """A token that can be sent in a header. Raises Refused."""
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise Refused("unauthorized", "The token is not a string of printable ASCII characters.")
    return token

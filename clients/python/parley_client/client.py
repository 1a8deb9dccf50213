"""The client: :class:`Client`."""

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from .cursors import Cursor, CursorStore, MemoryCursors
from .errors import Closed, Unauthorized
from .http_api import HttpApi, base_url, socket_url
from .limits import Limits
from .reconnector import Reconnector
from .requests import Requests
from .room import Room
from .session import Session
from .signals import Signals
from .tokens import GetToken, LogIn, TokenCallback, Tokens, TokenSource, TokenStore


class Client(Requests):
    """
    A user's connection to a server, which comes back by itself.

        async with Client("https://chat.example.org", "bot", password) as chat:
            async for event in chat.room("general"):
                ...

    Entering logs in and waits for the server's ``welcome``. From then on, a lost connection, a
    restarted server and an expired token are no errors: rooms resume where they were, and
    unanswered requests are made again, once. What ends the client is raised by every call and
    iteration: a session that was revoked, a password that was changed, too many connections.

    For one event loop; not thread-safe. :class:`SyncClient` is for threads.

    Args:
        url: Of the server: http, https, ws or wss, with the path where it is mounted.
        username: To log in with ``password``, also after the session has ended.
        password: Kept in memory only.
        get_token: Instead of a password: called at each connect, and before the token expires;
            returns an access token, or an awaitable of one.
        tokens: Instead of a password, or to try first: of an earlier log-in, or where it is
            kept, like a :class:`TokenFile`.
        on_tokens: Called with each new pair, to keep it. Without it, a log-in that this client
            began ends with the client.
        cursors: Where rooms resume after a restart of the application.
        limits: Bounds of waits and buffers.
        tls: For servers with a certificate of one's own.
        trust_env: Whether proxies are taken from the environment.

    Raises:
        ValueError: If the arguments make no sense together.

    """

    def __init__(
        self,
        url: str,
        username: str | None = None,
        password: str | None = None,
        *,
        get_token: GetToken | None = None,
        tokens: Tokens | TokenStore | None = None,
        on_tokens: Callable[[Tokens], None] | None = None,
        cursors: CursorStore | None = None,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
        trust_env: bool = True,
    ) -> None:
        if (username is None) != (password is None):
            raise ValueError("A username needs a password, and a password a username.")
        if sum((password is not None or tokens is not None, get_token is not None)) != 1:
            raise ValueError("Give a username and password, tokens, or get_token.")
        self.url = base_url(url)
        self._get_token = get_token
        self._log_in: dict[str, Any] = {
            "username": username,
            "password": password,
            "tokens": tokens,
            "on_tokens": on_tokens,
        }
        self._cursors = cursors or MemoryCursors()
        self._limits = limits or Limits()
        self._tls = tls
        self._trust_env = trust_env
        self._session: Session | None = None
        self._stack = AsyncExitStack()
        self._running: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Client {self.url}>"

    # Opening and closing

    async def __aenter__(self) -> Self:
        """
        Log in and connect.

        Raises:
            Unauthorized: If the password is wrong.
            Refused: If the server doesn't want this client for another reason.
            Unreachable: If there is no server, or it is not Parley, for ``open_seconds``.

        """
        if self._running is not None:
            raise RuntimeError("This client is open.")
        async with AsyncExitStack() as stack:
            self._http = await stack.enter_async_context(
                HttpApi(self.url, self._limits, tls=self._tls, trust_env=self._trust_env)
            )
            stack.push_async_callback(self._end)
            self._tokens = self._token_source()
            session = self._session = Session(self.url, self._cursors, self._limits)
            reconnector = Reconnector(
                socket_url(self.url),
                session,
                self._tokens,
                self._limits,
                tls=self._tls,
                trust_env=self._trust_env,
            )
            self._running = asyncio.create_task(self._run(reconnector), name="parley-client")
            await session.opened()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """
        Disconnect. What still waits gets :class:`Closed`, and iterations end.

        Takes a few times ``close_seconds`` at most, whatever the server does. Idempotent.
        """
        await self._stack.aclose()

    async def _end(self) -> None:
        running, self._running = self._running, None
        if self._session is not None:
            self._session.end(None)
        if running is not None:
            running.cancel()
            await asyncio.wait([running])
        try:
            async with asyncio.timeout(self._limits.close_seconds):
                await self._tokens.end()
        except TimeoutError:
            # The session ends by itself.
            pass

    async def _run(self, reconnector: Reconnector) -> None:
        assert self._session is not None
        try:
            await reconnector.run()
        except Exception as exc:
            self._session.end(exc)

    def _token_source(self) -> TokenSource:
        if self._get_token is not None:
            return TokenCallback(self._get_token)
        return LogIn(self._http, **self._log_in)

    @property
    def _open(self) -> Session:
        if self._session is None:
            raise Closed("The client is not open.")
        return self._session

    # What is known

    @property
    def user(self) -> str:
        """The name of the user."""
        name: str = self._open.welcome["user"]
        return name

    @property
    def welcome(self) -> Mapping[str, Any]:
        """The last ``welcome``: with ``rooms``, ``epoch`` and ``limits`` (docs/protocol.md)."""
        return self._open.welcome

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection at this moment."""
        return self._open.is_connected

    @property
    def signals(self) -> Signals:
        """Typing, presence and so on; for one reader."""
        return self._open.signals

    def room(self, name: str, *, since: int | Cursor | None = None, history: int = 0) -> Room:
        """
        Subscribe to a room; joining a public one makes the user a member.

        Returns at once, and the events come as they arrive. The open subscription of the room is
        returned if there is one, unless ``since`` says to begin elsewhere.

        Args:
            name: Of the room.
            since: Resume after this event; 0: from the first. By default after the cursor in
                ``cursors``, or, if there is none, with what happens from now on.
            history: Then begin with so many of the newest messages, at most 200.

        """
        return self._open.room(name, since, history)

    # HTTP

    async def http(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        parameters: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Any:
        """
        Call an endpoint of docs/protocol.md, section 1.1, as this user; return its JSON.

        Sent once, and once more with a new token if the old one has expired.

        Args:
            method: GET, POST, PUT, PATCH or DELETE.
            path: Like ``/rooms/general/members``, each part quoted.
            body: For JSON.
            parameters: Of the query.
            key: The ``Idempotency-Key``: makes a POST safe to repeat.

        Raises:
            Unreachable: If there is no answer. What was asked for may have been done.
            Refused: If the server answers with an error.

        """
        if self._running is None:
            raise Closed("The client is not open.")
        headers = {} if key is None else {"Idempotency-Key": key}
        token = await self._tokens.access()
        for last in (False, True):
            try:
                return await self._http.request(
                    method, path, token=token, body=body, parameters=parameters, headers=headers
                )
            except Unauthorized:
                if last:
                    raise
                token = await self._tokens.renew(token)
        raise AssertionError

    async def messages(
        self,
        room: str,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 50,
    ) -> Sequence[Mapping[str, Any]]:
        """A page of messages in their present form, oldest first; the newest by default."""
        asked = {"before": before, "after": after, "limit": limit}
        parameters = {name: value for name, value in asked.items() if value is not None}
        page = await self.http("GET", f"/rooms/{room.lower()}/messages", parameters=parameters)
        found: Sequence[Mapping[str, Any]] = page["messages"]
        return found

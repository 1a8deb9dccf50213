"""
Keeps a session connected: one connection after the other, as the close codes ask.

docs/clients.md, "Close codes". Before the first ``welcome`` a failure is an error after
``open_seconds``; from then on only what asks for a person ends it.
"""

import asyncio
import logging
import ssl
from random import Random

from .close_codes import ABNORMAL, UNAUTHORIZED, Backoff, Step, next_step, stop_reason
from .connection import Connection, End
from .errors import RETRIED, Refused, Unreachable
from .limits import Limits
from .session import Session
from .tokens import TokenSource

_log = logging.getLogger("parley_client")


class Reconnector:
    """
    One client's connections, one at a time.

    Args:
        url: Of the WebSocket.
        session: What the connections serve.
        tokens: Where access tokens come from.
        limits: Bounds of the client.
        tls: For ``wss``; None: the system's certificates.
        trust_env: Whether proxies are taken from the environment.

    """

    def __init__(
        self,
        url: str,
        session: Session,
        tokens: TokenSource,
        limits: Limits,
        *,
        tls: ssl.SSLContext | None,
        trust_env: bool,
    ) -> None:
        self._connection = Connection(url, session, limits, tls, trust_env)
        self._session = session
        self._tokens = tokens
        self._limits = limits
        self._backoff = Backoff(limits, Random())
        self._stale: str | None = None
        # Whether a refused token was replaced already.
        self._replaced = False

    async def run(self) -> None:
        """
        Connect and reconnect until cancelled.

        Raises:
            Refused: If the server closes with 40xx, or refuses the log-in.
            Unreachable: If there is no server while opening.

        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._limits.open_seconds
        while True:
            step, failure = await self._attempt()
            pause = self._backoff.pause(step)
            if isinstance(failure, Refused) and failure.retry_after is not None:
                pause = max(pause, failure.retry_after)
            if (back := self._session.reconnect_at) is not None:
                pause = (
                    max(pause, back - clock()) if self._backoff.failures > 1 else back - clock()
                )
            if not self._was_open and clock() + pause >= deadline:
                raise failure
            _log.info("reconnecting in %.1f s: %s", max(0.0, pause), failure)
            await asyncio.sleep(max(0.0, pause))

    @property
    def _was_open(self) -> bool:
        return bool(self._session.welcome)

    async def _attempt(self) -> tuple[Step, Unreachable | Refused]:
        """Connect once; return what to do next, and why. Raises what ends the client."""
        try:
            if self._stale is None:
                token = await self._tokens.access()
            else:
                token = await self._tokens.renew(self._stale)
                self._stale = None
        except Unreachable as exc:
            return Step.BACK_OFF, exc
        except Refused as exc:
            if exc.code not in RETRIED:
                raise
            return Step.BACK_OFF, exc
        renewing = asyncio.create_task(self._renew_in_time(token), name="parley-renew")
        try:
            end = await self._connection.run(token)
        finally:
            renewing.cancel()
        return self._after(end, token)

    def _after(self, end: End, token: str) -> tuple[Step, Unreachable | Refused]:
        if end.healthy:
            self._backoff.reset()
        if end.opened:
            self._replaced = False
        step = next_step(end.code)
        if end.code == UNAUTHORIZED and not end.opened and not self._replaced:
            # The token may be older than the server's key; a new one tells.
            self._replaced = True
            step = Step.NEW_TOKEN
        if step is Step.STOP:
            raise stop_reason(end.code, end.reason)
        if step is Step.NEW_TOKEN:
            self._stale = token
        reason = end.reason or "the connection was lost"
        return step, Unreachable(reason if end.code == ABNORMAL else f"{end.code} {reason}")

    async def _renew_in_time(self, token: str) -> None:
        """Replace the token on the open connection when the server says that it expires."""
        while True:
            await self._session.token_expires.wait()
            self._session.token_expires.clear()
            try:
                token = await self._tokens.renew(token)
            except Exception as exc:
                # The server will close with 43xx, and the next attempt tries again.
                _log.warning("could not renew the access token: %s", exc)
            else:
                self._session.send_token(token)

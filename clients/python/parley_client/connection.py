"""One WebSocket, from its handshake to its end. It never raises what the network does."""

import asyncio
import json
import logging
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from .close_codes import ABNORMAL
from .http_api import USER_AGENT
from .limits import MAX_FRAME_BYTES, Limits
from .session import Session

_log = logging.getLogger("parley_client")
# websockets logs headers and frames at the level debug: with the token, and what people write.
_quiet = logging.getLogger("parley_client.websockets")
_quiet.setLevel(logging.INFO)

# If `welcome` doesn't say, as the server's default.
_HEARTBEAT_SECONDS = 25.0


@dataclass(frozen=True, slots=True)
class End:
    """How a connection has ended."""

    code: int
    """The close code; 1006 if there was none."""
    reason: str
    opened: bool = False
    """Whether there was a ``welcome``."""
    healthy: bool = False
    """Whether it had caught up."""


class _Connect(connect):
    def process_redirect(self, exc: Exception) -> Exception | str:
        """Follow none: it could lead the token elsewhere."""
        return exc


class _Unusable(Exception):
    """The peer does not speak the protocol."""


class Connection:
    """Opens one WebSocket for a session, and serves it."""

    def __init__(
        self, url: str, session: Session, limits: Limits, tls: ssl.SSLContext | None, proxy: bool
    ) -> None:
        self._url = url
        self._session = session
        self._limits = limits
        self._tls = tls
        self._proxy = proxy

    async def run(self, token: str) -> End:
        """Connect, serve until the connection ends, and say how it did. Safe to cancel."""
        try:
            socket = await self._open(token)
        except InvalidStatus as exc:
            status = exc.response.status_code
            return End(ABNORMAL, f"{self._url} answered {status}, which is not a WebSocket")
        except (OSError, TimeoutError, EOFError, WebSocketException) as exc:
            return End(ABNORMAL, f"{self._url} can't be reached: {str(exc) or type(exc).__name__}")
        try:
            return await self._serve(socket)
        finally:
            self._session.disconnected()
            await self._close(socket)

    async def _open(self, token: str) -> ClientConnection:
        return await _Connect(
            self._url,
            additional_headers={"Authorization": f"Bearer {token}"},
            user_agent_header=USER_AGENT,
            logger=_quiet,
            compression=None,
            open_timeout=self._limits.handshake_seconds,
            close_timeout=self._limits.close_seconds,
            # The interval is the server's: see _beat.
            ping_interval=None,
            max_size=MAX_FRAME_BYTES,
            ssl=self._tls if self._url.startswith("wss:") else None,
            proxy=True if self._proxy else None,
        )

    async def _serve(self, socket: ClientConnection) -> End:
        opened = healthy = False
        clock = asyncio.get_running_loop().time
        tasks: list[asyncio.Task[None]] = []
        try:
            async with asyncio.timeout(self._limits.handshake_seconds):
                welcome = _decode(await socket.recv())
            if welcome["type"] != "welcome" or not isinstance(welcome.get("user"), str):
                raise _Unusable("its first frame is not a welcome")
            opened = True
            self._session.connected(welcome, clock())
            tasks = [
                asyncio.create_task(self._write(socket)),
                asyncio.create_task(self._beat(socket, welcome)),
            ]
            while True:
                self._session.on_frame(_decode(await socket.recv()), clock())
        except ConnectionClosed:
            healthy = self._session.is_healthy(clock())
        except TimeoutError:
            return End(ABNORMAL, f"{self._url} sent no welcome")
        except (_Unusable, KeyError, TypeError, ValueError) as exc:
            return End(ABNORMAL, f"{self._url} is not a server that this client knows: {exc!r}")
        finally:
            for task in tasks:
                task.cancel()
        return End(socket.close_code or ABNORMAL, socket.close_reason or "", opened, healthy)

    async def _write(self, socket: ClientConnection) -> None:
        clock = asyncio.get_running_loop().time
        wake = self._session.wake
        try:
            while True:
                wake.clear()
                due = self._session.take(clock())
                if isinstance(due, str):
                    await socket.send(due)
                    continue
                with suppress(TimeoutError):
                    async with asyncio.timeout(due):
                        await wake.wait()
        except ConnectionClosed:
            return
        except Exception:
            # Without this task nothing would be sent, without an error.
            _log.exception("could not write")
            socket.transport.abort()

    async def _beat(self, socket: ClientConnection, welcome: Mapping[str, Any]) -> None:
        """Drop the connection when a ping is not answered: half-open, or back from sleep."""
        seconds = welcome.get("heartbeat_seconds")
        pause = float(seconds) if isinstance(seconds, int | float) else _HEARTBEAT_SECONDS
        with suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(max(0.05, pause))
                try:
                    async with asyncio.timeout(self._limits.pong_seconds):
                        await (await socket.ping())
                except TimeoutError:
                    socket.transport.abort()
                    return

    async def _close(self, socket: ClientConnection) -> None:
        # A peer that reads nothing must not keep the client from going on.
        with suppress(TimeoutError, ConnectionClosed, OSError):
            async with asyncio.timeout(self._limits.close_seconds):
                await socket.close()
        socket.transport.abort()


def _decode(text: str | bytes) -> Mapping[str, Any]:
    try:
        frame = json.loads(text)
    except ValueError as exc:
        raise _Unusable(str(exc)) from None
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise _Unusable("a frame is not an object with a type")
    return frame

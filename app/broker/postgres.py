"""
The broker of nodes that share a PostgreSQL database and nothing else: LISTEN and NOTIFY.

It needs one connection per node beside the store's. A notification is sent after the commit that
it is about, in a transaction of its own, so that no sender waits for it.
"""

import asyncio
import logging
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psycopg

from ..domain.limits import (
    BROKER_CLOSE_SECONDS,
    BROKER_DEAF_SECONDS,
    BROKER_PROBE_SECONDS,
    BROKER_RETRY_SECONDS,
    MAX_NOTIFY_MESSAGES,
)
from .base import CONNECTING, DEAF, BrokerCounts, LookEverywhere, Notification, OnNotification
from .pending import PendingNotifications
from .postgres_channel import MAX_PAYLOAD_BYTES, PostgresChannel
from .receiver import Receiver
from .self_probe import SelfProbe

log = logging.getLogger("parley.broker")


class PostgresBroker:
    """
    A :class:`~app.broker.base.Broker` on a connection of its own, which it replaces when it fails.

    The first notification is sent at once, with all others of that turn of the event loop; what
    comes while one is on its way goes with the next.

    Args:
        parameters: libpq's, of a connection that no pooler shares.

    """

    def __init__(
        self,
        parameters: Mapping[str, Any],
        *,
        probe_seconds: float = BROKER_PROBE_SECONDS,
        deaf_seconds: float = BROKER_DEAF_SECONDS,
        retry_seconds: float = BROKER_RETRY_SECONDS,
    ) -> None:
        self._parameters = parameters
        self._deaf_seconds = deaf_seconds
        self._retry_seconds = retry_seconds
        node = secrets.token_hex(6)
        self._pending = PendingNotifications(
            node, max_bytes=MAX_PAYLOAD_BYTES, max_messages=MAX_NOTIFY_MESSAGES
        )
        self._probe = SelfProbe(
            self._send_probe,
            self._replace_connection,
            probe_seconds=probe_seconds,
            deaf_seconds=deaf_seconds,
        )
        self._receiver = Receiver(node, self._probe)
        self._channel: PostgresChannel | None = None
        # Set when the connection is to be replaced.
        self._ended = asyncio.Event()
        self._was_connected = False
        self._flush_scheduled = False
        # Set when what was sent is with the server, or will never be.
        self._sent = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    @property
    def fault(self) -> str | None:
        """See :class:`~app.broker.base.Broker`."""
        if not self._was_connected:
            return CONNECTING
        return DEAF if self._probe.is_deaf else None

    @property
    def counts(self) -> BrokerCounts:
        """See :class:`~app.broker.base.Broker`."""
        return self._receiver.counts

    async def open(self, on_notification: OnNotification) -> None:
        """Connect in the background, and start receiving."""
        self._receiver.on_notification = on_notification
        self._running = asyncio.create_task(self._run(), name="broker")

    def notify(self, notification: Notification) -> None:
        """Send a notification at the end of this turn of the event loop, or with the next."""
        self._pending.add(notification)
        self._flush_soon()

    async def close(self) -> None:
        """Stop receiving, and send what is pending."""
        self._receiver.on_notification = None
        self._probe.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(BROKER_CLOSE_SECONDS):
                await self._send_the_last()
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    # The connection

    async def _run(self) -> None:
        """Keep a connection until cancelled."""
        while True:
            self._ended.clear()
            try:
                async with asyncio.timeout(self._deaf_seconds):
                    channel = await PostgresChannel.connect(
                        self._parameters,
                        on_payload=self._receiver.take,
                        on_sent=self._on_sent,
                        on_lost=self._on_lost,
                    )
            except (psycopg.Error, OSError, TimeoutError) as exc:
                log.warning("broker.failed", extra={"error": _first_line(exc)})
                await asyncio.sleep(self._retry_seconds)
            else:
                await self._use(channel)

    async def _use(self, channel: PostgresChannel) -> None:
        self._channel = channel
        began = asyncio.get_running_loop().time()
        try:
            if self._was_connected:
                # Of the notifications meanwhile, this node has heard none, and others may not
                # have heard the last of this node.
                self._pending.add(LookEverywhere())
                self._receiver.pass_on(LookEverywhere())
            self._was_connected = True
            self._probe.start()
            self._probe.send()
            await self._ended.wait()
        finally:
            self._channel = None
            self._sent.set()
            await channel.close()
        # At once, but a server that ends each connection is not asked in a loop.
        lasted = asyncio.get_running_loop().time() - began
        await asyncio.sleep(self._retry_seconds - lasted)

    def _on_lost(self, exc: psycopg.Error) -> None:
        log.warning("broker.failed", extra={"error": _first_line(exc)})
        self._ended.set()

    def _replace_connection(self) -> None:
        self._ended.set()

    # To the others

    def _send_probe(self, number: int) -> None:
        self._pending.add_probe(number)
        self._flush_soon()

    def _flush_soon(self) -> None:
        if self._channel is not None and not self._flush_scheduled:
            self._flush_scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_scheduled = False
        if self._channel is not None and not self._channel.is_sending and self._pending:
            self._channel.send(self._pending.take())

    async def _send_the_last(self) -> None:
        """Send what is pending, without an end if the server doesn't answer."""
        for _ in range(2):  # what is on its way, and then the rest
            self._flush()
            if self._channel is None or not self._channel.is_sending:
                return
            self._sent.clear()
            await self._sent.wait()

    def _on_sent(self, refused: psycopg.Error | None) -> None:
        self._sent.set()
        if refused is not None:
            log.warning("broker.failed", extra={"error": _first_line(refused)})
            # Not at once: the server's queue may be full. The next probe takes it along.
            self._pending.add(LookEverywhere())
            return
        self._flush()


def _first_line(exc: BaseException) -> str:
    return str(exc).partition("\n")[0] or type(exc).__name__

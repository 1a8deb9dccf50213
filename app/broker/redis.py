"""
The broker of nodes that share a Redis or Valkey server: its publish/subscribe.

redis-py reconnects and subscribes again without a word, and its own health check never looks for
an answer. So what was missed is found out by the confirmations of subscriptions, and silence by a
probe of ours.
"""

import asyncio
import logging
import secrets
from contextlib import suppress

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from ..domain.limits import (
    BROKER_CLOSE_SECONDS,
    BROKER_DEAF_SECONDS,
    BROKER_PROBE_SECONDS,
    BROKER_RETRY_SECONDS,
    MAX_PUBLISHED_BYTES,
    MAX_PUBLISHED_MESSAGES,
    REDIS_SECONDS,
)
from .base import CONNECTING, DEAF, BrokerCounts, LookEverywhere, Notification, OnNotification
from .pending import PendingNotifications
from .receiver import Receiver
from .self_probe import SelfProbe

log = logging.getLogger("parley.broker")

_FAILURES = (RedisError, OSError, TimeoutError)


class RedisBroker:
    """
    A :class:`~app.broker.base.Broker` on two connections: one subscribes, one publishes.

    Notifications wait for the publisher, coalesced, so that a slow server slows no sender. After a
    failure nothing is published for ``retry_seconds``.

    Args:
        url: ``redis://…``, ``rediss://…`` or ``unix://…``.
        channel: Of this installation alone: the channels of a server's databases are the same.

    Raises:
        ValueError: If redis-py can't read the URL.

    """

    def __init__(
        self,
        url: str,
        channel: str,
        *,
        probe_seconds: float = BROKER_PROBE_SECONDS,
        deaf_seconds: float = BROKER_DEAF_SECONDS,
        retry_seconds: float = BROKER_RETRY_SECONDS,
    ) -> None:
        self._channel = channel
        self._retry_seconds = retry_seconds
        # redis-py's default, 5 s, would end the wait for messages. Publishing has a time-out here.
        self._redis = Redis.from_url(
            url, socket_timeout=None, socket_connect_timeout=REDIS_SECONDS, retry_on_error=[]
        )
        node = secrets.token_hex(6)
        self._pending = PendingNotifications(
            node, max_bytes=MAX_PUBLISHED_BYTES, max_messages=MAX_PUBLISHED_MESSAGES
        )
        self._probe = SelfProbe(
            self._send_probe,
            self._subscribe_anew,
            probe_seconds=probe_seconds,
            deaf_seconds=deaf_seconds,
        )
        self._receiver = Receiver(node, self._probe)
        self._wake = asyncio.Event()
        self._closing = False
        self._was_connected = False
        self._subscribing: asyncio.Task[None] | None = None
        self._publishing: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

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
        self._publishing = asyncio.create_task(self._keep_publishing(), name="broker publisher")
        subscribed = asyncio.create_task(self._keep_subscribed(), name="broker")
        self._tasks = [subscribed, self._publishing]

    def notify(self, notification: Notification) -> None:
        """Send a notification soon, with all that wait."""
        self._pending.add(notification)
        self._wake.set()

    async def close(self) -> None:
        """Stop receiving, and publish what is pending."""
        self._receiver.on_notification = None
        self._probe.stop()
        self._closing = True
        self._wake.set()
        if self._publishing is not None and self.fault is None:
            await asyncio.wait([self._publishing], timeout=BROKER_CLOSE_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        with suppress(*_FAILURES):
            await self._redis.aclose()

    # To the others

    def _send_probe(self, number: int) -> None:
        self._pending.add_probe(number)
        self._wake.set()

    async def _keep_publishing(self) -> None:
        """Publish what is pending, until cancelled; when closing, until nothing is."""
        while not self._closing or self._pending:
            await self._wake.wait()
            self._wake.clear()
            if not self._pending:
                continue
            messages = self._pending.take()
            pipeline = self._redis.pipeline(transaction=False)
            for message in messages:
                pipeline.publish(self._channel, message)
            try:
                async with asyncio.timeout(REDIS_SECONDS):
                    await pipeline.execute()
            except Exception as exc:  # whatever it is, the task must go on
                _log_failure(exc)
                # Whether it was published is unknown.
                self._pending.add(LookEverywhere())
                await asyncio.sleep(self._retry_seconds)
                self._wake.set()

    # From the others

    def _subscribe_anew(self) -> None:
        if self._subscribing is not None:
            self._subscribing.cancel()

    async def _keep_subscribed(self) -> None:
        """Keep a subscription until cancelled; each is a task of its own, which can be ended."""
        while True:
            self._subscribing = asyncio.create_task(self._subscribe())
            try:
                await asyncio.wait([self._subscribing])
            finally:
                self._subscribing.cancel()
            if not self._subscribing.cancelled() and (exc := self._subscribing.exception()):
                _log_failure(exc)
            await asyncio.sleep(self._retry_seconds)

    async def _subscribe(self) -> None:
        pubsub = self._redis.pubsub()
        try:
            await pubsub.subscribe(self._channel)
            while True:
                await self._take_message(pubsub)
        finally:
            # Not politely: the server may not answer.
            with suppress(*_FAILURES, asyncio.CancelledError):
                async with asyncio.timeout(REDIS_SECONDS):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _take_message(self, pubsub: PubSub) -> None:
        message = await pubsub.get_message(timeout=1.0)
        if message is None:
            return
        if message["type"] == "message":
            self._receiver.take(message["data"])
        elif message["type"] == "subscribe":
            self._on_subscribed()

    def _on_subscribed(self) -> None:
        """A subscription begins, perhaps one that redis-py has renewed by itself."""
        if self._was_connected:
            self._receiver.pass_on(LookEverywhere())
        self._was_connected = True
        self._probe.start()
        self._probe.send()


def _log_failure(exc: BaseException) -> None:
    error = str(exc).partition("\n")[0] or type(exc).__name__
    # What is not the server's or the network's doing is a bug: with its traceback.
    bug = None if isinstance(exc, _FAILURES) else exc
    log.warning("broker.failed", extra={"error": error}, exc_info=bug)

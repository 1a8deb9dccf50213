"""
A worker's end of its connection to the supervisor.

It says when the worker is ready, and all the time that its event loop runs. It gives the worker's
metrics when they are asked for, and asks for those of all workers. When the supervisor says so, or
is gone, the worker stops.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ..domain.errors import Unavailable
from ..domain.server_limits import WORKER_BEAT_SECONDS, WORKER_METRICS_SECONDS
from ..observability.labelled import Dump
from .channel import Channel
from .metrics import WorkerReport


class SupervisorLink:
    """
    Made by :func:`open_link`; used in its event loop.

    Args:
        on_stop: Called when the worker is to stop, perhaps more than once.
        collect: Returns the metrics of this worker.

    """

    def __init__(
        self, channel: Channel, on_stop: Callable[[], None], collect: Callable[[], Dump]
    ) -> None:
        self._channel = channel
        self._on_stop = on_stop
        self._collect = collect

    def ready(self) -> None:
        """Say that this worker accepts connections."""
        self._channel.say("ready")

    async def reports(self) -> dict[str, WorkerReport]:
        """
        What is known of all workers, by the number of each. Safe to cancel.

        Raises:
            Unavailable: If the supervisor does not answer.

        """
        try:
            answer = await self._channel.ask("reports", 2 * WORKER_METRICS_SECONDS)
        except TimeoutError:
            raise Unavailable from None
        return {number: WorkerReport(**fields) for number, fields in answer.items()}

    async def beat(self) -> None:
        """Say again and again that this worker's event loop runs, until cancelled."""
        while True:
            self._channel.beat()
            await asyncio.sleep(WORKER_BEAT_SECONDS)

    async def run(self) -> None:
        """Do what the supervisor says, until it is gone."""
        async for message in self._channel.messages():
            match message:
                case {"say": "stop"}:
                    self._on_stop()
                case {"ask": "metrics", "number": number}:
                    self._channel.answer(number, self._collect())
        self._on_stop()


@asynccontextmanager
async def open_link(
    end: socket.socket, *, on_stop: Callable[[], None], collect: Callable[[], Dump]
) -> AsyncIterator[SupervisorLink]:
    """Talk to the supervisor over ``end`` until the block ends. See :class:`SupervisorLink`."""
    channel = await Channel.open(end)
    link = SupervisorLink(channel, on_stop, collect)
    running = asyncio.create_task(link.run(), name="supervisor link")
    beating = asyncio.create_task(link.beat(), name="heartbeat")
    try:
        yield link
    finally:
        running.cancel()
        beating.cancel()
        await asyncio.gather(running, beating, return_exceptions=True)
        channel.close()

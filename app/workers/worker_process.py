"""A worker process as its supervisor sees it."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TypeAlias

from ..domain.server_limits import (
    WORKER_BEAT_SECONDS,
    WORKER_METRICS_SECONDS,
    WORKER_SILENT_BEATS,
)
from ..observability.labelled import Dump
from .channel import Channel
from .metrics import WorkerReport
from .silence import Silence

log = logging.getLogger("parley.workers")

Reports: TypeAlias = Callable[[], Awaitable[Mapping[str, WorkerReport]]]
"""What is known of all workers, for one that asks."""


class WorkerProcess:
    """
    Made by :meth:`start`; used in its event loop.

    What the process prints goes where the supervisor's own output goes. It is killed when it has
    said nothing for so long that its event loop must be blocked, or the process stopped.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, channel: Channel, reports: Reports
    ) -> None:
        self._process = process
        self._channel = channel
        self._reports = reports
        self._started = asyncio.Event()
        self.is_ready = False
        """Whether it accepts connections, or has until it ended."""
        self.ended = asyncio.Event()
        """Set when the process has ended."""
        self._silence = Silence()
        self._watching = asyncio.create_task(self._watch(), name="worker silence")
        self._tasks = {
            asyncio.create_task(self._listen(), name="worker channel"),
            asyncio.create_task(self._wait(), name="worker"),
        }

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        number: int,
        listening: socket.socket,
        environment: Mapping[str, str],
        reports: Reports,
    ) -> "WorkerProcess":
        """
        Start a process that accepts connections from ``listening``.

        Args:
            command: What to run; the worker's number and the descriptors of the listening socket
                and of its end of the channel are added to it.

        """
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(*command, str(number), str(listening.fileno()), str(theirs.fileno())),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(listening.fileno(), theirs.fileno()),
                env=environment,
                # The signals of a terminal are the supervisor's to handle.
                start_new_session=True,
            )
        return cls(process, await Channel.open(ours), reports)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """With what it exited; the negative number of a signal; None: it runs."""
        return self._process.returncode

    async def becomes_ready(self) -> bool:
        """Wait until it accepts connections; False: it has ended. Safe to cancel."""
        await self._started.wait()
        return self.is_ready

    async def metrics(self) -> Dump | None:
        """What it has counted; None if it does not answer in time. Safe to cancel."""
        if self.ended.is_set():
            return None
        try:
            metrics: Dump = await self._channel.ask("metrics", WORKER_METRICS_SECONDS)
        except TimeoutError:
            return None
        return metrics

    async def stop(self, seconds: float | None) -> bool:
        """
        Have it drain, and wait until it has ended.

        Args:
            seconds: After which it is killed; None: never. One that is not ready is killed at
                once: it has no clients.

        Returns:
            Whether it was killed while it had clients.

        """
        self._channel.say("stop")
        try:
            async with asyncio.timeout(seconds if self.is_ready else 0):
                await self.ended.wait()
        except TimeoutError:
            self.kill()
            await self.ended.wait()
            return self.is_ready
        return False

    def kill(self) -> None:
        """End it now, whatever it does. Nothing that it acknowledged is lost."""
        if self._process.returncode is None:
            self._process.kill()

    async def _listen(self) -> None:
        async for message in self._channel.messages():
            self._silence.heard()
            match message:
                case {"say": "ready"}:
                    self.is_ready = True
                    self._started.set()
                case {"ask": "reports", "number": number}:
                    # In a task: this worker is asked for its own metrics meanwhile.
                    answering = asyncio.create_task(self._answer(number))
                    self._tasks.add(answering)
                    answering.add_done_callback(self._tasks.discard)
        # It has closed its end, to exit: it says nothing more.
        self._watching.cancel()

    async def _watch(self) -> None:
        while not self._silence.beat():  # noqa: ASYNC110 - a silence is no event
            await asyncio.sleep(WORKER_BEAT_SECONDS)
        log.error("worker.silent", extra={"pid": self.pid, "beats": WORKER_SILENT_BEATS})
        self.kill()

    async def _answer(self, number: int) -> None:
        reports = await self._reports()
        self._channel.answer(number, {name: asdict(each) for name, each in reports.items()})

    async def _wait(self) -> None:
        await self._process.wait()
        self.ended.set()
        self._started.set()
        self._channel.close()

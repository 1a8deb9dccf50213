"""
Keeps worker processes running: starts, replaces, restarts and stops them.

Each has a number and a listening socket for good. The sockets are the supervisor's, too, so that
connections which nothing has accepted yet survive the worker that they wait for.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field

from ..domain.server_limits import (
    MAX_WORKER_PAUSE_SECONDS,
    WORKER_EXIT_SECONDS,
    WORKER_PAUSE_SECONDS,
    WORKER_STEADY_SECONDS,
)
from .metrics import WorkerReport
from .worker_process import WorkerProcess

log = logging.getLogger("parley.workers")


@dataclass(eq=False, slots=True, kw_only=True)
class _Slot:
    """What stays when a worker is replaced."""

    number: int
    listening: socket.socket
    worker: WorkerProcess | None = None
    started_at: float = 0.0
    crashes: int = 0
    pause_seconds: float = 0.0
    """How long its next replacement waits."""
    replacing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def serves(self) -> bool:
        """Whether its worker accepts connections."""
        worker = self.worker
        return worker is not None and worker.is_ready and not worker.ended.is_set()


class Supervisor:
    """
    Runs one worker for each socket. Used in one event loop, in the main thread.

    SIGTERM and SIGINT drain and stop all; a second one kills them. SIGHUP restarts one after the
    other: a worker is told to stop when its replacement accepts connections, and the next one's
    turn comes when it has ended.

    Args:
        command: See :meth:`WorkerProcess.start`.
        environment: Of the workers.
        shutdown_seconds: How long a worker may take to drain; None: as long as it wants.
        on_ready: Called when all workers accept connections.

    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        shutdown_seconds: float | None,
        on_ready: Callable[[], None],
    ) -> None:
        self._slots = [
            _Slot(number=number, listening=listening)
            for number, listening in enumerate(sockets, start=1)
        ]
        self._command = command
        self._environment = environment
        self._stop_seconds = (
            None if shutdown_seconds is None else shutdown_seconds + WORKER_EXIT_SECONDS
        )
        self._on_ready = on_ready
        self._workers: set[WorkerProcess] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._restart_asked = asyncio.Event()
        # Whether all workers have accepted connections once.
        self._has_started = False
        # The exit code of this process, when it is to end.
        self._result: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def run(self) -> int:
        """Serve until a signal comes, or no worker can start; return the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._restart_asked.set)
        self._spawn(self._serve())
        try:
            return await self._result
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*(self._stop(worker) for worker in self._workers))

    def _on_stop(self, number: int) -> None:
        if not self._result.done():
            self._result.set_result(0)
            return
        for worker in self._workers:
            worker.kill()

    def _end(self, status: int) -> None:
        if not self._result.done():
            self._result.set_result(status)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (exc := task.exception()) and not self._result.done():
            self._result.set_exception(exc)

    # Starting

    async def _serve(self) -> None:
        # The first one alone: what keeps it from starting is said once.
        first, *others = self._slots
        for slots in ([first], others):
            for started in asyncio.as_completed([self._start(slot) for slot in slots]):
                status = await started
                if status is not None:
                    self._end(status)
                    return
        self._has_started = True
        for slot in self._slots:
            self._spawn(self._keep(slot))
        self._spawn(self._restart_when_asked())
        self._on_ready()

    async def _start(self, slot: _Slot) -> int | None:
        """Start a worker and make it the slot's; return its exit status if it does not start."""
        worker = await WorkerProcess.start(
            self._command, slot.number, slot.listening, self._environment, self._reports
        )
        self._workers.add(worker)
        if not await worker.becomes_ready():
            self._workers.discard(worker)
            status = worker.status
            has_exited = status is not None and status > 0
            # A worker that exits says why; at the first start the command ends with its sentence.
            if not has_exited or self._has_started:
                log.error("worker.not_started", extra={"worker": slot.number, "status": status})
            # A signal's number is no exit status.
            return status if has_exited else 1
        facts = {"worker": slot.number, "pid": worker.pid}
        log.info("worker.started", extra=facts)
        slot.worker = worker
        slot.started_at = asyncio.get_running_loop().time()
        return None

    # Replacing those that ended by themselves

    async def _keep(self, slot: _Slot) -> None:
        while True:
            worker = slot.worker
            assert worker is not None
            await worker.ended.wait()
            async with slot.replacing:
                if slot.worker is worker:
                    await self._replace(slot, worker)

    async def _replace(self, slot: _Slot, worker: WorkerProcess) -> None:
        self._workers.discard(worker)
        slot.crashes += 1
        lived = asyncio.get_running_loop().time() - slot.started_at
        if lived >= WORKER_STEADY_SECONDS:
            slot.pause_seconds = 0.0
        facts = {"worker": slot.number, "pid": worker.pid, "status": worker.status}
        log.error("worker.ended", extra={**facts, "replaced_in": slot.pause_seconds})
        while True:
            await asyncio.sleep(slot.pause_seconds)
            slot.pause_seconds = min(
                max(WORKER_PAUSE_SECONDS, 2 * slot.pause_seconds), MAX_WORKER_PAUSE_SECONDS
            )
            status = await self._start(slot)
            if status is None:
                return
            if not any(other.serves for other in self._slots):
                self._end(status)
                return

    # Restarting

    async def _restart_when_asked(self) -> None:
        while True:
            await self._restart_asked.wait()
            self._restart_asked.clear()
            log.info("workers.restarting")
            if await self._restart_all():
                log.info("workers.restarted")
            else:
                log.error("workers.restart_ended")

    async def _restart_all(self) -> bool:
        for slot in self._slots:
            async with slot.replacing:
                before = slot.worker
                if await self._start(slot) is not None:
                    return False
            if before is not None:
                await self._stop(before)
        return True

    # Stopping

    async def _stop(self, worker: WorkerProcess) -> None:
        if await worker.stop(self._stop_seconds):
            log.error("worker.killed", extra={"pid": worker.pid})
        self._workers.discard(worker)

    # Metrics

    async def _reports(self) -> dict[str, WorkerReport]:
        reports = await asyncio.gather(*(self._report(slot) for slot in self._slots))
        return {str(slot.number): each for slot, each in zip(self._slots, reports, strict=True)}

    async def _report(self, slot: _Slot) -> WorkerReport:
        metrics = await slot.worker.metrics() if slot.worker is not None else None
        return WorkerReport(crashes=slot.crashes, metrics=metrics)

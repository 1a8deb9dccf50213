"""
One read for all who ask at the same time, whatever they ask.

The first to ask starts a read, as soon as nobody else is about to; whoever asks while it runs
waits for the next one. It takes them all: one query per kind of question, one snapshot, one
thread hop. A storm of a thousand log-ins is then a handful of reads, and a lone one waits for a
turn of the loop.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from app.domain.limits import MAX_LOAD_GATHER_SECONDS
from app.store.database import Database, DbConnection

K = TypeVar("K")
V = TypeVar("V")

_Asked = dict[Any, list[asyncio.Future[Any]]]
"""Who waits for which key."""


class BatchLoader:
    """What is asked of the database at the moment. One per server."""

    def __init__(
        self, database: Database, *, gather_seconds: float = MAX_LOAD_GATHER_SECONDS
    ) -> None:
        self._gather_seconds = gather_seconds
        self._database = database
        self._asked: dict[Loader[Any, Any], _Asked] = {}
        # How often anything has been asked.
        self._times = 0
        self._task: asyncio.Task[None] | None = None

    def ask(self, kind: "Loader[Any, Any]", key: Any) -> asyncio.Future[Any]:
        """The answer to come; cancelling it disturbs nobody else."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._times += 1
        self._asked.setdefault(kind, {}).setdefault(key, []).append(future)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="gathering")
        return future

    async def _run(self) -> None:
        try:
            while self._asked:
                await self._gather()
                asked, self._asked = self._asked, {}
                await self._read(asked)
        finally:
            self._task = None

    async def _gather(self) -> None:
        """
        Return when a turn of the loop has brought no question.

        What has arrived has to be dealt with anyway. Done before the read, it shares it; while
        it runs, the two threads would take turns with the interpreter.
        """
        time = asyncio.get_running_loop().time
        until, times = time() + self._gather_seconds, 0
        while times < self._times and time() < until:
            times = self._times
            await asyncio.sleep(0)

    async def _read(self, asked: "Mapping[Loader[Any, Any], _Asked]") -> None:
        def work(connection: DbConnection) -> list[Mapping[Any, Any]]:
            return [kind.load(connection, list(keys)) for kind, keys in asked.items()]

        try:
            answers = await self._database.read(work)
        except Exception as exc:  # everybody who waits has to hear of it
            for keys in asked.values():
                for futures in keys.values():
                    for future in futures:
                        if not future.done():
                            future.set_exception(exc)
                            future.exception()  # seen: the waiter may be gone
            return
        for keys, found in zip(asked.values(), answers, strict=True):
            for key, futures in keys.items():
                answer = found.get(key)
                for future in futures:
                    if not future.done():
                        future.set_result(answer)


class Loader(Generic[K, V]):
    """One kind of question: values by key."""

    def __init__(
        self,
        batch_loader: BatchLoader,
        load: Callable[[DbConnection, Sequence[K]], Mapping[K, V]],
    ) -> None:
        self._batch_loader = batch_loader
        self.load = load
        """The values of keys; a key that has none is left out."""

    def get(self, key: K) -> asyncio.Future[V | None]:
        """
        The value of ``key``, read after this was called; None if there is none.

        Safe to cancel: others who wait for the same key are not disturbed.

        Raises (when awaited):
            Unavailable: If the database can't be read now.

        """
        return self._batch_loader.ask(self, key)

"""
Concurrent look-ups, batched: one read for all that are wanted at the same time.

The first request starts a read as soon as no further requests arrive; requests that come while it
runs are the next batch. A batch is one query per kind of value, on one snapshot, with one thread
hop. A thousand clients that reconnect at once cost a handful of reads, and a lone request waits
for a turn of the event loop.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from ..domain.limits import MAX_LOAD_GATHER_SECONDS
from .database import Database, DbConnection

K = TypeVar("K")
V = TypeVar("V")

_Waiting = dict[Any, list[asyncio.Future[Any]]]
"""The futures that wait for each key."""


class BatchLoader:
    """
    The requests that are waiting for the next read. One per server, used through :class:`Loader`.

    Owned by the event loop that :meth:`request` is called on: no lock guards it. It starts a task
    when there are requests, and has none when there are not, so there is nothing to close.

    Args:
        database: Where to read. Its failures are raised to every request of the batch, and the
            next request starts anew.
        gather_seconds: How long a batch may grow, if each turn of the loop adds to it.

    """

    def __init__(
        self, database: Database, *, gather_seconds: float = MAX_LOAD_GATHER_SECONDS
    ) -> None:
        self._database = database
        self._gather_seconds = gather_seconds
        self._waiting: dict[Loader[Any, Any], _Waiting] = {}
        # How many requests there have been.
        self._requests = 0
        self._task: asyncio.Task[None] | None = None

    def request(self, loader: "Loader[Any, Any]", key: Any) -> asyncio.Future[Any]:
        """
        Return a future for the value of ``key``, from a read that has not begun yet.

        Call it on the event loop. Safe to cancel: each request has a future of its own.
        """
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._requests += 1
        self._waiting.setdefault(loader, {}).setdefault(key, []).append(future)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="batch-loader")
        return future

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._gather()
                batch, self._waiting = self._waiting, {}
                await self._load(batch)
        finally:
            self._task = None

    async def _gather(self) -> None:
        """
        Return when a turn of the loop has brought no request, or the time is up.

        The work that is ready on the loop has to be done anyway. If it is done before the read,
        its requests share the read; during the read, the two threads would contend for the GIL.
        """
        time = asyncio.get_running_loop().time
        deadline, requests = time() + self._gather_seconds, 0
        while requests < self._requests and time() < deadline:
            requests = self._requests
            await asyncio.sleep(0)

    async def _load(self, batch: "Mapping[Loader[Any, Any], _Waiting]") -> None:
        # The transaction gets the keys alone: the futures belong to the event loop.
        keys_by_loader = [(loader, list(waiting)) for loader, waiting in batch.items()]

        def work(connection: DbConnection) -> list[Mapping[Any, Any]]:
            return [loader.load(connection, keys) for loader, keys in keys_by_loader]

        try:
            loaded = await self._database.read(work)
        except Exception as exc:  # raised to each waiter
            for waiting in batch.values():
                for futures in waiting.values():
                    for future in futures:
                        if not future.done():
                            future.set_exception(exc)
                            # Mark it as retrieved: the waiter may have gone.
                            future.exception()
            return
        for waiting, values in zip(batch.values(), loaded, strict=True):
            for key, futures in waiting.items():
                value = values.get(key)
                for future in futures:
                    if not future.done():
                        future.set_result(value)


class Loader(Generic[K, V]):
    """
    One kind of value by key, such as rooms by name.

    Args:
        batch_loader: What this kind shares its reads with.
        load: Reads the values of distinct keys; a key without a value is left out. It runs in a
            database thread, inside a transaction, and must not touch what the event loop owns.

    """

    def __init__(
        self,
        batch_loader: BatchLoader,
        load: Callable[[DbConnection, Sequence[K]], Mapping[K, V]],
    ) -> None:
        self._batch_loader = batch_loader
        self.load = load

    def get(self, key: K) -> asyncio.Future[V | None]:
        """
        Return a future for the value of ``key``; None if it has none.

        The value is read after this call: it is never from before. Call it on the event loop.

        Safe to cancel: other requests for the same key are not affected.

        Raises (when awaited):
            Unavailable: If the database can't be read now.

        """
        return self._batch_loader.request(self, key)

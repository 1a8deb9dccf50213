"""The client for code without ``await``: :class:`SyncClient`."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from types import TracebackType
from typing import Any, Self, TypeVar

from .client import Client
from .cursors import Cursor
from .errors import Closed
from .events import RoomEvent
from .requests import Ack
from .room import Room

T = TypeVar("T")

# After the client's own bounds have passed, which they do in a few seconds.
_JOIN_SECONDS = 15.0


class SyncRoom:
    """The events of a room: iterate over it. For one thread; see :class:`Room`."""

    def __init__(self, client: "SyncClient", room: Room) -> None:
        self._client = client
        self._room = room

    @property
    def name(self) -> str:
        """Of the room."""
        return self._room.name

    @property
    def cursor(self) -> Cursor | None:
        """The last event that was handled."""
        return self._room.cursor

    def next(self, seconds: float | None = None) -> RoomEvent | None:
        """
        Wait for the next event; None if the client is closed or the room was left.

        Raises:
            TimeoutError: If none comes within so many seconds. Nothing is lost.

        """

        async def following() -> RoomEvent | None:
            async with asyncio.timeout(seconds):
                return await anext(self._room, None)

        return self._client._call(following())

    def leave(self) -> None:
        """End the subscription, and the iteration."""

        async def leave() -> None:
            self._room.leave()

        self._client._call(leave())

    def __iter__(self) -> Iterator[RoomEvent]:
        while (event := self.next()) is not None:
            yield event


class SyncClient:
    """
    :class:`Client` without ``await``. The connection lives in a thread of its own, so it goes on
    while the program does something else. Can be used from several threads.

        with SyncClient("https://chat.example.org", "bot", password) as chat:
            chat.send("general", "hi")

    Takes the arguments of :class:`Client`; ``get_token`` and ``on_tokens`` are called in that
    thread.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        self._client = Client(*args, **options)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Log in and connect; raises as entering :class:`Client` does."""
        if self._loop is not None:
            raise RuntimeError("This client is open.")
        loop = self._loop = asyncio.new_event_loop()
        # A daemon, so that a program that forgets to close still ends.
        self._thread = threading.Thread(target=_serve, args=(loop,), name="parley", daemon=True)
        self._thread.start()
        try:
            self._call(self._client.__aenter__())
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect. Calls that wait in other threads raise :class:`Closed`. Idempotent."""
        loop, self._loop = self._loop, None
        if loop is None or self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(_stop(self._client), loop)
        self._thread.join(_JOIN_SECONDS)

    @property
    def user(self) -> str:
        """The name of the user."""
        return self._client.user

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection at this moment."""
        return self._client.is_connected

    def room(self, name: str, *, since: int | Cursor | None = None, history: int = 0) -> SyncRoom:
        """Subscribe to a room: see :meth:`Client.room`."""

        async def room() -> Room:
            return self._client.room(name, since=since, history=history)

        return SyncRoom(self, self._call(room()))

    def send(self, room: str, text: str, **options: Any) -> Ack:
        """Send a message; return when it is on disk: see :meth:`Client.send`."""
        return self._call(self._client.send(room, text, **options))

    def edit(self, room: str, ref: int, text: str, **options: Any) -> Ack:
        """Replace the text of a message: see :meth:`Client.edit`."""
        return self._call(self._client.edit(room, ref, text, **options))

    def delete(self, room: str, ref: int, **options: Any) -> Ack:
        """Delete a message: see :meth:`Client.delete`."""
        return self._call(self._client.delete(room, ref, **options))

    def react(self, room: str, ref: int, emoji: str, **options: Any) -> Ack:
        """Add or remove a reaction: see :meth:`Client.react`."""
        return self._call(self._client.react(room, ref, emoji, **options))

    def pin(self, room: str, ref: int, **options: Any) -> Ack:
        """Pin or unpin a message: see :meth:`Client.pin`."""
        return self._call(self._client.pin(room, ref, **options))

    def read(self, room: str, seq: int, **options: Any) -> Mapping[str, Any]:
        """Mark a room as read: see :meth:`Client.read`."""
        return self._call(self._client.read(room, seq, **options))

    def messages(self, room: str, **options: Any) -> Sequence[Mapping[str, Any]]:
        """A page of messages: see :meth:`Client.messages`."""
        return self._call(self._client.messages(room, **options))

    def http(self, method: str, path: str, **options: Any) -> Any:
        """Call an endpoint: see :meth:`Client.http`."""
        return self._call(self._client.http(method, path, **options))

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        loop = self._loop
        if loop is None:
            coroutine.close()
            raise Closed("The client is not open.")
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("A call in the client's own thread would wait for itself.")
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        try:
            return future.result()
        except CancelledError:
            raise Closed("The client is closed.") from None
        except BaseException:
            # Also Ctrl-C: a call that is no longer waited for must not go on.
            future.cancel()
            raise


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    finally:
        loop.close()


async def _stop(client: Client) -> None:
    try:
        await client.close()
    finally:
        asyncio.get_running_loop().stop()

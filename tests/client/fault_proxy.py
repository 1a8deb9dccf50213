"""The network between clients and a server: passes bytes unless a test says otherwise."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

_CHUNK_BYTES = 65_536


class _Link:
    """One connection, as two sockets."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.is_half_closed = False

    def abort(self) -> None:
        self.client.transport.abort()
        self.server.transport.abort()


class FaultProxy:
    """Passes bytes between clients and ``host:port``."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._links: set[_Link] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self.address = ""
        """Host and port that clients connect to."""
        self.connections = 0
        """How many there have been."""
        self.websockets = 0
        """How many of them asked for a WebSocket."""
        self.refuses = False
        """Whether new connections are closed at once."""
        self.swallows = False
        """Whether what the server sends is lost."""

    def retarget(self, address: str) -> None:
        """Pass new connections to a server that was started again."""
        host, _, port = address.rpartition(":")
        self._target = host, int(port)

    def cut(self) -> None:
        """Reset all connections, as a cable that is pulled and plugged in again."""
        for link in self._links:
            link.abort()
        self.swallows = False

    def stall(self) -> None:
        """Pass nothing, close nothing: as a laptop that sleeps."""
        self._flows.clear()

    def flow(self) -> None:
        """Pass bytes again."""
        self._flows.set()

    def half_close(self) -> None:
        """Tell clients that no more bytes come; theirs are still passed."""
        for link in self._links:
            with suppress(OSError):
                link.client.write_eof()
                link.is_half_closed = True

    async def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            if self.refuses:
                raise ConnectionRefusedError
            theirs, server = await asyncio.open_connection(*self._target)
        except OSError:
            client.transport.abort()
            return
        link = _Link(client, server)
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, server, self._count_request))
                group.create_task(
                    self._pass(
                        theirs, client, lambda _: not (self.swallows or link.is_half_closed)
                    )
                )
        finally:
            self._links.discard(link)
            link.abort()

    def _count_request(self, data: bytes) -> bool:
        self.websockets += data.startswith(b"GET /ws")
        return True

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        passes: Callable[[bytes], bool],
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK_BYTES):
                await self._flows.wait()
                if passes(data):
                    writer.write(data)
                    await writer.drain()
            writer.write_eof()


@asynccontextmanager
async def fault_proxy(address: str) -> AsyncIterator[FaultProxy]:
    """A proxy to the server at ``host:port``."""
    host, _, port = address.rpartition(":")
    proxy = FaultProxy(host, int(port))
    listening = socket.create_server(("127.0.0.1", 0))
    server = await asyncio.start_server(proxy._accept, sock=listening)
    proxy.address = f"127.0.0.1:{listening.getsockname()[1]}"
    try:
        yield proxy
    finally:
        proxy.flow()
        proxy.cut()
        server.close()
        await server.wait_closed()

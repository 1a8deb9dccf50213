"""
A proxy before PostgreSQL that counts round trips, and can delay bytes or cut connections.

It reads the messages of clients: https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_STARTUP = 196_608
# A client waits for an answer after Sync and after a simple query.
_ENDS_OF_TRIPS = b"SQ"


class PostgresProxy:
    """
    Forwards connections to a server, in threads.

    Args:
        url: The server's address, and what to put behind the proxy's own.

    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self._listening = socket.create_server(("127.0.0.1", 0))
        user = f"{parts.username}@" if parts.username else ""
        port = self._listening.getsockname()[1]
        self.url = parts._replace(netloc=f"{user}127.0.0.1:{port}").geturl()
        self.delay_seconds = 0.0
        """How long each piece of bytes is held, in each direction."""
        self.round_trips = 0
        self.cuts: Callable[[bytes], bool] = lambda message: False
        """Asked for each message of a client: whether the connection is cut at it."""
        self.loses_what_is_cut = False
        """Whether what a connection is cut at doesn't reach the server."""
        self.passes = threading.Event()
        """Nothing is forwarded while it is not set, as if the server hung."""
        self.passes.set()
        self.held = 0
        """How many pieces of bytes wait for that."""
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Cut everything."""
        # Closing alone doesn't end an accept() that another thread is in.
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.passes.set()
        self.cut()

    def cut(self) -> None:
        """Cut all connections."""
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(self._server)
                for one in (client, server):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets += [client, server]
                for target, ends in ((self._up, (client, server)), (self._down, (server, client))):
                    threading.Thread(target=target, args=ends, daemon=True).start()

    def _pass(self) -> None:
        if not self.passes.is_set():
            self.held += 1
            self.passes.wait()
        time.sleep(self.delay_seconds)

    def _down(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError), source, target:
            while data := source.recv(65_536):
                self._pass()
                target.sendall(data)

    def _up(self, source: socket.socket, target: socket.socket) -> None:
        unread, started = b"", False
        with suppress(OSError), source, target:
            while data := source.recv(65_536):
                self._pass()
                unread += data
                is_cut = False
                while (message := _message(unread, started)) is not None:
                    unread = unread[len(message) :]
                    if started:
                        self.round_trips += message[:1] in _ENDS_OF_TRIPS
                        is_cut = is_cut or self.cuts(message)
                    started |= int.from_bytes(message[4:8]) == _STARTUP
                if not (is_cut and self.loses_what_is_cut):
                    target.sendall(data)
                if is_cut:
                    # To close it doesn't end a recv() that the other thread is in, nor does the
                    # server hear of it before that ends.
                    for one in (source, target):
                        one.shutdown(socket.SHUT_RDWR)
                    return


def _message(data: bytes, started: bool) -> bytes | None:
    """The first complete message: before the start-up is over, messages have no type byte."""
    kind = 1 if started else 0
    if len(data) < kind + 4:
        return None
    end = kind + int.from_bytes(data[kind : kind + 4])
    return data[:end] if len(data) >= end else None


@contextmanager
def postgres_proxy(url: str) -> Iterator[PostgresProxy]:
    """A proxy that runs until the block ends."""
    proxy = PostgresProxy(url)
    yield proxy
    proxy.close()

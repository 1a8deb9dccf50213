"""The proxy that stands for a network with a delay."""

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import Popen

from bench.machine import free_port
from bench.postgres import wait_for

DELAY_MS = 30


@contextmanager
def delayed(server: socket.socket) -> Iterator[socket.socket]:
    """A connection to a server through the proxy."""
    port, to = free_port(), str(server.getsockname()[1])
    module = ("-m", "bench.peers.delay_proxy")
    proxy = Popen([sys.executable, *module, str(port), "127.0.0.1", to, str(DELAY_MS)])
    try:
        wait_for(port)
        server.accept()[0].close()
        with socket.create_connection(("127.0.0.1", port)) as client:
            yield client
    finally:
        proxy.kill()
        proxy.wait()


def test_each_direction_is_delayed_and_nothing_else_changes():
    with socket.create_server(("127.0.0.1", 0)) as listening, delayed(listening) as client:
        server, _ = listening.accept()
        with server:
            began = time.monotonic()
            client.sendall(b"ping")
            assert server.recv(100) == b"ping"
            server.sendall(b"pong")
            assert client.recv(100) == b"pong"
            assert time.monotonic() - began >= 2 * DELAY_MS / 1_000

            client.shutdown(socket.SHUT_WR)
            assert server.recv(100) == b""

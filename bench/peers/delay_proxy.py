"""
``python -m bench.peers.delay_proxy PORT TO_HOST TO_PORT MS``: a network with a delay.

Each piece of bytes arrives so many milliseconds later, in each direction. Any number of them is
under way at the same time. Threads sleep until a piece is due: an event loop's timers are coarser.
"""

import socket
import sys
import threading
import time
from contextlib import suppress
from queue import SimpleQueue

_PIECE_BYTES = 1 << 18


def serve(port: int, server: tuple[str, int], seconds: float) -> None:
    """Accept connections, and connect each to ``server``. Runs for ever."""
    listening = socket.create_server(("127.0.0.1", port), backlog=128)
    while True:
        client, _ = listening.accept()
        distant = socket.create_connection(server)
        for one in (client, distant):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, target in ((client, distant), (distant, client)):
            _forward(source, target, seconds)


def _forward(source: socket.socket, target: socket.socket, seconds: float) -> None:
    under_way: SimpleQueue[tuple[float, bytes]] = SimpleQueue()

    def receive() -> None:
        data = b"more"
        while data:
            try:
                data = source.recv(_PIECE_BYTES)
            except OSError:
                data = b""
            under_way.put((time.monotonic() + seconds, data))

    def send() -> None:
        with suppress(OSError):
            while True:
                due, data = under_way.get()
                time.sleep(max(0.0, due - time.monotonic()))
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(data)

    for run in (receive, send):
        threading.Thread(target=run, daemon=True).start()


if __name__ == "__main__":
    port, host, to_port, milliseconds = sys.argv[1:]
    serve(int(port), (host, int(to_port)), float(milliseconds) / 1_000)

"""
``python -m bench.worker_spread``: how evenly long-lived connections spread over worker processes.

One listening socket that all accept from, beside one for each with SO_REUSEPORT; connections that
come all at once, and one after the other at a rate. Accepting one costs a worker half a
millisecond here, about what a WebSocket's handshake and join take.
"""

import argparse
import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import uvloop

from bench import machine

_BACKLOG = 2_048
_WORK_SECONDS = 0.0005


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.worker_spread")
    parser.add_argument("--connections", type=int, default=1_000)
    parser.add_argument("--rate", type=int, default=200, help="connections per second")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    print(", ".join(f"{name} {value}" for name, value in machine.describe().items()))
    for workers in (2, 4):
        for name in ("one socket", "SO_REUSEPORT"):
            for rate in (0, chosen.rate):
                for _ in range(chosen.rounds):
                    with _workers(workers, each_its_own=name == "SO_REUSEPORT") as port:
                        counts = asyncio.run(_spread(port, chosen.connections, rate))
                    each = [counts.get(number, 0) for number in range(workers)]
                    share = max(each) * workers / sum(each)
                    how = f"{rate}/s" if rate else "at once"
                    print(f"{workers} workers, {name}, {how}: {each}, largest {share:.2f} × mean")
    return 0


@contextmanager
def _workers(count: int, *, each_its_own: bool) -> Iterator[int]:
    """Processes that accept connections, each of which gets the worker's number; their port."""
    sockets = [_listen(0, shared=each_its_own)]
    port: int = sockets[0].getsockname()[1]
    if each_its_own:
        sockets += [_listen(port, shared=True) for _ in range(count - 1)]
    processes = []
    try:
        for number in range(count):
            process = os.fork()
            if not process:
                _accept(number, sockets[number % len(sockets)])
            processes.append(process)
        time.sleep(0.5)  # until all of them accept
        yield port
    finally:
        for process in processes:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        for listening in sockets:
            listening.close()


def _listen(port: int, *, shared: bool) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(_BACKLOG)
    listening.setblocking(False)
    return listening


def _accept(number: int, listening: socket.socket) -> None:
    class Accepted(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            done = time.perf_counter() + _WORK_SECONDS
            while time.perf_counter() < done:
                pass
            cast(asyncio.WriteTransport, transport).write(b"%d\n" % number)

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        await loop.create_server(Accepted, sock=listening, backlog=_BACKLOG)
        await asyncio.Event().wait()

    try:
        uvloop.run(serve())
    finally:
        os._exit(1)


async def _spread(port: int, count: int, rate: int) -> dict[int, int]:
    """Open connections and keep them; return how many each worker has."""
    counts: dict[int, int] = {}
    kept = []

    async def connect() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        kept.append(writer)
        number = int(await reader.readline())
        counts[number] = counts.get(number, 0) + 1

    began = time.perf_counter()
    connecting = []
    for number in range(count):
        if rate:
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        connecting.append(asyncio.create_task(connect()))
    await asyncio.gather(*connecting)
    for writer in kept:
        writer.transport.abort()
    return counts


if __name__ == "__main__":
    raise SystemExit(main())

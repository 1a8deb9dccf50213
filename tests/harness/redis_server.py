"""A Redis server of a test's own, which it can stop, pause and start again, empty."""

import asyncio
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.harness.patience import until


class RedisServer:
    """A server in memory on a free port."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        self._spawn()
        await until(self._answers, "redis-server to start")

    def stop(self) -> None:
        """Kill it. Idempotent."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let it answer nothing until the block ends, with its connections open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    async def asks(self, *words: str) -> bytes:
        """Send a command on a connection of its own; return the answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        parts = [b"$%d\r\n%b\r\n" % (len(word), word.encode()) for word in words]
        writer.write(b"*%d\r\n%b" % (len(words), b"".join(parts)))
        answer = await reader.readline()
        writer.close()
        return answer

    def _spawn(self) -> None:
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""],
            stdout=subprocess.DEVNULL,
        )

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(5) == b"+PONG"
        except OSError:
            return False


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A server that has not been started, and is killed at the end; skips without Redis."""
    if shutil.which("redis-server") is None:
        pytest.skip("needs redis-server")
    server = RedisServer()
    try:
        yield server
    finally:
        server.stop()

"""What happens to a database, again and again, while ``parley torture`` runs."""

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from random import Random

import psycopg

from tests.harness.patience import until
from tests.harness.postgres_proxy import PostgresProxy
from tests.harness.postgres_server import PostgresServer

_TERMINATE = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'parley'"
)


class Fault:
    """
    A fault that is repeated: a :class:`~app.torture.server_killer.ServerKiller`.

    Args:
        cause: Blocks until it is over, in a thread.

    """

    def __init__(self, cause: Callable[[], None]) -> None:
        self._cause = cause

    async def kill(self) -> int:
        """Let it happen once."""
        await asyncio.to_thread(self._cause)
        return 1


def crash(server: PostgresServer) -> Fault:
    """The database server crashes, and recovers."""

    def cause() -> None:
        server.stop("immediate")
        server.start()

    return Fault(cause)


def terminate(server: PostgresServer) -> Fault:
    """An administrator ends all connections of Parley."""

    def cause() -> None:
        server.execute(_TERMINATE)

    return Fault(cause)


def exhaust(server: PostgresServer, seconds: float) -> Fault:
    """Other programs take every connection of the server that there is, and those of Parley."""

    def cause() -> None:
        with ExitStack() as taken:
            watching = taken.enter_context(psycopg.connect(server.url(), autocommit=True))
            end = time.monotonic() + seconds
            watching.execute(_TERMINATE)
            while time.monotonic() < end:
                try:
                    taken.enter_context(psycopg.connect(server.url()))
                except psycopg.OperationalError:
                    time.sleep(0.05)

    return Fault(cause)


class CutAtCommit:
    """
    The connection is cut at a COMMIT, before or after the server has it: its outcome is unknown.

    Made before the first connection, so that it knows the names of prepared statements.
    """

    def __init__(self, proxy: PostgresProxy, rng: Random) -> None:
        self._proxy = proxy
        self._rng = rng
        self._commits: set[bytes] = set()
        self._due = False
        proxy.cuts = self._cuts

    async def kill(self) -> int:
        """Cut the connection at the next COMMIT."""
        self._proxy.loses_what_is_cut = self._rng.random() < 0.5
        self._due = True
        await until(lambda: not self._due, "a COMMIT")
        return 1

    def _cuts(self, message: bytes) -> bool:
        kind, parts = message[:1], message[5:].split(b"\0")
        if kind == b"P" and parts[1] == b"COMMIT":
            self._commits.add(parts[0])
        if not self._due or kind != b"B" or parts[1] not in self._commits:
            return False
        self._due = False
        return True

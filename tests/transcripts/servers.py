"""
Servers: ``parley serve`` over a folder of its own, or a database of its own on PostgreSQL.

With ``TEST_DATABASE_URL`` (``make test-postgres``) each server has a database there.
"""

import asyncio
import os
import re
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.transcripts.processes import Launcher, Process, until

POSTGRES = os.environ.get("TEST_DATABASE_URL", "")
SECRET = "0f4e4b7d0d4b4c0f8a5de8f7c1a2b3948576a1b2c3d4e5f60718293a4b5c6d7e"

_LISTENING = re.compile(r"^Parley is listening on http://(127\.0\.0\.1:\d+)$", re.M)

# Settings under which nobody is slowed down.
_GENEROUS = {
    "SECRET_KEY": SECRET,
    "SENDS_PER_SECOND": "0",
    "FRAMES_PER_SECOND": "0",
    "REGISTRATIONS_PER_MINUTE": "0",
    "FAILED_LOGINS_PER_MINUTE": "0",
    "MAX_CONNECTIONS_PER_USER": "0",
    "SHUTDOWN_SECONDS": "1",
}


class Server:
    """One installation, and the process that serves it."""

    def __init__(self, launcher: Launcher, folder: Path, **settings: str) -> None:
        self._launcher = launcher
        self.folder = folder
        self.environment = {
            **_GENEROUS,
            "DATA_DIR": str(folder / "data"),
            **{name.upper(): value for name, value in settings.items()},
        }
        self.address = ""
        """Host and port, while it serves."""
        self.process: Process | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        process = self.process = self._run("serve", "--port", "0")

        def listens() -> bool:
            assert process.code is None, process.err
            found = _LISTENING.search(process.out)
            if found:
                self.address = found[1]
            return found is not None

        until(listens, "the server to listen")

    def command(self, *arguments: str, stdin: str = "") -> Process:
        """Run a command with this installation's settings, and wait until it has ended."""
        process = self._run(*arguments, stdin=stdin)
        process.ended()
        return process

    def stop(self) -> None:
        """End it in good order."""
        if self.process is not None:
            self.process.signal(signal.SIGTERM)
            self.process.ended()

    def _run(self, *arguments: str, stdin: str = "") -> Process:
        return self._launcher.start(
            *arguments,
            folder=self.folder,
            environment=self.environment,
            stdin=stdin,
            logs=self.folder,
        )


@contextmanager
def serving(launcher: Launcher, folder: Path, **settings: str) -> Iterator[Server]:
    """A server with these settings, until the block ends."""
    with _database() as url:
        chosen = {**({"DATABASE_URL": url} if url else {}), **settings}
        server = Server(launcher, folder, **chosen)
        if url:
            migrated = server.command("migrate")
            assert migrated.code == 0, migrated.err
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def _database() -> Iterator[str]:
    """A database of one's own on PostgreSQL; empty where SQLite is used."""
    if not POSTGRES:
        yield ""
        return
    name = f"parley_transcript_{secrets.token_hex(6)}"
    _administer(f'CREATE DATABASE "{name}"')
    try:
        yield urlsplit(POSTGRES)._replace(scheme="postgresql", path=f"/{name}").geturl()
    finally:
        _administer(f'DROP DATABASE "{name}" WITH (FORCE)')


def _administer(statement: str) -> None:
    # Only those who test on PostgreSQL have it.
    import asyncpg

    async def run() -> None:
        url = urlsplit(POSTGRES)._replace(scheme="postgresql").geturl()
        connection = await asyncpg.connect(url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(run())

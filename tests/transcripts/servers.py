"""
Servers: ``parley serve``, each with a new folder.

With ``TEST_DATABASE_URL`` (``make test-postgres``) each has a new PostgreSQL database instead.
"""

import os
import re
import secrets
import signal
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from tests.harness.databases import administer
from tests.transcripts.processes import Launcher, Process, wait_until

POSTGRES = os.environ.get("TEST_DATABASE_URL", "")
SECRET = "0f4e4b7d0d4b4c0f8a5de8f7c1a2b3948576a1b2c3d4e5f60718293a4b5c6d7e"

_LISTENING = re.compile(r"(?:Parley is listening|Uvicorn running) on http://(127\.0\.0\.1:\d+)")

# Settings without limits.
_UNLIMITED = {
    "SECRET_KEY": SECRET,
    "SENDS_PER_SECOND": "0",
    "FRAMES_PER_SECOND": "0",
    "REGISTRATIONS_PER_MINUTE": "0",
    "FAILED_LOGINS_PER_MINUTE": "0",
    "MAX_CONNECTIONS_PER_USER": "0",
    "SHUTDOWN_SECONDS": "1",
}


class Server:
    """One installation and its server process."""

    def __init__(self, launcher: Launcher, folder: Path, settings: Mapping[str, str]) -> None:
        self._launcher = launcher
        self.folder = folder
        self.environment = {
            **_UNLIMITED,
            "DATA_DIR": str(folder / "data"),
            **{name.upper(): value for name, value in settings.items()},
        }
        self.address = ""
        """Host and port, while it runs."""
        self.process: Process | None = None

    def start(self, *, asgi: bool = False) -> None:
        """
        Start it and wait until it listens.

        Args:
            asgi: Start ``uvicorn app.main:app`` instead of ``parley serve``.

        """
        if asgi:
            arguments = ("app.main:app", "--port", "0", "--no-server-header")
            process = self.process = self._run(*arguments, module="uvicorn")
        else:
            process = self.process = self._run("serve", "--port", "0")

        def listens() -> bool:
            assert process.code is None, process.err
            found = _LISTENING.search(process.err if asgi else process.out)
            if found:
                self.address = found[1]
            return found is not None

        wait_until(listens, "the server to listen")
        # On PostgreSQL a node listens before it has reached the broker.
        wait_until(self._is_ready, "the server to be ready")

    def _is_ready(self) -> bool:
        with closing(HTTPConnection(self.address, timeout=30)) as connection:
            connection.request("GET", "/ready")
            return connection.getresponse().status == 200

    def command(self, *arguments: str, stdin: str = "") -> Process:
        """Run a command with this installation's settings and wait until it has ended."""
        process = self._run(*arguments, stdin=stdin)
        process.ended()
        return process

    def stop(self) -> None:
        """Stop it with SIGTERM."""
        if self.process is not None:
            self.process.signal(signal.SIGTERM)
            self.process.ended()

    def _run(self, *arguments: str, stdin: str = "", module: str = "app") -> Process:
        return self._launcher.start(
            *arguments,
            folder=self.folder,
            environment=self.environment,
            stdin=stdin,
            logs=self.folder,
            module=module,
        )


@contextmanager
def serving(
    launcher: Launcher, folder: Path, settings: Mapping[str, str], *, asgi: bool = False
) -> Iterator[Server]:
    """A server with these settings, stopped at the end of the block; see :meth:`Server.start`."""
    with _database() as url:
        chosen = {**({"DATABASE_URL": url} if url else {}), **settings}
        server = Server(launcher, folder, chosen)
        if url:
            migrated = server.command("migrate")
            assert migrated.code == 0, migrated.err
        server.start(asgi=asgi)
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def _database() -> Iterator[str]:
    """The URL of a new PostgreSQL database; empty if SQLite is used."""
    if not POSTGRES:
        yield ""
        return
    name = f"parley_transcript_{secrets.token_hex(6)}"
    administer(f'CREATE DATABASE "{name}"')
    try:
        yield urlsplit(POSTGRES)._replace(scheme="postgresql", path=f"/{name}").geturl()
    finally:
        administer(f'DROP DATABASE "{name}" WITH (FORCE)')

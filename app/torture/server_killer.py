"""Kills the server during a run: a server that the run starts itself, or a user's command."""

import asyncio
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import Protocol

from .api_client import TortureError

# `app` in a checkout, `parley` where it is installed.
_PACKAGE = __name__.partition(".")[0]
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
# One kill in this many hits the server while it is still starting.
_KILL_DURING_START_ONE_IN = 10


class ServerKiller(Protocol):
    """Kills and restarts the server under the clients."""

    async def kill(self) -> int:
        """
        Kill the server and make sure that it starts again; returns the number of kills.

        Raises:
            TortureError: If it can't be killed or restarted.

        """
        ...


class CommandKiller:
    """Runs a shell command that kills and restarts the server."""

    def __init__(self, command: str) -> None:
        self._command = command

    async def kill(self) -> int:
        """Run the command, and wait until it exits with 0."""
        process = await asyncio.create_subprocess_shell(self._command)
        if await process.wait():
            raise TortureError(f"{self._command!r} failed with {process.returncode}.")
        return 1


class ManagedServer:
    """
    A ``parley serve`` process on a SQLite file in a temporary directory.

    Uses the settings of the environment, except those for addresses and storage.

    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._port = _free_port()
        self._process: asyncio.subprocess.Process | None = None
        self.url = f"http://127.0.0.1:{self._port}"
        self.directory = Path(tempfile.mkdtemp(prefix="parley-torture-"))

    async def start(self) -> None:
        """
        Start the server, and wait until it listens.

        Raises:
            TortureError: If it does not start in time.

        """
        process = await self._spawn()
        assert process.stdout is not None
        try:
            async with asyncio.timeout(_START_SECONDS):
                line = await process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line.startswith(b"Parley is listening"):
            raise TortureError(f"The server does not start; see {self._log}.")

    async def kill(self) -> int:
        """Kill the server and start it again; returns the number of kills."""
        await self._kill()
        kills = 1
        while self._rng.randrange(_KILL_DURING_START_ONE_IN) == 0:
            await self._spawn()
            await asyncio.sleep(self._rng.uniform(0, 1.5))
            await self._kill()
            kills += 1
        await self.start()
        return kills

    async def stop(self) -> None:
        """
        Stop the server with SIGTERM. Idempotent.

        Raises:
            TortureError: If it had to be killed.

        """
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            raise TortureError(f"The server did not stop within {_STOP_SECONDS:.0f} s.") from None

    async def check(self) -> str | None:
        """Run ``parley check`` on the database; returns its output if it finds a problem."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", _PACKAGE, "check"),
            cwd=self.directory,
            env=self._environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        return out.decode(errors="replace").strip() if process.returncode else None

    def remove(self) -> None:
        """Remove the directory."""
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def _log(self) -> Path:
        return self.directory / "server.log"

    async def _spawn(self) -> asyncio.subprocess.Process:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", _PACKAGE, "serve", "--port", str(self._port)),
                cwd=self.directory,
                env=self._environment(),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        return self._process

    async def _kill(self) -> None:
        assert self._process is not None
        if self._process.returncode is not None:
            raise TortureError(
                f"The server exited on its own with {self._process.returncode}; see {self._log}."
            )
        self._process.kill()
        await self._process.wait()

    def _environment(self) -> dict[str, str]:
        return {
            "LOG_LEVEL": "warning",
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
            ),
            "HOST": "127.0.0.1",
            "DATA_DIR": str(self.directory),
            "DATABASE_URL": "",
            "REDIS_URL": "",
            "REGISTRATION": "open",
            "REGISTRATIONS_PER_MINUTE": "0",
        }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

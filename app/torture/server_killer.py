"""Who kills the server: a server of one's own, or somebody's command."""

import asyncio
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import Protocol

import app
from app.torture.api_client import TortureError

_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
# One kill in so many comes while the server is still starting.
_KILL_DURING_START_ONE_IN = 10


class ServerKiller(Protocol):
    """Kills the server under the clients."""

    async def kill(self) -> int:
        """Kill it now, and see to it that it starts again; answers how many kills it took."""
        ...


class CommandKiller:
    """Somebody's command, which kills and restarts their server."""

    def __init__(self, command: str) -> None:
        self._command = command

    async def kill(self) -> int:
        """Run the command to its end."""
        process = await asyncio.create_subprocess_shell(self._command)
        if await process.wait():
            raise TortureError(f"{self._command!r} failed with {process.returncode}.")
        return 1


class ManagedServer:
    """
    ``parley serve`` on a SQLite file in a directory of its own.

    Settings of the environment hold, except where it listens and what it writes to.

    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._port = _free_port()
        self._process: asyncio.subprocess.Process | None = None
        self.url = f"http://127.0.0.1:{self._port}"
        self.directory = Path(tempfile.mkdtemp(prefix="parley-torture-"))

    async def start(self) -> None:
        """
        Start it, and wait until it listens.

        Raises:
            TortureError: If it doesn't.

        """
        process = await self._spawn()
        assert process.stdout is not None
        try:
            async with asyncio.timeout(_START_SECONDS):
                line = await process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line.startswith(b"Parley is listening"):
            raise TortureError(f"The server does not start: see {self._log}.")

    async def kill(self) -> int:
        """Kill it and start it again; answers how many kills it took."""
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
        """End it as one should."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            raise TortureError(f"The server does not stop within {_STOP_SECONDS:.0f} s.") from None

    async def check(self) -> str | None:
        """What ``parley check`` finds in the database; None if all is well."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", "check"),
            cwd=self.directory,
            env=self._environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        return out.decode(errors="replace").strip() if process.returncode else None

    def remove(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def _log(self) -> Path:
        return self.directory / "server.log"

    async def _spawn(self) -> asyncio.subprocess.Process:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app", "serve", "--port", str(self._port)),
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
                f"The server ended by itself with {self._process.returncode}: see {self._log}."
            )
        self._process.kill()
        await self._process.wait()

    def _environment(self) -> dict[str, str]:
        return {
            "LOG_LEVEL": "warning",
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                [str(Path(app.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
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

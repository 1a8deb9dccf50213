"""A PostgreSQL server of the test's own, which it may stop, kill and configure."""

import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

_START_SECONDS = "60"


class PostgresServer:
    """
    A cluster in a temporary directory, on a port of its own. Its superuser is ``postgres``.

    Args:
        settings: Of the server, ``name=value``.
        primary: The server of which it is a replica, which must be running.

    """

    def __init__(
        self,
        programs: Path,
        settings: Sequence[str] = (),
        *,
        primary: "PostgresServer | None" = None,
    ) -> None:
        self._programs = programs
        self.directory = Path(tempfile.mkdtemp(prefix="parley-postgres-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres", "postgres")
        if primary is None:
            self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        else:
            # With -R it knows what it is a replica of.
            primary_url = primary.url("replication")
            self._run("pg_basebackup", "-R", "-c", "fast", "--no-sync", "-d", primary_url)
        lines = [
            "listen_addresses = '127.0.0.1'",
            f"port = {self.port}",
            "unix_socket_directories = ''",
        ]
        with (self.data / "postgresql.conf").open("a") as file:
            file.write("\n".join([*lines, *settings, ""]))

    @property
    def data(self) -> Path:
        """The cluster's directory, with its configuration."""
        return self.directory / "data"

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """The address of one of its databases."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        log = str(self.directory / "log")
        self._run("pg_ctl", "-l", log, "-w", "-t", _START_SECONDS, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it, and wait until it has ended: ``fast``, or ``immediate`` as by a crash."""
        self._run("pg_ctl", "-m", mode, "-w", "-t", _START_SECONDS, "stop")

    def execute(self, statement: str, *, database: str = "postgres") -> list[Any]:
        """Execute a statement outside of a transaction; return its rows."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            found = connection.execute(statement)  # type: ignore[arg-type]
            return found.fetchall() if found.description else []

    def reload(self, *settings: str, first_rule: str = "") -> None:
        """
        Let it read its configuration anew, with these settings added.

        Args:
            first_rule: A line for the beginning of ``pg_hba.conf``.

        """
        with (self.data / "postgresql.conf").open("a") as file:
            file.write("\n".join([*settings, ""]))
        rules = self.data / "pg_hba.conf"
        rules.write_text(f"{first_rule}\n{rules.read_text()}")
        self._run("pg_ctl", "reload")

    def promote(self) -> None:
        """Make a replica the server that is written to, and wait until it is."""
        self._run("pg_ctl", "-w", "-t", _START_SECONDS, "promote")

    def remove(self) -> None:
        """Stop it if it runs, and remove its directory."""
        with open(os.devnull, "wb") as nowhere:
            subprocess.run(
                self._command("pg_ctl", "-m", "immediate", "stop"),
                stderr=nowhere,
                stdout=nowhere,
                check=False,
                **as_postgres(),
            )
        shutil.rmtree(self.directory)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            self._command(program, *arguments),
            check=True,
            stdout=subprocess.DEVNULL,
            **as_postgres(),
        )

    def _command(self, program: str, *arguments: str) -> list[str]:
        return [str(self._programs / program), "-D", str(self.data), *arguments]


def as_postgres() -> dict[str, Any]:
    """Arguments of ``Popen`` for programs that refuse to run as root."""
    if os.geteuid() != 0:
        return {}
    found = pwd.getpwnam("postgres")
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": [], "cwd": "/"}


def programs() -> Path | None:
    """Where PostgreSQL's programs are: on Debian not in the path."""
    if (found := shutil.which("initdb")) is not None:
        return Path(found).resolve().parent
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    return Path(folders[-1]).parent if folders else None


@contextmanager
def postgres_server(
    *settings: str, primary: PostgresServer | None = None
) -> Iterator[PostgresServer]:
    """A server that runs until the block ends. Skips the test where PostgreSQL isn't installed."""
    if (where := programs()) is None:
        pytest.skip("PostgreSQL's initdb is not installed")
    server = PostgresServer(where, settings, primary=primary)
    try:
        server.start()
        yield server
    finally:
        server.remove()

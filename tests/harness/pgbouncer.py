"""A pgbouncer, configured as the documentation says, before a PostgreSQL of the test's own."""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness.postgres_server import PostgresServer, as_postgres

_START_SECONDS = 20.0


@contextmanager
def pgbouncer(server: PostgresServer, mode: str, connections: int) -> Iterator[int]:
    """
    The port of a pgbouncer that runs until the block ends; skips the test if it isn't installed.

    Its one database is ``parley``.

    Args:
        mode: ``session`` or ``transaction``.
        connections: To the server, for all clients together.

    """
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("pgbouncer is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    users = server.directory / "users"
    users.write_text('"postgres" ""\n')
    file = server.directory / f"pgbouncer-{mode}.ini"
    file.write_text(
        _configuration(
            {
                "parley": f"host=127.0.0.1 port={server.port} user=postgres",
                "listen_port": str(port),
                "auth_type": "trust",
                "auth_file": str(users),
                "pool_mode": mode,
                "default_pool_size": str(connections),
            }
        )
    )
    process = subprocess.Popen(
        [program, "--quiet", str(file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **as_postgres(),
    )
    try:
        _wait(port)
        yield port
    finally:
        process.kill()
        process.wait()


def _configuration(own: Mapping[str, str]) -> str:
    """The file that the documentation shows, with values of this machine."""
    page = Path(__file__).parents[2] / "docs" / "operations.md"
    shown = re.search(r"^```ini\n(\[databases\].*?)^```", page.read_text(), re.M | re.S)
    assert shown is not None, "docs/operations.md shows no pgbouncer.ini"
    text = shown[1]
    for name, value in own.items():
        text, found = re.subn(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.M)
        assert found == 1, name
    return text


def _wait(port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return

"""A pgbouncer before a PostgreSQL server of the test's own."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.harness.postgres_server import PostgresServer, as_postgres

_START_SECONDS = 20.0


@contextmanager
def pgbouncer(server: PostgresServer, mode: str, connections: int) -> Iterator[int]:
    """
    The port of a pgbouncer that runs until the block ends; skips the test if it isn't installed.

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
        f"""
[databases]
* = host=127.0.0.1 port={server.port} user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = {mode}
default_pool_size = {connections}
server_login_retry = 1
"""
    )
    process = subprocess.Popen(
        [program, "--quiet", str(file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **as_postgres(),
    )
    try:
        _wait(f"postgresql://postgres@127.0.0.1:{port}/postgres")
        yield port
    finally:
        process.kill()
        process.wait()


def _wait(url: str) -> None:
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return

"""
A PostgreSQL that can't be used: one sentence at the start, a word in ``/ready`` while running.

The server comes back by itself when what is wrong is put right.
"""

import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from tests.crash.postgres_env import DATABASE, ParleyOn
from tests.harness.patience import patience
from tests.harness.postgres_server import PostgresServer, postgres_server
from tests.harness.socket_client import Frame, SocketClient

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

ANA = "ana"
RIGHTS = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
TERMINATE = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'parley'"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a self-made certificate for 127.0.0.1, its key, and another certificate."""
    folder = tmp_path_factory.mktemp("tls")
    for name in ("server", "other"):
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
                *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
                *("-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt")),
            ],
            check=True,
            stderr=subprocess.DEVNULL,
        )
    return folder


@pytest.fixture(scope="module")
def postgres(certificate: Path) -> Iterator[PostgresServer]:
    """A server with TLS, on which ana needs a password."""
    with postgres_server() as server:
        for name in ("server.crt", "server.key"):
            file = server.data / name
            file.write_bytes((certificate / name).read_bytes())
            file.chmod(0o600)
            owner = server.data.stat()
            subprocess.run(["chown", f"{owner.st_uid}:{owner.st_gid}", str(file)], check=True)
        server.execute(f"CREATE ROLE {ANA} LOGIN PASSWORD 'right'")
        server.reload("ssl = on", first_rule=f"host all {ANA} 127.0.0.1/32 scram-sha-256")
        yield server


@pytest.fixture
async def installed(postgres: PostgresServer, tmp_path: Path) -> PostgresServer:
    """A new installation on the server, which ana may use."""
    await ParleyOn(postgres, tmp_path).install()
    postgres.execute(f"GRANT {RIGHTS} TO {ANA}", database=DATABASE)
    postgres.execute(
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {ANA}", database=DATABASE
    )
    return postgres


def of_ana(postgres: PostgresServer, password: str = "right", query: str = "") -> str:
    return f"postgresql://{ANA}:{password}@127.0.0.1:{postgres.port}/{DATABASE}{query}"


# At the start


async def refusal(postgres: PostgresServer, folder: Path, url: str) -> str:
    """The one sentence with which `parley serve` refuses a database. Nothing else is said."""
    server = ParleyOn(postgres, folder, url=url)
    server.process = server._spawn()
    try:
        assert await server.ended(60) != 0
    finally:
        server.process.kill()
    said = server.log.splitlines()
    assert len(said) == 1, server.log
    return said[0]


@contextmanager
def silent_port() -> Iterator[int]:
    """A port on which connections are accepted and nothing is answered."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.mark.parametrize(
    ("prepare", "password", "query", "sentence"),
    [
        pytest.param("", "wrong", "", "password authentication failed", id="password"),
        pytest.param(f"REVOKE {RIGHTS} FROM {ANA}", "right", "", "permission denied", id="rights"),
        pytest.param(
            f"REVOKE SELECT ON meta FROM {ANA}",
            *("right", "", "permission denied for table meta"),
            id="rights on one table",
        ),
        pytest.param(
            f"ALTER ROLE {ANA} CONNECTION LIMIT 0",
            *("right", "", "too many connections for role"),
            id="connections",
        ),
        pytest.param(
            "UPDATE alembic_version SET version_num = '9999'",
            *("right", "", "was made by a newer Parley: its schema 9999"),
            id="a newer schema",
        ),
        pytest.param(
            "UPDATE alembic_version SET version_num = '0001'",
            *("right", "", "is at schema 0001, and this Parley needs schema"),
            id="an older schema",
        ),
        pytest.param(
            "", "right", "?sslmode=verify-full&sslrootcert={other}", "certificate", id="TLS"
        ),
    ],
)
async def test_one_sentence_at_the_start_says_what_is_wrong(
    installed: PostgresServer,
    certificate: Path,
    tmp_path: Path,
    prepare: str,
    password: str,
    query: str,
    sentence: str,
) -> None:
    if prepare:
        installed.execute(prepare, database=DATABASE)
    url = of_ana(installed, password, query.format(other=certificate / "other.crt"))
    try:
        said = await refusal(installed, tmp_path, url)
    finally:
        installed.execute(f"ALTER ROLE {ANA} CONNECTION LIMIT -1")

    assert sentence in said
    assert password not in said


async def test_the_sentence_names_a_database_that_is_not_there(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    said = await refusal(postgres, tmp_path, postgres.url("nothing"))

    assert 'database "nothing" does not exist' in said


async def test_the_sentence_names_a_server_that_is_not_there_or_hangs(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    with silent_port() as port:
        hangs = f"postgresql://postgres@127.0.0.1:{port}/parley?connect_timeout=2"
        assert "timeout" in await refusal(postgres, tmp_path, hangs)
    gone = f"postgresql://postgres@127.0.0.1:{port}/parley"
    (tmp_path / "gone").mkdir()

    assert "Connection refused" in await refusal(postgres, tmp_path / "gone", gone)


async def test_a_server_with_a_certificate_that_is_known_is_used(
    installed: PostgresServer, certificate: Path, tmp_path: Path
) -> None:
    query = f"?sslmode=verify-full&sslrootcert={certificate / 'server.crt'}"
    async with serving(installed, tmp_path, of_ana(installed, query=query)) as server:
        await ready_says(server, "ok")


async def test_a_read_only_replica_is_refused_at_the_start(
    tmp_path: Path,
) -> None:
    with postgres_server() as primary:
        await ParleyOn(primary, tmp_path).install()
        with postgres_server(primary=primary) as replica:
            said = await refusal(primary, tmp_path, replica.url(DATABASE))
            assert "it is a replica, which can't be written to" in said


# While running


@asynccontextmanager
async def serving(postgres: PostgresServer, folder: Path, url: str) -> AsyncIterator[ParleyOn]:
    async with AsyncExitStack() as stack:
        server = ParleyOn(postgres, folder, url=url)
        await server.start()
        stack.push_async_callback(server.stop)
        await ready_says(server, "ok")
        yield server


async def ready_says(server: ParleyOn, state: str) -> None:
    """Wait until ``/ready`` says this of the database, with the status that belongs to it."""
    client, seen = server.client(), set()
    async with patience(lambda: f"{state!r} in /ready, which said {seen}"):
        while True:
            response = await client.get("/ready", timeout=30)
            said = response.json()
            seen.add(said["database"])
            if said["database"] == state and (said["status"] == "ok") == (state == "ok"):
                assert response.status_code == (200 if state == "ok" else 503)
                return


async def send(socket: SocketClient, text: str) -> Frame:
    """The reply to a message, which is sent again while the reply is that it is unavailable."""
    async with patience("an acknowledgement"):
        while (reply := await socket.answer(await socket.sends("send", text=text)))[
            "type"
        ] != "ack":
            assert reply["code"] == "unavailable", reply
        return reply


def before_connections(*statements: str) -> Callable[[PostgresServer], object]:
    """Execute these, and end all connections: what was changed counts for new ones."""

    def breaks(server: PostgresServer) -> None:
        for one in (*statements, TERMINATE):
            server.execute(one)

    return breaks


def statement(sql: str, database: str = "postgres") -> Callable[[PostgresServer], object]:
    return lambda server: server.execute(sql, database=database)


def rename(server: PostgresServer) -> None:
    """Give the database another name, which is possible while none is connected to it."""
    server.execute("ALTER DATABASE parley ALLOW_CONNECTIONS false")
    server.execute(TERMINATE)
    server.execute("ALTER DATABASE parley RENAME TO elsewhere")
    server.execute("ALTER DATABASE elsewhere ALLOW_CONNECTIONS true")


@pytest.mark.parametrize(
    ("state", "breaks", "mends"),
    [
        pytest.param(
            "log-in refused",
            before_connections(f"ALTER ROLE {ANA} PASSWORD 'new'"),
            statement(f"ALTER ROLE {ANA} PASSWORD 'right'"),
            id="password",
        ),
        pytest.param(
            "too many connections",
            before_connections(f"ALTER ROLE {ANA} CONNECTION LIMIT 0"),
            statement(f"ALTER ROLE {ANA} CONNECTION LIMIT -1"),
            id="connections",
        ),
        pytest.param(
            "not permitted",
            statement(f"REVOKE {RIGHTS} FROM {ANA}", DATABASE),
            statement(f"GRANT {RIGHTS} TO {ANA}", DATABASE),
            id="rights",
        ),
        pytest.param(
            "no such database",
            rename,
            statement("ALTER DATABASE elsewhere RENAME TO parley"),
            id="database",
        ),
        pytest.param(
            "unreachable", lambda server: server.stop("fast"), lambda server: server.start(),
            id="stopped",
        ),
    ],
)  # fmt: skip
async def test_ready_says_what_is_wrong_until_it_is_put_right(
    installed: PostgresServer,
    tmp_path: Path,
    state: str,
    breaks: Callable[[PostgresServer], object],
    mends: Callable[[PostgresServer], object],
) -> None:
    async with serving(installed, tmp_path, of_ana(installed)) as server:
        ana = await server.person("ana")
        socket = await server.joins(ana, "general")
        breaks(installed)
        try:
            await ready_says(server, state)
        finally:
            mends(installed)
        await ready_says(server, "ok")

        assert (await send(socket, "again"))["type"] == "ack"
        assert "Traceback" not in server.log


async def test_a_failover_to_a_synchronous_replica_loses_nothing(tmp_path: Path) -> None:
    with postgres_server() as primary:
        await ParleyOn(primary, tmp_path).install()
        with postgres_server(primary=primary) as replica:
            primary.reload("synchronous_standby_names = '*'")
            url = (
                f"postgresql://postgres@127.0.0.1:{primary.port},127.0.0.1:{replica.port}"
                f"/{DATABASE}?target_session_attrs=read-write"
            )
            async with serving(primary, tmp_path, url) as server:
                ana = await server.person("ana")
                socket = await server.joins(ana, "general")
                acks = [await send(socket, f"text {n}") for n in range(20)]
                primary.stop("immediate")
                await ready_says(server, "unreachable")

                replica.promote()

                await ready_says(server, "ok")
                acks.append(await send(socket, "after"))
                stored = replica.execute(
                    "SELECT id & 4294967295 FROM events WHERE type = 'message.created'"
                    " ORDER BY id",
                    database=DATABASE,
                )
        assert [seq for (seq,) in stored] == [ack["seq"] for ack in acks]
        assert "Traceback" not in server.log

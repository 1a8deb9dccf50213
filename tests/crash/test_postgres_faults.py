"""Parley on a PostgreSQL that fails again and again: every promise is kept."""

import logging
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from app.torture.plan import Plan
from app.torture.report import Verdict
from app.torture.run import torture
from app.torture.server_killer import ServerKiller
from tests.crash.database_faults import CutAtCommit, crash, exhaust, terminate
from tests.crash.postgres_env import DATABASE, ParleyOn
from tests.harness.pgbouncer import pgbouncer
from tests.harness.postgres_proxy import postgres_proxy
from tests.harness.postgres_server import PostgresServer, postgres_server

log = logging.getLogger(__name__)

pytestmark = [pytest.mark.crash, pytest.mark.timeout(3_600)]


def often(short: int, long: int) -> pytest.MarkDecorator:
    """So many times in CI, and in ``make test-hard``."""
    return pytest.mark.parametrize("times", [short, pytest.param(long, marks=pytest.mark.hard)])


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server("max_connections = 30") as server:
        yield server


async def run(
    server: ParleyOn, killer: ServerKiller, times: int, kill_every: float = 1.0
) -> Verdict:
    """Torture a new installation while ``killer`` does its work, and check the server's log."""
    await server.install()
    await server.start()
    try:
        plan = Plan(seed=times, clients=12, users=6, rooms=3, kills=times, kill_every=kill_every)
        verdict = await torture([f"http://{server.address}"], plan, killer=killer)
    finally:
        await server.stop()
    for line in verdict.lines():
        log.info(line)
    assert verdict.good, "\n".join(verdict.lines())
    assert verdict.history.counts["kills"] >= times
    assert "Traceback" not in server.log, server.log
    return verdict


@often(3, 50)
async def test_a_database_server_that_crashes(
    tmp_path: Path, postgres: PostgresServer, times: int
) -> None:
    await run(ParleyOn(postgres, tmp_path), crash(postgres), times, kill_every=3.0)


@often(5, 120)
async def test_connections_that_are_terminated(
    tmp_path: Path, postgres: PostgresServer, times: int
) -> None:
    await run(ParleyOn(postgres, tmp_path), terminate(postgres), times)


@often(20, 200)
async def test_connections_that_are_cut_at_commit(
    tmp_path: Path, postgres: PostgresServer, times: int
) -> None:
    with postgres_proxy(postgres.url(DATABASE)) as proxy:
        killer = CutAtCommit(proxy, Random(times))
        server = ParleyOn(postgres, tmp_path, url=proxy.url)
        await run(server, killer, times, kill_every=0.3)


@often(2, 20)
async def test_connections_that_run_out(
    tmp_path: Path, postgres: PostgresServer, times: int
) -> None:
    await run(ParleyOn(postgres, tmp_path), exhaust(postgres, seconds=2.0), times, kill_every=3.0)


@pytest.mark.parametrize("mode", ["session", "transaction"])
@often(3, 60)
async def test_a_pooler_before_a_server_that_terminates_connections(
    tmp_path: Path, postgres: PostgresServer, mode: str, times: int
) -> None:
    with pgbouncer(postgres, mode, connections=20 if mode == "session" else 6) as port:
        url = f"postgresql://postgres@127.0.0.1:{port}/{DATABASE}"
        killer = terminate(postgres)
        await run(ParleyOn(postgres, tmp_path, url=url), killer, times)

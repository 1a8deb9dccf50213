"""``parley serve --workers 2`` on PostgreSQL: real processes, which are killed and restarted."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest

from tests.harness.patience import until
from tests.harness.postgres_server import PostgresServer, postgres_server
from tests.harness.process import START_SECONDS
from tests.workers.workers_env import ROOM, Talk, Workers, is_running

pytestmark = pytest.mark.crash

SHUTDOWN_SECONDS = 20
PEOPLE = ["ana", "ben", "cyd", "dan"]


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
async def server(
    request: pytest.FixtureRequest, tmp_path: Path, postgres: PostgresServer
) -> AsyncIterator[Workers]:
    """Two workers that have been started, and four members of the room."""
    seconds = getattr(request, "param", SHUTDOWN_SECONDS)
    server = Workers(postgres, tmp_path, workers=2, shutdown_seconds=seconds)
    await server.install()
    try:
        await server.start()
        for name in PEOPLE:
            socket = await server.joins(await server.person(name), ROOM)
            await socket.hang_up()
        yield server
    finally:
        await server.stop()
    assert "Traceback" not in server.log


async def test_both_workers_serve_and_hear_each_other(server: Workers) -> None:
    ana = await server.person("ana")
    sockets = [await server.joins(ana, ROOM)]
    while not all((await server.sockets()).values()):
        assert len(sockets) < 64
        sockets.append(await server.joins(ana, ROOM))

    await sockets[0].ask("send", text="hi")

    for each in sockets:
        assert (await each.hears("message.created"))["text"] == "hi"
    assert server.log.count("Parley is listening on") == 1
    assert server.log.count("server.started worker=") == 2
    for each in sockets:
        await each.hang_up()


async def test_the_metrics_are_those_of_all_workers(server: Workers) -> None:
    ana = await server.person("ana")
    async with AsyncExitStack() as stack:
        for _ in range(12):
            socket = await server.joins(ana, ROOM)
            stack.push_async_callback(socket.hang_up)
        await socket.ask("send", text="hi")

        samples = await server.metrics()

        def total(name: str, *labels: str) -> float:
            found = [(name, *labels, worker) for worker in ("1", "2")]
            return sum(samples[each] for each in found)

        assert total("parley_connections", "websocket") == 12
        # Four have joined, and one has said something.
        assert total("parley_committed_events_total") == len(PEOPLE) + 1
        assert total("parley_commit_seconds_count") == total("parley_commits_total", "committed")
        assert total("parley_commit_seconds_bucket", "+Inf") == total(
            "parley_commit_seconds_count"
        )
        assert total("parley_logins_total", "succeeded") == len(PEOPLE) + 1
        assert total("parley_worker_up") == 2
        assert total("parley_worker_crashes_total") == 0


async def test_a_worker_that_is_killed_is_replaced_and_nothing_is_lost(server: Workers) -> None:
    talk = Talk(server.address, PEOPLE)

    async with talk.going_on():
        for number in (1, 2):
            pid = server.signal_worker(number, signal.SIGKILL)
            await server.replaces(number, pid)
            await talk.goes_on()

    assert talk.violations() == []
    assert server.log.count("worker.ended") == 2
    samples = await server.metrics()
    assert samples["parley_worker_crashes_total", "1"] == 1
    assert samples["parley_worker_up", "1"] == 1


async def test_a_frozen_worker_is_killed_and_replaced_and_nothing_is_lost(server: Workers) -> None:
    talk = Talk(server.address, PEOPLE)

    async with talk.going_on():
        frozen = server.signal_worker(1, signal.SIGSTOP)
        await server.replaces(1, frozen)
        await talk.goes_on()

    assert talk.violations() == []
    assert f"worker.silent pid={frozen}" in server.log
    assert not is_running(frozen)
    assert (await server.metrics())["parley_worker_crashes_total", "1"] == 1


async def test_sighup_restarts_one_after_the_other_and_no_connection_is_refused(
    server: Workers,
) -> None:
    talk = Talk(server.address, PEOPLE)
    before = server.pids
    restarted = asyncio.Event()

    async def ask_again_and_again() -> int:
        asked = 0
        while not restarted.is_set():
            asked += 1
            answer = await asyncio.to_thread(
                httpx2.get, f"http://{server.address}/health", trust_env=False, timeout=60
            )
            assert answer.status_code == 200
        return asked

    async with talk.going_on():
        asking = asyncio.create_task(ask_again_and_again())
        server.signal(signal.SIGHUP)
        await until(lambda: "workers.restarted" in server.log, "the restart", 2 * START_SECONDS)
        restarted.set()
        assert await asking > 0

    assert talk.violations() == []
    assert not {*before.values()} & {*server.pids.values()}
    assert not any(map(is_running, before.values()))
    # The second one's turn came when the first one had ended.
    lines = [
        line
        for line in server.log.splitlines()
        if "server.stopped" in line or "worker.started" in line
    ]
    assert ["stopped" in line for line in lines[-4:]] == [False, True, False, True]
    assert "worker.ended" not in server.log


async def test_sigterm_drains_all_workers_in_time(server: Workers) -> None:
    ana = await server.person("ana")
    sockets = [await server.joins(ana, ROOM) for _ in range(8)]
    before = server.pids.values()
    began = asyncio.get_running_loop().time()

    server.signal(signal.SIGTERM)

    assert await server.ended(START_SECONDS) == 0
    assert asyncio.get_running_loop().time() - began < SHUTDOWN_SECONDS
    for each in sockets:
        assert (await each.is_closed())[0] == 4200
    assert not any(map(is_running, before))
    assert server.log.count("server.stopped") == 2


@pytest.mark.parametrize("server", [1], indirect=True, ids=["SHUTDOWN_SECONDS=1"])
async def test_a_frozen_worker_delays_the_end_no_longer_than_it_may(server: Workers) -> None:
    frozen = server.signal_worker(1, signal.SIGSTOP)

    server.signal(signal.SIGTERM)

    assert await server.ended(START_SECONDS) == 0
    assert f"worker.killed pid={frozen}" in server.log
    assert not is_running(frozen)


async def test_a_second_signal_ends_it_at_once(server: Workers) -> None:
    frozen = server.signal_worker(1, signal.SIGSTOP)

    server.signal(signal.SIGTERM)
    await until(lambda: "server.stopped" in server.log, "the other worker to end")
    server.signal(signal.SIGINT)

    assert await server.ended(START_SECONDS) == 0
    assert not is_running(frozen)


async def test_workers_end_when_their_supervisor_is_killed(server: Workers) -> None:
    workers = server.pids.values()

    server.kill()

    await until(lambda: not any(map(is_running, workers)), "the workers to end", START_SECONDS)
    assert server.log.count("server.stopped") == 2


async def test_a_replacement_that_cannot_start_leaves_the_other_worker_alone(
    server: Workers, postgres: PostgresServer
) -> None:
    """Nothing was said about an old one: it goes on."""
    before = server.pids
    postgres.execute("ALTER TABLE alembic_version RENAME TO away", database="parley")

    server.signal(signal.SIGHUP)

    await until(lambda: "workers.restart_ended" in server.log, "the end", START_SECONDS)
    assert server.pids == before
    assert server.log.count("worker.not_started") == 1
    async with server.client() as client:
        assert (await client.get("/health")).status_code == 200


async def test_a_worker_that_cannot_start_ends_the_command_with_its_sentence(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    server = Workers(postgres, tmp_path, workers=2)
    postgres.execute("DROP DATABASE IF EXISTS parley WITH (FORCE)")
    postgres.execute("CREATE DATABASE parley")
    server.process = server._spawn()
    try:
        status = await server.ended(START_SECONDS)
    finally:
        await server.stop()

    (sentence,) = server.log.splitlines()
    assert status == 1
    assert "parley migrate" in sentence

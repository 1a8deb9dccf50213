"""``/metrics``: who may read it, and that what happens is counted."""

import pytest
from httpx2 import ASGITransport, AsyncClient

from app.broker.base import DEAF
from app.broker.memory import MemoryBroker, MemoryBus
from app.domain.errors import Unavailable
from app.store.database import Database
from tests.api.metrics_env import scrape
from tests.harness.databases import GatedDatabase
from tests.harness.server import HOST, Server, open_server

TOKEN = "0f8a7c3e91d24b6586ab1c9d7e2f4053b8c6d1e09a7f3b52"


# Who may read it


async def status(server: Server, *, address: str = "203.0.113.7", **headers: str | bytes) -> int:
    transport = ASGITransport(server.app, client=(address, 4321))
    async with AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
        answer = await client.get("/metrics", headers=headers)
        other = await client.get("/nothing")
    if answer.status_code == 404:
        assert answer.json() == other.json()
    return answer.status_code


async def test_in_development_everybody_may_read_it(server: Server) -> None:
    assert await status(server) == 200


async def test_in_production_nobody_may_by_default(database: Database) -> None:
    async with open_server(database, environment="production") as server:
        assert await status(server) == 404
        assert await status(server, authorization="Bearer ") == 404
        assert await status(server, address="127.0.0.1") == 404


@pytest.mark.parametrize("environment", ["development", "production"])
async def test_a_token_is_enough_and_needed(database: Database, environment: str) -> None:
    async with open_server(database, environment=environment, metrics_token=TOKEN) as server:
        assert await status(server, authorization=f"Bearer {TOKEN}") == 200
        assert await status(server, authorization=f"bearer {TOKEN}") == 200
        assert await status(server, authorization=f"Bearer {TOKEN}x") == 404
        assert await status(server, authorization=f"Basic {TOKEN}") == 404
        assert await status(server, authorization=b"Bearer \xe9") == 404
        assert await status(server) == 404


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.1.2.3", 200),
        ("::ffff:10.1.2.3", 200),
        ("2001:db8::5", 200),
        ("11.1.2.3", 404),
        ("2001:db9::5", 404),
        ("a socket", 404),
    ],
)
async def test_a_listed_address_needs_no_token(
    database: Database, address: str, expected: int
) -> None:
    listed = ("10.0.0.0/8", "2001:db8::/32")
    async with open_server(
        database, environment="production", metrics_allowed_ips=listed
    ) as server:
        assert await status(server, address=address) == expected


async def test_openmetrics_is_spoken_to_those_who_ask_for_it(server: Server) -> None:
    wanted = "application/openmetrics-text;version=1.0.0"

    answer = await server.client.get("/metrics", headers={"Accept": wanted})

    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    assert answer.headers["Cache-Control"] == "no-store"


# What is counted


async def test_connections_deliveries_and_commits_are_counted(server: Server) -> None:
    before = await scrape(server.client)
    ana, bo = await server.joins("ana", "general"), await server.joins("bo", "general")
    await ana.ask("send", text="hi")
    await bo.hears("message.created")
    during = await scrape(server.client)
    await bo.hang_up()
    after = await scrape(server.client)

    def grew(*sample: str) -> float:
        return during[sample] - before.get(sample, 0)

    # Both join the room, too.
    assert grew("parley_committed_events_total") == 3
    assert grew("parley_commits_total", "committed") == 3
    assert grew("parley_commit_appends_bucket", "1.0") == 3
    assert grew("parley_commit_seconds_count") == 3
    assert grew("parley_deliveries_total") > grew("parley_delivered_events_total") > 0
    assert grew("parley_fanout_lag_seconds_count") > 0
    assert during["parley_rooms_warm",] == 1
    assert during["parley_connections", "asgi"] == 2
    assert after["parley_connections", "asgi"] == 1
    assert after["parley_connections_closed_total", "client"] == 1


async def test_a_failed_commit_and_the_queue_behind_it_are_counted(
    gated: GatedDatabase,
) -> None:
    async with open_server(gated) as server:
        ana = await server.joins("ana", "general")
        await gated.quiet()
        gated.fails_with = Unavailable()
        await ana.ask("send", text="x")
        gated.fails_with = None

        samples = await scrape(server.client)

    assert samples["parley_commits_total", "failed"] == 1
    assert samples["parley_commit_failures_in_a_row",] == 1
    assert samples["parley_queued_appends",] == 0


async def test_log_ins_and_limits_that_were_hit_are_counted(database: Database) -> None:
    # So slow that none comes back during the test, however long it takes.
    limits = {
        "messages": {"sends_per_second": 0.001, "send_burst": 1},
        "realtime": {"frames_per_second": 0.001, "frame_burst": 3},
    }
    async with open_server(database, failed_logins_per_minute=1, limits=limits) as server:
        account = {"username": "ana", "password": "correct horse battery"}
        await server.client.post("/users", json=account)
        await server.client.post("/token", data=account)
        for _ in range(2):
            await server.client.post("/token", data={**account, "password": "wrong"})
        bo = await server.joins("bo", "general")
        for _ in range(4):
            await bo.ask("send", text="x")

        samples = await scrape(server.client)

    assert samples["parley_logins_total", "succeeded"] == 1
    assert samples["parley_logins_total", "failed"] == 1
    assert samples["parley_logins_total", "limited"] == 1
    assert samples["parley_sends_limited_total",] == 2
    assert samples["parley_frames_limited_total",] == 1


async def test_replays_are_counted_by_where_they_were_read(server: Server) -> None:
    ana = await server.joins("ana", "general")
    await ana.ask("send", text="hi")
    before = await scrape(server.client)

    await server.joins("bo", "general", since=1)
    await server.joins("eve", "general")

    after = await scrape(server.client)
    for source in ("memory", "database"):
        assert (
            after["parley_replay_pages_total", source]
            > before["parley_replay_pages_total", source]
        )


async def test_the_broker_is_seen(database: Database) -> None:
    bus = MemoryBus()
    here, there = MemoryBroker(bus), MemoryBroker(bus)
    async with (
        open_server(database, broker=here) as server,
        open_server(database, broker=there) as other,
    ):
        other.shares_people_with(server)
        await server.joins("ana", "general")
        there.fault = DEAF

        samples = await scrape(other.client)

    assert samples["parley_broker_state", "deaf"] == 1
    assert samples["parley_broker_state", "ok"] == 0
    assert samples["parley_broker_received_total",] > 0


async def test_what_waits_for_the_database_is_seen(gated: GatedDatabase) -> None:
    async with open_server(gated) as server:
        samples = await scrape(server.client)

    pools = {sample[1] for sample in samples if sample[0] == "parley_database_threads"}
    assert {"write", "read"} <= pools
    assert all(samples["parley_database_waiting_transactions", pool] == 0 for pool in pools)
    assert samples["parley_database_fault",] == 0

"""
nginx and Caddy, with the files of ``deploy/``, before two real nodes on one PostgreSQL database.

A client comes from an address of its own, 127.0.0.7, so that it can be told from the proxy.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pytest
from httpx2 import AsyncClient

from app.domain.connection_limits import HEARTBEAT_SECONDS, MAX_BODY_BYTES
from tests.deploy.proxies import Proxy, caddy, free_ports, nginx
from tests.harness.databases import migrate, postgres_database
from tests.harness.patience import patience, until
from tests.harness.process import Process

pytestmark = [pytest.mark.postgres_only, pytest.mark.slow]
CLIENT = "127.0.0.7"
SPOOFED = "203.0.113.9"


class Site(NamedTuple):
    """Two nodes, and both proxies before them."""

    a: Process
    b: Process
    nginx: Proxy
    caddy: Proxy

    def proxy(self, name: str) -> Proxy:
        return self.nginx if name == "nginx" else self.caddy


@pytest.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with postgres_database(migrated=False) as url:
        await migrate(url)
        async with AsyncExitStack() as stack:
            nodes = []
            # Of its own, so that the proxies find a node that has been started again.
            for name, port in zip("ab", free_ports(), strict=True):
                (folder / name).mkdir()
                node = Process(folder / name, database_url=url, port=port)
                stack.push_async_callback(node.stop)
                nodes.append(node)
            await asyncio.gather(*(node.start() for node in nodes))
            addresses = [node.address for node in nodes]
            yield Site(
                *nodes,
                nginx=await stack.enter_async_context(nginx(folder / "nginx", addresses)),
                caddy=await stack.enter_async_context(caddy(folder / "caddy", addresses)),
            )


both = pytest.mark.parametrize("name", ["nginx", "caddy"])


def answered(node: Process, path: str) -> int:
    """How many requests for a path a node has answered."""
    return len(re.findall(rf"request\.done .*path={path}(?: |$)", node.log, re.M))


# When an nginx closes an idle connection: before a first ping, and after it.
IMPATIENT_SECONDS = 2
PATIENT_SECONDS = 35


@both
async def test_a_socket_is_upgraded_and_talks(site: Site, name: str) -> None:
    proxy, (ana, ben) = site.proxy(name), (await site.a.person("ana"), await site.b.person("ben"))
    on_one, on_other = await proxy.joins(ana, "general"), await proxy.joins(ben, "general")

    said = await on_one.ask("send", text=f"through {name}")

    await on_other.hears_until(said["seq"])
    assert on_other.texts[-1] == f"through {name}"
    for client in (on_one, on_other):
        await client.socket.hang_up()


@both
async def test_nodes_take_turns(site: Site, name: str) -> None:
    proxy, ana = site.proxy(name), await site.a.person("ana")
    before = [answered(node, "/users/me") for node in site[:2]]

    async with proxy.client() as client:
        for _ in range(10):
            assert (await client.get("/users/me", headers=ana.bearer)).status_code == 200
    await until(lambda: sum(answered(node, "/users/me") for node in site[:2]) == sum(before) + 10)

    assert [
        answered(node, "/users/me") - was for node, was in zip(site[:2], before, strict=True)
    ] == [5, 5]


@both
async def test_an_event_arrives_at_once_on_a_stream(site: Site, name: str) -> None:
    """Nothing comes after it that could push it out of a buffer."""
    proxy, ana = site.proxy(name), await site.a.person("ana")
    headers = {**ana.bearer, "Accept": "text/event-stream"}
    async with site.a.client() as direct, proxy.client() as client:
        room = f"/rooms/stream-{name}"
        made = await direct.post(
            "/rooms",
            headers=ana.bearer,
            json={"name": f"stream-{name}", "title": "Stream", "kind": "public"},
        )
        assert made.status_code == 201, made.text
        async with client.stream("GET", f"{room}/events", headers=headers) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = stream.aiter_lines()
            for number in range(3):
                body = {"text": f"event {number}"}
                sent = await direct.post(f"{room}/messages", headers=ana.bearer, json=body)
                assert sent.status_code == 201, sent.text
                async with patience("the event"):
                    await read_text(lines, f"event {number}")


@both
async def test_a_node_believes_the_address_that_the_proxy_forwards(site: Site, name: str) -> None:
    """And the proxy forwards the address of the connection, whatever the client has sent."""
    await site.proxy(name).curl(
        "/token",
        *("--interface", CLIENT, "--header", f"X-Forwarded-For: {SPOOFED}"),
        *("--data", f"username=eve-{name}&password=guess"),
    )

    line = await failed_login(site, f"eve-{name}")
    assert f"address={CLIENT}" in line
    assert SPOOFED not in line


async def test_a_node_does_not_believe_who_is_no_proxy(site: Site) -> None:
    """FORWARDED_ALLOW_IPS has 127.0.0.1 alone."""
    process = await asyncio.create_subprocess_exec(
        *("curl", "--silent", "--interface", CLIENT),
        *("--header", f"X-Forwarded-For: {SPOOFED}"),
        *("--data", "username=eve-direct&password=guess"),
        f"http://{site.a.address}/token",
        stdout=asyncio.subprocess.DEVNULL,
    )
    await process.wait()

    line = await failed_login(site, "eve-direct")
    assert f"address={CLIENT}" in line
    assert SPOOFED not in line


async def failed_login(site: Site, user: str) -> str:
    """The line of a failed log-in, from either node."""

    def lines() -> list[str]:
        return re.findall(rf"^.*login\.failed .*{user}.*$", site.a.log + site.b.log, re.M)

    await until(lines, "the failed log-in")
    return lines()[0]


@both
async def test_bodies_reach_parley_up_to_its_own_limit(site: Site, name: str) -> None:
    proxy, ana = site.proxy(name), await site.a.person("ana")
    answers = []
    async with proxy.client() as client:
        for size in (MAX_BODY_BYTES - 1_000, MAX_BODY_BYTES + 1_000):
            answers.append(
                await client.post(
                    "/rooms/general/messages",
                    headers=ana.bearer,
                    json={"text": "x" * size},
                )
            )

    # Parley's own answers, not the proxy's.
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (422, "invalid"),
        (413, "too_large"),
    ]


@both
async def test_the_proxy_speaks_http_2(site: Site, name: str) -> None:
    printed = await site.proxy(name).curl(
        "/health", "--http2", "--write-out", "\n%{http_version} %{http_code}"
    )

    assert printed.endswith("\n2 200")


@both
async def test_no_token_of_a_query_is_logged(site: Site, name: str) -> None:
    proxy, ana = site.proxy(name), await site.a.person("ana")

    client = await proxy.joins(ana, "general", token_in_query=True)
    await client.socket.hang_up()

    await until(lambda: "/ws/general" in proxy.log.read_text(), "the proxy's log")
    assert ana.token not in proxy.log.read_text()


async def test_idle_connections_outlive_the_time_out_of_the_proxy(
    site: Site, tmp_path: Path
) -> None:
    """One nginx closes what has been idle for 35 s; another after 2 s, before any ping."""
    assert IMPATIENT_SECONDS < HEARTBEAT_SECONDS < PATIENT_SECONDS
    ana, nodes = await site.b.person("ana"), [site.a.address, site.b.address]
    idle = {"proxy_read_timeout 75s": f"proxy_read_timeout {PATIENT_SECONDS}s"}
    hasty = {"proxy_read_timeout 75s": f"proxy_read_timeout {IMPATIENT_SECONDS}s"}
    stream = {"Accept": "text/event-stream", **ana.bearer}
    async with (
        nginx(tmp_path / "idle", nodes, idle) as patient,
        nginx(tmp_path / "hasty", nodes, hasty) as impatient,
        patient.client() as http,
        http.stream("GET", "/rooms/general/events", headers=stream, timeout=None) as events,
    ):
        socket, cut = await patient.joins(ana, "general"), await impatient.joins(ana, "general")
        reading = asyncio.create_task(read_text(events.aiter_lines(), "still here"))
        assert await cut.is_closed() == (None, "")

        # Longer than the time-out, without a message.
        ended = asyncio.create_task(socket.socket.connection.wait_closed())
        done, _ = await asyncio.wait((ended, reading), timeout=PATIENT_SECONDS + 10)
        assert not done
        said = await socket.ask("send", text="still here")

        await socket.hears_until(said["seq"])
        async with patience("the event"):
            await reading
        ended.cancel()


async def read_text(lines: AsyncIterator[str], text: str) -> None:
    """Read a stream until it has an event with this text."""
    async for line in lines:
        if line.startswith("data: ") and json.loads(line[6:]).get("text") == text:
            return
    raise AssertionError("the stream has ended")


@both
async def test_a_node_that_stops_costs_no_message(site: Site, name: str) -> None:
    """Clients come back on the other node. A request is answered, or 503, and can be repeated."""
    proxy = site.proxy(name)
    ana, room = await site.b.person("ana"), f"restart-{name}"
    async with proxy.client() as client:
        made = await client.post(
            "/rooms",
            headers=ana.bearer,
            json={"name": room, "title": "Restart", "kind": "public"},
        )
        assert made.status_code == 201, made.text
    on_a = await site.a.joins(ana, room)

    stopping = asyncio.create_task(site.a.stop())
    texts, statuses = [], []
    async with proxy.client() as client:
        while not stopping.done() or len(texts) < 20:
            texts.append(f"text {len(texts)}")
            statuses += await sends(client, room, ana.bearer, texts[-1])
    await stopping
    code, _ = await on_a.is_closed()
    since = on_a.sequence.cursors[room]
    back = await proxy.joins(ana, room, since=since)

    assert code == 4200
    assert set(statuses) <= {201, 503}, statuses
    assert on_a.texts + back.texts == texts
    await back.socket.hang_up()
    await site.a.start()


async def sends(client: AsyncClient, room: str, bearer: dict[str, str], text: str) -> list[int]:
    """Send a message until it is acknowledged; return the statuses of the answers."""
    statuses: list[int] = []
    headers = {**bearer, "Idempotency-Key": str(uuid4())}
    async with patience(lambda: f"an acknowledgement; answered {statuses[-5:]}"):
        while 201 not in statuses:
            answer = await client.post(
                f"/rooms/{room}/messages", headers=headers, json={"text": text}
            )
            statuses.append(answer.status_code)
    return statuses

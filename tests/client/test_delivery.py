"""Nothing lost, nothing doubled, order kept: a real server, through a network with faults."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from random import Random

import pytest

from parley_client import Client, Limits, MemoryCursors, MessageCreated, Room
from tests.client.conftest import NewClient
from tests.client.fault_proxy import FaultProxy, fault_proxy
from tests.client.scripted_server import QUICK
from tests.harness.patience import patience, until
from tests.harness.process import PASSWORD, Login, Process

pytestmark = pytest.mark.sqlite_only


async def texts(room: Room, count: int) -> list[str]:
    """The next messages of a room, which come without gaps."""
    found: list[str] = []
    async with patience(lambda: f"{count} messages; there are {found}"):
        while len(found) < count:
            event = await anext(room)
            if isinstance(event, MessageCreated):
                assert event.text is not None
                found.append(event.text)
    return found


async def stored(process: Process, who: Login, room: str) -> list[str]:
    """The texts in a room's log."""
    found: list[str] = []
    since = 0
    while True:
        answer = await process.client().get(
            f"/rooms/{room}/events", params={"since": since, "limit": 1000}, headers=who.bearer
        )
        page = answer.json()
        found += [event["text"] for event in page["events"] if event["type"] == "message.created"]
        if not page["has_more"]:
            return found
        since = page["events"][-1]["seq"]


async def _head(process: Process, who: Login, room: str, seq: int) -> None:
    """Wait until the room has an event with this number."""
    answer = await process.client().get(
        f"/rooms/{room}/events", params={"since": seq - 1, "wait": 30}, headers=who.bearer
    )
    assert answer.json()["events"]


async def test_messages_are_stored_in_the_order_of_the_calls(
    client_of: NewClient, process: Process, ana: Login, room: str
) -> None:
    async with client_of(ana) as chat:
        listening = chat.room(room)
        acks = await asyncio.gather(*(chat.send(room, f"{number}") for number in range(50)))

        assert [ack.seq for ack in acks] == sorted(ack.seq or 0 for ack in acks)
        assert await texts(listening, 50) == [f"{number}" for number in range(50)]


async def test_a_lost_ack_sends_nothing_twice(
    client_of: NewClient, proxy: FaultProxy, process: Process, ana: Login, room: str
) -> None:
    async with client_of(ana) as chat:
        proxy.swallows = True
        sending = asyncio.create_task(chat.send(room, "once"))
        await _head(process, ana, room, 2)
        proxy.cut()
        ack = await sending

        assert ack.duplicate
        assert await stored(process, ana, room) == ["once"]


async def test_what_is_sent_offline_is_sent_later(
    client_of: NewClient, proxy: FaultProxy, process: Process, ana: Login, room: str
) -> None:
    async with client_of(ana) as chat:
        proxy.refuses = True
        proxy.cut()
        await until(lambda: not chat.is_connected)
        sending = [asyncio.create_task(chat.send(room, f"{number}")) for number in range(3)]
        seen = proxy.connections
        await until(lambda: proxy.connections > seen + 1, "attempts to connect")
        proxy.refuses = False
        await asyncio.gather(*sending)

        assert await stored(process, ana, room) == ["0", "1", "2"]


async def test_what_was_said_meanwhile_comes_once(
    client_of: NewClient, proxy: FaultProxy, process: Process, ana: Login, room: str
) -> None:
    bo = await process.person("bob")
    other = Client(f"http://{process.address}", "bob", PASSWORD, trust_env=False)
    async with client_of(ana) as chat, other:
        other.room(room)
        listening = chat.room(room)
        await other.send(room, "before")
        assert await texts(listening, 1) == ["before"]
        for number in range(5):
            proxy.refuses = True
            proxy.cut()
            await until(lambda: not chat.is_connected)
            await other.send(room, f"{number}")
            proxy.refuses = False

        assert await texts(listening, 5) == [f"{number}" for number in range(5)]
        assert await stored(process, bo, room) == ["before", *(f"{n}" for n in range(5))]


async def test_a_half_closed_connection_is_replaced(
    client_of: NewClient, process: Process, proxy: FaultProxy, ana: Login, room: str
) -> None:
    async with client_of(ana) as chat:
        proxy.stall()
        sending = asyncio.create_task(chat.send(room, "through"))
        proxy.half_close()
        await until(lambda: not chat.is_connected)
        proxy.flow()

        await sending
        assert await stored(process, ana, room) == ["through"]


async def test_an_application_that_restarts_goes_on_where_it_was(
    client_of: NewClient, ana: Login, room: str
) -> None:
    cursors = MemoryCursors()
    async with client_of(ana, cursors=cursors) as chat:
        listening = chat.room(room)
        await until(lambda: listening.live)
    async with client_of(ana) as chat:
        for number in range(3):
            await chat.send(room, f"{number}")

    async with client_of(ana, cursors=cursors) as chat:
        assert await texts(chat.room(room), 2) == ["0", "1"]
    async with client_of(ana, cursors=cursors) as chat:
        # "1" was not handled yet when the first of the two clients was closed.
        assert await texts(chat.room(room), 2) == ["1", "2"]


async def test_a_slow_application_leaves_the_rest_on_the_server(
    client_of: NewClient, ana: Login, room: str
) -> None:
    limits = Limits(buffered_events=10)
    async with client_of(ana, limits=limits) as chat:
        for number in range(100):
            await chat.send(room, f"{number}")
        listening = chat.room(room, since=0)
        await until(lambda: listening.caught_up)

        assert len(listening._buffer) == 10
        assert await texts(listening, 100) == [f"{number}" for number in range(100)]


@pytest.mark.slow
async def test_a_reconnect_keeps_below_the_rate_limits(
    process: Process, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rates = {"sends_per_second": 50, "send_burst": 10, "frames_per_second": 80}
    limited = Process(tmp_path_factory.mktemp("limited"), **rates)
    await limited.start()
    try:
        ana = await limited.person("ana")
        async with (
            fault_proxy(limited.address) as proxy,
            Client(f"http://{proxy.address}", "ana", PASSWORD, limits=QUICK) as chat,
        ):
            chat.room("general")
            sending = [asyncio.create_task(chat.send("general", f"{n}")) for n in range(60)]
            await sending[5]
            proxy.cut()
            await asyncio.gather(*sending)

            assert await stored(limited, ana, "general") == [f"{number}" for number in range(60)]
            assert "rate_limited" not in limited.log
    finally:
        await limited.stop()


@pytest.mark.slow
async def test_a_server_that_is_killed_and_started_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    server = Process(tmp_path_factory.mktemp("killed"))
    await server.start()
    try:
        ana = await server.person("ana")
        async with (
            fault_proxy(server.address) as proxy,
            Client(f"http://{proxy.address}", "ana", PASSWORD, limits=QUICK) as chat,
        ):
            listening = chat.room("general")
            await chat.send("general", "before")
            server.kill()
            sending = asyncio.create_task(chat.send("general", "meanwhile"))
            await server.start()
            proxy.retarget(server.address)
            await sending

            assert await texts(listening, 2) == ["before", "meanwhile"]
            assert await stored(server, ana, "general") == ["before", "meanwhile"]
    finally:
        await server.stop()


async def _faults(proxy: FaultProxy, rng: Random, reconnects: int) -> AsyncIterator[None]:
    """Break the connection again and again, each time in another way."""
    while proxy.websockets <= reconnects:
        await asyncio.sleep(rng.uniform(0.001, 0.02))
        match rng.randrange(4):
            case 0:
                proxy.cut()
            case 1:
                proxy.half_close()
            case 2:
                proxy.swallows = True
                await asyncio.sleep(rng.uniform(0.001, 0.01))
                proxy.cut()
            case 3:
                proxy.stall()
                await asyncio.sleep(rng.uniform(0.001, 0.02))
                proxy.flow()
        yield


async def _hear(listening: Room, count: int) -> list[str]:
    """The texts of the next messages."""
    found: list[str] = []
    while len(found) < count:
        event = await anext(listening)
        if isinstance(event, MessageCreated):
            found.append(event.text or "")
    return found


@pytest.mark.parametrize(
    ("clients", "sends", "reconnects"),
    [
        pytest.param(1, 300, 30, id="some"),
        pytest.param(1, 2_000, 200, id="many", marks=pytest.mark.slow),
        pytest.param(
            *(10, 2_000, 10_000), id="all", marks=[pytest.mark.hard, pytest.mark.timeout(2_400)]
        ),
    ],
)
async def test_faults_lose_and_double_nothing(
    process: Process,
    proxy: FaultProxy,
    client_of: NewClient,
    ana: Login,
    room: str,
    clients: int,
    sends: int,
    reconnects: int,
) -> None:
    rooms = [room, *(f"{room}-{number}" for number in range(1, clients))]
    for name in rooms[1:]:
        asked = {"name": name, "kind": "public"}
        await process.client().post("/rooms", json=asked, headers=ana.bearer)
    expected = [f"{number}" for number in range(sends)]

    broken = asyncio.Event()
    step = max(1, sends // reconnects)

    async def send(chat: Client, name: str) -> None:
        # As many at a time as keep the sender busy until the last fault.
        for start in range(0, sends, step):
            await asyncio.gather(*(chat.send(name, t) for t in expected[start : start + step]))
            due = start * reconnects // sends
            await until(lambda d=due: broken.is_set() or proxy.websockets >= d, seconds=600)

    async with AsyncExitStack() as stack:
        chats = [
            await stack.enter_async_context(client_of(ana, limits=QUICK)) for _ in range(clients)
        ]
        talks = list(zip(chats, rooms, strict=True))
        hearing = [asyncio.create_task(_hear(chat.room(name), sends)) for chat, name in talks]
        for chat, name in talks:
            await until(lambda c=chat, n=name: c._open.is_live(n))
        sending = [asyncio.create_task(send(chat, name)) for chat, name in talks]
        async for _ in _faults(proxy, Random(14), reconnects):
            pass
        broken.set()
        async with patience("the rest to be sent", 600):
            await asyncio.gather(*sending)
            heard = await asyncio.gather(*hearing)

    assert heard == [expected] * clients
    for name in rooms:
        assert await stored(process, ana, name) == expected

"""
A thousand clients come back at the same moment, each with a hundred messages to catch up.

In the hard form the bound of the time is that of the figure; a busy machine may take longer.
"""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.harness.crowd import Member
from tests.harness.patience import PATIENCE_SECONDS
from tests.harness.process import Process

pytestmark = [pytest.mark.crash, pytest.mark.sqlite_only, pytest.mark.timeout(300)]

TOKEN = secrets.token_hex(32)
ROOMS = 10
BACKLOG = 100
USERS = 20
BACK_SECONDS = 10.0
_READ_OF_DATABASE = re.compile(r'^parley_replay_pages_total\{source="database"\} (\d+)', re.M)


@asynccontextmanager
async def running(tmp_path: Path) -> AsyncIterator[Process]:
    server = Process(tmp_path, log_level="warning", metrics_token=TOKEN)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def pages_read(server: Process) -> int:
    """Pages of missed events that were read of the database."""
    async with server.client() as client:
        answer = await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    found = _READ_OF_DATABASE.search(answer.text)
    assert found is not None, answer.text
    return int(found[1])


async def crowd_of(server: Process, clients: int) -> list[Member]:
    """So many members, of some users, in some rooms; not connected."""
    people = [await server.person(f"person-{n}") for n in range(USERS)]
    async with server.client() as client:
        for number in range(ROOMS):
            room = {"name": f"room-{number}", "kind": "public"}
            answer = await client.post("/rooms", json=room, headers=people[0].bearer)
            assert answer.status_code == 201, answer.text
    return [Member(people[n % USERS].token, f"room-{n % ROOMS}") for n in range(clients)]


async def talk(server: Process) -> dict[str, int]:
    """Write what those who are away miss; return the head of each room."""
    who = await server.person("person-0")
    writer = await server.connects(who)
    heads = {}
    for number in range(ROOMS):
        room = f"room-{number}"
        asked = [await writer.sends("send", room=room, text=f"{n}") for n in range(BACKLOG)]
        heads[room] = max([(await writer.answer(id))["seq"] for id in asked])
    await writer.hang_up()
    return heads


@pytest.mark.parametrize(
    ("clients", "seconds"),
    [(100, PATIENCE_SECONDS), pytest.param(1_000, BACK_SECONDS, marks=pytest.mark.hard)],
)
@pytest.mark.parametrize("restarted", [False, True], ids=["dropped", "restarted"])
async def test_all_come_back_at_once(
    tmp_path: Path,
    clients: int,
    seconds: float,
    restarted: bool,
    report: Callable[[str], None],
) -> None:
    async with running(tmp_path) as server:
        crowd = await crowd_of(server, clients)
        for start in range(0, clients, 50):
            some = crowd[start : start + 50]
            await asyncio.gather(*(member.connect(server.address) for member in some))
        assert [member.failure for member in crowd if member.failure] == []
        if not restarted:
            for member in crowd:
                member.drop()
        heads = await talk(server)
        if restarted:
            # They have heard it, and come with what they had before.
            cursors = {room: head - BACKLOG for room, head in heads.items()}
            server.kill()
            await server.start()
            for member in crowd:
                member.cursor = cursors[member.room]
        read, loop = await pages_read(server), asyncio.get_running_loop()

        began = loop.time()
        async with asyncio.timeout(PATIENCE_SECONDS * 2):
            await asyncio.gather(*(member.connect(server.address) for member in crowd))
        took = loop.time() - began

        read = await pages_read(server) - read
        report(
            f"{clients} clients back in {took:.1f} s, {BACKLOG} messages each, {read} pages read"
        )
        for member in crowd:
            member.drop()
    assert [member.failure for member in crowd if member.failure] == []
    assert all(member.cursor >= heads[member.room] for member in crowd)
    assert took <= seconds
    assert read <= ROOMS
    assert "Traceback" not in server.log

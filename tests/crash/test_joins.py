"""
Clients join while others write: where the replay ends and what is live begins, nothing is missing
and nothing comes twice.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.crash.test_kill import on_disk
from tests.harness.patience import patience
from tests.harness.process import Login, Process
from tests.harness.socket_client import SocketClient

pytestmark = [pytest.mark.crash, pytest.mark.sqlite_only, pytest.mark.timeout(1_800)]

JOINERS = 16
WRITERS = 3
# One in so many joins is of a new connection, which joins with its path.
OF_A_NEW_CONNECTION = 4


class Joiners:
    """Clients that join and leave, and what they have heard."""

    def __init__(self, server: Process, joins: int) -> None:
        self._server = server
        self._left = joins
        self.done = 0
        self.replayed = 0
        self.live = 0
        self.heard: dict[int, tuple[str, str]] = {}
        """By seq: the author and the text, which are the same for all."""

    async def run(self, who: Login, rng: Random) -> None:
        """Join until all joins are done. The order of what comes is checked by the client."""
        client, cursor = await self._server.connects(who), 0
        while self._left > 0:
            self._left -= 1
            # None: the newest messages. Else some that were heard already, or the next one.
            since = None if rng.random() < 0.2 else max(0, cursor - rng.randrange(40))
            if rng.randrange(OF_A_NEW_CONNECTION) == 0:
                await client.hang_up()
                client = await self._server.connects(who, "general", since=since)
            else:
                await client.sends("join", room="general", since=since)
            cursor = await self._listen(client, rng.randrange(4))
            await client.ask("leave", room="general")
            self._note(client)
            self.done += 1
        await client.hang_up()

    async def _listen(self, client: SocketClient, live: int) -> int:
        """Catch up, and hear so many events more; return the last seq."""
        self.replayed += len(await client.catches_up()) - 1
        for _ in range(live):
            await client.hears("message.created")
        self.live += live
        return client.sequence.cursors["general"]

    def _note(self, client: SocketClient) -> None:
        for event in client.events:
            if event["type"] == "message.created":
                content = event["by"], event["text"]
                assert self.heard.setdefault(event["seq"], content) == content
        client.forget()


async def write(server: Process, who: Login, over: asyncio.Event) -> None:
    client = await server.connects(who, "general")
    number = 0
    while not over.is_set():
        number += 1
        answer = await client.ask("send", text=f"{who.name} {number}")
        assert answer["type"] == "ack", answer
        client.forget()
    await client.hang_up()


@pytest.mark.parametrize("joins", [500, pytest.param(10_000, marks=pytest.mark.hard)])
async def test_joins_while_others_write(
    tmp_path: Path, joins: int, report: Callable[[str], None]
) -> None:
    server, over, rng = Process(tmp_path, log_level="warning"), asyncio.Event(), Random(7)
    await server.start()
    try:
        people = [await server.person(f"person-{n}") for n in range(WRITERS)]
        joiners = Joiners(server, joins)
        async with asyncio.TaskGroup() as group:
            for who in people:
                group.create_task(write(server, who, over))
            async with patience("all joins", 1_500):
                async with asyncio.TaskGroup() as joining:
                    for number in range(JOINERS):
                        who = people[number % WRITERS]
                        joining.create_task(joiners.run(who, Random(rng.random())))
            over.set()
    finally:
        await server.stop()

    stored, _, _, verdict = on_disk(server.database_file)
    on_file = {message.seq: (message.by, message.text) for message in stored}
    report(
        f"{joiners.done} joins, {joiners.replayed} events replayed, {joiners.live} heard live,"
        f" {len(stored)} messages written meanwhile"
    )
    assert verdict == "ok"
    assert joiners.done >= joins
    assert joiners.replayed > joins
    assert joiners.live > joins / 2
    assert joiners.heard.items() <= on_file.items()
    assert "Traceback" not in server.log

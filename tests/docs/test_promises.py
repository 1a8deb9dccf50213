"""
The six promises of the README, one end-to-end test each.

The README links to these tests. The parts that a promise depends on have tests of their own.
"""

import json
import sys
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from websockets.sync.client import connect

from app.domain.appends import Mute, Remove
from app.store.database import Database
from tests.docs.terminal import PATIENCE_SECONDS, Terminal
from tests.harness.server import Server, open_server
from tests.harness.socket_client import together

PASSWORD = "correct horse battery"


async def test_all_clients_receive_the_same_order(server: Server) -> None:
    people = [await server.joins(name, "general") for name in ("ana", "bo", "cleo")]
    start = people[-1].sequence.cursors["general"]

    for number in range(20):
        await together(*(person.sends("send", text=f"{number}") for person in people))

    # Each client checks that there are no gaps and no duplicates.
    heard = [
        [event for event in await person.hears_until(start + 60) if event["seq"] > start]
        for person in people
    ]
    assert heard[0] == heard[1] == heard[2]
    for person in people:
        own = [e["text"] for e in heard[0] if e["by"] == person.name]
        assert own == [f"{number}" for number in range(20)]


@pytest.mark.sqlite_only
@pytest.mark.slow
def test_an_acknowledged_message_survives_a_kill(tmp_path: Path) -> None:
    serve = (sys.executable, "-m", "app", "serve")
    server = Terminal(*serve, cwd=tmp_path)
    url = server.shows().rpartition(" ")[2]
    token = _register(url, "ana")
    with connect(f"ws{url[4:]}/ws/general?token={token}") as ana:
        ana.send(json.dumps({"type": "send", "id": "a", "text": "on disk"}))
        ack = _frame(ana, "ack")
        server.kill()

    server = Terminal(*serve, cwd=tmp_path)
    url = server.shows().rpartition(" ")[2]
    with connect(f"ws{url[4:]}/ws/general?token={token}&since=0") as ana:
        said = _frame(ana, "message.created")
    assert server.stop() == 0

    assert (said["seq"], said["text"], said["at"]) == (ack["seq"], "on disk", ack["at"])


async def test_a_retry_is_stored_once_whatever_has_changed(server: Server) -> None:
    await server.room("den", owner="ana", members=["bo"])
    id = str(uuid4())
    bo = await server.joins("bo", "den")
    first = await bo.ask("send", id=id, text="hi")
    await bo.hang_up()
    await server.append(Mute, "den", by="ana", user=(await server.person("bo")).user, on=True)

    bo = await server.joins("bo", "den")
    again = await bo.ask("send", id=id, text="hi")

    assert again == {**first, "duplicate": True}
    assert bo.texts == ["hi"]
    assert (await bo.ask("send", text="something new"))["code"] == "muted"


async def test_a_client_that_was_away_gets_everything_once(server: Server) -> None:
    ana = await server.joins("ana", "general")
    bo = await server.joins("bo", "general", since=0)
    cursor = bo.sequence.cursors["general"]
    await bo.hang_up()
    for number in range(120):
        await ana.ask("send", text=f"{number}")

    bo = await server.joins("bo", "general", since=cursor)
    await ana.ask("send", text="live again")

    assert (await bo.hears("message.created"))["text"] == "live again"
    assert bo.texts == [*(f"{number}" for number in range(120)), "live again"]
    assert [event["seq"] for event in bo.events] == list(range(cursor + 1, cursor + 122))


async def test_a_slow_reader_is_disconnected_and_loses_nothing(database: Database) -> None:
    async with open_server(database, max_unsent_bytes=65_536) as server:
        ana = await server.joins("ana", "general")
        bo = await server.joins("bo", "general", fast=True)
        cursor = bo.sequence.cursors["general"]

        bo.socket.stop_taking()
        for number in range(40):
            await ana.ask("send", text=f"{number}".ljust(4_000, "."))
        bo.socket.take()
        code, _reason = await bo.is_closed()
        back = await server.joins("bo", "general", since=cursor)

        assert code == 4102
        assert len(bo.texts) < len(ana.texts) == 40
        assert back.texts == ana.texts


async def test_access_ends_at_the_event_that_ends_it(server: Server) -> None:
    await server.room("den", owner="ana", members=["bo"])
    ana = await server.joins("ana", "den")
    bo = await server.joins("bo", "den")
    await ana.ask("send", text="before")

    await server.append(Remove, "den", by="ana", user=(await server.person("bo")).user)
    await ana.ask("send", text="after")

    assert (await bo.is_closed())[0] == 4003
    assert [frame["type"] for frame in bo.heard[-2:]] == ["member.left", "removed"]
    assert bo.texts[-1] == "before"
    assert ana.texts[-1] == "after"


async def test_revoking_a_session_closes_its_connections(server: Server) -> None:
    here, there = await server.person("ana"), await server.logs_in("ana")
    line, other = await server.joins(here, "general"), await server.joins(there, "general")

    await server.logs_out(here)

    assert (await line.is_closed())[0] == 4001
    assert (await other.ask("ping"))["type"] == "pong"


def _register(url: str, name: str) -> str:
    with httpx2.Client(base_url=url, timeout=PATIENCE_SECONDS, trust_env=False) as client:
        account = {"username": name, "password": PASSWORD}
        assert client.post("/users", json=account).status_code == 201
        token: str = client.post("/token", data=account).json()["access_token"]
        return token


def _frame(socket: object, kind: str) -> dict[str, object]:
    """The next frame of this type."""
    while True:
        frame: dict[str, object] = json.loads(socket.recv(timeout=PATIENCE_SECONDS))
        if frame["type"] == kind:
            return frame

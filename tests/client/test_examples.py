"""The examples, as they are: each in a process of its own, against a real server."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from parley_client import Event, MemberUpdated, MessageCreated, MessageDeleted
from tests.client.conftest import NewClient
from tests.harness.patience import patience, until
from tests.harness.process import PASSWORD, Login, Process

pytestmark = pytest.mark.sqlite_only

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


@asynccontextmanager
async def example(
    name: str, process: Process, who: str, folder: Path, **environment: str
) -> AsyncIterator[None]:
    """Run an example as this user."""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLES / name)),
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "clients" / "python"),
            "PARLEY_URL": f"http://{process.address}",
            "PARLEY_USER": who,
            "PARLEY_PASSWORD": PASSWORD,
            **environment,
        },
    )
    try:
        yield
        assert running.returncode is None
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


async def _event(events: AsyncIterator[object], fits: Callable[[Event], bool], what: str) -> Event:
    async with patience(what):
        async for event in events:
            if isinstance(event, Event) and fits(event):
                return event
    raise AssertionError(what)


def test_an_example_is_short() -> None:
    files = sorted(EXAMPLES.glob("*.py"))

    assert [file.name for file in files] == [
        "echo_bot.py",
        "moderation_bot.py",
        "webhook_bridge.py",
    ]
    for file in files:
        assert len(file.read_text().splitlines()) <= 30, file.name


async def test_the_echo_bot_answers(
    process: Process, ana: Login, room: str, client_of: NewClient, tmp_path: Path
) -> None:
    bot = await process.person("echo-example")
    async with (
        client_of(ana) as chat,
        example("echo_bot.py", process, bot.name, tmp_path, PARLEY_ROOM=room),
    ):
        listening = chat.room(room)
        await _event(
            listening, lambda e: e.type == "member.joined" and e.by == bot.name, "the bot"
        )
        sent = await chat.send(room, "anyone?")
        answer = await _event(listening, lambda e: e.by == bot.name, "an answer")

    assert isinstance(answer, MessageCreated)
    assert (answer.text, answer.reply_to) == ("anyone?", sent.seq)


@pytest.mark.slow
async def test_the_webhook_bridge_sends_once(
    process: Process, ana: Login, room: str, client_of: NewClient, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"http://127.0.0.1:{port}"

    async def post(path: str) -> httpx2.Response | None:
        try:
            async with httpx2.AsyncClient(trust_env=False, timeout=30) as http:
                key = {"Idempotency-Key": "deploy-1"}
                return await http.post(url + path, content="Deployed 1.2.3", headers=key)
        except httpx2.ConnectError:
            return None

    async with (
        client_of(ana) as chat,
        example("webhook_bridge.py", process, ana.name, tmp_path, PORT=f"{port}"),
    ):
        listening = chat.room(room)
        async with patience("the bridge"):
            while (first := await post(f"/{room}")) is None:  # noqa: ASYNC110 - of a process
                await asyncio.sleep(0.05)
        again, nowhere = await post(f"/{room}"), await post("/nowhere")
        said = await _event(listening, lambda e: isinstance(e, MessageCreated), "the message")

    assert again is not None
    assert nowhere is not None
    assert (first.status_code, first.text, again.text) == (201, f"{said.seq}\n", first.text)
    assert (nowhere.status_code, nowhere.text) == (
        502,
        "There is no such room, or you are not in it.\n",
    )


@pytest.mark.slow
async def test_the_moderation_bot_deletes_and_mutes(
    process: Process, ana: Login, room: str, client_of: NewClient, tmp_path: Path
) -> None:
    bot, bob = await process.person("warden"), await process.person("bobby")
    async with client_of(ana) as chat, client_of(bob) as guest:
        await chat.http("PUT", f"/rooms/{room}/members/{bot.name}", body={"role": "moderator"})
        guest.room(room)
        listening = chat.room(room)
        await until(lambda: chat._open.is_live(room))
        async with example("moderation_bot.py", process, bot.name, tmp_path, PARLEY_ROOM=room):
            database = tmp_path / "moderation.db"
            # Saved when it has joined.
            await until(lambda: database.exists() and b"room" in database.read_bytes())
            fine = await guest.send(room, "good morning")
            for text in ("Casino!", "SPAM"):
                bad = await guest.send(room, text)
                gone = await _event(
                    listening, lambda e: isinstance(e, MessageDeleted), "the deletion"
                )
                assert (gone.raw["ref"], gone.by) == (bad.seq, bot.name)
            assert fine.seq is not None
            await guest.edit(room, fine.seq, "good casino")
            muted = await _event(listening, lambda e: isinstance(e, MemberUpdated), "the mute")

    assert isinstance(muted, MemberUpdated)
    assert (muted.user, muted.by) == (bob.name, bot.name)

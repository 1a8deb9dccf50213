"""``parley chat``: what it shows and does, in Textual's pilot and in a pseudo-terminal."""

import asyncio
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, RichLog, Static

from parley_client.events import Reset, parse_event
from parley_client.terminal.chat_app import ChatApp
from parley_client.terminal.conversation import Conversation
from tests.client.conftest import NewClient
from tests.client.fault_proxy import FaultProxy
from tests.client.scripted_server import message
from tests.harness.patience import until
from tests.harness.process import PASSWORD, Login, Process

pytestmark = pytest.mark.sqlite_only

ROOT = Path(__file__).parents[2]


# What is shown of a room


def _conversation(*texts: str) -> Conversation:
    made = Conversation("general")
    for seq, text in enumerate(texts, start=1):
        made.apply(parse_event(message(seq, text)), "ana")
    return made


def _lines(conversation: Conversation) -> list[str]:
    return [each.line().partition(" ")[2] for each in conversation.messages]


def test_events_are_applied_and_applying_them_again_changes_nothing() -> None:
    shown = _conversation("one", "two")
    base = {"room": "general", "at": "2026-11-21T08:00:00.123Z", "by": "bo"}
    events = [
        {"type": "message.edited", "seq": 3, "ref": 1, "text": "uno"},
        {"type": "reaction.added", "seq": 4, "ref": 1, "emoji": "👍"},
        {"type": "reaction.added", "seq": 5, "ref": 1, "emoji": "🎉"},
        {"type": "reaction.removed", "seq": 6, "ref": 1, "emoji": "🎉"},
        {"type": "message.deleted", "seq": 7, "ref": 2, "author": "bo"},
        {"type": "message.edited", "seq": 8, "ref": 99, "text": "of a message before these"},
    ]
    for _ in range(2):
        for event in events:
            shown.apply(parse_event({**base, **event}), "ana")

    assert _lines(shown) == ["bo: uno (edited)  👍 1", "bo: (deleted)"]
    assert (shown.unread, shown.oldest) == (2, 1)
    last = shown.last_of(None)
    assert last is not None
    assert (last.seq, shown.last_of("ana")) == (1, None)
    shown.apply(Reset(room="general", reason="epoch", head=9, first=1, epoch="e2"), "ana")
    assert shown.messages == []


def test_a_page_of_history_comes_before_what_is_there() -> None:
    shown = Conversation("general")
    shown.apply(parse_event(message(5, "now")), "ana")
    page = [
        {**message(seq, f"old {seq}"), "edited_at": None, "reactions": {"👍": ["bo"]}}
        for seq in (2, 3, 5)
    ]

    assert shown.add_page(page) == 2
    assert _lines(shown) == ["bo: old 2  👍 1", "bo: old 3  👍 1", "bo: now"]
    assert shown.add_page([]) == 0
    assert not shown.has_older


# The screen


def _text(app: ChatApp) -> str:
    return "\n".join(strip.text.rstrip() for strip in app.query_one(RichLog).lines)


async def _types(pilot: Pilot[None], line: str) -> None:
    pilot.app.query_one(Input).value = line
    await pilot.press("enter")


async def _shows(pilot: Pilot[None], app: ChatApp, text: str) -> None:
    await pilot.pause()
    await until(lambda: text in _text(app), text)


@pytest.mark.slow
async def test_people_talk(
    process: Process, ana: Login, room: str, client_of: NewClient, proxy: FaultProxy
) -> None:
    bob = await process.person("bobby")
    async with client_of(ana) as chat, client_of(bob) as other:
        for number in range(120):
            await chat.send(room, f"number {number}.")
        other.room(room)
        app = ChatApp(chat, room)
        async with app.run_test(size=(100, 20)) as pilot:
            await _shows(pilot, app, "number 119.")
            assert "number 69." not in _text(app)
            await _types(pilot, "hello")
            await _shows(pilot, app, f"{ana.name}: hello")
            sent = await other.send(room, "\x1b[31mhi [bold]you")
            await _shows(pilot, app, r"bobby: \u001b[31mhi [bold]you")
            await _types(pilot, "/edit hello there")
            await _shows(pilot, app, "hello there (edited)")
            await _types(pilot, "/react 👍")
            await _shows(pilot, app, "👍 1")
            await _types(pilot, "/delete")
            await _shows(pilot, app, "(deleted)")
            await _types(pilot, "/shout")
            await _shows(pilot, app, "There is no /shout")
            assert app.query_one(Input).value == "/shout"
            await _types(pilot, "/reply yes")
            await _shows(pilot, app, f"↪{sent.seq} yes")
            await _types(pilot, "//not a command")
            await _shows(pilot, app, "/not a command")

            log = app.query_one(RichLog)
            log.scroll_home(animate=False)
            await pilot.pause()
            top = log.lines[0].text
            await pilot.press("pageup")
            await _shows(pilot, app, "number 40.")
            # What was at the top is below the window now: nothing is skipped.
            await pilot.pause()
            texts = [line.text for line in log.lines]
            assert texts.index(top) == log.scroll_offset.y + log.size.height

            other.typing(room)
            state = app.query_one("#state", Static)
            await until(lambda: "bobby typing" in str(state.content))
            proxy.refuses = True
            proxy.cut()
            await until(lambda: "reconnecting" in str(state.content))
            await _types(pilot, "said offline")
            await until(lambda: "1 to be sent then" in str(state.content))
            proxy.refuses = False
            await _shows(pilot, app, "said offline")
            await _types(pilot, "/quit")
            await until(lambda: not app.is_running)


@pytest.mark.slow
async def test_rooms_are_joined_and_changed(
    process: Process, ana: Login, room: str, client_of: NewClient
) -> None:
    bob = await process.person("bobby")
    async with client_of(ana) as chat, client_of(bob) as other:
        other.room(room)
        await other.send(room, "to the room")
        app = ChatApp(chat, "general")
        async with app.run_test(size=(100, 20)) as pilot:
            await until(lambda: chat._open.is_live("general"))
            rooms = app.query_one(OptionList)
            await until(lambda: "(1)" in str(rooms.get_option(room).prompt), "the unread count")
            await _types(pilot, f"/join {room}")
            await _shows(pilot, app, "bobby: to the room")
            assert "(1)" not in str(rooms.get_option(room).prompt)
            # What can be typed after /join, whatever the topic is.
            assert str(rooms.get_option(room).prompt) == f"#{room}"
            assert f"#{room}" in str(app.query_one("#heading", Static).content)
            await pilot.press("ctrl+n")
            await pilot.pause()
            assert app._shown is not None
            assert app._shown.room == "general"
            await other.send(room, "once more")
            await until(lambda: "(1)" in str(rooms.get_option(room).prompt), "the unread count")
            await _types(pilot, "/search room")
            await _shows(pilot, app, "found for room")
            await _types(pilot, "/help")
            await _shows(pilot, app, "/search WORDS")
            await _types(pilot, "/join nowhere-at-all")
            await _shows(pilot, app, "nowhere-at-all: There is no such room")


# The command


@contextmanager
def terminal(*command: str, **environment: str) -> Iterator[int]:
    """A command in a pseudo-terminal of 24 by 80: what it reads and writes."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    running = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), **environment},
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    try:
        yield ours
        assert running.wait(30) == 0
    finally:
        running.kill()
        running.wait()
        os.close(ours)


class Screen:
    """What has been written to a pseudo-terminal, without the sequences."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._seen = ""

    def shows(self, text: str) -> bool:
        try:
            self._seen += os.read(self._handle, 1 << 20).decode("utf-8", "replace")
        except (BlockingIOError, OSError):
            pass
        return text in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._seen)


@pytest.mark.slow
async def test_the_command_runs_in_a_terminal(
    process: Process, ana: Login, room: str, client_of: NewClient, tmp_path: Path
) -> None:
    login = {"PARLEY_USER": ana.name, "PARLEY_PASSWORD": PASSWORD, "HOME": str(tmp_path)}
    command = (sys.executable, "-m", "app", "chat", room, "--url", f"http://{process.address}")
    async with client_of(ana) as chat:
        await chat.send(room, "said before")
        with terminal(*command, **login) as handle:
            screen = Screen(handle)
            await until(lambda: screen.shows("said before"), "the history")
            os.write(handle, b"typed here\r")
            await until(lambda: screen.shows(f"{ana.name}: typed here"), "the message")
            await chat.send(room, "said elsewhere")
            await until(lambda: screen.shows("said elsewhere"), "the other message")
            bob = await process.person("bobby")
            async with client_of(bob) as other:
                other.room(room)
                other.room("general")
                await until(lambda: other.typing(room) or screen.shows("bobby typing"), "typing")
                await other.send("general", "for the unread count")
            os.write(handle, b"/join general\r")
            await until(lambda: screen.shows("for the unread count"), "the other room")
            os.write(handle, b"/search unread\r")
            await until(lambda: screen.shows("found for unread"), "the search")
            os.write(handle, b"/quit\r")
            await asyncio.sleep(0)


@pytest.mark.slow
def test_without_textual_the_command_says_what_to_install() -> None:
    code = (
        "import sys\n"
        "sys.modules['textual'] = None\n"
        "from app.cli import main\n"
        "sys.argv = ['parley', 'chat', *sys.argv[1:]]\n"
        "main()"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    refused, help = run(), run("--help")
    assert refused.returncode == 1
    assert refused.stderr.strip() == (
        "parley chat needs Textual. In a checkout of Parley, run: pip install '.[tui]'"
    )
    assert (help.returncode, "Chat on the terminal" in help.stdout) == (0, True)

"""``parley login``, ``send`` and ``tail``, in real processes and shell pipelines."""

import asyncio
import json
import os
import signal
import stat
import sys
from asyncio.subprocess import PIPE
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from parley_client import Limits, Reset, TokenFile, Tokens
from parley_client.events import parse_event
from parley_client.terminal.logins import Logins
from parley_client.terminal.text import as_json, line_of, printable
from tests.client.conftest import NewClient
from tests.harness.patience import patience
from tests.harness.process import PASSWORD, Login, Process

pytestmark = pytest.mark.sqlite_only

ROOT = Path(__file__).parents[2]


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Shell:
    """Runs command lines in bash, where ``parley`` is the command of this checkout."""

    def __init__(self, folder: Path, url: str, who: Login) -> None:
        self.folder = folder
        self._environment = {
            "PATH": f"{folder}:{os.environ['PATH']}",
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
            "PARLEY_URL": url,
            "PARLEY_USER": who.name,
            "PARLEY_PASSWORD": PASSWORD,
            **{name: os.environ[name] for name in os.environ if name.startswith("COV")},
        }
        script = folder / "parley"
        script.write_text(f'#!/bin/sh\nexec {sys.executable} -m app "$@"\n')
        script.chmod(0o755)

    async def start(self, line: str, **environment: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *("bash", "-o", "pipefail", "-c", line),
            cwd=self.folder,
            env={**self._environment, **environment},
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            # No terminal that could be asked for a password.
            start_new_session=True,
            # A shell that runs these tests in the background ignores it, and so would this one.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        )

    async def run(self, line: str, typed: str = "", **environment: str) -> Ended:
        process = await self.start(line, **environment)
        async with patience(line):
            out, err = await process.communicate(typed.encode())
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode().strip())


@pytest.fixture
def shell(process: Process, ana: Login, tmp_path: Path) -> Shell:
    return Shell(tmp_path, f"http://{process.address}", ana)


@pytest.mark.slow
async def test_a_message_goes_through_a_pipeline(shell: Shell, room: str, ana: Login) -> None:
    sent = await shell.run(f"printf 'hi\\nthere\\n' | parley send {room}")
    assert sent == Ended(0, f"{room} 2\n", "")

    read = await shell.run(
        f"parley tail {room} --since 0 --json | grep -m 1 message.created"
        f" | {sys.executable} -c 'import json, sys; print(json.load(sys.stdin)[\"text\"])'"
    )
    # The reader has gone before the writer.
    assert (read.code, read.out, read.err) == (141, "hi\nthere\n", "")
    ended = await shell.run(f"parley tail {room} --no-follow")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith(f"{ana.name}: hi\n    there\n")


@pytest.mark.slow
async def test_a_log_in_is_kept_for_its_owner_alone(
    shell: Shell, process: Process, ana: Login, room: str
) -> None:
    logged_in = await shell.run("umask 0; parley login")
    assert logged_in == Ended(0, f"Logged in at http://{process.address} as {ana.name}.\n", "")
    folder = shell.folder / ".config" / "parley"
    (kept,) = folder.iterdir()
    assert (stat.S_IMODE(folder.stat().st_mode), stat.S_IMODE(kept.stat().st_mode)) == (
        0o700,
        0o600,
    )
    assert PASSWORD not in kept.read_text()

    alone = {"PARLEY_USER": "", "PARLEY_PASSWORD": "no longer"}
    sent = await shell.run(f"parley send {room} hi --json --id one", **alone)
    again = await shell.run(f"parley send {room} hi --json --id one", **alone)
    assert json.loads(sent.out) == {**json.loads(again.out), "duplicate": False}
    logged_out = await shell.run("parley logout", **alone)
    assert logged_out.code == 0, logged_out.err
    assert not kept.exists()


async def test_each_line_is_sent_when_it_comes(shell: Shell, room: str) -> None:
    process = await shell.start(f"parley send {room} --lines")
    assert process.stdin is not None
    assert process.stdout is not None
    async with patience("the lines to be sent"):
        for number in range(2):
            process.stdin.write(f"line {number}\n\n".encode())
            assert await process.stdout.readline() == f"{room} {number + 2}\n".encode()
        process.stdin.close()
        await process.communicate()
        assert process.returncode == 0


@pytest.mark.slow
async def test_tail_goes_on_until_it_is_interrupted(
    shell: Shell, room: str, ana: Login, client_of: NewClient
) -> None:
    process = await shell.start(f"exec parley tail {room}")
    assert process.stdout is not None
    async with client_of(ana) as chat, patience("the messages"):
        number = 0
        while True:
            # Until the command has joined, it shows only what is stored already.
            number += 1
            await chat.send(room, f"message {number}")
            try:
                line = await asyncio.wait_for(process.stdout.readline(), 0.3)
                break
            except TimeoutError:
                continue
        assert f"{ana.name}: message " in line.decode()
        process.send_signal(signal.SIGINT)
        # Closes the pipes, too.
        await process.communicate()
        assert process.returncode == 130


@pytest.mark.parametrize(
    ("line", "code", "err"),
    [
        ("parley send nowhere hi", 1, "There is no such room, or you are not in it."),
        ("printf '\\xff' | parley send general", 2, "The text is not UTF-8."),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                ("parley tail nowhere", 1, "There is no such room, or you are not in it."),
                ("parley send general < /dev/null", 2, "There is no text to send."),
                ("head -c 70000 /dev/zero | parley send general", 2, "A message has at most"),
                ("PARLEY_PASSWORD=wrong parley send general hi", 1, "Unknown username or wrong"),
                ("PARLEY_URL=http://127.0.0.1:1 parley send general hi", 1, "http://127.0.0.1:1"),
                ("unset PARLEY_PASSWORD; parley send general hi", 2, "You are not logged in at"),
                (
                    "unset PARLEY_PASSWORD; parley login",
                    2,
                    "There is no terminal to ask for the password. Set PARLEY_PASSWORD.",
                ),
                ("parley chat general < /dev/null", 2, "parley chat needs a terminal."),
                ("unset PARLEY_USER; parley send general hi", 2, "You are not logged in at"),
            )
        ),
    ],
    ids=lambda value: value.partition(" general")[0] if isinstance(value, str) else None,
)
async def test_what_goes_wrong_is_one_line_and_an_exit_code(
    shell: Shell, line: str, code: int, err: str
) -> None:
    ended = await shell.run(line)

    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith(err)
    assert len(ended.err.splitlines()) == 1


async def test_processes_that_share_a_log_in_exchange_it_once(
    process: Process, ana: Login, tmp_path: Path
) -> None:
    logins = Logins(f"http://{process.address}", tmp_path)
    logins.file(ana.name).save(Tokens("stale", ana.refresh_token))
    assert logins.users() == [ana.name]

    async def use() -> str:
        chat = logins.client(None, _nobody, limits=Limits())
        async with chat:
            return await chat._tokens.access()

    tokens = await asyncio.gather(*(use() for _ in range(5)))
    kept = logins.file(ana.name).load()
    assert kept is not None
    assert set(tokens) == {kept.access}


def _nobody(prompt: str) -> str:
    raise AssertionError(prompt)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "x.json")
    assert file.load() is None
    file.path.write_text("[]")
    with pytest.raises(ValueError, match="is not a file of tokens"):
        file.load()
    file.remove()
    file.remove()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\r\nb\nc", "a\n  b\n  c"),
        ("\x1b[2J\x1b]0;title\x07", "\\u001b[2J\\u001b]0;title\\u0007"),
        ("\x9b31m", "\\u009b31m"),
        ("a\rb\tc\x00\x7f", "a\\u000db c\\u0000\\u007f"),
        ("abc\u202egnp.exe", "abc\\u202egnp.exe"),
        ("\u2066x\u2069\u2028", "\\u2066x\\u2069\\u2028"),
        ("été 👨‍👩‍👧 שלום", "été 👨‍👩‍👧 שלום"),
    ],
)
def test_what_others_wrote_does_not_control_the_terminal(text: str, shown: str) -> None:
    assert printable(text, indent="  ") == shown


def _message(**fields: object) -> dict[str, object]:
    at = "2026-11-21T08:00:00.123Z"
    return {"room": "den", "seq": 5, "at": at, "by": "bob", **fields}


def test_lines_for_people_and_for_programs() -> None:
    def line(**fields: object) -> str | None:
        found = line_of(parse_event(_message(**fields)))
        return found and found.partition(":00 ")[2]

    assert line(type="message.created", text="hi") == "bob: hi"
    assert line(type="message.created", text="no", reply_to=3) == "bob: ↪3 no"
    assert line(type="message.created", text=None) is None
    assert line(type="message.edited", ref=3, text="ho") == "bob edited 3: ho"
    assert line(type="message.deleted", ref=3, author="bob") == "bob deleted 3"
    assert line(type="member.joined", user="bob") is None
    reset = Reset(room="den", reason="epoch", head=9, first=1, epoch="e2")
    assert line_of(reset) == "den can't be resumed (epoch): it goes on at 9"
    assert json.loads(as_json(reset))["type"] == "reset"
    frame = _message(type="message.created", text="\x1b\x9b\u202e")
    assert json.loads(as_json(parse_event(frame))) == frame
    assert as_json(parse_event(frame)).isprintable()

"""The command line: help, output, errors and exit codes."""

import re
import signal
import socket
from pathlib import Path

import pytest

from tests.transcripts.processes import Launcher, wait_until
from tests.transcripts.scenario import PASSWORD
from tests.transcripts.servers import Server
from tests.transcripts.terminal import Terminal
from tests.transcripts.transcript import Transcript

# PostgreSQL has no file and no lock to talk about.
pytestmark = pytest.mark.sqlite_only

_COMMANDS = (
    "",
    "serve",
    "migrate",
    "backup",
    "restore",
    "epoch",
    "check",
    "torture",
    "version",
    "token",
    "login",
    "logout",
    "chat",
    "send",
    "tail",
    "user",
    "user add",
    "user list",
    "user passwd",
    "user disable",
    "user enable",
    "user admin",
    "user erase",
    "room",
    "room add",
    "room list",
    "room retention",
)


@pytest.fixture
def terminal(transcript: Transcript, parley: Launcher, tmp_path: Path) -> Terminal:
    return Terminal(transcript, parley, tmp_path)


def test_cli_help(terminal: Terminal) -> None:
    for command in _COMMANDS:
        terminal.run(*command.split(), "--help")


def test_cli_misuse(terminal: Terminal) -> None:
    for command in (
        "",
        "user",
        "shout",
        "user shout",
        "serve --shout",
        "serve --port x",
        "serve more",
        "backup",
        "restore",
        "user add",
        "room retention general",
        "room retention general --days 0",
        "room retention general --days 1 --off",
        "login",
        "logout",
        "send",
        "tail general --since -1",
        "send general hi --url nowhere",
        "send general hi --lines",
        "torture",
        "torture http://127.0.0.1:1 --serve",
        "torture --serve --kill-with true",
        "torture http://127.0.0.1:1 --kills 3",
        "torture http://127.0.0.1:1 --accounts nothing.txt",
        "torture nonsense",
        "torture http://127.0.0.1:1 --seed 1",
    ):
        terminal.run(*command.split())


def test_cli_settings(terminal: Terminal, transcript: Transcript) -> None:
    transcript.heading("Settings that are refused")
    for name, value in (
        ("PORT", "x"),
        ("PORT", "65536"),
        ("ENVIRONMENT", "testing"),
        ("SECRET_KEY", "short"),
        ("SECRET_KEY", "x" * 64),
        ("SECRET_KEYS_OLD", "short"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("DATABASE_URL", "nonsense"),
        ("REDIS_URL", "http://localhost"),
        ("ALLOWED_ORIGINS", "*"),
        ("ALLOWED_ORIGINS", "https://a.example.org/path"),
        ("DOCS", "perhaps"),
        ("REGISTRATION", "ajar"),
        ("ACCESS_TOKEN_MINUTES", "0"),
        ("REFRESH_TOKEN_DAYS", "4000"),
        ("SENDS_PER_SECOND", "-1"),
        ("MAX_UNSENT_BYTES", "100"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
    ):
        terminal.run("serve", **{name: value})
    terminal.run("serve", PORT="x", DOCS="perhaps")
    # Any free port: what serves on this machine is not to be told first.
    terminal.run("serve", "--port", "0", ENVIRONMENT="production")
    terminal.run("check", PORT="x")
    terminal.run("serve", "--port", "70000")
    # No machine has this address: RFC 5737.
    terminal.run("serve", "--host", "192.0.2.1", "--port", "0")

    transcript.heading("Mistakes in .env")
    env = terminal.folder / ".env"
    env.write_text("REGISTRATON=closed\n")
    terminal.run("serve")
    env.write_bytes(b"\xff\xfe")
    terminal.run("serve")


@pytest.mark.slow
def test_cli_offline(terminal: Terminal, transcript: Transcript) -> None:
    """Commands without a running server."""
    transcript.heading("Without a database")
    terminal.run("version")
    terminal.run("check")
    terminal.run("epoch")
    terminal.run("backup", "copy.db")
    terminal.run("migrate")
    terminal.run("migrate")
    terminal.run("check")

    transcript.heading("Accounts")
    terminal.run("user", "add", "Ann", "--password-stdin", typed=PASSWORD)
    terminal.run("user", "add", "ann", "--password-stdin", typed=PASSWORD)
    terminal.run("user", "add", "bob", "--password-stdin", "--admin", typed=PASSWORD)
    terminal.run("user", "add", "cat", "--display-name", "Cat", "--password-stdin", typed="short")
    terminal.run("user", "add", "c", "--password-stdin", typed=PASSWORD)
    terminal.run("user", "add", "cat")
    terminal.run("user", "add", "cat", "--password-stdin", typed="\udcff")
    terminal.run("user", "passwd", "ann", "--password-stdin", typed="a better horse battery")
    terminal.run("user", "passwd", "no-such-user", "--password-stdin", typed=PASSWORD)
    terminal.run("user", "disable", "ann")
    terminal.run("user", "disable", "no-such-user")
    terminal.run("user", "enable", "ann")
    terminal.run("user", "admin", "ann")
    terminal.run("user", "admin", "ann", "--off")
    terminal.run("token", "ann")
    terminal.run("token", "no-such-user")
    terminal.run("user", "list", "--json")
    terminal.run("user", "erase", "ann")
    terminal.run("user", "erase", "ann", "--blank-messages", "--yes")
    terminal.run("user", "erase", "ann", "--yes")

    transcript.heading("Rooms")
    terminal.run("room", "add", "Hall", "--title", "The hall")
    terminal.run("room", "add", "hall")
    terminal.run("room", "add", "a..b")
    terminal.run("room", "add", "attic", "--private")
    terminal.run("room", "add", "den", "--private", "--owner", "no-such-user")
    terminal.run("room", "add", "den", "--private", "--owner", "bob")
    terminal.run("room", "retention", "den", "--days", "30")
    terminal.run("room", "retention", "den", "--events", "100")
    terminal.run("room", "retention", "den", "--off")
    terminal.run("room", "retention", "nowhere", "--off")
    terminal.run("room", "list")
    terminal.run("room", "list", "--json")

    transcript.heading("The whole database")
    terminal.run("backup", "copy.db")
    terminal.run("backup", "copy.db")
    terminal.run("backup", "no/such/folder/copy.db")
    terminal.run("check")
    terminal.run("check", DATABASE_URL="sqlite:///copy.db")
    terminal.run("restore", "data/parley.db")
    terminal.run("restore", "no-such-file.db")
    terminal.run("restore", "copy.db")
    (terminal.folder / "broken.db").write_text("This is no database at all, however one looks.")
    for command in ("check", "migrate"):
        terminal.run(command, DATABASE_URL="sqlite:///broken.db")
        terminal.run(command, DATABASE_URL="sqlite://")
        terminal.run(command, DATABASE_URL="postgresql://none@127.0.0.1:1/none")
    terminal.run("backup", "copy2.db", DATABASE_URL="postgresql://none@127.0.0.1:1/none")


def test_cli_epoch(terminal: Terminal) -> None:
    terminal.run("migrate")
    terminal.run("epoch")
    terminal.run("epoch", "--new")
    terminal.run("epoch")


@pytest.mark.slow
def test_cli_torture(terminal: Terminal, transcript: Transcript, server: Server) -> None:
    transcript.placeholders.know(server.address, "address")
    options = "--seconds 2 --clients 2 --users 1 --rooms 1 --seed 7 --json report.json"
    terminal.run("torture", f"http://{server.address}", *options.split())


@pytest.mark.slow
def test_cli_serving(terminal: Terminal, transcript: Transcript) -> None:
    """A server, and commands while it runs."""
    server = terminal.start("serve", "--port", "0", LOG_FORMAT="json")
    wait_until(lambda: "listening" in server.out, "the server to listen")
    found = re.search(r"127\.0\.0\.1:(\d+)", server.out)
    assert found, server.out
    transcript.placeholders.know(found[0], "address")
    transcript.placeholders.know(f"process {server.pid}", "process")
    # It waits some seconds for the lock before it gives up.
    second = terminal.start("serve", "--port", "0", LOG_LEVEL="warning")

    transcript.heading("Commands while the server runs")
    terminal.run("user", "add", "ann", "--password-stdin", typed=PASSWORD)
    terminal.run("user", "add", "ann", "--password-stdin", typed=PASSWORD)
    terminal.run("user", "disable", "no-such-user")
    terminal.run("token", "ann")
    terminal.run("user", "list", "--json")
    terminal.run("room", "add", "hall")
    terminal.run("room", "list")
    terminal.run("check")
    terminal.run("backup", "copy.db")
    terminal.run("restore", "copy.db")
    terminal.run("user", "enable", "ann", SECRET_KEY="5f" + "0123456789abcdef" * 4)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        transcript.placeholders.know(port, "port")
        terminal.run("serve", "--port", port, DATABASE_URL="sqlite://")

    transcript.heading("A second server on the same database")
    terminal.record(second, settings={"LOG_LEVEL": "warning"})

    transcript.heading("The server stops")
    server.signal(signal.SIGTERM)
    terminal.record(server, settings={"LOG_FORMAT": "json"})
    again = terminal.start("serve", "--port", "0")
    wait_until(lambda: "listening" in again.out, "the server to listen")
    found = re.search(r"127\.0\.0\.1:(\d+)", again.out)
    assert found, again.out
    transcript.placeholders.know(found[0], "address")
    again.signal(signal.SIGINT)
    terminal.record(again)

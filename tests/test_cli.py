"""The ``parley`` command as users run it, in real processes where that matters."""

import http.server
import json
import logging
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.cli import main
from app.commands import admin_backend
from app.commands import serve as serve_command
from app.config.settings import Settings
from app.store.file_lock import FileLock
from tests.harness.databases import postgres_database
from tests.harness.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[1]
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run in an empty directory, without settings from outside; restores the logging set-up."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


class Result:
    """Exit code and output of a command."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out.strip()
        self.err = err.strip()


class Parley:
    """Runs commands in this process."""

    def __init__(self, capfd: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self._capfd = capfd
        self._patch = patch

    def __call__(self, *arguments: str, typed: str = "") -> Result:
        self._capfd.readouterr()
        read, write = os.pipe()
        os.write(write, typed.encode("utf-8", "surrogateescape"))
        os.close(write)
        code: Any = 0
        with os.fdopen(read) as stdin, self._patch.context() as patch:
            patch.setattr(sys, "argv", ["parley", *arguments])
            patch.setattr(sys, "stdin", stdin)
            try:
                main()
            except SystemExit as exc:
                code = exc.code
        output = self._capfd.readouterr()
        return Result(code or 0, output.out, output.err)


@pytest.fixture
def parley(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Parley:
    return Parley(capfd, monkeypatch)


class Serving:
    """A running server."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url
        self.port = url.rpartition(":")[2]

    def log_in(self, name: str) -> httpx2.Response:
        form = {"username": name, "password": PASSWORD}
        return httpx2.post(f"{self.url}/token", data=form, trust_env=False)


@contextmanager
def serving(*arguments: str) -> Iterator[Serving]:
    """``parley serve``, ended by SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.fullmatch(r"Parley is listening on (http://127\.0\.0\.1:\d+)\n", line)
    try:
        assert found, (line, process.communicate()[1] if process.poll() is not None else "")
        yield Serving(process, found[1])
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)


# Serving


def test_serve_prints_its_address_and_stops_on_sigterm(
    parley: Parley, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as server:
        assert httpx2.get(f"{server.url}/health", trust_env=False).status_code == 200
        monkeypatch.setenv("DATA_DIR", str(tmp_path / "other"))
        second = parley("serve", "--port", server.port)

    assert server.process.returncode == 0
    assert second.code == 1
    assert second.err.startswith(f"Another program listens on port {server.port}")
    assert len(second.err.splitlines()) == 1


@pytest.mark.usefixtures("_short_lock_wait")
@pytest.mark.slow
def test_a_second_process_names_the_owner_of_the_database(parley: Parley) -> None:
    with serving() as server:
        # Even on the same port, the error is about the database.
        on_the_same = parley("serve", "--port", server.port)
        on_another = parley("serve", "--port", "0")

    for second in (on_the_same, on_another):
        lines = [line for line in second.err.splitlines() if " INFO " not in line]
        assert second.code == 3
        assert len(lines) == 1
        assert f"in use by process {server.process.pid}, which serves {server.url}." in lines[0]


@pytest.mark.crash
def test_a_killed_server_starts_again(parley: Parley) -> None:
    with serving() as server:
        assert parley("user", "add", "ana", "--password-stdin", typed=PASSWORD).code == 0
        server.process.kill()
        server.process.wait()

    with serving() as server:
        assert server.log_in("ana").status_code == 200
    assert parley("check").out.startswith("No problems found")


@pytest.mark.crash
def test_a_second_signal_stops_the_server_at_once() -> None:
    with serving() as server:
        # Signals sent while it is stopped are delivered together, before it can handle the first.
        server.process.send_signal(signal.SIGSTOP)
        server.process.send_signal(signal.SIGINT)
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGCONT)

        assert server.process.wait(timeout=PATIENCE_SECONDS) in (
            128 + signal.SIGINT,
            128 + signal.SIGTERM,
        )


@pytest.mark.slow
def test_reload_restarts_on_the_same_port(tmp_path: Path) -> None:
    with serving("--reload") as server:
        assert server.process.stdout is not None
        server.process.stdout.readline()
        (tmp_path / "changed.py").touch()

        again = server.process.stdout.readline()

        assert again == f"Parley is listening on {server.url}\n"
        assert httpx2.get(f"{server.url}/health", trust_env=False).status_code == 200


@pytest.mark.slow
def test_a_server_in_memory_creates_no_database_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite://")

    with serving() as server:
        assert httpx2.get(f"{server.url}/health", trust_env=False).status_code == 200

    assert os.listdir(tmp_path / "data") == ["secret_key"]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("PORT", "many", 2),
        ("ENVIRONMENT", "staging", 2),
        ("ENVIRONMENT", "production", 2),
        ("SECRET_KEY", "hunter2", 2),
        ("DATABASE_URL", "mysql://x/y", 2),
        ("HOST", "no.such.host.invalid", 1),
        ("DATA_DIR", "/dev/null/data", 1),
    ],
)
def test_an_invalid_setting_prints_one_line(
    parley: Parley, monkeypatch: pytest.MonkeyPatch, name: str, value: str, code: int
) -> None:
    monkeypatch.setenv("PORT", "0")
    if name != "SECRET_KEY" and (name, value) != ("ENVIRONMENT", "production"):
        monkeypatch.setenv("SECRET_KEY", "0f8a7c3e91d24b6586ab1c9d7e2f4053b8c6d1e09a7f3b52")
    monkeypatch.setenv(name, value)

    result = parley("serve")

    assert result.code == code
    assert len([line for line in result.err.splitlines() if " INFO " not in line]) == 1
    assert value not in result.err or name in ("HOST", "DATA_DIR", "ENVIRONMENT")


@pytest.mark.parametrize("number", ["2", "64"])
def test_several_workers_on_sqlite_are_refused_with_the_reason(
    parley: Parley, tmp_path: Path, number: str
) -> None:
    result = parley("serve", "--port", "0", "--workers", number)

    assert result.code == 2
    assert result.err == (
        f"{number} workers need PostgreSQL: a SQLite file belongs to one process. "
        "Set DATABASE_URL, or serve with one worker."
    )
    assert os.listdir(tmp_path) == []


def test_workers_that_are_reloaded_are_refused(
    parley: Parley, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/none")
    monkeypatch.setenv("WORKERS", "2")

    result = parley("serve", "--port", "0", "--reload")

    assert result.code == 2
    assert result.err.startswith("--reload restarts one process")


@pytest.mark.parametrize("number", ["0", "-1", "many", "1.5", "65", "1000000000000"])
def test_a_number_of_workers_that_makes_no_sense_is_refused(
    parley: Parley, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    option = parley("serve", "--port", "0", f"--workers={number}")
    monkeypatch.setenv("WORKERS", number)
    setting = parley("serve", "--port", "0")

    assert (option.code, setting.code) == (2, 2)
    assert "--workers" in option.err or "WORKERS: must be" in option.err
    assert len(setting.err.splitlines()) == 1
    assert setting.err.startswith("WORKERS: must be ")


# Commands without a server


def test_help_names_every_command(parley: Parley) -> None:
    result = parley("--help")

    assert result.code == 0
    for command in "serve migrate backup epoch check version user room token".split():
        assert re.search(rf"^  {command} ", result.out, re.M)
    assert "Exit codes: 0 done" in result.out


def test_python_dash_m_app_is_the_same_command() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "app", "version"], capture_output=True, text=True
    )

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("parley ")


def test_an_unknown_command_is_a_misuse(parley: Parley) -> None:
    assert parley("frobnicate").code == 2
    assert parley("user", "add").code == 2


@pytest.mark.slow
def test_the_first_user_is_an_administrator_without_a_server(parley: Parley) -> None:
    typed = PASSWORD + "\r\n"
    added = parley("user", "add", "Ana", "--admin", "--password-stdin", typed=typed)

    assert (added.code, added.out) == (0, "Created the account ana.")
    with serving() as server:
        token = server.log_in("ana").json()["access_token"]
        header = {"Authorization": f"Bearer {token}"}
        listed = httpx2.get(f"{server.url}/admin/users", headers=header, trust_env=False)
    assert [user["username"] for user in listed.json()["users"]] == ["ana"]


def test_accounts_and_rooms_without_a_server(parley: Parley) -> None:
    typed = PASSWORD
    assert parley("user", "add", "ana", "--password-stdin", typed=typed).code == 0

    assert parley("user", "passwd", "ana", "--password-stdin", typed="battery staple").code == 0
    assert parley("user", "disable", "ana").out == "Disabled the account ana."
    assert parley("user", "enable", "ana").out == "Enabled the account ana."
    assert parley("user", "admin", "ana").out == "ana is an administrator."
    assert parley("user", "admin", "ana", "--off").out == "ana is no longer an administrator."
    assert parley("room", "add", "kitchen", "--title", "Food").out == "Created the room kitchen."
    assert parley("room", "add", "attic", "--private", "--owner", "ana").code == 0
    assert parley("check").out == "No problems found: 3 rooms, 5 events."


@pytest.mark.slow
def test_erasure_and_retention_with_and_without_a_server(
    parley: Parley,
) -> None:
    for name in ("ana", "bob", "cyd"):
        parley("user", "add", name, "--password-stdin", typed=PASSWORD)

    assert parley("user", "erase", "ana", "--yes").out == "Erased the account ana."
    assert (
        parley("room", "retention", "general", "--days", "30").out
        == "general keeps the events of 30 days, and pinned messages."
    )
    with serving():
        erased = parley("user", "erase", "Bob", "--blank-messages", "--yes")
        kept = parley("room", "retention", "general", "--events", "9", "--drop-pinned")
        off = parley("room", "retention", "general", "--off")

    assert (erased.code, erased.out) == (0, "Erased the account bob and its messages.")
    assert (kept.out, off.out) == ("general keeps 9 events.", "general keeps all events.")
    assert parley("user", "disable", "bob").err == "There is no such user."
    assert parley("user", "enable", "cyd").code == 0
    assert parley("check").code == 0


def test_retention_without_a_server_removes_events_at_once(
    parley: Parley,
) -> None:
    assert parley("room", "add", "kitchen", "--owner", "ana").code == 1
    parley("user", "add", "ana", "--password-stdin", typed=PASSWORD)
    assert parley("room", "add", "kitchen", "--owner", "ana").code == 0
    assert parley("check").out == "No problems found: 2 rooms, 4 events."

    assert parley("room", "retention", "kitchen", "--events", "1").code == 0

    assert parley("check").out == "No problems found: 2 rooms, 2 events."


def _listed(result: Result) -> list[str]:
    """The lines of a list, with today's date as `<today>`."""
    return re.sub(r"20\d\d-\d\d-\d\d", "<today>", result.out).splitlines()


@pytest.mark.slow
def test_lists_and_tokens_are_the_same_with_and_without_a_server(parley: Parley) -> None:
    typed = PASSWORD
    parley("user", "add", "bob", "--password-stdin", "--display-name", "Bob Ray", typed=typed)
    parley("user", "add", "ana", "--password-stdin", "--admin", typed=typed)
    parley("user", "disable", "bob")
    parley("room", "add", "attic", "--private", "--owner", "ana", "--title", "The attic")
    lists = [[noun, "list", *form] for noun in ("user", "room") for form in ([], ["--json"])]
    local = [parley(*command) for command in lists]
    own_token = parley("token", "ANA")

    with serving() as server:
        remote = [parley(*command) for command in lists]
        tokens = [own_token, parley("token", "Ana")]
        answers = [
            httpx2.get(
                f"{server.url}/users/me/sessions",
                headers={"Authorization": f"Bearer {one.out}"},
                trust_env=False,
            )
            for one in tokens
        ]
        refused = parley("token", "bob")

    assert [one.out for one in local] == [one.out for one in remote]
    assert _listed(local[0]) == [
        "NAME  CREATED     STATE     DISPLAY NAME",
        "ana   <today>  admin     ana",
        "bob   <today>  disabled  Bob Ray",
    ]
    assert [json.loads(line)["username"] for line in local[1].out.splitlines()] == ["ana", "bob"]
    assert _listed(local[2]) == [
        "NAME     KIND     MEMBERS  EVENTS  STATE  TITLE",
        "attic    private  1        3       -      The attic",
        "general  public   0        1       -      General",
    ]
    assert json.loads(local[3].out.splitlines()[0])["member_count"] == 1
    assert [one.err for one in tokens] == ["Valid for 15 minutes, as ana."] * 2
    assert [answer.status_code for answer in answers] == [200, 200]
    assert {one["label"] for one in answers[1].json()["sessions"]} == {"parley token"}
    assert (refused.code, refused.out) == (1, "")


@pytest.mark.slow
def test_a_list_through_the_server_has_more_than_a_page(parley: Parley) -> None:
    parley("user", "add", "ana", "--password-stdin", "--admin", typed=PASSWORD)
    names = ["general", *(f"room-{number:03}" for number in range(205))]
    with serving() as server:
        header = {"Authorization": f"Bearer {parley('token', 'ana').out}"}
        with httpx2.Client(base_url=server.url, headers=header, trust_env=False) as client:
            for name in names[1:]:
                assert client.post("/admin/rooms", json={"name": name}).status_code == 201
        remote = parley("room", "list", "--json").out
    local = parley("room", "list", "--json").out

    assert [json.loads(line)["name"] for line in remote.splitlines()] == names
    assert local == remote


@pytest.mark.parametrize(
    "chosen",
    [
        (),
        ("--days", "1", "--off"),
        ("--days", "1", "--events", "1"),
        ("--days", "0"),
        ("--off", "--drop-pinned"),
    ],
)
def test_retention_takes_exactly_one_option(parley: Parley, chosen: tuple[str, ...]) -> None:
    assert parley("room", "retention", "general", *chosen).code == 2


REFUSED = [
    (["user", "erase", "eve", "--yes"], "", "There is no such user."),
    (["room", "retention", "attic", "--days", "3"], "", "There is no such room."),
    (["room", "retention", "general", "--days", "99999"], "", "days: "),
    (["user", "add", "ana", "--password-stdin"], "12345678", "password: is one of the most"),
    (["user", "add", "operator", "--password-stdin"], PASSWORD, "username: this name is reserved"),
    (["user", "disable", "eve"], "", "There is no such user."),
    (["user", "disable", "../epoch"], "", "There is no such user."),
    (["token", "eve"], "", "There is no such user."),
    (["room", "add", "general"], "", "A room with this name already exists."),
    (["room", "add", "attic", "--owner", "eve"], "", "There is no such user."),
    (["room", "add", "a..b"], "", "name: a room name contains only"),
    (["room", "add", "attic", "--title", "x" * 300], "", "title: is longer than"),
    (["user", "add", "c", "--password-stdin"], PASSWORD, "username: a username has 3 to 32"),
    (["user", "add", "cat", "--password-stdin"], "short", "password: is shorter than 8"),
    (["user", "passwd", "ana", "--password-stdin"], "short", "password: is shorter than 8"),
    (
        ["user", "add", "cat", "--display-name", "", "--password-stdin"],
        PASSWORD,
        "display_name: is empty",
    ),
]


@pytest.mark.slow
def test_errors_are_the_same_with_and_without_a_server(parley: Parley) -> None:
    local = [parley(*arguments, typed=typed) for arguments, typed, _ in REFUSED]
    with serving():
        remote = [parley(*arguments, typed=typed) for arguments, typed, _ in REFUSED]

    for results in (local, remote):
        assert [(one.code, one.out) for one in results] == [(1, "")] * len(REFUSED)
        assert [len(one.err.splitlines()) for one in results] == [1] * len(REFUSED)
        for one, (_, _, line) in zip(results, REFUSED, strict=True):
            assert one.err.startswith(line)
    assert [one.err for one in remote] == [one.err for one in local]


def test_a_password_is_asked_for_on_a_terminal_only(parley: Parley) -> None:
    result = parley("user", "add", "ana")

    assert result.code == 2
    assert "--password-stdin" in result.err


def test_a_password_that_is_not_utf8_is_refused(parley: Parley) -> None:
    result = parley("user", "add", "ana", "--password-stdin", typed="\udcff\udcfe long enough")

    assert (result.code, result.err) == (2, "The password on standard input is not UTF-8.")


INTERRUPT = "\x03"


def at_a_terminal(*arguments: str, answers: list[tuple[str, str]]) -> tuple[int, str]:
    """Run a command on a terminal, and answer what it asks; return its exit code and output."""
    pid, terminal = pty.fork()
    if pid == 0:
        # A shell lets what it runs in the background ignore it, and the tests with it.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.execv(sys.executable, [sys.executable, "-m", "app", *arguments])
    seen = b""
    try:
        for prompt, answer in answers:
            while not seen.endswith(prompt.encode()):
                seen += os.read(terminal, 1_024)
            os.write(terminal, answer.encode())
        while True:
            if (
                answers
                and answers[-1][1] == INTERRUPT
                and not select.select([terminal], [], [], 1)[0]
            ):
                # A signal that came just before the command read is noticed when it has read.
                os.write(terminal, INTERRUPT.encode())
            elif chunk := os.read(terminal, 1_024):
                seen += chunk
            else:
                break
    except OSError:
        pass  # Linux raises EIO once the other end is closed.
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()


@pytest.mark.slow
def test_a_password_is_asked_for_twice_and_not_shown() -> None:
    answers = [("Password: ", PASSWORD + "\n"), ("Again: ", PASSWORD + "\n")]

    code, seen = at_a_terminal("user", "add", "ana", answers=answers)

    assert code == 0
    assert "Created the account ana." in seen
    assert PASSWORD not in seen


@pytest.mark.slow
def test_no_password_is_asked_for_that_is_not_needed(parley: Parley) -> None:
    parley("user", "add", "ana", "--password-stdin", typed=PASSWORD)

    for command, line in (
        (("user", "add", "Ana"), "This username is taken."),
        (("user", "add", "a"), "username: a username has 3 to 32 characters"),
        (("user", "add", "bob", "--display-name", ""), "display_name: is empty"),
        (("user", "passwd", "bob"), "There is no such user."),
    ):
        assert at_a_terminal(*command, answers=[]) == (1, f"{line}\r\n")
    with serving():
        taken = at_a_terminal("user", "add", "ana", answers=[])
        unknown = at_a_terminal("user", "passwd", "an", answers=[])
    assert taken == (1, "This username is taken.\r\n")
    assert unknown == (1, "There is no such user.\r\n")


def test_an_erasure_without_a_terminal_needs_yes(parley: Parley) -> None:
    parley("user", "add", "ana", "--password-stdin", typed=PASSWORD)

    asked = parley("user", "erase", "ana", typed="ana\n")

    assert (asked.code, asked.out) == (2, "")
    assert asked.err == "There is no terminal to ask whether ana is to be erased; use --yes."
    assert parley("user", "enable", "ana").code == 0
    assert parley("user", "erase", "ana", "--yes").out == "Erased the account ana."


@pytest.mark.parametrize(
    "answer",
    [
        "y\n",
        pytest.param("\n", marks=pytest.mark.slow),
        pytest.param("an\n", marks=pytest.mark.slow),
        pytest.param("\x04", marks=pytest.mark.slow),
        pytest.param(INTERRUPT, marks=pytest.mark.slow),
    ],
    ids=["yes", "nothing", "another name", "end", "interrupt"],
)
def test_another_answer_than_the_name_erases_nothing(parley: Parley, answer: str) -> None:
    parley("user", "add", "ana", "--password-stdin", typed=PASSWORD)

    code, seen = at_a_terminal("user", "erase", "ana", answers=[("erase it: ", answer)])

    assert code == 1
    assert "Its messages stay" in seen
    assert "Erased" not in seen
    assert parley("user", "enable", "ana").code == 0


@pytest.mark.slow
def test_the_name_typed_at_the_terminal_erases_the_account(parley: Parley) -> None:
    parley("user", "add", "ana", "--password-stdin", typed=PASSWORD)

    code, seen = at_a_terminal(
        "user", "erase", "Ana", "--blank-messages", answers=[("erase it: ", "ana\n")]
    )

    assert code == 0
    assert "The text of its messages is deleted." in seen
    assert "Erased the account ana and its messages." in seen
    assert parley("user", "enable", "ana").err == "There is no such user."


def test_migrate_creates_the_database(parley: Parley, tmp_path: Path) -> None:
    result = parley("migrate")

    assert result.code == 0
    assert re.fullmatch(rf"{tmp_path}/data/parley\.db is at schema \w+\.", result.out)
    assert parley("migrate").out == result.out


def test_epoch_is_shown_and_replaced(parley: Parley) -> None:
    parley("migrate")
    before = parley("epoch").out

    assert parley("epoch").out == before
    assert parley("epoch", "--new").out == parley("epoch").out != before


def test_check_prints_and_counts_findings(parley: Parley) -> None:
    parley("migrate")
    with sqlite3.connect("data/parley.db") as connection:
        connection.execute("UPDATE rooms SET head = 7")
    connection.close()

    result = parley("check")

    assert result.code == 1
    assert result.out == "room 1: head is 7, but the last event is 1"
    assert result.err == "1 finding in 1 room and 1 event."


@pytest.mark.parametrize("command", [["check"], ["epoch"], ["backup", "copy.db"]])
def test_commands_need_a_database(parley: Parley, command: list[str]) -> None:
    result = parley(*command)

    assert result.code == 1
    assert result.err.startswith("There is no database at ")


@pytest.mark.parametrize(
    "command",
    [["check"], ["epoch"], ["epoch", "--new"], ["migrate"], ["backup", "x"], ["room", "add", "x"]],
)
def test_commands_refuse_a_database_in_memory(
    parley: Parley, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite://")

    result = parley(*command)

    assert result.code == 2
    assert result.err.startswith("DATABASE_URL: the database is in memory")


# Commands while a server has the database


@pytest.mark.slow
def test_commands_run_through_the_server(parley: Parley, tmp_path: Path) -> None:
    with serving() as server:
        before = parley("epoch").out

        assert parley("user", "add", "ana", "--password-stdin", typed=PASSWORD).code == 0
        assert server.log_in("ana").status_code == 200
        assert parley("user", "disable", "ANA").code == 0
        assert server.log_in("ana").status_code == 401
        assert parley("user", "enable", "ana").code == 0
        assert (
            parley("user", "passwd", "ana", "--password-stdin", typed="battery staple").code == 0
        )
        assert server.log_in("ana").status_code == 401
        assert parley("user", "admin", "ana").code == 0
        assert parley("user", "admin", "ana", "--off").code == 0
        assert parley("room", "add", "attic", "--private", "--owner", "ana").code == 0
        after = parley("epoch", "--new").out

        assert before != after == parley("epoch").out
        assert parley("backup", str(tmp_path / "copy.db")).code == 0
        assert parley("check").out == "No problems found: 2 rooms, 4 events."


@pytest.mark.slow
def test_a_command_with_another_secret_key_is_refused(
    parley: Parley, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as server:
        monkeypatch.setenv("SECRET_KEY", "0f8a7c3e91d24b6586ab1c9d7e2f4053b8c6d1e09a7f3b52")

        result = parley("room", "add", "attic")

    assert result.code == 1
    assert result.err.startswith(f"The server at {server.url} has a different SECRET_KEY")


@contextmanager
def _locked_by_this_process(url: str | None) -> Iterator[None]:
    """Hold the lock of the database, with ``url`` as the address of its server."""
    Path("data").mkdir()
    lock = FileLock.take(Path("data/parley.db.lock"), url)
    yield
    lock.release()


@pytest.fixture
def _short_lock_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_backend, "LOCK_WAIT_SECONDS", 0.2)
    monkeypatch.setattr(serve_command, "LOCK_WAIT_SECONDS", 0.2)


@pytest.mark.usefixtures("_short_lock_wait")
def test_a_server_that_does_not_answer_is_reported(parley: Parley) -> None:
    with _locked_by_this_process("http://127.0.0.1:1"):
        result = parley("user", "disable", "ana")

    assert result.code == 1
    assert f"Process {os.getpid()} is using " in result.err
    assert "does not answer at http://127.0.0.1:1" in result.err


@pytest.mark.usefixtures("_short_lock_wait")
def test_the_lock_of_another_command_is_waited_for(parley: Parley) -> None:
    with _locked_by_this_process(None):
        result = parley("user", "disable", "ana")

    assert result.code == 3
    assert f"in use by process {os.getpid()}." in result.err


class _NotParley(http.server.BaseHTTPRequestHandler):
    """A web server that is not Parley."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        if "broken" in self.headers.get("content-type", "") or self.server.drops_connection:
            self.close_connection = True
            return
        body = json.dumps(["what?"]).encode()
        self.send_response(500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def _other_server(*, drops_connection: bool) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _NotParley) as server:
        server.drops_connection = drops_connection
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("drops_connection", "line"),
    [
        pytest.param(False, "The server answered 500, which is not a response", id="not Parley"),
        pytest.param(True, "The server at http://127.0.0.1:", id="closed connection"),
    ],
)
def test_an_unusable_answer_is_reported(parley: Parley, drops_connection: bool, line: str) -> None:
    with _other_server(drops_connection=drops_connection) as url, _locked_by_this_process(url):
        result = parley("room", "add", "attic")

    assert result.code == 1
    assert result.err.startswith(line)


# PostgreSQL


@pytest.fixture
def _postgres(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty PostgreSQL database."""
    with postgres_database(migrated=False) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        yield


@pytest.mark.postgres_only
@pytest.mark.usefixtures("_postgres")
def test_postgresql_needs_migrate_before_serve(parley: Parley) -> None:
    assert parley("serve", "--port", "0").err.endswith("run: parley migrate")
    assert parley("user", "disable", "ana").err.endswith("run: parley migrate")
    assert parley("check").err.endswith("run: parley migrate")

    assert parley("migrate").code == 0

    with serving() as server:
        assert parley("user", "add", "ana", "--password-stdin", typed=PASSWORD).code == 0
        assert server.log_in("ana").status_code == 200
        assert parley("epoch", "--new").out == parley("epoch").out
        assert parley("check").out.startswith("No problems found")
        assert "pg_dump" in parley("backup", "copy.dump").err

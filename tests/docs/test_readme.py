"""
Runs the commands of the README, as they are written there, against a server.

Only the port differs. The first block of the README is a terminal session of bob: the test types
his lines, sends alice's messages, and compares the output.
"""

import json
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docs.pages import blocks
from tests.docs.terminal import PATIENCE_SECONDS, Terminal

pytestmark = pytest.mark.sqlite_only

SESSION, _RUN, CURL, TALK, *_REST = blocks("README.md")
PUT_IN_PLACE = "127.0.0.1:8000"


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of a new server, started as `make run` does."""
    server = Terminal(sys.executable, "-m", "app", "serve", cwd=tmp_path_factory.mktemp("readme"))
    line = server.shows()
    yield line.rpartition("http://")[2]
    assert server.stop() == 0


@pytest.fixture(scope="module")
def tokens(where: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The tokens that the shell commands of the README store in ALICE and BOB."""
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    script = CURL.text.replace(PUT_IN_PLACE, where) + '\necho; echo "$ALICE $BOB"\n'
    done = subprocess.run(
        ["bash", "-eu", "-c", script],
        cwd=tmp_path_factory.mktemp("shell"),
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_SECONDS,
        check=True,
    )
    *_answers, last = done.stdout.splitlines()
    alice, bob = last.split()
    assert '"name":"general"' in done.stdout
    return alice, bob


@pytest.fixture
def talk(
    where: str, tokens: tuple[str, str], tmp_path: Path
) -> Iterator[Callable[[str, str], Terminal]]:
    """Runs the README's talk.py with the token of a user, from a seq on."""
    (tmp_path / "talk.py").write_text(TALK.text.replace(PUT_IN_PLACE, where))
    people = dict(zip(("$ALICE", "$BOB"), tokens, strict=True))
    running: list[Terminal] = []

    def run(who: str, since: str) -> Terminal:
        found = Terminal(sys.executable, "talk.py", people[who], since, cwd=tmp_path)
        running.append(found)
        return found

    yield run
    for terminal in running:
        terminal.stop()


def test_the_blocks_are_where_these_tests_expect_them() -> None:
    assert [block.language for block in (SESSION, CURL, TALK)] == ["", "sh", "python"]
    assert PUT_IN_PLACE in CURL.text
    assert PUT_IN_PLACE in TALK.text
    assert len(SESSION.text.splitlines()) == 8


@pytest.mark.slow
def test_two_users_talk_and_the_one_who_was_away_misses_nothing(
    where: str, tokens: tuple[str, str], talk: Callable[..., Terminal]
) -> None:
    # Without the comments beside the lines.
    session = [re.split(r" {3,}", line)[0] for line in SESSION.text.splitlines()]
    left = session.index("^D")
    (come, *said), (again, *missed) = session[:left], session[left + 1 :]

    alice = talk("$ALICE", "0")
    _wait_for_event(2, where, tokens)
    bob = talk(*_arguments(come))
    _wait_for_event(3, where, tokens)
    for line in said:
        if not _is_message(line):
            bob.types(line)
            continue
        if " alice: " in line:
            alice.types(_text(line))
        assert (alice.shows(), bob.shows()) == (line, line)
    assert bob.ends() == 0
    for line in missed:
        alice.types(_text(line))
        assert alice.shows() == line
    bob = talk(*_arguments(again))

    assert [bob.shows() for _ in missed] == missed


def _arguments(command: str) -> list[str]:
    return command.removeprefix("$ python talk.py ").split()


def _is_message(line: str) -> bool:
    return re.match(r"\d+ \w+: ", line) is not None


def _text(line: str) -> str:
    return line.partition(": ")[2]


def _wait_for_event(seq: int, where: str, tokens: tuple[str, str]) -> None:
    """Return when the log of the room reaches ``seq``: here, when a user has joined."""
    request = urllib.request.Request(
        f"http://{where}/rooms/general/events?since={seq - 1}&wait={PATIENCE_SECONDS}",
        headers={"Authorization": f"Bearer {tokens[0]}"},
    )
    with urllib.request.urlopen(request, timeout=2 * PATIENCE_SECONDS) as answer:
        assert json.load(answer)["head"] >= seq

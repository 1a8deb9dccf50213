"""Servers, people, and the transcript of each test."""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.transcripts.http_client import requested, whole
from tests.transcripts.people import Talk
from tests.transcripts.processes import Launcher, launcher
from tests.transcripts.servers import Server, serving
from tests.transcripts.transcript import Transcript


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--record``."""
    parser.addoption(
        "--record",
        action="store_true",
        help="record the transcripts of tests/transcripts anew instead of comparing them",
    )


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Compare the transcript of a test, or record it, once the test has come to its end."""
    transcript = pyfuncitem.funcargs.get("transcript")
    if not isinstance(transcript, Transcript):
        return (yield)
    try:
        outcome = yield
    except BaseException as exc:
        exc.add_note(f"How far it came, and how that differs:\n{transcript.difference()}")
        raise
    if pyfuncitem.config.getoption("--record"):
        transcript.record()
    elif difference := transcript.difference():
        pytest.fail(f"The transcript differs:\n{difference}", pytrace=False)
    return outcome


@pytest.fixture(scope="session")
def parley() -> Iterator[Launcher]:
    """Starts ``parley`` commands."""
    with launcher() as started:
        yield started


@pytest.fixture(scope="session")
def server(parley: Launcher, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that many conversations are held with: each has people and rooms of its own."""
    with serving(parley, tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def document(server: Server) -> Any:
    """The OpenAPI document."""
    with requested(server.address, "GET", "/openapi.json", {}, None) as response:
        return whole(response).json


@pytest.fixture
def transcript(request: pytest.FixtureRequest) -> Transcript:
    """The transcript of this test."""
    return Transcript(request.node.name.removeprefix("test_"))


@pytest.fixture
def talk(transcript: Transcript, server: Server) -> Iterator[Talk]:
    """A conversation with the server of the many."""
    talk = Talk(transcript, server)
    yield talk
    talk.end()


@pytest.fixture
def talk_on(
    transcript: Transcript, parley: Launcher, tmp_path: Path
) -> Iterator[Callable[..., Talk]]:
    """Makes a conversation with a server of one's own, with these settings."""
    with ExitStack() as stack:

        def make(**settings: str) -> Talk:
            talk = Talk(transcript, stack.enter_context(serving(parley, tmp_path, **settings)))
            stack.callback(talk.end)
            return talk

        yield make

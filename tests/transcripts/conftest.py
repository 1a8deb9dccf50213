"""Servers, and the transcript of each test."""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.transcripts.http_client import send_request
from tests.transcripts.processes import Launcher, launcher
from tests.transcripts.scenario import Scenario
from tests.transcripts.servers import Server, serving
from tests.transcripts.transcript import Transcript


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--record``."""
    parser.addoption(
        "--record",
        action="store_true",
        help="record the transcripts of tests/transcripts instead of comparing them",
    )


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Compare or record the transcript of a test that has run to its end."""
    transcript = pyfuncitem.funcargs.get("transcript")
    if not isinstance(transcript, Transcript):
        return (yield)
    try:
        outcome = yield
    except BaseException as exc:
        exc.add_note(f"The transcript up to here differs:\n{transcript.difference()}")
        raise
    if pyfuncitem.config.getoption("--record", default=False):
        transcript.save()
    elif difference := transcript.difference():
        pytest.fail(f"The transcript differs:\n{difference}", pytrace=False)
    return outcome


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark transcripts that start a server of their own: that takes seconds of CPU time."""
    for item in items:
        if "scenario_on" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def parley() -> Iterator[Launcher]:
    """Starts ``parley`` commands."""
    with launcher() as started:
        yield started


@pytest.fixture(scope="session", params=["parley", pytest.param("asgi", marks=pytest.mark.slow)])
def server(
    request: pytest.FixtureRequest, parley: Launcher, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """
    A server that tests share: each uses users and rooms of its own.

    The transcripts are the same under ``parley serve`` and, in ``make test-slow``, under
    ``uvicorn app.main:app``, which knows nothing of Parley's own transport.
    """
    asgi = request.param == "asgi"
    if asgi and request.config.getoption("--record", default=False):
        pytest.skip("recorded under parley serve")
    with serving(parley, tmp_path_factory.mktemp("server"), {}, asgi=asgi) as running:
        yield running


@pytest.fixture
def own_transport(request: pytest.FixtureRequest) -> None:
    """Skip a test under a server other than ``parley serve``."""
    if request.node.callspec.params["server"] != "parley":
        pytest.skip("another server answers this in its own way")


@pytest.fixture(scope="session")
def document(server: Server) -> Any:
    """The OpenAPI document."""
    return send_request(server.address, "GET", "/openapi.json").json


@pytest.fixture
def transcript(request: pytest.FixtureRequest) -> Transcript:
    """The transcript of this test."""
    return Transcript(request.node.originalname.removeprefix("test_"))


@pytest.fixture
def scenario(transcript: Transcript, server: Server) -> Iterator[Scenario]:
    """A scenario on the shared server."""
    scenario = Scenario(transcript, server)
    yield scenario
    scenario.end()


@pytest.fixture
def scenario_on(
    transcript: Transcript, parley: Launcher, tmp_path: Path
) -> Iterator[Callable[..., Scenario]]:
    """Starts a scenario on a new server with the given settings."""
    with ExitStack() as stack:

        def make(**settings: str) -> Scenario:
            scenario = Scenario(
                transcript, stack.enter_context(serving(parley, tmp_path, settings))
            )
            stack.callback(scenario.end)
            return scenario

        yield make

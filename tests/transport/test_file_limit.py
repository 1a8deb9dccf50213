"""The limit of open files: raised, and said when it is low or reached."""

import asyncio
import errno
import os
import resource
from collections.abc import Iterator
from typing import Any

import pytest

from app.domain.server_limits import FILES_OF_SERVER
from app.transport import file_limit
from app.transport.file_limit import (
    TooFewFiles,
    on_loop_exception,
    raise_file_limit,
    watch_files,
)
from tests.harness.patience import until


@pytest.fixture(name="limits")
def _limits() -> Iterator[tuple[int, int]]:
    """The limits of this process, which are restored."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_as_many_files_as_the_system_allows(limits: tuple[int, int]) -> None:
    soft, hard = limits
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))

    raise_file_limit()

    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)


@pytest.mark.parametrize(
    ("hard", "said"),
    [
        pytest.param(1_024, [], id="enough"),
        pytest.param(64, [("server.few_files", 64, 64 - FILES_OF_SERVER)], id="few"),
    ],
)
def test_a_low_limit_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: Any, hard: int, said: list[object]
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (hard, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)

    raise_file_limit()

    assert [(r.getMessage(), r.limit, r.connections) for r in caplog.records] == said


def test_a_server_does_not_start_with_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (20, 20))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)

    with pytest.raises(TooFewFiles, match=r"Only 20 files may be open, .* needs 40\."):
        raise_file_limit()


async def test_a_limit_that_is_reached_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: Any, limits: tuple[int, int]
) -> None:
    monkeypatch.setattr(file_limit, "FILES_CHECK_SECONDS", 0.001)
    watching = asyncio.create_task(watch_files())
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))

    await until(lambda: caplog.records)
    watching.cancel()

    assert caplog.records[0].getMessage() == "accept.failed"
    assert caplog.records[0].error == "Too many open files"
    assert caplog.records[0].limit == lowest


def test_a_loop_that_accepts_nothing_is_one_line(caplog: Any) -> None:
    class Loop:
        def __init__(self) -> None:
            self.left: list[dict[str, Any]] = []

        def default_exception_handler(self, context: dict[str, Any]) -> None:
            self.left.append(context)

    loop, other = Loop(), {"message": "something else", "exception": LookupError()}
    exc = OSError(errno.EMFILE, "Too many open files")
    on_loop_exception(loop, {"message": "socket.accept() failed", "exception": exc})  # type: ignore[arg-type]
    on_loop_exception(loop, other)  # type: ignore[arg-type]

    assert [r.getMessage() for r in caplog.records] == ["accept.failed"]
    assert caplog.records[0].exc_info is None
    assert loop.left == [other]

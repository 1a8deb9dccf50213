"""A real server for the tests of the JavaScript client, and Node to run it."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.harness.process import Process

CLIENT = Path(__file__).parents[2] / "clients" / "javascript"
MODULES = CLIENT / "node_modules"


def node() -> str:
    """The program; skips the test where there is none."""
    found = shutil.which("node")
    if found is None:
        assert "CI" not in os.environ
        pytest.skip("needs node")
    return found


def tool(name: str) -> str:
    """A development tool of the client, which `make` installs with npm."""
    program = MODULES / ".bin" / name
    if not program.exists():
        assert "CI" not in os.environ
        pytest.skip("needs npm")
    return str(program)


@pytest.fixture(scope="session")
async def process(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Process]:
    """A server that all tests share: each uses rooms and users of its own."""
    process = Process(tmp_path_factory.mktemp("server"))
    await process.start()
    yield process
    await process.stop()

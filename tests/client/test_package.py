"""What a newcomer installs and copies: the distribution, and the README's bot."""

import asyncio
import os
import subprocess
import sys
from itertools import count
from pathlib import Path
from zipfile import ZipFile

import pytest

import parley_client
from parley_client import Client, MessageCreated
from tests.docs.pages import blocks
from tests.harness.packages import bare_environment, build, install, run
from tests.harness.patience import patience
from tests.harness.process import PASSWORD, Process

pytestmark = pytest.mark.sqlite_only

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "clients" / "python"
_NUMBERS = count(1)
_LOADED = "import sys, parley_client; print(*{name.partition('.')[0] for name in sys.modules})"


def test_importing_it_loads_nothing_of_a_server() -> None:
    result = subprocess.run(
        [sys.executable, "-c", _LOADED], cwd=PACKAGE, capture_output=True, text=True, check=True
    )

    loaded = set(result.stdout.split())
    assert {"httpx2", "websockets"} <= loaded
    assert loaded & {"app", "parley", "fastapi", "pydantic", "sqlalchemy", "starlette"} == set()


def test_everything_that_is_exported_has_a_docstring() -> None:
    for name in parley_client.__all__:
        found = getattr(parley_client, name)
        assert getattr(found, "__doc__", None), name


BOT, WITHOUT_AWAIT = blocks("clients/python/README.md")


async def _echoes(process: Process, *python: str | Path, **environment: str) -> None:
    """Run the README's bot, as somebody who has copied it, until it has answered."""
    name, visitor = f"echo{next(_NUMBERS)}", f"visitor{next(_NUMBERS)}"
    await process.person(name)
    await process.person(visitor)
    bot = BOT.text.replace("127.0.0.1:8000", process.address).replace('"echo"', f'"{name}"')
    running = await asyncio.create_subprocess_exec(*python, "-c", bot, env=environment)
    try:
        url = f"http://{process.address}"
        async with Client(url, visitor, PASSWORD) as chat, patience("the bot"):
            listening = chat.room("general")
            number = 0
            while True:
                # Until the bot has joined, nobody answers.
                number += 1
                await chat.send("general", f"{visitor}: anyone {number}?")
                try:
                    async with asyncio.timeout(0.5):
                        async for event in listening:
                            if isinstance(event, MessageCreated) and event.by == name:
                                break
                        break
                except TimeoutError:
                    continue
            assert event.text == f"{visitor}: anyone {number}?"
    finally:
        running.kill()
        await running.wait()


async def test_the_bot_of_the_readme_echoes(process: Process) -> None:
    await _echoes(process, sys.executable, **{**os.environ, "PYTHONPATH": str(PACKAGE)})


async def test_the_lines_without_await_of_the_readme_run(process: Process) -> None:
    echo = await process.person("echo")
    await process.client().put("/rooms/general/members/echo", headers=echo.bearer)
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WITHOUT_AWAIT.text.replace("127.0.0.1:8000", process.address)),
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
    )

    assert await running.wait() == 0


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", PACKAGE, tmp_path_factory.mktemp("wheel"))


@pytest.mark.slow
def test_its_wheel_holds_nothing_else(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = archive.namelist()

    assert {name.partition("/")[0] for name in names} == {
        "parley_client",
        "parley_client-0.1.0.dist-info",
    }
    assert "parley_client/py.typed" in names
    # The terminal client is a third of it.
    assert wheel.stat().st_size < 70_000


@pytest.mark.slow
async def test_its_wheel_is_installed_and_used_in_an_empty_folder(
    wheel: Path, process: Process, tmp_path: Path
) -> None:
    python = install(wheel, tmp_path) / "python"
    where = run(python, "-c", "import parley_client; print(parley_client.__file__)", cwd=tmp_path)

    assert Path(where.stdout.strip()).is_relative_to(tmp_path), where.stderr
    # -P: the folder in which the tests run is not where it looks for modules.
    await _echoes(process, python, "-P", **bare_environment())

"""What a newcomer installs and copies: the distribution, and the README's bot."""

import asyncio
import os
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

import parley_client
from parley_client import Client, MessageCreated
from tests.docs.pages import blocks
from tests.harness.patience import patience
from tests.harness.process import PASSWORD, Process

pytestmark = pytest.mark.sqlite_only

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "clients" / "python"
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


async def test_the_bot_of_the_readme_echoes(process: Process) -> None:
    bot, _sync = blocks("clients/python/README.md")
    await process.person("echo")
    await process.person("visitor")
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", bot.text.replace("127.0.0.1:8000", process.address)),
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
    )
    try:
        url = f"http://{process.address}"
        async with Client(url, "visitor", PASSWORD) as chat, patience("the bot"):
            listening = chat.room("general")
            number = 0
            while True:
                # Until the bot has joined, nobody answers.
                number += 1
                await chat.send("general", f"anyone {number}?")
                try:
                    async with asyncio.timeout(0.5):
                        async for event in listening:
                            if isinstance(event, MessageCreated) and event.by == "echo":
                                break
                        break
                except TimeoutError:
                    continue
            assert event.text == f"anyone {number}?"
    finally:
        running.kill()
        await running.wait()


async def test_the_lines_without_await_of_the_readme_run(process: Process) -> None:
    _bot, sync = blocks("clients/python/README.md")
    await process.person("echo")
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", sync.text.replace("127.0.0.1:8000", process.address)),
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
    )

    assert await running.wait() == 0


@pytest.mark.slow
def test_its_wheel_is_installed_in_an_empty_folder(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "w")]
    subprocess.run(build, cwd=PACKAGE, check=True, capture_output=True)
    (wheel,) = (tmp_path / "w").iterdir()
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "site")
    assert {name.partition("/")[0] for name in names} == {
        "parley_client",
        "parley_client-0.1.0.dist-info",
    }
    assert "parley_client/py.typed" in names
    # The terminal client is a third of it.
    assert wheel.stat().st_size < 70_000

    venv.create(tmp_path / "env", with_pip=False)
    needed = "\n".join(str(Path(p)) for p in sys.path if "site-packages" in p)
    code = f"import sys; sys.path += {[*needed.splitlines(), str(tmp_path / 'site')]!r}\n"
    result = subprocess.run(
        [
            tmp_path / "env" / "bin" / "python",
            "-c",
            code + "import parley_client; print(parley_client.__file__)",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stdout.strip() == str(tmp_path / "site" / "parley_client" / "__init__.py")

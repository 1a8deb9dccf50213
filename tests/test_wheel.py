"""
What a user installs: built, installed in an environment of its own, and run from an empty folder.

Beside it is a host application that has what nearly every FastAPI product has: a package ``app``,
a ``.env`` and a ``DATABASE_URL``. Dependencies come from the environment of the tests.
"""

import re
import subprocess
import tarfile
import urllib.request
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.harness.packages import SECONDS, bare_environment, build, install, run
from tests.harness.server import SECRET

pytestmark = [pytest.mark.slow, pytest.mark.sqlite_only, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[1]

HOST = {
    ".env": "DATABASE_URL=mysql://shop@db/shop\nSECRET_KEY=of the host\nREGISTRATION=ask\n",
    "app/__init__.py": "",
    "app/settings.py": "NAME = 'the host'\n",
    "app/main.py": f"""
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.settings import NAME
from parley import Settings, create_app

chat = create_app(Settings(data_dir="chat", secret_key="{SECRET}"))


@asynccontextmanager
async def lifespan(host):
    async with chat.router.lifespan_context(chat):
        yield


host = FastAPI(title=NAME, lifespan=lifespan)
host.mount("/chat", chat)
""",
    "use.py": """
import asyncio

from httpx2 import ASGITransport, AsyncClient

from app.main import host


async def use():
    client = AsyncClient(transport=ASGITransport(host), base_url="http://host")
    async with host.router.lifespan_context(host), client:
        health = await client.get("/chat/health")
        form = {"username": "ana", "password": "correct horse battery"}
        account = await client.post("/chat/users", json=form)
        print(host.title, health.status_code, account.status_code, account.headers["Location"])


asyncio.run(use())
""",
}


def names(archive: Path) -> list[str]:
    with ZipFile(archive) as wheel:
        return sorted(wheel.namelist())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment's programs, with the wheel installed there."""
    return install(wheel, tmp_path_factory.mktemp("installed"))


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """The folder of the host application."""
    for name, text in HOST.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return tmp_path


def test_the_wheel_holds_nothing_but_parley(wheel: Path) -> None:
    assert {name.partition("/")[0] for name in names(wheel)} == {
        "parley",
        f"{'-'.join(wheel.name.split('-')[:2])}.dist-info",
    }
    expected = {"py.typed", "web/index.html", "web/client/index.js"}
    expected |= {"_migrations/env.py", "_client/client.py"}
    assert {f"parley/{name}" for name in expected} <= set(names(wheel))


def test_a_source_archive_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    archive = build("sdist", ROOT, tmp_path / "sdist")
    with tarfile.open(archive) as source:
        source.extractall(tmp_path / "source", filter="data")
    (unpacked,) = (tmp_path / "source").iterdir()

    assert names(build("wheel", unpacked, tmp_path / "wheel")) == names(wheel)


def test_every_module_is_imported_under_one_name(programs: Path, tmp_path: Path) -> None:
    code = (
        "import importlib, pkgutil, sys, parley\n"
        "for module in pkgutil.walk_packages(parley.__path__, 'parley.'):\n"
        "    importlib.import_module(module.name)\n"
        "print('parley.store.sqlite' in sys.modules, 'app' in sys.modules)"
    )
    result = run(programs / "python", "-c", code, cwd=tmp_path)

    assert result.stdout == "True False\n", result.stderr


def test_a_host_keeps_its_own_app(programs: Path, host: Path) -> None:
    code = "import parley, app.settings; print(app.settings.NAME, parley.create_app.__module__)"
    result = run(*(programs / "python", "-c", code), cwd=host, DATABASE_URL="mysql://shop@db/shop")

    assert result.stdout == "the host parley.main\n", result.stderr


def test_a_host_mounts_it(programs: Path, host: Path) -> None:
    result = run(programs / "python", "use.py", cwd=host, DATABASE_URL="mysql://shop@db/shop")

    assert result.stdout == "the host 200 201 /chat/users/ana\n", result.stderr
    assert (host / "chat" / "parley.db").is_file()


def test_it_migrates_in_an_empty_folder(programs: Path, tmp_path: Path) -> None:
    migrated = run(programs / "parley", "migrate", cwd=tmp_path)
    checked = run(programs / "parley", "check", cwd=tmp_path)

    file = re.escape(str(tmp_path / "data" / "parley.db"))
    assert re.fullmatch(rf"{file} is at schema \d+\.\n", migrated.stdout), migrated.stderr
    assert checked.stdout == "No problems found: 1 room, 1 event.\n", checked.stderr


def test_it_serves_from_an_empty_folder(programs: Path, tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [programs / "parley", "serve", "--port", "0"],
            cwd=tmp_path,
            env=bare_environment(),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert line.startswith("Parley is listening on "), (tmp_path / "log").read_text()
        url = line.split()[-1]
        for path in ("/health", "/", "/web/app.js", "/web/client/index.js", "/docs"):
            with urllib.request.urlopen(url + path, timeout=SECONDS) as answer:
                assert answer.status == 200
    finally:
        server.terminate()
        server.communicate(timeout=SECONDS)
    assert server.returncode == 0, (tmp_path / "log").read_text()


def test_it_tortures_a_server_of_its_own(programs: Path, tmp_path: Path) -> None:
    result = run(
        *(programs / "parley", "torture", "--serve", "--seconds", "1", "--clients", "3"),
        cwd=tmp_path,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert list(tmp_path.iterdir()) == []

"""A whole run against a real server that nobody kills; ``tests/crash`` has those that do."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from app.cli import main
from app.settings import Settings
from app.torture.server_killer import CommandKiller
from app.torture.plan import Plan
from app.torture.run import torture
from app.torture.api_client import TortureError

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"
SHORT = Plan(seed=7, clients=8, users=4, rooms=2, seconds=3.0)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty directory to be in, and no setting from outside."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@asynccontextmanager
async def serving(**settings: str) -> AsyncIterator[str]:
    """``parley serve`` on a file; answers where it listens."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "serve", "--port", "0"),
        env={**os.environ, "PYTHONPATH": str(ROOT), **settings},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        said = (await process.stdout.readline()).decode()
        assert said.startswith("Parley is listening on "), said
        yield said.split()[-1]
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_a_server_that_is_left_alone_keeps_its_promises():
    async with serving() as url:
        verdict = await torture(url, SHORT)

    assert verdict.history.findings.first == []
    counts = verdict.history.counts
    assert counts["acknowledged"] > 20
    assert counts["events heard"] > counts["acknowledged"]
    assert verdict.lines()[-1] == "Every promise was kept."
    assert verdict.as_json()["broken"]["kept"] == 0


async def test_accounts_are_used_where_registration_is_closed():
    async with serving() as url:
        body = {"username": "ana", "password": PASSWORD}
        async with httpx2.AsyncClient(trust_env=False) as client:
            assert (await client.post(f"{url}/users", json=body)).status_code == 201
    plan = Plan(seed=7, clients=2, rooms=1, seconds=0.5)
    async with serving(REGISTRATION="closed") as url:
        with pytest.raises(TortureError, match="Registration is closed"):
            await torture(url, plan)
        verdict = await torture(url, plan, accounts=[("ana", PASSWORD)])

    assert verdict.good
    assert verdict.users == 1


async def test_limits_are_heeded():
    async with serving(SENDS_PER_SECOND="1", SEND_BURST="2") as url:
        verdict = await torture(url, Plan(seed=7, clients=4, users=2, rooms=1, seconds=3.0))

    assert verdict.history.findings.first == []
    assert verdict.history.counts["later: rate_limited"] > 0


async def test_a_command_that_fails_ends_the_run():
    async with serving() as url:
        with pytest.raises(BaseExceptionGroup) as found:
            await torture(url, SHORT, killer=CommandKiller("exit 3"))

    assert found.group_contains(TortureError, match="failed with 3")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param([], 2, "--serve", id="no server"),
        pytest.param(["http://127.0.0.1:1", "--serve"], 2, "--serve", id="two servers"),
        pytest.param(["http://127.0.0.1:1", "--kills", "3"], 2, "somebody who kills", id="kills"),
        pytest.param(
            ["--serve", "--kill-with", "true"], 2, "--kill-with", id="its own with a command"
        ),
        pytest.param(["http://127.0.0.1:1"], 1, "Nobody answers at", id="nobody there"),
        pytest.param(["example.org"], 1, "not the address of a server", id="no address"),
        pytest.param(
            ["http://127.0.0.1:1", "--accounts", "none"], 2, "can't be read", id="no file"
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    arguments: list[str],
    code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(sys, "argv", ["parley", "torture", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == code
    assert says in capfd.readouterr().err


def test_each_line_of_the_accounts_is_a_name_and_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    file = tmp_path / "accounts"
    file.write_text("ana:one\nbo\n")
    arguments = ["http://127.0.0.1:1", "--accounts", str(file)]
    monkeypatch.setattr(sys, "argv", ["parley", "torture", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    assert "a colon and a password" in capfd.readouterr().err
    assert "one" not in json.dumps(capfd.readouterr().err)

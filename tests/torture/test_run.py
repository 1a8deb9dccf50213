"""Whole runs against a real server without kills; ``tests/crash`` has those with kills."""

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
from app.config.settings import Settings
from app.torture.api_client import TortureError
from app.torture.plan import Plan
from app.torture.run import torture
from app.torture.server_killer import CommandKiller

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"
SHORT = Plan(seed=7, clients=8, users=4, rooms=2, seconds=3.0)


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty directory, without settings from the environment."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@asynccontextmanager
async def serving(**settings: str) -> AsyncIterator[str]:
    """``parley serve`` on a SQLite file; yields its URL."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "serve", "--port", "0"),
        env={**os.environ, "PYTHONPATH": str(ROOT), **settings},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        line = (await process.stdout.readline()).decode()
        assert line.startswith("Parley is listening on "), line
        yield line.split()[-1]
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.mark.slow
async def test_a_run_without_kills_finds_nothing():
    async with serving() as url:
        verdict = await torture([url], SHORT)

    assert verdict.history.findings.first == []
    counts = verdict.history.counts
    assert counts["acknowledged"] > 20
    assert counts["events received"] > counts["acknowledged"]
    assert verdict.lines()[-1] == "Every promise was kept."
    assert verdict.as_json()["broken"]["kept"] == 0


@pytest.mark.slow
async def test_addresses_of_two_installations_are_refused(tmp_path: Path):
    async with serving(DATA_DIR=str(tmp_path / "one")) as one:
        async with serving(DATA_DIR=str(tmp_path / "other")) as other:
            with pytest.raises(TortureError, match="not a node of the same installation"):
                await torture([one, other], SHORT)


@pytest.mark.slow
async def test_given_accounts_are_used_if_registration_is_closed():
    async with serving() as url:
        body = {"username": "ana", "password": PASSWORD}
        async with httpx2.AsyncClient(trust_env=False) as client:
            assert (await client.post(f"{url}/users", json=body)).status_code == 201
    plan = Plan(seed=7, clients=2, rooms=1, seconds=0.5)
    async with serving(REGISTRATION="closed") as url:
        with pytest.raises(TortureError, match="Registration is closed"):
            await torture([url], plan)
        verdict = await torture([url], plan, credentials=[("ana", PASSWORD)])

    assert verdict.good
    assert verdict.users == 1


@pytest.mark.slow
async def test_clients_stay_within_the_announced_limits():
    async with serving(SENDS_PER_SECOND="1", SEND_BURST="2") as url:
        verdict = await torture([url], Plan(seed=7, clients=4, users=2, rooms=1, seconds=3.0))

    assert verdict.history.findings.first == []
    assert verdict.history.counts["later: rate_limited"] > 0


@pytest.mark.slow
async def test_a_failing_kill_command_ends_the_run():
    async with serving() as url:
        with pytest.raises(BaseExceptionGroup) as found:
            await torture([url], SHORT, killer=CommandKiller("exit 3"))

    assert found.group_contains(TortureError, match="failed with 3")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param([], 2, "--serve", id="no server"),
        pytest.param(["http://127.0.0.1:1", "--serve"], 2, "--serve", id="two servers"),
        pytest.param(["http://127.0.0.1:1", "--kills", "3"], 2, "--kills needs", id="kills"),
        pytest.param(
            ["--serve", "--kill-with", "true"], 2, "--kill-with", id="own server with a command"
        ),
        pytest.param(
            ["http://127.0.0.1:1", "http://127.0.0.1:1", "--serve"], 2, "--serve", id="nodes"
        ),
        pytest.param(["http://127.0.0.1:1"], 1, "Nothing answers at", id="nothing listening"),
        pytest.param(["example.org"], 1, "not the address of a server", id="not a URL"),
        pytest.param(
            ["http://127.0.0.1:1", "--accounts", "none"], 2, "Could not read", id="missing file"
        ),
    ],
)
def test_invalid_arguments_are_refused(
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


def test_malformed_accounts_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    file = tmp_path / "accounts"
    file.write_text("ana:one\nbo\n")
    arguments = ["http://127.0.0.1:1", "--accounts", str(file)]
    monkeypatch.setattr(sys, "argv", ["parley", "torture", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    assert "must be name:password" in capfd.readouterr().err
    assert "one" not in json.dumps(capfd.readouterr().err)

"""``parley torture`` with a server that is killed at random, and with one that loses commits."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import orjson
import pytest

from app.torture.findings import Promise
from app.torture.plan import Plan
from app.torture.run import torture
from app.torture.server_killer import ManagedServer

pytestmark = pytest.mark.crash

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(2_400)
@pytest.mark.parametrize("kills", [10, pytest.param(50, marks=pytest.mark.hard)])
def test_nothing_is_lost_while_the_server_is_killed(tmp_path: Path, kills: int):
    report = tmp_path / "report.json"
    options = ["--kills", str(kills), "--kill-every", "2", "--json", str(report)]
    run = subprocess.run(
        [sys.executable, "-m", "app", "torture", "--serve", *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[-1] == "Every promise was kept."
    found = orjson.loads(report.read_bytes())
    assert found["good"]
    assert set(found["broken"].values()) == {0}
    assert found["counts"]["kills"] >= kills
    assert found["counts"]["acknowledged"] > kills


class RollingBackServer(ManagedServer):
    """A server whose later starts use a copy of the database from before the first restart."""

    async def _kill(self) -> None:
        await super()._kill()
        copy = self.directory / "copy"
        if not copy.exists():
            copy.mkdir()
            for file in self.directory.glob("parley.db*"):
                shutil.copy(file, copy)
            return
        for file in self.directory.glob("parley.db*"):
            file.unlink()
        for file in copy.iterdir():
            shutil.copy(file, self.directory)


async def test_a_server_that_loses_commits_is_found():
    server = RollingBackServer(Random(1))
    plan = Plan(seed=1, clients=8, users=4, rooms=1, kills=2, kill_every=5.0)
    await server.start()
    try:
        verdict = await torture([server.url], plan, killer=server)
    finally:
        await server.stop()
        server.remove()

    broken = verdict.history.findings.counts
    assert not verdict.good
    assert broken[Promise.REAL] > 0
    assert broken[Promise.KEPT] > 0

"""``parley restore``, killed before each of its steps: the database is the old or the new one."""

import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness.server import SECRET
from tests.transcripts.processes import Ended, Launcher, launcher

pytestmark = [pytest.mark.crash, pytest.mark.sqlite_only, pytest.mark.timeout(600)]

NEW, OLD = ["attic", "general"], ["attic", "cellar", "general"]


class Installation:
    """A folder with a database, a backup of an earlier state, and commands on them."""

    def __init__(self, launcher: Launcher, folder: Path) -> None:
        self._launcher = launcher
        self._folder = folder
        self._logs = folder / "logs"
        self._logs.mkdir()
        self.data = folder / "data"
        self("room", "add", "attic")
        self("backup", "copy.db")
        self("room", "add", "cellar")
        self._leave_a_wal()
        shutil.copytree(self.data, folder / "before")

    def __call__(self, *arguments: str, step: int | None = None) -> Ended:
        """Run a command to its end, or until it is killed before a step."""
        killed = {} if step is None else {"KILL_BEFORE_STEP": str(step)}
        return self._launcher.start(
            *arguments,
            folder=self._folder,
            environment={"DATA_DIR": str(self.data), "SECRET_KEY": SECRET, **killed},
            logs=self._logs,
            module="app" if step is None else "tests.harness.killed",
        ).ended()

    def begin_anew(self) -> None:
        """Put back what was there."""
        shutil.rmtree(self.data)
        shutil.copytree(self._folder / "before", self.data)

    @property
    def rooms(self) -> Ended | list[str]:
        """The names of the rooms, or the command's refusal."""
        found = self("room", "list")
        return found if found.code else [line.split()[0] for line in found.out.splitlines()[1:]]

    def _leave_a_wal(self) -> None:
        """Leave a change in the -wal alone, as a server that was killed does."""
        file = self.data / "parley.db"
        connection = sqlite3.connect(file, isolation_level=None)
        connection.execute("UPDATE rooms SET title = 'dry' WHERE name = 'cellar'")
        sides = {side: Path(f"{file}{side}").read_bytes() for side in ("", "-wal")}
        connection.close()
        for side, content in sides.items():
            Path(f"{file}{side}").write_bytes(content)


@pytest.fixture(name="installation")
def _installation(tmp_path: Path) -> Iterator[Installation]:
    with launcher() as started:
        yield Installation(started, tmp_path)


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.hard)])
def test_a_killed_restore_leaves_the_old_database_or_the_new_one(
    installation: Installation, every: int, report: Callable[[str], None]
) -> None:
    step, seen = 0, {"old": 0, "new": 0, "refused": 0}
    while installation("restore", "copy.db", step=step).code == -signal.SIGKILL:
        rooms = installation.rooms
        if isinstance(rooms, Ended):
            # The new one, beside the -wal of the old one: a sentence that says what to do.
            assert "parley.db-wal" in rooms.err, rooms
            assert "Traceback" not in rooms.err
            seen["refused"] += 1
        else:
            assert rooms in (OLD, NEW)
            seen["old" if rooms == OLD else "new"] += 1
            assert installation("check").code == 0

        again = installation("restore", "copy.db")

        assert again.code == 0, (step, again)
        assert installation.rooms == NEW
        assert installation("check").code == 0
        installation.begin_anew()
        step += every

    report(f"{sum(seen.values())} kills of parley restore: {seen}")
    assert installation.rooms == NEW
    assert seen["old"] > 0

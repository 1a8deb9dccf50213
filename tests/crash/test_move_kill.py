"""``parley move``, killed at points of its whole length: run again, it ends, and all is there."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.config.database_url import DatabaseUrl
from app.domain.appends import Edit, Send
from app.domain.ids import RoomId
from app.store import epoch
from app.store.database import Database, DbConnection
from app.store.digests import Digests, digests
from app.store.offline import read_offline
from tests.harness import databases
from tests.harness.databases import open_postgres, open_sqlite, postgres_database
from tests.harness.server import SECRET
from tests.store.log_env import LogEnv
from tests.transcripts.processes import Ended, Launcher, launcher

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

EVENTS, BATCH = 4_000, 500
KILLS_AT_LEAST = 20

_DIRECTIONS = ["to PostgreSQL", "from PostgreSQL"] if databases.POSTGRES else ["SQLite"]


class Installation:
    """A database with messages, and the command that moves it."""

    def __init__(self, launcher: Launcher, folder: Path, source: str) -> None:
        self._launcher = launcher
        self._folder = folder
        self._source = source
        self._logs = folder / "logs"
        self._logs.mkdir()
        self._cpu = folder / "cpu"

    def move(self, to: str, *, kill_after: float | None = None) -> Ended:
        """Run the command to its end, or until it has used so many seconds of the processor."""
        killed = {} if kill_after is None else {"KILL_AFTER_CPU_SECONDS": f"{kill_after:.4f}"}
        return self._launcher.start(
            *("move", "--to", to),
            folder=self._folder,
            environment={
                "DATABASE_URL": self._source,
                "DATA_DIR": str(self._folder),
                "SECRET_KEY": SECRET,
                "CPU_SECONDS_FILE": str(self._cpu),
                **killed,
            },
            logs=self._logs,
            module="tests.harness.killed",
        ).ended()

    @property
    def cpu_seconds(self) -> float:
        """What the last run that was not killed has used."""
        return float(self._cpu.read_text())

    def begin_anew(self) -> None:
        """Make the source one that was not moved."""
        _execute(self._source, "DELETE FROM meta WHERE key = 'moved'")


@pytest.fixture(name="launched", scope="module")
def _launched() -> Iterator[Launcher]:
    with launcher() as started:
        yield started


@pytest.mark.parametrize("direction", _DIRECTIONS)
def test_a_killed_move_goes_on_and_ends(
    direction: str, launched: Launcher, tmp_path: Path, report: Callable[[str], None]
) -> None:
    with ExitStack() as stack:
        if direction == "from PostgreSQL":
            source = stack.enter_context(postgres_database())
            asyncio.run(_fill(open_postgres(source)))
        else:
            source = f"sqlite:///{tmp_path / 'old.db'}"
            asyncio.run(_fill(open_sqlite(tmp_path / "old.db")))
        installation = Installation(launched, tmp_path, source)
        with _target(tmp_path, direction) as to:
            assert installation.move(to).code == 0
            # Afterwards: it completes the search index of the source first.
            before = _digests(source)
            assert _digests(to) == before
        # Measured without the search index, which no later move has to complete.
        installation.begin_anew()
        with _target(tmp_path, direction) as to:
            assert installation.move(to).code == 0
        whole = installation.cpu_seconds
        installation.begin_anew()

        kills, unmarked = 0, 0
        for part in range(1, 25):
            point = whole * part / 25
            with _target(tmp_path, direction) as to:
                killed = installation.move(to, kill_after=point)
                assert killed.code in (0, -signal.SIGPROF), killed
                if killed.code == 0:
                    # The machine is faster now.
                    whole = installation.cpu_seconds
                kills += killed.code != 0
                marked = bool(_query(source, "SELECT 1 FROM meta WHERE key = 'moved'"))
                unmarked += not marked
                assert _digests(source) == before

                again = installation.move(to)

                # Killed or not, it may have done all that there was to do.
                if killed.code == 0 or (marked and again.code):
                    assert "was moved to" in again.err
                else:
                    assert (again.code, again.err) == (0, ""), (point, again)
                assert _digests(to) == before
                assert not _query(to, "SELECT 1 FROM meta WHERE key = 'moving'")
                assert _query(source, "SELECT 1 FROM meta WHERE key = 'moved'")
                installation.begin_anew()

    report(f"{kills} kills of parley move, {direction}: {unmarked} before the source was marked")
    assert kills >= KILLS_AT_LEAST


async def _fill(opened: AbstractAsyncContextManager[Database]) -> None:
    async with opened as database:
        await database.write(epoch.renew)
        env = LogEnv(database)
        await env.add_users("ana", "bo")
        await env.join("ana", "bo")
        attic, ana = await env.create_room("attic"), env.users["ana"]
        for first in range(0, EVENTS, BATCH):
            await env.commit(
                *(
                    Send(
                        room=attic if number % 3 else RoomId(1),
                        by=ana,
                        at=env.now,
                        text=f"Grüße {number} 🎉",
                        client_id=f"c{number}",
                    )
                    for number in range(first, first + BATCH)
                )
            )
        await env.append(Edit, "ana", ref=9, text="rewritten")


@contextmanager
def _target(folder: Path, direction: str) -> Iterator[str]:
    """The URL of an empty database, until the block ends."""
    if direction == "to PostgreSQL":
        with postgres_database(migrated=False) as url:
            yield url
        return
    yield f"sqlite:///{folder / 'new.db'}"
    for file in folder.glob("new.db*"):
        file.unlink()


def _digests(url: str) -> Digests:
    where = DatabaseUrl.parse(url)
    return asyncio.run(read_offline(where.url, where.path, partial(digests, page_rows=2_000)))


def _query(url: str, statement: str) -> list[object]:
    where = DatabaseUrl.parse(url)

    def work(connection: DbConnection) -> list[object]:
        return list(connection.execute(sa.text(statement)))

    return asyncio.run(read_offline(where.url, where.path, work))


def _execute(url: str, statement: str) -> None:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()

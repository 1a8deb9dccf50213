"""Moving the database of a server: how it is asked for, what it says, and how it is given up."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.config.database_url import DatabaseUrl
from app.domain.errors import Conflict, Unavailable
from app.domain.ids import Millis
from app.services.admin.database_move import DatabaseMove
from app.store import epoch
from app.store.write_gate import WriteGate
from app.wire.admin import MoveLine
from tests.harness.databases import open_sqlite
from tests.store.log_env import LogEnv

pytestmark = pytest.mark.sqlite_only


class Env:
    """A database in use, and the service that moves it."""

    def __init__(self, gate: WriteGate, folder: Path) -> None:
        self.gate = gate
        self.folder = folder
        self.others = 0
        self.move = DatabaseMove(
            gate,
            DatabaseUrl.file(folder / "old.db"),
            parse=DatabaseUrl.parse,
            other_nodes=self._other_nodes,
            now=lambda: Millis(1),
        )

    async def said(self, to: str) -> list[MoveLine]:
        """All lines of a move."""
        return [line async for line in self.move.begin(to)]

    async def _other_nodes(self) -> int:
        return self.others


@pytest.fixture
async def env(tmp_path: Path) -> AsyncIterator[Env]:
    async with open_sqlite(tmp_path / "old.db") as database:
        await database.write(epoch.renew)
        yield Env(WriteGate(database), tmp_path)


async def test_the_last_line_has_the_outcome(env: Env) -> None:
    lines = await env.said(f"sqlite:///{env.folder}/new.db")

    assert {line.state for line in lines[:-1]} <= {"copying", "comparing", "switching"}
    last = lines[-1]
    assert (last.state, last.to, last.rooms, last.events) == (
        "moved",
        f"sqlite:///{env.folder}/new.db",
        1,
        1,
    )
    assert env.move.ended.is_set()
    with pytest.raises(Unavailable):
        await env.gate.write(epoch.renew)
    with pytest.raises(Conflict):
        env.move.begin(f"sqlite:///{env.folder}/another.db")


@pytest.mark.parametrize(
    ("to", "detail"),
    [
        ("mysql://a/b", "--to: must be sqlite:///data/parley.db, "),
        ("sqlite://", "A database in memory can't be moved"),
        ("sqlite:///{folder}/old.db", "--to: sqlite:///"),
        ("sqlite:///{folder}/song.txt", "/"),
        ("postgresql://eve:hidden@127.0.0.1:1/x", "postgresql://127.0.0.1:1/x can't be read: "),
    ],
)
async def test_a_target_that_can_not_be_used_is_refused(env: Env, to: str, detail: str) -> None:
    (env.folder / "song.txt").write_text("This is no database, however one looks.")

    [line] = await env.said(to.format(folder=env.folder))

    assert line.state == "failed"
    assert (line.detail or "").startswith(detail)
    assert "hidden" not in (line.detail or "")
    await env.gate.write(epoch.renew)
    assert not env.move.ended.is_set()


async def test_with_other_nodes_it_is_refused(env: Env) -> None:
    env.others = 2

    [line] = await env.said(f"sqlite:///{env.folder}/new.db")

    assert (line.detail or "").startswith("2 other nodes use sqlite:///")


async def test_a_move_that_is_given_up_can_be_begun_again(env: Env) -> None:
    to = f"sqlite:///{env.folder}/new.db"
    lines = env.move.begin(to)
    with pytest.raises(Conflict):
        env.move.begin(to)

    await lines.aclose()  # type: ignore[attr-defined]
    await env.move.close()

    assert not env.move.ended.is_set()
    await LogEnv(env.gate).add_users("ana")
    assert (await env.said(to))[-1].state == "moved"

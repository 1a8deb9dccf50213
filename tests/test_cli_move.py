"""``parley move``: there and back, what it refuses, and what the source says afterwards."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.commands.move import progress
from app.store import move_places
from app.store.file_lock import FileLock
from app.wire.admin import MoveLine
from tests.harness import databases
from tests.harness.databases import postgres_database
from tests.test_cli import PASSWORD, Parley, _empty_directory, parley, serving

__all__ = ["_empty_directory", "parley"]

OLD = Path("data/parley.db")


@pytest.fixture(name="target")
def _target() -> Iterator[str]:
    """The URL of an empty database: of PostgreSQL, if the tests are run on it."""
    if not databases.POSTGRES:
        yield "sqlite:///new.db"
        return
    with postgres_database(migrated=False) as url:
        yield url


@pytest.fixture(name="installed")
def _installed(parley: Parley) -> None:
    parley("room", "add", "attic")
    parley("user", "add", "ana", "--password-stdin", typed=PASSWORD)


def _query(path: Path, statement: str) -> list[Any]:
    connection = sqlite3.connect(path, isolation_level=None)
    rows = connection.execute(statement).fetchall()
    connection.close()
    return rows


def _nothing_has_changed(parley: Parley) -> bool:
    return not _query(OLD, "SELECT * FROM meta WHERE key = 'moved'") and parley("check").code == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (MoveLine(state="copying"), "Copying …"),
        (MoveLine(state="copying", copied=0, events=0), "Copying …"),
        (MoveLine(state="copying", copied=1, events=1), "Copying: 100 % of 1 event"),
        (MoveLine(state="copying", copied=1_490, events=5_000), "Copying: 20 % of 5,000 events"),
        (MoveLine(state="switching"), "Switching …"),
    ],
)
def test_how_far_a_move_is_is_said_in_words(line: MoveLine, said: str) -> None:
    assert progress(line) == said


@pytest.mark.usefixtures("installed")
def test_everything_is_moved_there_and_back(
    parley: Parley, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [parley(*command).out for command in (["epoch"], ["user", "list"], ["room", "list"])]
    shown = target.replace("sqlite:///", f"sqlite:///{Path.cwd()}/").replace("postgres@", "")

    result = parley("move", "--to", target)

    assert (result.code, result.out) == (
        0,
        f"Moved 2 rooms and 2 events from sqlite:///{Path.cwd()}/data/parley.db to {shown}. "
        "Set DATABASE_URL to it, and start the server.",
    )
    refused = parley("user", "list")
    assert (refused.code, refused.err) == (
        1,
        f"{Path.cwd()}/data/parley.db was moved to {shown}: set DATABASE_URL to that database.",
    )
    again = parley("move", "--to", target)
    assert again.err == f"sqlite:///{Path.cwd()}/data/parley.db was moved to {shown} already."

    monkeypatch.setenv("DATABASE_URL", target)
    assert parley("check").out == "No problems found: 2 rooms, 2 events."
    assert parley("move", "--to", "sqlite:///back.db").code == 0

    monkeypatch.setenv("DATABASE_URL", "sqlite:///back.db")
    assert parley("check").out == "No problems found: 2 rooms, 2 events."
    after = [parley(*command).out for command in (["epoch"], ["user", "list"], ["room", "list"])]
    assert after == before


@pytest.mark.parametrize(
    ("to", "code", "line"),
    [
        pytest.param("mysql://a/b", 2, "--to: must be sqlite:///data/parley.db, ", id="unknown"),
        pytest.param("sqlite://", 2, "A database in memory can't be moved, ", id="in memory"),
        pytest.param("sqlite:///data/parley.db", 2, "--to: sqlite:////", id="the same"),
        pytest.param("sqlite:///link.db", 2, "--to: sqlite:////", id="the same by a link"),
        pytest.param("sqlite:///used.db", 1, "/", id="used"),
        pytest.param("sqlite:///song.txt", 1, "/", id="text"),
        pytest.param(
            "postgresql://eve:hidden@127.0.0.1:1/x",
            1,
            "postgresql://127.0.0.1:1/x can't be read: ",
            id="unreachable",
        ),
    ],
)
@pytest.mark.usefixtures("installed")
def test_what_can_not_be_a_target_is_refused(
    parley: Parley, to: str, code: int, line: str
) -> None:
    parley("backup", "used.db")
    Path("link.db").symlink_to(OLD)
    Path("song.txt").write_text("This is no database, however one looks.")
    before = Path("used.db").read_bytes()

    result = parley("move", "--to", to)

    assert (result.code, len(result.err.splitlines())) == (code, 1)
    assert result.err.startswith(line)
    assert "hidden" not in result.err
    assert Path("used.db").read_bytes() == before
    assert _nothing_has_changed(parley)


@pytest.mark.usefixtures("installed")
def test_an_older_schema_is_not_moved(parley: Parley) -> None:
    _query(OLD, "UPDATE alembic_version SET version_num = '0015'")

    result = parley("move", "--to", "sqlite:///new.db")

    assert (result.code, len(result.err.splitlines())) == (1, 1)
    assert "is at schema 0015, and this Parley needs schema" in result.err
    assert not Path("new.db").exists()
    assert _query(OLD, "SELECT version_num FROM alembic_version") == [("0015",)]


@pytest.mark.usefixtures("installed")
def test_a_target_of_a_newer_version_is_refused(
    parley: Parley, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("DATABASE_URL", "sqlite:///new.db")
        parley("migrate")
    _query(Path("new.db"), "UPDATE alembic_version SET version_num = '9999'")

    result = parley("move", "--to", "sqlite:///new.db")

    assert (result.code, len(result.err.splitlines())) == (1, 1)
    assert "was made by a newer Parley: its schema 9999 is not known" in result.err
    assert _nothing_has_changed(parley)


def test_without_a_database_there_is_nothing_to_move(parley: Parley) -> None:
    result = parley("move", "--to", "sqlite:///new.db")

    assert (result.code, result.err) == (
        1,
        f"There is no database at {Path.cwd()}/data/parley.db.",
    )
    assert not Path("new.db").exists()
    assert not OLD.exists()


@pytest.mark.parametrize("held", [OLD, Path("new.db")], ids=["the source", "the target"])
@pytest.mark.usefixtures("installed")
def test_a_file_that_is_in_use_is_not_moved(
    parley: Parley, held: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move_places, "LOCK_WAIT_SECONDS", 0.1)
    lock = FileLock.take(held.with_name(f"{held.name}.lock"), None)

    result = parley("move", "--to", "sqlite:///new.db")

    lock.release()
    assert (result.code, len(result.err.splitlines())) == (3, 1)
    assert f"{held} is in use by process" in result.err
    assert _nothing_has_changed(parley)


@pytest.mark.usefixtures("installed")
def test_a_move_that_was_killed_before_its_last_step_is_completed(parley: Parley) -> None:
    """Until then neither of the two is served."""
    parley("move", "--to", "sqlite:///new.db")
    [(history,)] = _query(OLD, "SELECT value FROM meta WHERE key = 'epoch'")
    _query(Path("new.db"), f"INSERT INTO meta VALUES ('moving', '{history}')")

    result = parley("move", "--to", "sqlite:///new.db")

    assert result.out.startswith("Moved 2 rooms and 2 events")
    assert _query(Path("new.db"), "SELECT * FROM meta WHERE key = 'moving'") == []


@pytest.mark.usefixtures("installed")
def test_a_backup_of_a_moved_database_can_be_served(parley: Parley) -> None:
    """So an operator goes back on purpose, with an epoch of its own."""
    parley("move", "--to", "sqlite:///new.db")
    parley("backup", "copy.db")

    assert parley("restore", "copy.db").code == 0

    assert parley("user", "list").code == 0


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
def test_users_stay_logged_in_and_go_on_from_where_they_are(
    parley: Parley, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as server:
        tokens = server.log_in("ana").json()
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        httpx2.put(f"{server.url}/rooms/general/members/ana", headers=headers, trust_env=False)
        first = asyncio.run(_said(server.url, tokens["access_token"], "since=0", "before"))
    parley("move", "--to", target)
    monkeypatch.setenv("DATABASE_URL", target)

    with serving() as server:
        resume = f"since={first[-1]['seq']}&epoch={first[0]['epoch']}"
        then = asyncio.run(_said(server.url, tokens["access_token"], resume, "after"))

    assert then[0]["epoch"] == first[0]["epoch"]
    assert "reset" not in then[1], then[1]
    new = [frame["seq"] for frame in then if "seq" in frame and "text" in frame]
    assert new == [first[-1]["seq"] + 1]


async def _said(url: str, token: str, resume: str, text: str) -> list[dict[str, Any]]:
    """Join general, send, and return all frames up to this message."""
    from websockets.asyncio.client import connect

    address = f"{url.replace('http', 'ws')}/ws/general?{resume}"
    headers = {"Authorization": f"Bearer {token}"}
    frames = []
    async with connect(address, additional_headers=headers, proxy=None) as socket:
        await socket.send(
            json.dumps({"type": "send", "id": text, "room": "general", "text": text})
        )
        async for frame in socket:
            frames.append(json.loads(frame))
            if frames[-1].get("text") == text:
                break
    return frames

"""``parley restore``: what it replaces, what it refuses, and what it keeps."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.test_cli import Parley, _empty_directory, parley, serving

__all__ = ["_empty_directory", "parley"]

DATABASE = Path("data/parley.db")


@pytest.fixture(name="backup")
def _backup(parley: Parley) -> Path:
    """A backup that has the room attic; the database has got a cellar since."""
    parley("room", "add", "attic")
    parley("backup", "copy.db")
    parley("room", "add", "cellar")
    return Path("copy.db")


def _rooms(parley: Parley) -> list[str]:
    return [line.split()[0] for line in parley("room", "list").out.splitlines()[1:]]


def _kept() -> list[Path]:
    return sorted(Path("data").glob("parley.db.before-*"))


def _nothing_has_changed(parley: Parley) -> bool:
    drafts = list(Path("data").glob("*.restore*"))
    return _rooms(parley) == ["attic", "cellar", "general"] and not _kept() and not drafts


def _execute(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement)
    connection.close()


def test_a_backup_replaces_the_database_and_begins_an_epoch(parley: Parley, backup: Path) -> None:
    content, before = backup.read_bytes(), parley("epoch").out

    result = parley("restore", "copy.db")

    (kept,) = _kept()
    folder = Path.cwd()
    assert (result.code, result.out) == (
        0,
        f"Restored {folder}/data/parley.db from copy.db: 2 rooms, 2 events, with an epoch of its "
        f"own. The database that was there is kept as {folder}/{kept}.",
    )
    assert _rooms(parley) == ["attic", "general"]
    assert parley("check").code == 0
    assert backup.read_bytes() == content
    copied = sqlite3.connect(backup)
    (in_backup,) = copied.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
    copied.close()
    assert len({before, in_backup, parley("epoch").out}) == 3
    saved = sqlite3.connect(kept)
    assert saved.execute("SELECT count(*) FROM rooms WHERE name = 'cellar'").fetchone() == (1,)
    saved.close()


def test_what_was_only_in_the_wal_is_kept(parley: Parley, backup: Path) -> None:
    """As after a kill: the old database is not complete without its -wal."""
    connection = sqlite3.connect(DATABASE, isolation_level=None)
    connection.execute("UPDATE rooms SET title = 'dry' WHERE name = 'cellar'")
    files = {side: Path(f"{DATABASE}{side}").read_bytes() for side in ("", "-wal")}
    connection.close()
    assert files["-wal"]
    for side, content in files.items():
        Path(f"{DATABASE}{side}").write_bytes(content)

    assert parley("restore", "copy.db").code == 0

    assert _rooms(parley) == ["attic", "general"]
    kept, wal = _kept()
    assert wal.name == f"{kept.name}-wal"
    saved = sqlite3.connect(kept)
    assert saved.execute("SELECT title FROM rooms WHERE name = 'cellar'").fetchone() == ("dry",)
    saved.close()


def test_on_a_new_machine_there_is_nothing_to_keep(parley: Parley, backup: Path) -> None:
    for path in Path("data").glob("parley.db*"):
        path.unlink()

    result = parley("restore", "copy.db")

    assert result.code == 0
    assert result.out.endswith("with an epoch of its own.")
    assert _rooms(parley) == ["attic", "general"]


@pytest.mark.slow
def test_the_database_of_a_running_server_is_not_replaced(parley: Parley, backup: Path) -> None:
    with serving() as server:
        result = parley("restore", "copy.db")

        assert result.code == 3
        assert f"in use by process {server.process.pid}, which serves {server.url}" in result.err
        assert "Stop that one first" in result.err
        assert _nothing_has_changed(parley)


def _truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def _of_a_newer_version(path: Path) -> None:
    _execute(path, "UPDATE alembic_version SET version_num = '9999'")


def _of_another_program(path: Path) -> None:
    path.unlink()
    _execute(path, "CREATE TABLE songs (title TEXT)")


def _text(path: Path) -> None:
    path.write_text("This is no database, however one looks.")


@pytest.mark.parametrize(
    ("harm", "line"),
    [
        pytest.param(Path.unlink, "There is no database at copy.db.", id="absent"),
        pytest.param(_truncate, "copy.db ", id="truncated"),
        pytest.param(_of_a_newer_version, "copy.db was made by a newer Parley: ", id="newer"),
        pytest.param(_text, "copy.db can't be read: file is not a database.", id="text"),
        pytest.param(_of_another_program, "copy.db is not a Parley database.", id="other"),
    ],
)
def test_what_is_no_sound_backup_replaces_nothing(
    parley: Parley, backup: Path, harm: Callable[[Path], object], line: str
) -> None:
    harm(backup)

    for options in ([], ["--force"]):
        result = parley("restore", "copy.db", *options)

        assert (result.code, len(result.err.splitlines())) == (1, 1)
        assert result.err.startswith(line)
    assert _nothing_has_changed(parley)


def test_a_backup_with_findings_needs_force(parley: Parley, backup: Path) -> None:
    _execute(backup, "UPDATE rooms SET head = 7 WHERE name = 'attic'")

    refused = parley("restore", "copy.db")

    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("copy.db was not restored: parley check has ")
    assert refused.err.endswith("add --force.")
    assert _nothing_has_changed(parley)
    assert parley("restore", "copy.db", "--force").code == 0
    assert _kept()


@pytest.mark.parametrize("name", ["data/parley.db", "data/link.db"])
def test_the_database_is_no_backup_of_itself(parley: Parley, backup: Path, name: str) -> None:
    Path("data/link.db").symlink_to("parley.db")

    result = parley("restore", name)

    assert (result.code, result.err) == (
        2,
        f"{name} is the database itself. Name a backup of it.",
    )


@pytest.mark.parametrize(
    ("url", "code", "line"),
    [
        ("sqlite://", 2, "DATABASE_URL: the database is in memory"),
        ("postgresql://none@127.0.0.1:1/none", 1, "postgresql://127.0.0.1:1/none is PostgreSQL: "),
    ],
)
def test_other_databases_are_not_replaced(
    parley: Parley, monkeypatch: pytest.MonkeyPatch, url: str, code: int, line: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    result = parley("restore", "copy.db")

    assert result.code == code
    assert result.err.startswith(line)

"""Going back to an older schema, and asking whether a migration is missing."""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.commands import alembic
from app.config.settings import Settings
from app.store import migrations
from app.store.file_lock import FileLock

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "parley.db"


@pytest.fixture
def run(
    file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Runs a command on ``file``: its exit code, and what it prints."""
    monkeypatch.chdir(file.parent)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{file}")
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: str) -> tuple[int, str]:
        code: object = 0
        try:
            alembic.main(arguments)
        except SystemExit as exc:
            code = exc.code
        output = capfd.readouterr()
        assert isinstance(code, int)
        return code, (output.out + output.err).strip()

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)


def test_an_operator_goes_back_to_an_older_schema(run: Run, file: Path) -> None:
    assert run("upgrade", "head") == (0, "")
    assert run("downgrade", "0003") == (0, "")

    assert run("current") == (0, "0003")
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT name FROM rooms").fetchall() == [("general",)]


def test_the_migrations_are_complete(run: Run) -> None:
    run("upgrade", "head")

    assert run("check") == (0, "No new upgrade operations detected.")


def test_an_unknown_revision_is_one_line(run: Run) -> None:
    run("upgrade", "head")

    assert run("downgrade", "9999") == (1, "Can't locate revision identified by '9999'")


def test_a_database_in_use_is_left_alone(run: Run, file: Path) -> None:
    run("upgrade", "head")
    lock = FileLock.take(file.with_name("parley.db.lock"), "http://127.0.0.1:8000")
    try:
        code, line = run("downgrade", "0003")
    finally:
        lock.release()

    assert code == 3
    assert line.startswith(f"{file} is in use by process")
    assert run("current") == (0, f"{migrations.latest()} (head)")


def test_a_database_in_memory_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite://")

    assert run("current") == (
        2,
        "DATABASE_URL: the database is in memory and has nothing to migrate.",
    )


def test_without_a_command_it_shows_what_there_is(run: Run) -> None:
    code, shown = run()

    assert code == 2
    assert "downgrade" in shown

"""Replacing a SQLite database; the rest is in tests/test_cli_restore.py."""

import os
from pathlib import Path

import pytest

from app.store import restoring
from app.store.errors import StoreError


@pytest.fixture(name="files")
def _files(tmp_path: Path) -> tuple[Path, Path]:
    """A database with its -wal and -shm, and a draft beside it."""
    path, draft = tmp_path / "parley.db", tmp_path / ".parley.db.restore"
    path.write_text("old")
    (tmp_path / "parley.db-wal").write_text("old wal")
    (tmp_path / "parley.db-shm").write_text("old shm")
    draft.write_text("new")
    return path, draft


def _content(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


def test_the_old_database_is_kept_with_its_wal(files: tuple[Path, Path]) -> None:
    path, draft = files

    kept = restoring.replace(path, draft, ".before")

    assert kept == path.with_name("parley.db.before")
    assert _content(path.parent) == {
        "parley.db": "new",
        "parley.db.before": "old",
        "parley.db.before-wal": "old wal",
    }


def test_what_an_earlier_restore_has_kept_stays(files: tuple[Path, Path]) -> None:
    path, _ = files
    (path.parent / "parley.db.before").touch()
    (path.parent / "parley.db.before_2-wal").touch()

    assert restoring.unused_suffix(path, ".before") == ".before_3"
    assert restoring.unused_suffix(path, ".other") == ".other"


@pytest.mark.parametrize("name", ["parley.db.before", "parley.db.before-wal"])
def test_what_was_kept_before_is_never_replaced(files: tuple[Path, Path], name: str) -> None:
    path, draft = files
    path.with_name(name).write_text("older")

    with pytest.raises(StoreError, match="can't be replaced: File exists"):
        restoring.replace(path, draft, ".before")

    found = _content(path.parent)
    assert (found["parley.db"], found["parley.db-wal"]) == ("old", "old wal")
    assert found[name] == "older"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("exists", [True, False])
def test_run_as_root_it_leaves_the_owner_of_the_database(
    files: tuple[Path, Path], exists: bool
) -> None:
    path, draft = files
    os.chown(path, 10_001, 10_002)
    os.chown(path.parent, 10_001, 10_002)
    if not exists:
        path.unlink()

    restoring.replace(path, draft, ".before")

    assert (path.stat().st_uid, path.stat().st_gid) == (10_001, 10_002)

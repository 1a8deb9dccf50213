"""Commands on a file system that is read-only: a sentence, and no traceback."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.server import SECRET
from tests.test_cli import Parley, _empty_directory, parley

__all__ = ["_empty_directory", "parley"]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


@pytest.fixture(name="mounted")
def _mounted(parley: Parley, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A read-only folder with a database that no process uses; ``DATA_DIR`` is there."""
    parley("migrate")
    parley("backup", "copy.db")
    # What a reader leaves, as SQLite can't tell whether another one is there. It is empty.
    for side in ("-wal", "-shm"):
        Path(f"data/parley.db{side}").unlink(missing_ok=True)
    monkeypatch.setenv("SECRET_KEY", SECRET)
    folder = Path("mounted")
    folder.mkdir()
    if subprocess.run(["mount", "--bind", "data", folder], check=False).returncode:
        pytest.skip("mounts are not allowed here")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        monkeypatch.setenv("DATA_DIR", str(folder))
        yield folder.resolve()
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("serve --port 0", "used: Read-only file system"),
        ("migrate", "used: Read-only file system"),
        ("epoch --new", "used: Read-only file system"),
        ("user list", "used: Read-only file system"),
        ("room add den", "used: Read-only file system"),
        ("restore copy.db", "used: Read-only file system"),
        ("check", "read: its file system is read-only, and SQLite has to write beside it."),
        ("epoch", "read: its file system is read-only, and SQLite has to write beside it."),
        ("backup b.db", "read: its file system is read-only, and SQLite has to write beside it."),
    ],
)
def test_a_command_says_that_it_is_read_only(
    parley: Parley, mounted: Path, command: str, reason: str
) -> None:
    result = parley(*command.split())

    assert result.code == 1
    assert result.out == ""
    assert result.err.startswith(f"{mounted}/parley.db can't be {reason}")
    assert "\n" not in result.err


def test_a_backup_to_a_read_only_folder_is_a_sentence(
    parley: Parley, mounted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", "data")

    result = parley("backup", f"{mounted}/b.db")

    assert (result.code, result.err) == (
        1,
        f"{mounted}/b.db can't be written: Read-only file system.",
    )

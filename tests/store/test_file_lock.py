"""The lock file: one process at a time, its holder's name, and when it ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.store.file_lock import FileLock, LockHeld, LockHolder

URL = "http://127.0.0.1:8000"
# Takes the lock, prints a line, and holds it until its input ends.
_HOLDER = """
import sys
from pathlib import Path
from app.store.file_lock import FileLock
lock = FileLock.take(Path(sys.argv[1]), sys.argv[2])
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "parley.db.lock"


def _hold(path: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path), URL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    return holder


def _end(holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.communicate()


def test_the_second_process_learns_the_holder(path: Path) -> None:
    holder = _hold(path)

    with pytest.raises(LockHeld) as caught:
        FileLock.take(path, None)

    assert caught.value.holder == LockHolder(holder.pid, URL)
    _end(holder)


def test_it_ends_with_the_process_however_that_ends(path: Path) -> None:
    _end(_hold(path))

    FileLock.take(path, None).release()


def test_it_is_free_after_release_and_names_no_holder(path: Path) -> None:
    FileLock.take(path, URL).release()

    assert path.read_bytes() == b""
    FileLock.take(path, None).release()


def test_only_its_owner_can_read_it(path: Path) -> None:
    lock = FileLock.take(path, URL)

    assert path.stat().st_mode & 0o777 == 0o600
    lock.release()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="nothing yet"),
        pytest.param("{", id="half a line"),
        pytest.param("[]", id="a list"),
        pytest.param('{"pid": 1}', id="no address"),
        pytest.param('{"pid": "x", "url": null}', id="no number"),
    ],
)
def test_a_file_without_a_holder_is_understood(path: Path, content: str) -> None:
    lock = FileLock.take(path, URL)
    path.write_text(content)

    with pytest.raises(LockHeld) as caught:
        FileLock.take(path, None)

    assert caught.value.holder == LockHolder(None, None)
    lock.release()


async def test_waiting_gets_it_once_it_is_free(path: Path) -> None:
    holder = _hold(path)
    holder.terminate()

    lock = await FileLock.wait(path, None, 10)

    lock.release()
    _end(holder)


async def test_waiting_ends(path: Path) -> None:
    lock = FileLock.take(path, URL)

    with pytest.raises(LockHeld):
        await FileLock.wait(path, None, 0.1)
    lock.release()


def test_a_path_that_can_not_be_opened_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        FileLock.take(tmp_path / "nowhere" / "lock", None)

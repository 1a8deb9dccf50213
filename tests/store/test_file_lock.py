"""One process at a time: who has the lock, who is told so, and when it ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.store.file_lock import FileLock, LockHeld, LockHolder

URL = "http://127.0.0.1:8000"
# Takes the lock, says so, and keeps it until its input ends.
_KEEPER = """
import sys
from pathlib import Path
from app.store.file_lock import FileLock
lock = FileLock.take(Path(sys.argv[1]), sys.argv[2])
print("has it", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "parley.db.lock"


def _keeper(path: Path) -> subprocess.Popen[str]:
    keeper = subprocess.Popen(
        [sys.executable, "-c", _KEEPER, str(path), URL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert keeper.stdout is not None
    assert keeper.stdout.readline() == "has it\n"
    return keeper


def _end(keeper: subprocess.Popen[str]) -> None:
    keeper.kill()
    keeper.communicate()


def test_the_second_process_hears_who_has_it(path: Path) -> None:
    keeper = _keeper(path)

    with pytest.raises(LockHeld) as caught:
        FileLock.take(path, None)

    assert caught.value.holder == LockHolder(keeper.pid, URL)
    _end(keeper)


def test_it_ends_with_the_process_however_that_ends(path: Path) -> None:
    _end(_keeper(path))

    FileLock.take(path, None).release()


def test_it_is_free_again_after_release_and_names_nobody(path: Path) -> None:
    FileLock.take(path, URL).release()

    assert path.read_bytes() == b""
    FileLock.take(path, None).release()


def test_only_its_owner_can_read_it(path: Path) -> None:
    lock = FileLock.take(path, URL)

    assert path.stat().st_mode & 0o777 == 0o600
    lock.release()


@pytest.mark.parametrize(
    "said",
    [
        pytest.param("", id="nothing yet"),
        pytest.param("{", id="half a line"),
        pytest.param("[]", id="a list"),
        pytest.param('{"pid": 1}', id="no address"),
        pytest.param('{"pid": "x", "url": null}', id="no number"),
    ],
)
def test_a_holder_that_has_not_said_who_it_is_is_unknown(path: Path, said: str) -> None:
    lock = FileLock.take(path, URL)
    path.write_text(said)

    with pytest.raises(LockHeld) as caught:
        FileLock.take(path, None)

    assert caught.value.holder == LockHolder(None, None)
    lock.release()


async def test_waiting_gets_it_once_it_is_free(path: Path) -> None:
    keeper = _keeper(path)
    keeper.terminate()

    lock = await FileLock.wait(path, None, 10)

    lock.release()
    _end(keeper)


async def test_waiting_ends(path: Path) -> None:
    lock = FileLock.take(path, URL)

    with pytest.raises(LockHeld):
        await FileLock.wait(path, None, 0.1)
    lock.release()


def test_what_can_not_be_opened_is_said(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        FileLock.take(tmp_path / "nowhere" / "lock", None)

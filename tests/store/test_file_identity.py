"""Which file a path leads to."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.store.file_identity import Identity, identity, identity_by_stat

WAYS = [identity, identity_by_stat]


@pytest.mark.parametrize("ask", WAYS)
def test_it_is_the_device_and_the_inode(
    ask: Callable[[str], Identity | None], tmp_path: Path
) -> None:
    file = tmp_path / "größe.db"
    file.touch()

    assert ask(str(file)) == (file.stat().st_dev, file.stat().st_ino)


@pytest.mark.parametrize("ask", WAYS)
def test_a_link_leads_to_what_it_points_at(
    ask: Callable[[str], Identity | None], tmp_path: Path
) -> None:
    file, link = tmp_path / "chat.db", tmp_path / "link.db"
    file.touch()
    link.symlink_to(file)

    assert ask(str(link)) == ask(str(file))


@pytest.mark.parametrize("ask", WAYS)
@pytest.mark.parametrize("path", ["nothing", "nothing/below"])
def test_where_nothing_is_there_is_none(
    ask: Callable[[str], Identity | None], tmp_path: Path, path: str
) -> None:
    assert ask(str(tmp_path / path)) is None


@pytest.mark.parametrize("device", ["/dev/null", "/proc/self/stat", "/sys", "/dev/shm"])
def test_both_ways_agree_on_other_devices(device: str) -> None:
    if not Path(device).exists():
        pytest.skip(f"this system has no {device}")

    assert identity(device) == identity_by_stat(device)

"""Which tests are a module's own, and what a sample of mutants says."""

from pathlib import Path

import pytest

from bench import mutants
from bench.mutants import Score, Survivor, Target


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module, a folder, and tests of both."""
    for file in (
        "app/live/hub.py",
        "app/domain/__init__.py",
        "app/domain/ids.py",
        "app/domain/roles.py",
        "tests/live/test_hub.py",
        "tests/live/test_hub_signals.py",
        "tests/live/test_hubs.py",
        "tests/domain/test_roles.py",
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_mirror_of_a_module_is_the_test_files_named_after_it(checkout: Path) -> None:
    target = Target(Path("app/live/hub.py"), 50)

    assert [file.name for file in target.files] == ["hub.py"]
    assert [file.name for file in target.mirror] == ["test_hub.py", "test_hub_signals.py"]


def test_the_mirror_of_a_folder_is_a_folder(checkout: Path) -> None:
    target = Target(Path("app/domain"), 50)

    assert [file.name for file in target.files] == ["ids.py", "roles.py"]
    assert target.mirror == [Path("tests/domain")]


def test_a_small_sample_says_little() -> None:
    low, high = Score("app/live/hub.py", "mirror", 50, 45).interval()
    closer_low, closer_high = Score("app/live/hub.py", "mirror", 500, 450).interval()

    assert low == pytest.approx(0.786, abs=0.001)
    assert high == pytest.approx(0.957, abs=0.001)
    assert low < closer_low < 0.9 < closer_high < high


def test_a_survivor_is_shown_once_with_the_tests_that_missed_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    diff = (
        "# app.live.hub.x_f: survived\n--- app/live/hub.py\n+++ app/live/hub.py\n-a < b\n+a <= b\n"
    )

    mutants.print_survivors(
        [Survivor("app.live.hub.x_f", tests, diff) for tests in ("mirror", "default")]
    )

    shown = capsys.readouterr().out
    assert shown.count("+a <= b") == 1
    assert "app.live.hub.x_f: survives mirror and default" in shown

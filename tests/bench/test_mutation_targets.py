"""Which tests are a module's own."""

from pathlib import Path

import pytest

from bench.mutation_targets import Target


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

"""The unit of systemd: by systemd's own checks, and by what Parley needs of it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from app.config.settings import Settings
from tests.deploy.files import DEPLOY, MARGIN_SECONDS

UNIT = DEPLOY / "systemd/parley.service"
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def values(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.M)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists on this machine."""
    program, _, arguments = values("ExecStart")[0].partition(" ")
    true = shutil.which("true")
    assert arguments == "serve"
    assert true is not None
    file = tmp_path / UNIT.name
    file.write_text(UNIT.read_text().replace(program, true))
    return file


@needs_systemd
def test_systemd_finds_nothing_wrong(unit: Path) -> None:
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (found.returncode, found.stderr) == (0, "")


@needs_systemd
def test_systemd_finds_little_that_the_service_is_exposed_to(unit: Path) -> None:
    """2.0 of 10 is what systemd still calls OK for a service with a network."""
    found = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_PAGER": ""},
    )

    assert found.returncode == 0, found.stdout


def test_a_server_has_longer_to_stop_than_it_takes() -> None:
    drain = Settings.model_fields["shutdown_seconds"].default

    assert values("KillSignal") == ["SIGTERM"]
    assert int(values("TimeoutStopSec")[0]) >= drain + MARGIN_SECONDS


def test_each_setting_exists_and_no_secret_is_among_them() -> None:
    given = dict(pair.split("=") for pair in values("Environment")[0].split())

    assert {name.lower() for name in given} <= Settings.model_fields.keys()
    assert "SECRET_KEY" not in given
    (state,) = values("StateDirectory")
    assert given["DATA_DIR"] == f"/var/lib/{state}"
    Settings(**{name.lower(): value for name, value in given.items()})

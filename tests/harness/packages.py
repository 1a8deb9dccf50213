"""Builds distributions, and installs them where nothing else of this checkout is."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

# A build takes a few, on a busy machine more.
SECONDS = 120


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program without anything of this environment but where programs are."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=bare_environment(**environment),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def bare_environment(**more: str) -> dict[str, str]:
    """What a program needs of this environment, and ``more``."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, **more}


def build(kind: str, source: Path, into: Path) -> Path:
    """Build a wheel or a source archive of what is in ``source``; return the file."""
    result = run(*(sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", into), cwd=source)
    assert result.returncode == 0, result.stderr
    (built,) = into.iterdir()
    return built


def install(wheel: Path, folder: Path) -> Path:
    """
    Make an environment in a folder and install a wheel there; return the folder of its programs.

    What the wheel depends on is lent by the environment of the tests.
    """
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    packages = run(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
    ).stdout.strip()
    # A path in a .pth file lends modules, and not what editable installs add to them.
    Path(packages, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    if uv := shutil.which("uv"):
        command = [uv, "pip", "install", "--python", str(python)]
    else:
        command = [sys.executable, "-m", "pip", "--python", str(python), "install"]
    result = run(*command, "--quiet", "--no-deps", "--no-index", wheel, cwd=folder)
    assert result.returncode == 0, result.stderr
    return folder / "bin"

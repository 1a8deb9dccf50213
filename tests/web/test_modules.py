"""Runs the tests of the page's pure modules with Node's test runner."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="node is not installed")
@pytest.mark.parametrize("module", sorted(path.name for path in HERE.glob("*.test.mjs")))
def test_module(module: str) -> None:
    run = subprocess.run(
        [str(NODE), "--test", str(HERE / module)], capture_output=True, text=True, timeout=50
    )

    assert run.returncode == 0, run.stdout + run.stderr


def test_every_file_is_short_enough_to_read() -> None:
    web = HERE.parents[1] / "app" / "web"

    files = [*web.rglob("*.js"), *web.rglob("*.css")]
    lengths = {path.name: len(path.read_text().splitlines()) for path in files}

    assert lengths
    assert {name: lines for name, lines in lengths.items() if lines >= 300} == {}

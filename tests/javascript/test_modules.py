"""The JavaScript client against a scripted peer, its types, and its size."""

import gzip
import subprocess

import pytest

from tests.javascript.conftest import CLIENT, node, tool

pytestmark = pytest.mark.sqlite_only

BUDGET_BYTES = 12_000
"""Of everything, as an application ships it: minified and compressed."""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=CLIENT, capture_output=True, text=True, check=False)


def test_it_behaves_as_a_scripted_peer_demands() -> None:
    files = sorted(str(path) for path in (CLIENT / "test").glob("*.test.js"))
    assert files
    result = run(node(), "--experimental-websocket", "--test", *files)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_its_types_are_right() -> None:
    result = run(tool("tsc"), "--noEmit", "--checkJs", "--strict")

    assert result.returncode == 0, result.stdout


def test_it_is_small() -> None:
    result = run(tool("esbuild"), "--bundle", "--minify", "--format=esm", "src/index.js")

    assert result.returncode == 0, result.stderr
    assert 0 < len(gzip.compress(result.stdout.encode(), 9)) <= BUDGET_BYTES


def test_it_imports_nothing_but_itself() -> None:
    sources = [path.read_text() for path in (CLIENT / "src").glob("*.js")]
    imports = [
        line for text in sources for line in text.splitlines() if line.startswith("import ")
    ]

    assert len(imports) > 20
    assert all(' from "./' in line for line in imports)


def test_every_file_is_short_enough_to_read() -> None:
    lengths = {p.name: len(p.read_text().splitlines()) for p in (CLIENT / "src").glob("*.js")}

    assert {name: lines for name, lines in lengths.items() if lines >= 300} == {}

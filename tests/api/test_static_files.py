"""Files that a browser loads: what is left out of them, and that it changes nothing."""

import os
import subprocess
from pathlib import Path

import pytest

from app.api.static_files import without_comments

ROOT = Path(__file__).parents[2]
WEB = ROOT / "app" / "web"
ESBUILD = ROOT / "clients" / "javascript" / "node_modules" / ".bin" / "esbuild"

pytestmark = pytest.mark.sqlite_only


@pytest.mark.parametrize(
    ("source", "served"),
    [
        ("// all of it\nlet a = 1; // not this\n", "\nlet a = 1; // not this\n"),
        ("/** One line. */\nf();\n", "\nf();\n"),
        ("/**\n * Several.\n * // lines\n */\nf();\n", "\n\n\n\nf();\n"),
        ("  /* indented */\n  f();", "\n  f();"),
        ("/* before */ f();\n", "/* before */ f();\n"),
        ("/* before\nand */ f();\n", "\n f();\n"),
        ("const a = `\n// text\n`;", "const a = `\n\n`;"),
    ],
)
def test_lines_of_comments_are_blank(source: str, served: str) -> None:
    assert without_comments(source.encode()).decode() == served


@pytest.mark.parametrize("entry", ["app.js", "asyncapi.js", "embed.js", "swagger.js"])
def test_scripts_do_the_same_without_them(entry: str, tmp_path: Path) -> None:
    if not ESBUILD.exists():
        # `make` installs it with npm, where there is one; CI has one.
        assert "CI" not in os.environ
        pytest.skip("needs npm")
    for below, _folders, files in os.walk(WEB, followlinks=True):
        for path in (Path(below, name) for name in files if name.endswith(".js")):
            copy = tmp_path / path.relative_to(WEB)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(without_comments(path.read_bytes()))

    def bundle(folder: Path) -> str:
        command = [ESBUILD, "--bundle", "--minify", "--format=esm", entry]
        command.append("--preserve-symlinks")
        return subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=True
        ).stdout

    assert len(bundle(tmp_path)) > 100
    assert bundle(tmp_path) == bundle(WEB)

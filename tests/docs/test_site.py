"""The documentation as a site: it builds, has every page, and loads nothing from elsewhere."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT

CONFIG = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]


def in_navigation(entries: list[dict[str, object]]) -> list[str]:
    """The pages of a table of contents, in order."""
    found: list[str] = []
    for entry in entries:
        for page in entry.values():
            found += in_navigation(page) if isinstance(page, list) else [str(page)]
    return found


def test_every_page_is_in_the_navigation() -> None:
    pages = {file.relative_to(DOCS).as_posix() for file in DOCS.rglob("*.md")}
    # Their index lists them.
    decisions = {page for page in pages if re.match(r"decisions/\d", page)}

    assert set(in_navigation(CONFIG["nav"])) == pages - decisions


def test_the_index_leads_to_the_four_kinds() -> None:
    titles = [title for entry in CONFIG["nav"] for title in entry]

    assert titles == ["Start", "Tutorial", "How to", "Reference", "Explanation"]


@pytest.mark.slow
def test_the_site_builds_and_a_broken_link_fails_it(tmp_path: Path) -> None:
    shutil.copytree(DOCS, tmp_path / "docs")
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    command = [Path(sys.executable).with_name("zensical"), "build", "--strict"]

    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    built = (tmp_path / "build/site/tutorial.html").read_text("utf-8")
    assert re.findall(r'(?:src|href)="https?://(?!zensical\.org)[^"]*\.(?:js|css)"', built) == []

    with (tmp_path / "docs/index.md").open("a", encoding="utf-8") as page:
        page.write("\n[nowhere](nowhere.md)\n")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode != 0

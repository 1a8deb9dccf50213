"""Reads the project's Markdown pages: headings, links, tables and fenced blocks."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.M)
# Characters that GitHub removes from a heading to make its anchor.
_NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")


class Block(NamedTuple):
    """A fenced block: its language (empty if none) and its text."""

    language: str
    text: str


def page(name: str) -> str:
    """The text of a page, by its path from the project's root."""
    return (ROOT / name).read_text("utf-8")


def pages() -> list[Path]:
    """Every Markdown page."""
    return sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def blocks(name: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [Block(*found) for found in _FENCE.findall(page(name))]


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", text)


def links(text: str) -> list[str]:
    """The targets of the links of a page."""
    return _LINK.findall(prose(text))


def anchors(text: str) -> set[str]:
    """The anchors of the headings of a page."""
    found = (_NOT_IN_ANCHORS.sub("", heading.lower()) for heading in _HEADING.findall(prose(text)))
    return {heading.replace(" ", "-") for heading in found}


def section(text: str, number: str) -> str:
    """The text under the heading that begins with ``number``."""
    start = re.search(rf"^#+ {re.escape(number)} .*$", text, re.M)
    assert start is not None, number
    rest = text[start.end() :]
    following = re.search(r"^#{1,3} ", rest, re.M)
    return rest[: following.start()] if following else rest


def rows(text: str) -> Iterator[list[str]]:
    """The rows of the tables in a text, as lists of cells."""
    for line in text.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip()[1:-1].split("|")]


def documented(text: str) -> dict[str, list[str]]:
    """The rows whose first cell is one word in backticks or a number, by that cell."""
    return {
        match[1]: cells
        for cells in rows(text)
        if (match := re.fullmatch(r"`?([^`*]+)`?", cells[0]))
    }


def committed() -> list[Path]:
    """The files of the project: those tracked by git, or in a copy without git all of them."""
    if not (ROOT / ".git").exists():
        return [file for file in ROOT.rglob("*") if file.is_file() and not _is_generated(file)]
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    names = listed.stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def _is_generated(file: Path) -> bool:
    """Whether the file is a build product."""
    parts = file.relative_to(ROOT).parts
    generated = {"__pycache__", "node_modules", "data", "build", "dist"}
    return any(part in generated or part.startswith(".") for part in parts[:-1])

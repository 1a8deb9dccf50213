"""Links resolve, `make` has the documented targets, and no file names a developer's machine."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, anchors, committed, links, page, pages

# Written so that this file does not match itself.
_ELSEWHERE = re.compile(
    r"py[p]i\.org|pytho[n]hosted\.org|np[m]js\.(?:org|com)|yarnp[k]g\.com|proxy\.gol[a]ng\.org"
    r"|crat[e]s\.io|artif[a]ctory|\bnex[u]s\.[a-z]"
)
_MACHINE = re.compile(
    r"(?<![\w./-])/(?:wor[k]|hom[e]|User[s]|roo[t]|build[s]|workspac[e])/[\w.-]+"
)


@pytest.mark.parametrize("file", pages(), ids=lambda file: str(file.relative_to(ROOT)))
def test_links_resolve(file: Path) -> None:
    text = file.read_text("utf-8")

    for link in links(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text("utf-8")), link


def test_links_to_tests_name_an_existing_test() -> None:
    found = re.findall(r"\[[^\]]*?`(test_\w+)`[^\]]*\]\((tests/[^)]+)\)", page("README.md"))

    assert len(found) >= 6
    for name, file in found:
        assert re.search(rf"^(?:async )?def {name}\(", page(file), re.M), (name, file)


def test_tests_named_in_the_recipes_exist() -> None:
    defined = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)\(", file.read_text("utf-8"), re.M)
    }

    named = set(re.findall(r"`(test_\w+)`", page("CONTRIBUTING.md")))

    assert len(named) >= 10
    assert named <= defined


def test_the_readme_stays_short() -> None:
    assert len(page("README.md").splitlines()) <= 120


@pytest.mark.parametrize(
    "file", sorted((ROOT / "docs/decisions").glob("0*.md")), ids=lambda f: f.stem
)
def test_a_decision_is_short_and_complete(file: Path) -> None:
    text = file.read_text("utf-8")

    assert len(text.splitlines()) <= 40
    for part in ("Context", "Decision", "Consequences", "Alternatives", "Enforced in"):
        assert f"**{part}" in text, part
    assert f"({file.name})" in page("docs/decisions/README.md")


# Paths


@pytest.mark.parametrize("file", pages(), ids=lambda file: str(file.relative_to(ROOT)))
def test_files_that_are_named_exist(file: Path) -> None:
    named = re.findall(r"`((?:app|tests|docs|migrations)/[\w./-]+)`", file.read_text("utf-8"))

    for name in named:
        # Names with a leading dot are build products.
        assert (ROOT / name).exists() or "/." in name, name


# Make


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", page("Makefile"), re.M))


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_documented_make_targets_exist(name: str) -> None:
    named = re.findall(r"(?:`|^)make ((?:[a-z-]+ ?)+)", page(name), re.M)
    words = {target for targets in named for target in targets.split()}

    assert words
    assert words <= _targets()


def test_the_readme_documents_every_make_target() -> None:
    missing = {
        target for target in _targets() - {"help"} if f"`make {target}`" not in page("README.md")
    }

    assert missing == set()


# Committed files contain nothing of a developer's machine


def _text(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "replace")


def test_no_file_names_a_registry_or_a_local_path() -> None:
    files = committed()

    assert len(files) > 100
    found = [
        f"{file.relative_to(ROOT)}: {match[0]}"
        for file in files
        for pattern in (_ELSEWHERE, _MACHINE)
        for match in pattern.finditer(_text(file))
    ]
    assert found == []


def test_the_patterns_match() -> None:
    assert _ELSEWHERE.search("https://files.pytho" + "nhosted.org/packages")
    assert _MACHINE.search('"/hom' + 'e/ana/parley"')
    assert not _MACHINE.search("https://example.org/home/of/something")

"""The transcripts are complete: no operation, frame or code is missing."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.transcripts.processes import ROOT
from tests.transcripts.transcript import RECORDED

_HERE = Path(__file__).parent
_PROTOCOL = (ROOT / "docs/protocol.md").read_text()
_ERRORS = (ROOT / "docs/errors.md").read_text()

# Can't be caused from outside; the value says why.
_NOT_RECORDED = {
    "internal": "a bug in the server",
    "unavailable": "an unreachable database or an overload",
    "4100": "a bug in the server",
    "4103": "an unreachable database or an overload",
}


@pytest.fixture(autouse=True)
def _recorded_before(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--record", default=False):
        pytest.skip("checked in the next run, without --record")


_ASKED = re.compile(r"^ *\S+ > (GET|POST|PUT|PATCH|DELETE) (/\S*)", re.M)
_ANSWERED = re.compile(r"^ +< (\d{3})$", re.M)
_IN_ONE_LINE = re.compile(r"^ *([A-Z]+) > (/\S*)  <  (\d{3})", re.M)


def _recorded(prefix: str = "") -> str:
    return "\n".join(file.read_text() for file in sorted(RECORDED.glob(f"{prefix}*.txt")))


def test_every_test_has_its_own_file() -> None:
    names = [
        name
        for file in _HERE.glob("test_*.py")
        if file.name != Path(__file__).name
        for name in re.findall(r"^def test_(\w+)\(", file.read_text(), re.M)
    ]
    assert sorted(names) == sorted(file.stem for file in RECORDED.glob("*.txt"))


def test_every_operation_has_a_transcript(document: Any) -> None:
    """Each operation has a success and a refusal."""
    met: dict[tuple[str, str], set[str]] = {}
    for method, path, status in _exchanges(_recorded("http_") + _recorded("streams_")):
        for template in document["paths"]:
            if _matches(template, path) and method.lower() in document["paths"][template]:
                met.setdefault((method, template), set()).add(status[0])
                break
    missing = []
    for template, operations in document["paths"].items():
        for method, operation in operations.items():
            wanted = {"2"} | ({"4"} if set(operation["responses"]) - {"200", "503"} else set())
            lacking = wanted - met.get((method.upper(), template), set())
            if lacking:
                missing.append((method.upper(), template, sorted(lacking)))
    assert not missing


def _exchanges(text: str) -> Iterable[tuple[str, str, str]]:
    yield from _IN_ONE_LINE.findall(text)
    for part in text.split("\n\n"):
        asked, answered = _ASKED.search(part), _ANSWERED.search(part)
        if asked and answered:
            yield asked[1], asked[2].partition("?")[0], answered[1]


def _matches(template: str, path: str) -> bool:
    return bool(re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path))


@pytest.mark.parametrize("code", re.findall(r"^## `(\w+)`", _ERRORS, re.M))
def test_every_error_is_recorded(code: str) -> None:
    assert (f'"code":"{code}"' in _recorded()) != (code in _NOT_RECORDED)


@pytest.mark.parametrize("code", re.findall(r"^\| (4\d{3}) \|", _PROTOCOL, re.M))
def test_every_close_code_is_recorded(code: str) -> None:
    assert (f"< close {code}" in _recorded("s")) != (code in _NOT_RECORDED)


def _rows(section: str) -> list[str]:
    found = re.search(rf"^### {section}.*?(?=^##)", _PROTOCOL, re.M | re.S)
    assert found
    return [name for name in re.findall(r"^\| `([\w.]+)` \|", found[0], re.M) if name != "type"]


@pytest.mark.parametrize("kind", [*_rows("2.2"), *_rows("2.3")])
def test_every_frame_is_recorded(kind: str) -> None:
    heard = re.search(rf'< \{{"type":"{re.escape(kind)}"', _recorded("socket_"))
    assert bool(heard or kind == "drain") != (kind in _NOT_RECORDED)


@pytest.mark.parametrize("kind", _rows("2.1"))
def test_every_request_is_recorded(kind: str) -> None:
    assert f'> {{"type": "{kind}"' in _recorded("socket_")

"""``docs/protocol.md`` lists every request, answer, signal, event, close code and endpoint."""

import json
import re
from typing import Any, get_args

import pytest
from fastapi import FastAPI

from app.config.client_limits import client_limits
from app.domain import close_codes
from app.domain.close_codes import Close
from app.domain.errors import ParleyError, RoomNotFound
from app.domain.events import EventType
from app.domain.roles import Kind, Role
from app.main import create_app
from app.wire.errors import problem
from app.wire.requests import AnyRequest
from tests.docs.pages import ROOT, blocks, documented, page, rows, section
from tests.docs.test_reference import ERRORS
from tests.harness.server import settings

PROTOCOL = "docs/protocol.md"
METHODS = "GET|POST|PUT|PATCH|DELETE"


def _section(number: str) -> dict[str, list[str]]:
    """The rows of a section, by their first word."""
    listed = documented(section(page(PROTOCOL), number))
    return {word: cells for word, cells in listed.items() if word not in ("type", "code")}


# Frames


@pytest.mark.parametrize("request_class", get_args(AnyRequest), ids=lambda r: r.__name__)
def test_a_request_is_listed_with_its_fields(request_class: Any) -> None:
    fields = request_class.model_fields
    kind = get_args(fields["type"].annotation)[0]

    cells = _section("2.1")[kind]

    listed = set(re.findall(r"`(\w+)\??`", cells[1]))
    assert listed == set(fields) - {"type", "id"}


def test_every_listed_request_exists() -> None:
    kinds = {get_args(r.model_fields["type"].annotation)[0] for r in get_args(AnyRequest)}

    assert set(_section("2.1")) == kinds


def _sent_types() -> set[str]:
    """The types of the answers and signals that the code sends."""
    found: set[str] = set()
    for file in (ROOT / "app").rglob("*.py"):
        text = file.read_text("utf-8")
        found.update(re.findall(r"answers\.signal\(\s*\"(\w+)\"", text))
        if file.name in ("answers.py", "errors.py"):
            found.update(re.findall(r"\"type\": \"(\w+)\"", text))
    return found


def test_the_listed_answers_and_signals_are_those_sent() -> None:
    assert {"welcome", "error", "typing", "drain"} <= _sent_types()
    assert set(_section("2.2")) == _sent_types()


def test_the_listed_event_types_are_those_defined() -> None:
    assert set(_section("2.3")) == {kind.value for kind in EventType}


def test_the_limits_of_welcome_are_named() -> None:
    text = page(PROTOCOL)

    for name in client_limits(settings()):
        assert f"`{name}`" in text


def test_room_kinds_and_roles_are_named() -> None:
    text = page(PROTOCOL)

    for word in (*Kind, *Role):
        assert f"`{word.value}`" in text


# Examples


def _example_frames() -> list[dict[str, Any]]:
    """The frames of the example at the end of the page, in order."""
    lines = re.findall(r"^[←→] (\{.*\})(?: {2,}.*)?$", page(PROTOCOL), re.M)
    return [json.loads(line.replace("{…}", "{}")) for line in lines]


def test_the_frames_of_the_example_have_only_listed_fields() -> None:
    frames = _example_frames()
    rows_of = {**_section("2.1"), **_section("2.2"), **_section("2.3")}
    # Results of answers, which are listed with the request.
    always = {"type", "id", "re", "room", "seq", "at", "by", "duplicate"}

    assert len(frames) > 12
    for frame in frames:
        listed = set(re.findall(r"(\w+)\??", " ".join(rows_of[frame["type"]][1:])))
        assert set(frame) - always <= listed, frame


def test_the_example_of_an_error_is_exact() -> None:
    (example,) = [block for block in blocks(PROTOCOL) if '"code"' in block.text][:1]

    assert json.loads(example.text) == problem(RoomNotFound())


# Closes


def test_the_listed_close_codes_are_those_defined() -> None:
    codes = {close.code for close in vars(close_codes).values() if isinstance(close, Close)}
    codes |= {error.close for error in ERRORS if error.close is not None}

    assert {int(code) for code in _section("2.4")} == codes


@pytest.mark.parametrize(
    "close",
    [c for c in vars(close_codes).values() if isinstance(c, Close)],
    ids=lambda c: c.reason,
)
def test_a_close_code_is_listed_with_the_word_of_its_reason(close: Close) -> None:
    word = re.split(r"\W", close.reason)[0]

    assert f"`{word}`" in _section("2.4")[str(close.code)][1]


def test_an_error_is_listed_with_its_close_code() -> None:
    listed = _section("2.4")

    def name(error: type[ParleyError]) -> str:
        # Errors that share the close code of another.
        return {"invalid": "bad_request", "banned": "forbidden", "muted": "forbidden"}.get(
            error.code, error.code
        )

    for error in ERRORS:
        if error.close is not None and error.code != "registration_closed":
            assert f"`{name(error)}`" in listed[str(error.close)][1], error.code


# Endpoints


@pytest.fixture(scope="module")
def app() -> FastAPI:
    """The app as it is served."""
    return create_app(settings())


def _operations(app: FastAPI) -> set[str]:
    return {
        f"{method.upper()} {path}"
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    }


def _listed() -> set[str]:
    found = (re.match(rf"`((?:{METHODS}) /\S*)`$", cells[0]) for cells in rows(page(PROTOCOL)))
    return {match[1] for match in found if match}


# Pages and documents that are not in the OpenAPI document.
UNLISTED = {
    "GET /",
    "GET /docs",
    "GET /openapi.json",
    "GET /errors/{code}",
    "GET /asyncapi",
    "GET /asyncapi.json",
}


def test_every_endpoint_is_listed(app: FastAPI) -> None:
    assert _operations(app) - _listed() == set()


def test_every_listed_endpoint_exists(app: FastAPI) -> None:
    assert _listed() - _operations(app) - UNLISTED == set()


def test_the_listed_pages_exist(app: FastAPI) -> None:
    paths = {getattr(route, "path", None) for route in app.router.routes}

    assert {line.removeprefix("GET ") for line in UNLISTED} <= paths
    assert UNLISTED <= _listed()


def test_query_parameters_are_named(app: FastAPI) -> None:
    cells = {row[0].strip("`"): row[1] for row in rows(page(PROTOCOL)) if len(row) > 1}
    # Parameters of every list, which are documented once.
    everywhere = {"after", "limit"}

    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query" and parameter["name"] not in everywhere:
                    said = cells[f"{method.upper()} {path}"]
                    wanted = rf"\?{parameter['name']}=|as above"
                    assert re.search(wanted, said), f"{method} {path} {wanted}"


def test_the_tables_are_parsed() -> None:
    # With another table syntax the tests above would check nothing.
    assert documented(page(PROTOCOL))["GET /health"][1].startswith("*open*")
    assert len(_listed()) > 30

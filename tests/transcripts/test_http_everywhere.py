"""What holds for every answer: heads, who may ask, what is not there, and the document."""

import json
import re
from collections.abc import Callable
from typing import Any

from tests.transcripts.http_client import Answer, raw
from tests.transcripts.people import PASSWORD, Person, Talk
from tests.transcripts.transcript import Transcript

TalkOn = Callable[..., Talk]

# What stands for a parameter of a path.
_EXAMPLES = {
    "{username}": "ann",
    "{room}": "general",
    "{seq}": "1",
    "{emoji}": "%F0%9F%91%8D",
    "{id}": "1",
    "{code}": "nonsense",
}


def test_http_headers(talk_on: TalkOn) -> None:
    talk = talk_on(allowed_origins="https://chat.example.org")
    stranger = talk.stranger

    talk.heading("Data, an error, and nothing")
    stranger.post("/users", {"username": "ann", "password": PASSWORD}, whole_head=True)
    ann = talk.log_in("ann")
    ann.get("/users/me", whole_head=True)
    ann.get("/rooms/general/messages", whole_head=True)
    ann.get("/rooms/general/events", whole_head=True)
    ann.get("/users/nobody-here", whole_head=True)
    stranger.get("/users/me", whole_head=True)
    ann.delete("/users/me/blocks/ann", whole_head=True)

    talk.heading("Another request than those of one's own origin")
    origin = {"Origin": "https://chat.example.org"}
    stranger.get("/health", headers=origin, whole_head=True)
    ann.get("/rooms/general/messages", headers=origin, whole_head=True)
    preflight = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    stranger.ask("OPTIONS", "/rooms", headers={**origin, **preflight}, whole_head=True)
    foreign = {"Origin": "https://evil.example.org"}
    stranger.get("/health", headers=foreign, whole_head=True)
    stranger.ask("OPTIONS", "/rooms", headers={**foreign, **preflight}, whole_head=True)


def test_http_static(talk_on: TalkOn) -> None:
    talk = talk_on()
    stranger = talk.stranger

    talk.heading("Operation")
    stranger.get("/health")
    stranger.get("/ready")

    talk.heading("Pages")
    for path in ("/", "/docs", "/openapi.json", "/web/app.js", "/web/style.css", "/web/icon.svg"):
        stranger.get(path, shows_body=False, whole_head=True)
    page = stranger.get("/", quietly=True)
    etag = next(value for name, value in page.headers if name.lower() == "etag")
    talk.transcript.placeholders.know(etag, "etag")
    stranger.get("/", headers={"If-None-Match": etag}, whole_head=True)
    stranger.ask("HEAD", "/", whole_head=True)

    talk.heading("What is not there")
    for path in (
        "/nothing",
        "/web/nothing.js",
        "/web/../secret",
        "/web/",
        "/rooms/",
        "/users/a/b",
    ):
        stranger.get(path)
    stranger.put("/rooms")
    stranger.ask("HEAD", "/rooms", whole_head=True)
    stranger.ask("BREW", "/rooms")
    stranger.ask("OPTIONS", "/rooms")
    for request in (
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/3.0\r\n\r\n",
    ):
        talk.transcript.gap()
        talk.transcript.add("-", ">", request.decode().rstrip())
        talk.transcript.add("", "<", raw(talk.server.address, request).decode())


def test_http_closed(talk_on: TalkOn) -> None:
    """Without the documentation, and without registration."""
    talk = talk_on(docs="off", registration="closed")
    stranger = talk.stranger

    stranger.get("/docs")
    stranger.get("/openapi.json")
    stranger.get("/docs/assets/swagger-ui.css")
    stranger.post("/users", {"username": "ann", "password": PASSWORD})


def test_http_not_logged_in(talk: Talk, document: Any) -> None:
    """Every operation, by somebody who is not logged in: all that are not open say the same."""
    first = talk.stranger.get("/users/me")
    _put_down_each(talk, document, talk.stranger, first)


def test_http_not_administrator(talk: Talk, document: Any) -> None:
    """Every operation of administrators, by somebody who is none."""
    una = talk.person("una")
    first = una.get("/admin/users")
    _put_down_each(talk, document, una, first, "/admin/")


def _put_down_each(
    talk: Talk, document: Any, who: Person, first: Answer, prefix: str = "/"
) -> None:
    """A line for each operation; those that are answered like ``first`` say so."""
    talk.heading("All of them")
    for path, operations in document["paths"].items():
        for method in operations:
            if not path.startswith(prefix):
                continue
            asked = path
            for name, example in _EXAMPLES.items():
                asked = asked.replace(name, example)
            answer = who.ask(method.upper(), asked, quietly=True)
            same = answer.body == first.body and _names(answer) == _names(first)
            said = "the same" if same else answer.json.get("code", answer.text)
            talk.transcript.add(method.upper(), ">", f"{asked}  <  {answer.status} {said}")


def _names(answer: Answer) -> list[str]:
    return sorted(name.lower() for name, _ in answer.headers)


def test_openapi(transcript: Transcript, document: Any) -> None:
    """The document, without what is only for people."""
    transcript.heading("Operations")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            log_in = "" if operation.get("security") else "  (open)"
            transcript.gap()
            transcript.add(method.upper(), ">", f"{path}  {operation['operationId']}{log_in}")
            for parameter in operation.get("parameters", ()):
                schema = _compact(parameter["schema"])
                needed = "" if parameter.get("required") else "?"
                name = f"{parameter['in']} {parameter['name']}{needed}"
                transcript.add("", ">", f"{name} {schema}")
            if "requestBody" in operation:
                transcript.add("", ">", f"body {_content(operation['requestBody'])}")
            refusals = []
            for status, response in operation["responses"].items():
                content = _content(response)
                if content == "application/problem+json Problem":
                    refusals.append(status)
                else:
                    transcript.add("", "<", f"{status} {content}")
            if refusals:
                transcript.add("", "<", f"{' '.join(refusals)} Problem")
    transcript.heading("Schemas")
    for name, schema in document["components"]["schemas"].items():
        transcript.add("", " ", f"{name} {_compact(schema)}")
    transcript.heading("Security")
    transcript.add("", " ", _compact(document["components"]["securitySchemes"]))


def _content(part: Any) -> str:
    return ", ".join(
        f"{kind} {_compact(content['schema'])}"
        for kind, content in part.get("content", {}).items()
    ).removeprefix("application/json ")


_REFERENCE = re.compile(r'\{"\$ref": "#/components/schemas/(\w+)"\}')
_FOR_PEOPLE = {"description", "title", "summary", "example", "examples", "tags"}


def _compact(part: Any) -> str:
    text = json.dumps(_without_prose(part), ensure_ascii=False, sort_keys=True)
    return _REFERENCE.sub(r"\1", text)


def _without_prose(part: Any, *, names: bool = False) -> Any:
    """``part`` of the document, without prose; what it names may be called like prose."""
    if isinstance(part, dict):
        return {
            name: _without_prose(inner, names=name == "properties")
            for name, inner in part.items()
            if names or name not in _FOR_PEOPLE
        }
    if isinstance(part, list):
        return [_without_prose(inner) for inner in part]
    return part

"""Headers, pages, authorization of every operation, and the OpenAPI document."""

import json
import re
from collections.abc import Callable
from typing import Any

from tests.transcripts.http_client import Answer, raw
from tests.transcripts.scenario import PASSWORD, Scenario
from tests.transcripts.transcript import Transcript
from tests.transcripts.user import User

ScenarioOn = Callable[..., Scenario]

# Values for the parameters of paths.
_EXAMPLES = {
    "{username}": "ann",
    "{room}": "general",
    "{seq}": "1",
    "{emoji}": "%F0%9F%91%8D",
    "{id}": "1",
    "{code}": "nonsense",
}


def test_http_headers(scenario_on: ScenarioOn) -> None:
    scenario = scenario_on(allowed_origins="https://chat.example.org")
    anonymous = scenario.anonymous

    scenario.heading("Data, errors, no content")
    anonymous.post("/users", {"username": "ann", "password": PASSWORD}, whole_head=True)
    ann = scenario.log_in("ann")
    ann.get("/users/me", whole_head=True)
    ann.get("/rooms/general/messages", whole_head=True)
    ann.get("/rooms/general/events", whole_head=True)
    ann.get("/users/no-such-user", whole_head=True)
    anonymous.get("/users/me", whole_head=True)
    ann.delete("/users/me/blocks/ann", whole_head=True)

    scenario.heading("Requests from other origins")
    origin = {"Origin": "https://chat.example.org"}
    anonymous.get("/health", headers=origin, whole_head=True)
    ann.get("/rooms/general/messages", headers=origin, whole_head=True)
    preflight = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    anonymous.request("OPTIONS", "/rooms", headers={**origin, **preflight}, whole_head=True)
    foreign = {"Origin": "https://evil.example.org"}
    anonymous.get("/health", headers=foreign, whole_head=True)
    anonymous.request("OPTIONS", "/rooms", headers={**foreign, **preflight}, whole_head=True)


def test_http_static(scenario_on: ScenarioOn) -> None:
    scenario = scenario_on()
    anonymous = scenario.anonymous

    scenario.heading("Operation")
    anonymous.get("/health")
    anonymous.get("/ready")
    anonymous.get("/metrics", record_body=False, whole_head=True)

    scenario.heading("Pages")
    for path in (
        "/",
        "/docs",
        "/openapi.json",
        "/web/app.js",
        "/web/style.css",
        "/web/icon.svg",
    ):
        anonymous.get(path, record_body=False, whole_head=True)
    page = anonymous.get("/", record=False)
    etag = next(value for name, value in page.headers if name.lower() == "etag")
    scenario.transcript.placeholders.know(etag, "etag")
    anonymous.get("/", headers={"If-None-Match": etag}, whole_head=True)
    anonymous.request("HEAD", "/", whole_head=True)

    scenario.heading("Unknown paths and methods, bad requests")
    for path in (
        "/nothing",
        "/web/nothing.js",
        "/web/../secret",
        "/web/",
        "/rooms/",
        "/users/a/b",
        "/ws",
        "/ws/general",
    ):
        anonymous.get(path)
    anonymous.put("/rooms")
    anonymous.request("HEAD", "/rooms", whole_head=True)
    anonymous.request("BREW", "/rooms")
    anonymous.request("OPTIONS", "/rooms")
    for request in (
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/3.0\r\n\r\n",
    ):
        scenario.transcript.gap()
        scenario.transcript.add("-", ">", request.decode().rstrip())
        scenario.transcript.add("", "<", raw(scenario.server.address, request).decode())


def test_http_closed(scenario_on: ScenarioOn) -> None:
    """``DOCS=off``, ``REGISTRATION=closed`` and a ``METRICS_TOKEN``."""
    token = "0f8a7c3e91d24b6586ab1c9d7e2f4053b8c6d1e09a7f3b52"
    scenario = scenario_on(docs="off", registration="closed", metrics_token=token)
    anonymous = scenario.anonymous

    anonymous.get("/docs")
    anonymous.get("/openapi.json")
    anonymous.get("/docs/assets/swagger-ui.css")
    anonymous.post("/users", {"username": "ann", "password": PASSWORD})
    anonymous.get("/metrics")
    anonymous.get("/metrics", headers={"Authorization": f"Bearer {token}"}, record_body=False)


def test_http_not_logged_in(scenario: Scenario, document: Any) -> None:
    """Every operation without a log-in; those that need one give the same answer."""
    first = scenario.anonymous.get("/users/me")
    _record_each(scenario, document, scenario.anonymous, first)


def test_http_not_administrator(scenario: Scenario, document: Any) -> None:
    """Every operation of administrators, called by an ordinary user."""
    una = scenario.user("una")
    first = una.get("/admin/users")
    _record_each(scenario, document, una, first, "/admin/")


def _record_each(
    scenario: Scenario, document: Any, who: User, first: Answer, prefix: str = "/"
) -> None:
    """Record a line for each operation; ``the same`` stands for an answer equal to ``first``."""
    scenario.heading("Every operation")
    for path, operations in document["paths"].items():
        for method in operations:
            if not path.startswith(prefix):
                continue
            asked = path
            for name, example in _EXAMPLES.items():
                asked = asked.replace(name, example)
            answer = who.request(method.upper(), asked, record=False)
            same = answer.body == first.body and _names(answer) == _names(first)
            said = "the same" if same else answer.json.get("code", answer.text)
            scenario.transcript.add(method.upper(), ">", f"{asked}  <  {answer.status} {said}")


def _names(answer: Answer) -> list[str]:
    return sorted(name.lower() for name, _ in answer.headers)


def test_openapi(transcript: Transcript, document: Any) -> None:
    """The OpenAPI document without its prose."""
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
    """A part of the document without prose. ``names``: its keys are names of fields."""
    if isinstance(part, dict):
        return {
            name: _without_prose(inner, names=name == "properties")
            for name, inner in part.items()
            if names or name not in _FOR_PEOPLE
        }
    if isinstance(part, list):
        return [_without_prose(inner) for inner in part]
    return part

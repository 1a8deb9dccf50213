"""The OpenAPI document: its examples work on a fresh server, and it lists what is answered."""

from typing import Any

import pytest

from tests.harness.server import Server

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PROBLEM = "application/problem+json"
# In an order in which a newcomer may try them, as an administrator who is not in the examples.
TRIED = [
    ("POST", "/users", 201),
    ("POST", "/token", 200),
    ("POST", "/rooms", 201),
    ("PATCH", "/rooms/announcements", 200),
    ("PUT", "/rooms/announcements/members/alice", 200),
    ("POST", "/rooms/announcements/invites", 201),
    ("POST", "/rooms/announcements/messages", 201),
    ("PATCH", "/rooms/announcements/messages/{seq}", 200),
    ("PUT", "/rooms/announcements/read", 200),
    ("PUT", "/rooms/announcements/notifications", 200),
    ("PUT", "/rooms/announcements/members/alice/mute", 200),
    ("PUT", "/rooms/announcements/members/alice/ban", 200),
    ("POST", "/admin/users", 201),
    ("PUT", "/admin/users/carol/password", 200),
    ("POST", "/admin/rooms", 201),
    ("POST", "/admin/move", 403),
    ("PUT", "/admin/rooms/announcements/retention", 200),
    ("PATCH", "/users/me", 200),
    ("DELETE", "/users/me", 204),
]


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def body_of(document: dict[str, Any], operation: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The media type of an operation's body, and its schema."""
    ((media_type, content),) = operation["requestBody"]["content"].items()
    schema = content["schema"]
    for choice in schema.get("anyOf", [schema]):
        if "$ref" in choice:
            schema = document["components"]["schemas"][choice["$ref"].rpartition("/")[2]]
    return media_type, schema


def template(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    """The operation that serves ``path``; one with fewer parameters first."""
    found = [
        (known.count("{"), operation)
        for (known_method, known), operation in operations(document).items()
        if known_method == method
        and len(known.split("/")) == len(path.split("/"))
        and all(
            part == given or part.startswith("{")
            for part, given in zip(known.split("/"), path.split("/"), strict=True)
        )
    ]
    return min(found, key=lambda item: item[0])[1]


async def test_the_example_of_every_body_works_on_a_fresh_server(server: Server) -> None:
    document = server.app.openapi()
    root = await server.person("root", is_admin=True)
    tried = set()
    client, seq = root.http, ""
    for method, path, status in TRIED:
        operation = template(document, method, path)
        tried.add(operation["operationId"])
        media_type, schema = body_of(document, operation)
        example = schema["example"]
        sent = {"data": example} if media_type == FORM else {"json": example}

        answer = await client.request(method, path.replace("{seq}", seq), **sent)

        assert answer.status_code == status, (method, path, example, answer.text)
        if path.endswith("/messages"):
            seq = str(answer.json()["seq"])
        if path == "/token":
            token = answer.json()["access_token"]
            alice = {"Authorization": f"Bearer {token}"}
        if path == "/admin/rooms/announcements/retention":
            client.headers.update(alice)

    with_body = {
        operation["operationId"]
        for operation in operations(document).values()
        if "requestBody" in operation
    }
    # The token of a log-in that is to be ended can be no example.
    assert with_body - tried == {"revokeToken"}


async def test_swagger_fills_in_what_works(server: Server) -> None:
    document = server.app.openapi()
    # It reads the example of a form's field, and that of a parameter, not those of schemas.
    fields = document["components"]["schemas"]["TokenForm"]["properties"]
    form = {
        name: field.get("examples", field["anyOf"][0].get("examples"))[0]
        for name, field in fields.items()
    }
    send = operations(document)["POST", "/rooms/{room}/messages"]
    await server.client.post(
        "/users", json={"username": form["username"], "password": form["password"]}
    )

    answer = await server.client.post("/token", data=form)

    assert answer.status_code == 200, answer.text
    assert {p["name"]: p.get("example") for p in send["parameters"]}["room"] == "general"


async def test_whatever_takes_a_json_body_can_refuse_it(server: Server) -> None:
    document = server.app.openapi()
    takes = [
        operation
        for operation in operations(document).values()
        if JSON in operation.get("requestBody", {}).get("content", {})
    ]

    assert len(takes) >= 16
    for operation in takes:
        for status in ("400", "413", "422"):
            assert PROBLEM in operation["responses"][status]["content"], operation["operationId"]


async def test_a_body_that_is_no_json_is_refused_everywhere(server: Server) -> None:
    document = server.app.openapi()
    root = await server.person("root", is_admin=True)
    for (method, path), operation in operations(document).items():
        if JSON not in operation.get("requestBody", {}).get("content", {}):
            continue
        filled = path.replace("{room}", "general").replace("{username}", "root")
        filled = filled.replace("{seq}", "1")

        answer = await root.http.request(
            method, filled, content=b"{", headers={"Content-Type": JSON}
        )

        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request"), filled


@pytest.mark.parametrize("written", ["144.0", "1e2", '"1"', "true", "1.5"])
async def test_integers_are_digits_alone(server: Server, written: str) -> None:
    root = await server.person("root", is_admin=True)
    for method, path, field in (
        ("PUT", "/rooms/general/read", "seq"),
        ("PATCH", "/rooms/general", "slow_mode_seconds"),
        ("POST", "/rooms/general/invites", "max_uses"),
        ("PUT", "/admin/rooms/general/retention", "events"),
    ):
        answer = await root.http.request(
            method,
            path,
            content=f'{{"{field}": {written}}}',
            headers={"Content-Type": JSON},
        )

        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), path


@pytest.mark.parametrize(
    "path",
    [
        "/rooms/general/messages/144.0",
        "/rooms/general/messages/+5",
        "/rooms/general/messages/1_0/edits",
        "/rooms/general/events?since=0.0",
        "/rooms/general/events?limit=5.0",
        "/rooms/general/events?wait=%205",
        "/users?limit=5.0",
    ],
)
async def test_integers_in_addresses_are_digits_alone(server: Server, path: str) -> None:
    root = await server.person("root", is_admin=True)

    answer = await root.http.get(path)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")

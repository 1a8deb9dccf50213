"""Bad requests of the HTTP API: each parameter and each field of each operation."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from tests.crash.bad_input.values import FOR_FIELDS, FOR_NAMES, INVALID_UTF8, encode

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

_OF_PATHS = {
    "room": "general",
    "username": "victim",
    "seq": "1",
    "emoji": "👍",
    "id": "999",
    "code": "abc",
}
# They would end the run, or what it runs on.
_LEFT_OUT = frozenset({"POST /admin/move", "DELETE /users/me/sessions", "DELETE /users/me"})


class Request(NamedTuple):
    """A request that can be sent."""

    method: str
    target: str
    body: bytes = b""
    content_type: str = JSON


class Operation(NamedTuple):
    """One of the OpenAPI document."""

    method: str
    path: str
    queries: tuple[str, ...]
    fields: dict[str, Any]
    """An example of the body."""
    content_type: str


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    """Those that are tried."""
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            if f"{method.upper()} {path}" in _LEFT_OUT:
                continue
            queries = tuple(
                p["name"] for p in described.get("parameters", ()) if p["in"] == "query"
            )
            content = described.get("requestBody", {}).get("content", {})
            fields: dict[str, Any] = {}
            content_type = next(iter(content), JSON)
            if content:
                schema = _resolved(document, content[content_type]["schema"])
                fields = {name: "x" for name in schema.get("properties", {})}
                fields |= schema.get("example", {})
            yield Operation(method.upper(), path, queries, fields, content_type)


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while not schema.get("properties"):
        choices = [s for s in schema.get("anyOf", ()) if s.get("type") != "null"]
        if choices:
            schema = choices[0]
        elif "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        else:
            return schema
    return schema


def fixed(document: dict[str, Any]) -> Iterator[Request]:
    """All fixed requests."""
    for operation in operations(document):
        yield from _of_paths(operation)
        yield from _of_queries(operation)
        if operation.fields and operation.content_type == JSON:
            yield from _of_bodies(operation)
        elif operation.fields:
            yield from _of_forms(operation)


def _target(path: str, **changed: str) -> str:
    for name, value in {**_OF_PATHS, **changed}.items():
        path = path.replace("{" + name + "}", value)
    return path


def _of_paths(operation: Operation) -> Iterator[Request]:
    body = encode(operation.fields) if operation.fields else b""
    for name in _OF_PATHS:
        if "{" + name + "}" in operation.path:
            for value in FOR_NAMES[::3]:
                target = _target(operation.path, **{name: quote(value, safe="")})
                yield Request(operation.method, target, body, operation.content_type)


def _of_queries(operation: Operation) -> Iterator[Request]:
    target = _target(operation.path)
    for name in operation.queries:
        for value in FOR_NAMES:
            if name != "wait" or not value.strip().isdecimal():  # it would wait
                yield Request(operation.method, f"{target}?{name}={quote(value, safe='')}")
        yield Request(operation.method, f"{target}?{name}=1&{name}=2")
        yield Request(operation.method, f"{target}?{name}")
        yield Request(operation.method, f"{target}?{name}=%ff%fe&{name.upper()}=1")
    if operation.method == "GET":
        yield from (
            Request("GET", f"{target}?{query}")
            for query in ("x=1", "&&&", "=", "%", "a=b;c=d", "?")
        )


def _of_bodies(operation: Operation) -> Iterator[Request]:
    target, method, whole = _target(operation.path), operation.method, operation.fields
    for name in whole:
        values = FOR_FIELDS if operation.path.endswith("/messages") else FOR_FIELDS[::3]
        yield from (Request(method, target, encode({**whole, name: v})) for v in values)
        yield Request(method, target, encode({k: v for k, v in whole.items() if k != name}))
    body = encode(whole)
    yield from (Request(method, target, body[:length]) for length in range(0, len(body), 2))
    yield from (Request(method, target, body.replace(b'"', bad, 1)) for bad in INVALID_UTF8)
    yield from (Request(method, target, encode(value)) for value in FOR_FIELDS[52:79])
    yield from (
        Request(method, target, body, kind)
        for kind in ("", "text/plain", FORM, "application/xml", "application/json; charset=utf-16")
    )
    for extra in ("is_admin", "id", "seq", "by", "created_at", "__class__", ""):
        yield Request(method, target, encode({**whole, extra: 1}))
    yield Request(method, target, body.decode().encode("utf-16"))
    yield Request(method, target, b" " * 100_000 + body)
    yield Request(method, target, body + b" " * 300_000)


def _of_forms(operation: Operation) -> Iterator[Request]:
    target, method = _target(operation.path), operation.method
    whole = {"grant_type": "refresh_token", "refresh_token": "x", "token": "x"}
    for name in (*operation.fields, "extra", "username", "token"):
        for value in FOR_NAMES[::4]:
            fields = {**whole, name: quote(value, safe="")}
            body = "&".join(f"{key}={each}" for key, each in fields.items())
            yield Request(method, target, body.encode(), FORM)
    bodies = (
        b"",
        b"&",
        b"=",
        b"a",
        b"&&&===",
        b"a=1&a=2",
        b"%",
        b"%ff=%ff",
        b"token=%00",
        b"\xff",
    )
    yield from (Request(method, target, body, FORM) for body in bodies)
    yield Request(method, target, b"&".join(b"f%d=1" % n for n in range(5_000)), FORM)
    yield Request(method, target, b"token=" + b"x" * 200_000, FORM)
    multipart = b'--b\r\nContent-Disposition: form-data; name="token"\r\n\r\nx\r\n'
    for body in (multipart + b"--b--", multipart, multipart * 2_000 + b"--b--", b"--b", b"--b--"):
        yield Request(method, target, body, "multipart/form-data; boundary=b")
    yield Request(method, target, multipart, "multipart/form-data")
    yield from (Request(method, target, encode(v), JSON) for v in FOR_FIELDS[52:79])

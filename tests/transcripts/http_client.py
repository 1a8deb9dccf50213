"""HTTP with the standard library: one request per connection, no header added, no redirect."""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlencode

# How long to wait for the next bytes. Generous, for busy machines.
READ_SECONDS = 20.0


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


def send_request(
    address: str,
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    json_body: Any = None,
    form: Any = None,
    raw: bytes | None = None,
) -> Answer:
    """Make a request with at most one kind of body, and read the whole answer."""
    given = dict(headers or {})
    body, content_type = raw, "application/json"
    if form is not None:
        body, content_type = urlencode(form).encode(), "application/x-www-form-urlencoded"
    elif json_body is not None:
        body = json.dumps(json_body).encode()
    if body is not None and not any(name.lower() == "content-type" for name in given):
        given["Content-Type"] = content_type
    if body is None and method in ("POST", "PUT", "PATCH"):
        body = b""
    connection = HTTPConnection(address, timeout=READ_SECONDS)
    try:
        send(connection, method, path, given, body)
        return whole(connection.getresponse())
    finally:
        connection.close()


def send(
    connection: HTTPConnection,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes | None,
) -> None:
    """Send a request; the answer is not waited for."""
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)


def whole(response: HTTPResponse) -> Answer:
    """Read the whole answer."""
    body = response.read()
    return Answer(response.status, response.getheaders(), body)


def raw(address: str, request: bytes) -> bytes:
    """Send these bytes, and read until the server closes the connection."""
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port)), timeout=READ_SECONDS) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
        return answer

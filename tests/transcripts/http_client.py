"""HTTP by the standard library: one request a connection, nothing added, nothing followed."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from typing import Any

# What an answer takes on a machine that is busy with other things.
READ_SECONDS = 20.0


@dataclass(frozen=True)
class Answer:
    """One answer, body and all."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        """The body."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@contextmanager
def requested(
    address: str, method: str, path: str, headers: Mapping[str, str], body: bytes | None
) -> Iterator[HTTPResponse]:
    """A request, and its answer as far as it has come: the body can be read bit by bit."""
    connection = HTTPConnection(address, timeout=READ_SECONDS)
    try:
        send(connection, method, path, headers, body)
        yield connection.getresponse()
    finally:
        connection.close()


def send(
    connection: HTTPConnection,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes | None,
) -> None:
    """Send a request, and wait for nothing."""
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)


def whole(response: HTTPResponse) -> Answer:
    """Read an answer to its end."""
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

"""Documents name the address under which they were asked for, and nothing that is not one."""

import pytest
from starlette.requests import Request

from app.api.addresses import socket_address


def request(host: str | None, scheme: str = "http", root_path: str = "") -> Request:
    headers = [] if host is None else [(b"host", host.encode("latin-1"))]
    return Request(
        {
            "type": "http",
            "method": "GET",
            "scheme": scheme,
            "server": ("10.0.0.1", 8000),
            "path": "/openapi.json",
            "root_path": root_path,
            "query_string": b"",
            "headers": headers,
        }
    )


@pytest.mark.parametrize(
    ("asked", "address"),
    [
        (request("chat.example.org", "https"), "wss://chat.example.org"),
        (request("127.0.0.1:8001"), "ws://127.0.0.1:8001"),
        (request("[::1]:8001"), "ws://[::1]:8001"),
        (request("shop.example.org", "https", "/chat/"), "wss://shop.example.org/chat"),
    ],
)
def test_the_address_is_that_of_the_request(asked: Request, address: str) -> None:
    assert str(socket_address(asked)) == address


@pytest.mark.parametrize(
    "host", [None, "", 'a"b', "a b", "<b>", "a/b", "a@b", "é", "x" * 300, "a:123456"]
)
def test_what_is_no_host_is_not_shown(host: str | None) -> None:
    assert str(socket_address(request(host))) == "wss://chat.example.org"

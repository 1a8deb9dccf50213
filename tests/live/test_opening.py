"""The short way through a handshake, beside the long one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.http11 import Request
from websockets.server import ServerProtocol

from app.live.opening import accept_value, offers_compression, subprotocols, switching

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
# RFC 6455, section 1.3.
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

GOOD = [
    (b"host", b"parley.test"),
    (b"upgrade", b"websocket"),
    (b"connection", b"Upgrade"),
    (b"sec-websocket-key", KEY),
    (b"sec-websocket-version", b"13"),
]


def without(name: bytes) -> list[tuple[bytes, bytes]]:
    return [header for header in GOOD if header[0] != name]


def judged(target: bytes, headers: list[tuple[bytes, bytes]]) -> bytes | None:
    """What websockets answers: the value that accepts, or None."""
    lines = [b"GET " + target + b" HTTP/1.1", *(n + b": " + v for n, v in headers), b"", b""]
    server = ServerProtocol()
    server.receive_data(b"\r\n".join(lines))
    for event in server.events_received():
        assert isinstance(event, Request)
        response = server.accept(event)
        if response.status_code == 101:
            return response.headers["Sec-WebSocket-Accept"].encode()
    return None


def test_the_example_of_the_standard() -> None:
    assert accept_value("GET", "1.1", b"/ws", GOOD) == ACCEPT == judged(b"/ws", GOOD)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(without(b"sec-websocket-key"), id="no key"),
        pytest.param(without(b"sec-websocket-version"), id="no version"),
        pytest.param(without(b"upgrade"), id="no upgrade"),
        pytest.param([*GOOD, (b"sec-websocket-key", KEY)], id="two keys"),
        pytest.param([*GOOD, (b"sec-websocket-version", b"13")], id="two versions"),
        pytest.param(
            [*without(b"sec-websocket-key"), (b"sec-websocket-key", b"c2hvcnQ=")], id="a short key"
        ),
        pytest.param(
            [*without(b"sec-websocket-key"), (b"sec-websocket-key", KEY + b"!")], id="no base64"
        ),
        pytest.param(
            [*without(b"sec-websocket-version"), (b"sec-websocket-version", b"8")], id="an old one"
        ),
        pytest.param([*GOOD, *((b"x-n", b"1") for _ in range(130))], id="too many headers"),
        pytest.param([*GOOD, (b"cookie", b"x" * 8_200)], id="a long header"),
    ],
)
def test_what_websockets_refuses_is_left_to_it(headers: list[tuple[bytes, bytes]]) -> None:
    assert judged(b"/ws", headers) is None
    assert accept_value("GET", "1.1", b"/ws", headers) is None


@pytest.mark.parametrize(
    ("method", "version", "target"),
    [
        ("POST", "1.1", b"/ws"),
        ("GET", "1.0", b"/ws"),
        ("GET", "1.1", b"http://parley.test/ws"),
        ("GET", "1.1", "/ws/dën".encode()),
        ("GET", "1.1", b"/ws?token=" + b"x" * 8_200),
    ],
)
def test_an_odd_request_is_left_to_websockets(method: str, version: str, target: bytes) -> None:
    assert accept_value(method, version, target, GOOD) is None


names = st.sampled_from([name for name, _ in GOOD] + [b"sec-websocket-extensions", b"x"])
values = st.sampled_from(
    [value for _, value in GOOD] + [b"", b"h2c", b"websocket, h2c", b" 13", b"====", KEY[:-1]]
)


@given(st.lists(st.tuples(names, values), max_size=3), st.sets(st.integers(0, 4), max_size=1))
def test_nothing_is_accepted_that_websockets_would_not(
    more: list[tuple[bytes, bytes]], left_out: set[int]
) -> None:
    headers = [header for n, header in enumerate(GOOD) if n not in left_out] + more
    # uvicorn has seen that the connection is to be upgraded, or it would not have come here.
    headers = [(n, v) for n, v in headers if n != b"connection"] + [(b"connection", b"Upgrade")]
    headers = [(n, v.strip()) for n, v in headers]

    accept = accept_value("GET", "1.1", b"/ws", headers)

    assert accept in (None, judged(b"/ws", headers))


def test_what_is_offered() -> None:
    offers = [(b"sec-websocket-protocol", b"a, b"), (b"sec-websocket-protocol", b"c")]

    assert subprotocols([*GOOD, *offers]) == ["a", "b", "c"]
    assert not offers_compression(GOOD)
    assert offers_compression([*GOOD, (b"sec-websocket-extensions", b"permessage-deflate")])


def test_the_answer() -> None:
    assert switching(ACCEPT, [(b"X", b"y")]) == (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + ACCEPT + b"\r\nX: y\r\n\r\n"
    )

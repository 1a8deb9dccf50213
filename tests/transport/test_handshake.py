"""The short way through a handshake, beside the long one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.http11 import Request
from websockets.server import ServerProtocol

from app.domain.connection_limits import MAX_PLAIN_HANDSHAKE_BYTES
from app.transport.handshake import offers_compression, plain_handshake, subprotocols, switching

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
# RFC 6455, section 1.3.
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

OFFERS = b"Sec-WebSocket-Protocol"

Headers = list[tuple[bytes, bytes]]

GOOD = [
    (b"Host", b"parley.test"),
    (b"Upgrade", b"websocket"),
    (b"Connection", b"keep-alive, Upgrade"),
    (b"Sec-WebSocket-Key", KEY),
    (b"Sec-WebSocket-Version", b"13"),
]


def request(target: bytes = b"/ws", headers: Headers = GOOD) -> bytes:
    lines = [b"GET " + target + b" HTTP/1.1", *(n + b": " + v for n, v in headers), b"", b""]
    return b"\r\n".join(lines)


def without(name: bytes) -> Headers:
    return [header for header in GOOD if header[0] != name]


def but(name: bytes, value: bytes) -> Headers:
    return [*without(name), (name, value)]


def judged(data: bytes) -> bytes | None:
    """What websockets answers: the value that accepts, or None."""
    server = ServerProtocol()
    server.receive_data(data)
    for event in server.events_received():
        assert isinstance(event, Request)
        response = server.accept(event)
        if response.status_code == 101:
            return response.headers["Sec-WebSocket-Accept"].encode()
    return None


def test_the_example_of_the_standard() -> None:
    plain = plain_handshake(request(b"/ws/den?token=a.b-c_d"))

    assert plain is not None
    assert plain.target == b"/ws/den?token=a.b-c_d"
    assert plain.headers == [(name.lower(), value) for name, value in GOOD]
    assert plain.accept == ACCEPT == judged(request())


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(without(b"Sec-WebSocket-Key"), id="no key"),
        pytest.param(without(b"Sec-WebSocket-Version"), id="no version"),
        pytest.param(without(b"Upgrade"), id="no upgrade"),
        pytest.param(without(b"Connection"), id="no connection"),
        pytest.param(but(b"Connection", b"close"), id="another connection"),
        pytest.param([*GOOD, (b"Sec-WebSocket-Key", KEY)], id="two keys"),
        pytest.param([*GOOD, (b"sec-websocket-version", b"13")], id="two versions"),
        pytest.param(but(b"Sec-WebSocket-Key", b"c2hvcnQ="), id="a short key"),
        pytest.param(but(b"Sec-WebSocket-Key", KEY + b"!"), id="no base64"),
        pytest.param(but(b"Sec-WebSocket-Version", b"8"), id="an old one"),
        pytest.param([*GOOD, *((b"X-N", b"1") for _ in range(130))], id="too many headers"),
        pytest.param([*GOOD, (b"Cookie", b"x" * 8_200)], id="a long header"),
        pytest.param([*GOOD, (b"Transfer-Encoding", b"chunked")], id="a body in chunks"),
        pytest.param([*GOOD, (b"Content-Length", b"5")], id="a body"),
        pytest.param([*GOOD, (b"X Y", b"1")], id="a space in a name"),
        pytest.param([*GOOD, (b"", b"1")], id="no name"),
        pytest.param(but(b"Connection", b"a b, Upgrade"), id="an option of two words"),
        pytest.param(but(b"Connection", b'"x", Upgrade'), id="an option in quotes"),
        pytest.param([*GOOD, (b"Origin", b"a"), (b"Origin", b"a")], id="two origins"),
        pytest.param([*GOOD, (OFFERS, b"")], id="an empty offer"),
        pytest.param([*GOOD, (OFFERS, b"a"), (OFFERS, b"b c")], id="an offer of two words"),
        pytest.param([*GOOD, (OFFERS, b"a/b")], id="an odd offer"),
        pytest.param([*GOOD, (b"X", b"a\0b")], id="a zero byte"),
        pytest.param([*GOOD, (b"X", b"a\nHost: b")], id="a bare line feed"),
    ],
)
def test_what_websockets_refuses_is_left_to_it(headers: Headers) -> None:
    assert judged(request(headers=headers)) is None
    assert plain_handshake(request(headers=headers)) is None


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(request()[:-1], id="a part of it"),
        pytest.param(request() + b"\x81", id="more than it"),
        pytest.param(request() * 2, id="two of them"),
        pytest.param(b"\r\n" + request(), id="an empty line before it"),
        pytest.param(request().replace(b"\r\n", b"\n"), id="line feeds alone"),
        pytest.param(request().replace(b"GET", b"POST"), id="another method"),
        pytest.param(request().replace(b"GET", b"get"), id="a method in lower case"),
        pytest.param(request().replace(b"/1.1", b"/1.0"), id="an old HTTP"),
        pytest.param(request(b"http://parley.test/ws"), id="an absolute target"),
        pytest.param(request(b"*"), id="no path"),
        pytest.param(request("/ws/dën".encode()), id="a target beyond ASCII"),
        pytest.param(request(b"/ws#top"), id="a fragment"),
        pytest.param(request(b"/ws/a b"), id="a space in the target"),
        pytest.param(request(b"/ws?token=" + b"x" * 8_200), id="a long target"),
        pytest.param(request(headers=[*GOOD, (b"X", "ë".encode())]), id="a value beyond ASCII"),
        pytest.param(request(headers=[*GOOD, (b"X", b"1\r\n 2")]), id="a folded header"),
        pytest.param(request(headers=[*GOOD, (b"X ", b"1")]), id="a space before a colon"),
        pytest.param(request(headers=[*GOOD, (b"Host", b"b")]), id="two hosts"),
        pytest.param(request(headers=without(b"Host")), id="no host"),
        pytest.param(request(headers=but(b"Host", b"a b")), id="a host of two words"),
        pytest.param(request(headers=[*GOOD, (b"Expect", b"100-continue")]), id="a question"),
        pytest.param(request(headers=but(b"Upgrade", b"h2c, websocket")), id="two upgrades"),
    ],
)
def test_what_is_odd_is_left_to_others(data: bytes) -> None:
    assert plain_handshake(data) is None


def test_as_large_as_it_may_be() -> None:
    def padded(size: int) -> bytes:
        return request(headers=[*GOOD, (b"X", b"x" * (size - len(request()) - 5))])

    assert plain_handshake(padded(MAX_PLAIN_HANDSHAKE_BYTES)) is not None
    assert plain_handshake(padded(MAX_PLAIN_HANDSHAKE_BYTES + 1)) is None


names = st.sampled_from(
    [name for name, _ in GOOD] + [b"Origin", OFFERS, b"Sec-WebSocket-Extensions", b"X", b"X Y"]
)
values = st.sampled_from(
    [value for _, value in GOOD]
    + [b"", b"h2c", b"websocket, h2c", b" 13", b"\t13", b"====", KEY[:-1], b"1\r\n2", b"\x7f"]
    + [b"a b, Upgrade", b"a,b", b"a/b", b",", b"http://a", b"Upgrade,"]
)


@given(st.lists(st.tuples(names, values), max_size=3), st.sets(st.integers(0, 4), max_size=1))
def test_nothing_is_accepted_that_websockets_would_not(more: Headers, left_out: set[int]) -> None:
    data = request(headers=[h for n, h in enumerate(GOOD) if n not in left_out] + more)

    plain = plain_handshake(data)

    assert plain is None or plain.accept == judged(data)


@given(st.binary(max_size=3), st.integers(0, len(request())), st.integers(0, 3))
def test_nor_with_any_bytes_in_it(pending_activity: bytes, where: int, instead_of: int) -> None:
    data = request()[:where] + pending_activity + request()[where + instead_of :]

    plain = plain_handshake(data)

    assert plain is None or plain.accept == judged(data)


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

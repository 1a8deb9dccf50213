"""Requests out of a byte stream, beside what httptools makes of it."""

import random
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url

from app.domain.connection_limits import (
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    MAX_PIPELINED_BYTES,
    MAX_TARGET_BYTES,
    READ_PIECE_BYTES,
    READ_PIECES_PER_TURN,
)
from app.transport.context import TransportLimits
from app.transport.http_reader import RequestReader
from app.transport.http_request import InvalidRequest

LIMITS = TransportLimits()
GET = b"GET /health HTTP/1.1\r\nHost: here\r\n\r\n"
# RFC 3986, section 3.2.2, without the addresses, of which the streams have none.
HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%-]*(:[0-9]*)?")
POST = b"POST /token HTTP/1.1\r\nHost: here\r\n"


class Read(NamedTuple):
    """A request, as it was read."""

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Outcome(NamedTuple):
    """Requests that were complete, and whether what follows is none."""

    requests: list[Read]
    refused: bool


def read(*pieces: bytes, most: int = 1_000) -> Outcome:
    """What a reader makes of it that is always answered at once."""
    reader, found = RequestReader(LIMITS), []
    try:
        for piece in pieces:
            reader.receive(piece)
            while reader.has_ahead or (reader.request is not None and reader.request.complete):
                request = reader.request
                if request is None or not request.complete:
                    reader.receive(b"")
                    continue
                body, headers = bytes(request.body), tuple(request.headers)
                found.append(Read(request.method, request.target, headers, body))
                if request.wants_websocket or not request.keep_alive or len(found) == most:
                    return Outcome(found, False)
                reader.next_request()
    except InvalidRequest:
        return Outcome(found, True)
    return Outcome(found, False)


def feed(reader: RequestReader, piece: bytes, times: int) -> None:
    for _ in range(times):
        reader.receive(piece)


class Judge:
    """httptools alone, with the checks that it leaves to its caller."""

    def __init__(self) -> None:
        self.found: list[Read] = []
        self.last = self.refused = False
        self.parser = HttpRequestParser(self)

    def feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade:
            self.last = True
        except HttpParserError:
            self.refused = not self.last

    def on_message_begin(self) -> None:
        self._target, self._headers, self._body, self._whole = b"", [], b"", False

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._whole:
            self._headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        self._whole = True
        names = [name for name, _ in self._headers]
        version = self.parser.get_http_version()
        good = version == "1.1" and names.count(b"host") == 1
        good = good or (version == "1.0" and names.count(b"host") < 2)
        good = good and not (version == "1.0" and b"transfer-encoding" in names)
        codings = [value for name, value in self._headers if name == b"transfer-encoding"]
        good = good and all(value.lower() == b"chunked" for value in codings)
        hosts = [value for name, value in self._headers if name == b"host"]
        good = good and self._target.isascii() and all(map(HOST.fullmatch, hosts))
        good = good and (self._target.startswith(b"/") or _is_url(self._target))
        if not good:
            raise ValueError
        self._stays = version == "1.1" and self.parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if self.last:
            return
        method = self.parser.get_method().decode()
        self.found.append(Read(method, self._target, tuple(self._headers), self._body))
        self.last = not self._stays


def _is_url(target: bytes) -> bool:
    try:
        parse_url(target)
    except HttpParserError:
        return False
    return True


def judged(stream: bytes) -> Outcome:
    judge = Judge()
    judge.feed(stream)
    return Outcome(judge.found, judge.refused)


def streams(seed: int, count: int) -> Iterator[tuple[bytes, list[int]]]:
    """Requests, most of them good, some spoilt, and where the network cuts them."""
    rng = random.Random(seed)
    for _ in range(count):
        stream = b"".join(_request(rng) for _ in range(rng.randint(1, 4)))
        if rng.random() < 0.5:
            stream = _spoilt(rng, stream)
        yield stream, [rng.randint(0, len(stream)) for _ in range(rng.choice((0, 0, 1, 3)))]


def _request(rng: random.Random) -> bytes:
    version = rng.choices((b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0"), (20, 2, 1))[0]
    target = rng.choice((b"/", b"/rooms/den?limit=5", b"/%41", b"http://here/x?y", b"/a#b"))
    headers = [b"Host: here"] * rng.choices((1, 0, 2), (20, 1, 1))[0]
    odd = (
        b"Connection: close",
        b"Connection: keep-alive",
        b"X: ",
        b"X-Long: " + b"y" * 100,
        b"Expect: 100-continue",
        b"X: a\tb",
    )
    headers += [rng.choice(odd) for _ in range(rng.choice((0, 0, 1, 2)))]
    body, method = b"", rng.choice((b"GET", b"HEAD", b"DELETE"))
    match rng.randrange(5):
        case 0:
            method, body = b"POST", rng.choice((b"", b"hello", b"\r\n\r\n" * 4, b"x" * 300))
            headers.append(b"Content-Length: %d" % len(body))
        case 1:
            method, body = b"PUT", _chunked(rng)
            headers.append(b"Transfer-Encoding: chunked")
        case 2 if rng.random() < 0.2:
            method = b"POST"
            headers += [b"Content-Length: 5", b"Transfer-Encoding: chunked"]
            body = b"0\r\n\r\n"
    rng.shuffle(headers)
    return b"\r\n".join([b"%s %s %s" % (method, target, version), *headers, b"", body])


def _chunked(rng: random.Random) -> bytes:
    parts = []
    for _ in range(rng.randint(0, 4)):
        data = rng.choice((b"a", b"hello", b"\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"x" * 80))
        extension = rng.choice((b"", b"", b";a=b"))
        parts.append(b"%x%s\r\n%s\r\n" % (len(data), extension, data))
    trailers = rng.choice((b"", b"", b"X-Sum: 1\r\n"))
    return b"".join(parts) + b"0\r\n" + trailers + b"\r\n"


def _spoilt(rng: random.Random, stream: bytes) -> bytes:
    data = bytearray(stream)
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(4):
            case 0 if at < len(data):
                data[at] = rng.choice((rng.randrange(256), 10, 13, 32, 58))
            case 1:
                del data[at : at + rng.randint(1, 3)]
            case 2:
                data[at:at] = rng.choice((b"\n", b"\r", b"\r\n", b" ", b"\0", b"0", b"f"))
            case _:
                data[at:at] = data[: rng.randint(0, len(data))]
    return bytes(data)


def differ(seed: int, count: int) -> None:
    for stream, cuts in streams(seed, count):
        ends = sorted({0, len(stream), *cuts})
        pieces = [stream[a:b] for a, b in zip(ends, ends[1:], strict=False)]
        ours, theirs = read(*pieces), judged(stream)
        assert ours == theirs, (stream, cuts)


@pytest.mark.parametrize("seed", range(4))
def test_a_stream_means_what_httptools_says(seed: int) -> None:
    differ(seed, 1_000)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(100, 104))
def test_a_hundred_thousand_streams_mean_what_httptools_says(seed: int) -> None:
    differ(seed, 25_000)


def test_one_request_is_read_and_the_next_is_not() -> None:
    reader = RequestReader(LIMITS)

    reader.receive(GET * 1_000)

    assert reader.request is not None
    assert reader.request.complete
    assert len(reader.take_ahead()) == 999 * len(GET)


def test_no_more_than_a_header_is_read_ahead_of_a_body() -> None:
    reader = RequestReader(LIMITS)

    reader.receive(POST + b"Content-Length: 5\r\n\r\nhello" + GET * 1_000)

    assert reader.request is not None
    assert bytes(reader.request.body) == b"hello"
    assert len(reader.take_ahead()) == 999 * len(GET)
    reader.next_request()
    assert reader.request.target == b"/health"


def test_a_turn_reads_a_bounded_number_of_pieces() -> None:
    reader = RequestReader(LIMITS)
    body = b"\r\n\r\n" * 10_000

    reader.receive(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    assert reader.request is not None
    assert not reader.request.complete
    turns = 0
    while reader.has_ahead:
        reader.receive(b"")
        turns += 1
    assert turns > 100
    assert reader.request.complete


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no Host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", id="two Hosts"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", id="a Host of two words"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", id="a Host with a path"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", id="a list of Hosts"),
        pytest.param(b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", id="another HTTP"),
        pytest.param(b"GET /\r\n\r\n", id="an old HTTP"),
        pytest.param(b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", id="a proxy is asked"),
        pytest.param(
            b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
            id="a proxy is asked, with an offer",
        ),
        pytest.param(
            b"DESCRIBE / RTSP/1.0\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
            id="another protocol, with an offer",
        ),
        pytest.param(b"DESCRIBE / RTSP/1.0\r\n\r\n", id="another protocol"),
        pytest.param(b"SOURCE / ICE/1.0\r\n\r\n", id="a third protocol"),
        pytest.param(b"GET http://a:99999/ HTTP/1.1\r\nHost: a\r\n\r\n", id="no such port"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", id="a folded header"),
        pytest.param(b"GET / HTTP/1.1\nHost: a\n\n", id="line feeds alone"),
        pytest.param(b"GET /\xc3\xab HTTP/1.1\r\nHost: a\r\n\r\n", id="no ASCII"),
        pytest.param(
            b"GET /" + b"x" * MAX_TARGET_BYTES + b" HTTP/1.1\r\nHost: a\r\n\r\n", id="long target"
        ),
        pytest.param(
            GET[:-2] + b"X: " + b"y" * MAX_HEADER_BYTES + b"\r\n\r\n", id="a long header"
        ),
        pytest.param(GET[:-2] + b"X: 1\r\n" * MAX_HEADERS + b"\r\n", id="many headers"),
        pytest.param(GET[:-2] + b"X: " + b"y" * MAX_HEADER_BYTES * 2, id="an endless header"),
        pytest.param(b"\r\n" * MAX_HEADER_BYTES, id="endless empty lines"),
        pytest.param(
            b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="an old chunk"
        ),
        pytest.param(
            POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            id="two lengths",
        ),
    ],
)
@pytest.mark.parametrize("cut", [None, 1_000], ids=["at once", "in pieces"])
def test_what_can_not_be_answered_is_refused(request_: bytes, cut: int | None) -> None:
    size = cut or len(request_)
    pieces = [request_[at : at + size] for at in range(0, len(request_), size)]

    assert read(*pieces) == Outcome([], refused=True)


@pytest.mark.parametrize(
    "endless",
    [
        pytest.param(b"X-T: " + b"y" * 100 + b"\r\n", id="trailers"),
        pytest.param(b"y" * 1_000, id="one trailer"),
    ],
)
def test_what_comes_behind_a_body_is_bounded(endless: bytes) -> None:
    reader = RequestReader(LIMITS)
    reader.receive(POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: ")

    with pytest.raises(InvalidRequest):
        feed(reader, endless, 2 * MAX_HEADER_BYTES // len(endless))


def test_extensions_of_chunks_are_bounded() -> None:
    reader = RequestReader(LIMITS)
    reader.receive(POST + b"Transfer-Encoding: chunked\r\n\r\n")

    with pytest.raises(InvalidRequest):
        feed(reader, b"1;a=" + b"b" * 1_000 + b"\r\nx\r\n", 100)


def test_empty_lines_between_requests_are_bounded() -> None:
    reader = RequestReader(LIMITS)
    reader.receive(GET)
    reader.next_request()

    with pytest.raises(InvalidRequest):
        feed(reader, b"\r\n" * READ_PIECES_PER_TURN, MAX_HEADER_BYTES // READ_PIECES_PER_TURN)


def test_a_body_counts_neither_as_its_own_header_nor_as_the_next_one() -> None:
    body = b"x" * (2 * MAX_HEADER_BYTES)
    long = GET[:-2] + b"X: " + b"y" * (MAX_HEADER_BYTES - 100) + b"\r\n\r\n"

    found = read(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body + long + long)

    assert [len(request.body) for request in found.requests] == [len(body), 0, 0]
    assert not found.refused


@pytest.mark.parametrize("cut", range(1, 5))
def test_a_header_that_is_cut_in_its_empty_line_ends_there(cut: int) -> None:
    head = POST + b"Content-Length: %d\r\n\r\n" % (2 * MAX_HEADER_BYTES)

    found = read(head[:-cut], head[-cut:] + b"x" * (2 * MAX_HEADER_BYTES) + GET)

    assert [len(request.body) for request in found.requests] == [2 * MAX_HEADER_BYTES, 0]
    assert not found.refused


def test_a_turn_reads_a_bounded_number_of_chunks() -> None:
    reader = RequestReader(LIMITS)
    reader.receive(POST + b"Transfer-Encoding: chunked\r\n\r\n")

    reader.receive(b"1\r\nx\r\n" * 40_000)

    assert reader.request is not None
    assert len(reader.request.body) <= READ_PIECE_BYTES // len(b"1\r\nx\r\n") + 1
    assert reader.has_ahead


def test_trailers_do_not_count_as_the_next_header() -> None:
    chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: "
    trailers = b"y" * (MAX_HEADER_BYTES - 1_000) + b"\r\n\r\n"
    long = GET[:-2] + b"X: " + b"y" * (MAX_HEADER_BYTES - 1_000) + b"\r\n\r\n"

    assert len(read(chunked + trailers + long).requests) == 2


def test_chunks_of_one_byte_are_read() -> None:
    body = b"x" * 100_000
    stream = POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * len(body)

    [found] = read(stream + b"0\r\n\r\n").requests

    assert found.body == body


@pytest.mark.parametrize(
    "hosts", [b"here", b"", b"here:80", b"[::1]:80", b"127.0.0.1", b"xn--a.example"]
)
def test_a_host_is_a_name_or_an_address(hosts: bytes) -> None:
    assert len(read(GET.replace(b"here", hosts)).requests) == 1


def test_white_space_around_a_value_is_none_of_it() -> None:
    [found] = read(GET.replace(b"here", b"here \t")).requests

    assert found.headers == ((b"host", b"here"),)


def test_a_request_behind_which_nonsense_comes_is_answered_first() -> None:
    reader = RequestReader(LIMITS)
    reader.receive(POST + b"Content-Length: 5\r\n\r\nhello" + b"BAD\r\n\r\n")

    assert reader.request is not None
    assert reader.request.complete
    with pytest.raises(InvalidRequest):
        reader.next_request()


OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"


@pytest.mark.parametrize(
    "framed",
    [
        pytest.param(b"Content-Length: 5\r\n\r\nhello", id="known length"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", id="chunks"),
    ],
)
def test_an_offer_that_is_not_taken_up_is_as_if_it_were_not_there(framed: bytes) -> None:
    plain = read(POST + framed + GET)

    for size in (1, 7, 1_000):
        stream = POST + OFFER + framed + GET
        found = read(*(stream[at : at + size] for at in range(0, len(stream), size)))

        assert not found.refused
        assert [request.body for request in found.requests] == [b"hello", b""]
        assert [r.target for r in found.requests] == [r.target for r in plain.requests]
        assert b"upgrade" not in dict(found.requests[0].headers)


def test_an_offer_in_http_1_0_is_ignored() -> None:
    reader = RequestReader(LIMITS)

    reader.receive(b"GET /ws HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")

    assert reader.request is not None
    assert reader.request.complete
    assert not reader.request.wants_websocket


def test_what_follows_a_handshake_is_not_http() -> None:
    reader = RequestReader(LIMITS)

    reader.receive(GET[:-2] + b"Connection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n\x81\x80frames")

    assert reader.request is not None
    assert reader.request.wants_websocket
    assert reader.take_ahead() == b"\x81\x80frames"


@pytest.mark.parametrize(("waiting", "is_dropped"), [(0, False), (1, True)])
def test_what_waits_behind_a_request_is_bounded(waiting: int, is_dropped: bool) -> None:
    reader = RequestReader(LIMITS)
    reader.receive(GET + b"x" * (MAX_PIPELINED_BYTES + waiting))

    assert reader.drop_excess() is is_dropped

    assert reader.has_ahead, "nothing more is read"
    assert bool(reader.take_ahead()) is not is_dropped


def test_a_body_is_not_behind_its_request() -> None:
    reader = RequestReader(LIMITS)
    reader.receive(POST + b"Content-Length: 900000\r\n\r\n" + b"x" * 800_000)

    assert not reader.drop_excess()

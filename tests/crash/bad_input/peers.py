"""Ends of connections that send what is bad, and judge what comes back."""

import asyncio
import json
import re
from collections import Counter
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

import orjson
from websockets.frames import Frame, Opcode

from tests.crash.bad_input.raw_handshakes import handshake
from tests.crash.bad_input.requests import Request

_DOCS = Path(__file__).parents[3] / "docs"
_BUGS = frozenset({"internal", "unavailable", "4100", "4103"})
CODES = frozenset(re.findall(r"^## `(\w+)`", (_DOCS / "errors.md").read_text(), re.M)) - _BUGS
"""The documented errors that an input may lead to."""
_OF_RFC_6455 = frozenset({"1000", "1002", "1003", "1005", "1007", "1009"})
CLOSE_CODES = (
    frozenset(re.findall(r"^\| (4\d{3}) \|", (_DOCS / "protocol.md").read_text(), re.M))
    | _OF_RFC_6455
) - _BUGS
"""The close codes, documented or of the RFC."""
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.I)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: chunked", re.I)
# Of HTTP itself: a version, or a transfer coding, that is not there.
_OF_HTTP = frozenset({501, 505})
# A request that is not whole is given up after ten seconds.
_GIVEN_UP_SECONDS = 12.0
_SILENCE_SECONDS = 0.3


class Verdict:
    """What was answered, and what was wrong with it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.answers: Counter[str] = Counter()
        """How often there was each status, code of an error, or close code."""
        self.tried = 0
        self.wrong: list[str] = []

    def note(self, what: object, answers: list[str], seconds: float) -> None:
        """Note what one input led to; ``wrong`` if it has a part that is no documented answer."""
        self.tried += 1
        self.answers.update(answers)
        if seconds > self._seconds:
            self.wrong.append(f"{seconds:.1f} s: {what!r:.300}")
        for answer in answers:
            kind, _, value = answer.partition(" ")
            good = {
                "error": value in CODES,
                "closed": value in CLOSE_CODES,
                "status": value.isdigit() and (int(value) < 500 or int(value) in _OF_HTTP),
            }
            if not good.get(kind, True):
                self.wrong.append(f"{answer}: {what!r:.300}")


class Stream(NamedTuple):
    """A TCP connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @staticmethod
    async def open(address: str) -> "Stream":
        host, _, port = address.partition(":")
        return Stream(*await asyncio.open_connection(host, int(port), limit=2**24))

    def close(self) -> None:
        self.writer.transport.abort()


class BadSocket:
    """A WebSocket that sends one bad frame after another; opened again when it is closed."""

    def __init__(self, address: str, token: str, verdict: Verdict) -> None:
        self._address = address
        self._token = token
        self._verdict = verdict
        self._stream: Stream | None = None
        self._pings = count()

    async def send(self, payload: bytes, opcode: Opcode = Opcode.TEXT) -> None:
        """Send it, and see what comes until a ping is answered or the connection ends."""
        ping = f"ping-{next(self._pings)}"
        frames = Frame(opcode, payload).serialize(mask=True)
        frames += Frame(Opcode.TEXT, json.dumps({"type": "ping", "id": ping}).encode()).serialize(
            mask=True
        )
        stream = self._stream or await self._open()
        loop = asyncio.get_running_loop()
        began, answers = loop.time(), []
        with suppress(ConnectionError):
            stream.writer.write(frames)
        try:
            async with asyncio.timeout(60):
                answers = await self._answers(stream, ping)
        except TimeoutError:
            self._verdict.wrong.append(f"no answer: {payload!r:.300}")
            self.close()
        self._verdict.note(payload, answers, loop.time() - began)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream = None

    async def _open(self) -> Stream:
        self._stream = await Stream.open(self._address)
        self._stream.writer.write(handshake(self._token, "/ws?"))
        await self._stream.reader.readuntil(b"\r\n\r\n")
        return self._stream

    async def _answers(self, stream: Stream, ping: str) -> list[str]:
        answers = []
        while True:
            try:
                opcode, payload = await read_frame(stream.reader)
            except (ConnectionError, EOFError):
                self.close()
                return [*answers, "lost"]
            if opcode == Opcode.CLOSE:
                self.close()
                return [*answers, f"closed {int.from_bytes(payload[:2])}"]
            if opcode == Opcode.TEXT and b'"re":' in payload or b'"error"' in payload:
                frame = orjson.loads(payload)
                if frame["type"] == "error":
                    answers.append(f"error {frame['code']}")
                elif frame.get("re") == ping:
                    return answers


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The opcode and the payload of the next frame of a server."""
    first, length = await reader.readexactly(2)
    if length >= 126:
        length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8))
    return first & 0x0F, await reader.readexactly(length)


class BadClient:
    """A client of the HTTP API that sends one bad request after another."""

    def __init__(self, address: str, token: str, verdict: Verdict) -> None:
        self._address = address
        self._token = token
        self._verdict = verdict
        self._stream: Stream | None = None

    async def send(self, request: Request) -> None:
        """Send it, and judge the answer."""
        loop = asyncio.get_running_loop()
        stream = self._stream = self._stream or await Stream.open(self._address)
        head = (
            f"{request.method} {request.target} HTTP/1.1\r\nHost: {self._address}\r\n"
            f"Authorization: Bearer {self._token}\r\nContent-Length: {len(request.body)}\r\n"
            + (f"Content-Type: {request.content_type}\r\n" if request.body else "")
        )
        began = loop.time()
        try:
            async with asyncio.timeout(60):
                stream.writer.write(head.encode() + b"\r\n" + request.body)
                answers = await self._answer(stream.reader)
        except (ConnectionError, EOFError):
            answers = ["lost"]
            self.close()
        except TimeoutError:
            answers = ["status none"]
            self.close()
        self._verdict.note(request, answers, loop.time() - began)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream = None

    async def _answer(self, reader: asyncio.StreamReader) -> list[str]:
        head = await reader.readuntil(b"\r\n\r\n")
        body = b""
        if (length := _LENGTH.search(head)) is not None:
            body = await reader.readexactly(int(length[1]))
        elif _CHUNKED.search(head):
            while size := int(await reader.readline(), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
        if b"\r\nconnection: close" in head.lower():
            self.close()
        status = int(head.split(b" ", 2)[1])
        answers = [f"status {status}"]
        if status >= 400:
            answers.append(f"error {orjson.loads(body)['code']}")
        return answers


async def send_raw(address: str, data: bytes, verdict: Verdict) -> None:
    """Send bytes on a connection of their own; it is answered, or ends in some seconds."""
    loop = asyncio.get_running_loop()
    stream = await Stream.open(address)
    received, began, wait = b"", loop.time(), _GIVEN_UP_SECONDS
    seconds = 0.0
    try:
        stream.writer.write(data)
        while True:
            async with asyncio.timeout(wait):
                part = await stream.reader.read(65_536)
            if not part:
                break
            received += part
            seconds, wait = loop.time() - began, _SILENCE_SECONDS
    except ConnectionError:
        pass
    except TimeoutError:
        if not received:
            verdict.wrong.append(f"neither answered nor closed: {data!r:.300}")
    finally:
        stream.close()
    verdict.note(data, await _judged(received, data), seconds)


async def _judged(received: bytes, data: bytes) -> list[str]:
    """The status, and for a WebSocket what came in frames."""
    found = _STATUS.match(received)
    if found is None:
        return ["lost" if not received else f"status {received[:30]!r}"]
    answers = [f"status {found[1].decode()}"]
    if found[1] != b"101":
        return answers
    reader = asyncio.StreamReader(limit=2**24)
    reader.feed_data(received.partition(b"\r\n\r\n")[2])
    reader.feed_eof()
    with suppress(EOFError):
        while True:
            opcode, payload = await read_frame(reader)
            if opcode == Opcode.CLOSE:
                code = payload[:2] or (1005).to_bytes(2)
                # A good code of the peer is sent back.
                kind = "echoed" if data.endswith(code + b"x") else "closed"
                answers.append(f"{kind} {int.from_bytes(code)}")
            elif opcode == Opcode.TEXT and orjson.loads(payload)["type"] == "error":
                answers.append(f"error {orjson.loads(payload)['code']}")
    return answers

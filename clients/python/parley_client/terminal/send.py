"""``parley send``: messages from the command line or a pipe."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from typing import BinaryIO

from ..client import Client
from ..requests import Ack

# A line longer than this is no message; the server takes 4,000 characters.
_MAX_LINE_BYTES = 64 * 1024


class NothingToSend(Exception):
    """There was no text."""


def read_text(stream: BinaryIO) -> str:
    """
    All of a stream as one message, without its last line break.

    Raises:
        NothingToSend: If it is too long, or not UTF-8.

    """
    content = stream.read(_MAX_LINE_BYTES + 1)
    return _text(content)


def _text(content: bytes) -> str:
    if len(content) > _MAX_LINE_BYTES:
        raise NothingToSend(f"A message has at most {_MAX_LINE_BYTES} bytes.")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise NothingToSend("The text is not UTF-8.") from None
    return text.removesuffix("\n").removesuffix("\r")


async def send_one(
    client: Client, room: str, text: str | None, id: str | None, seconds: float
) -> Ack:
    """
    Send one message; join the room first if it is public.

    Raises:
        NothingToSend: If the text is empty, or standard input is no text.
        ParleyError: If it can't be sent.

    """
    if text is None:
        text = read_text(standard_input())
    if not text:
        raise NothingToSend("There is no text to send.")
    async with client as chat:
        chat.room(room)
        return await chat.send(room, text, id=id, seconds=seconds)


async def send_lines(
    client: Client, room: str, lines: BinaryIO, seconds: float, report: Callable[[Ack], None]
) -> int:
    """Send each line when it comes, in order; return how many. Raises ParleyError."""
    count = 0
    async with client as chat:
        chat.room(room)
        async for line in _lines(lines):
            if text := _text(line):
                report(await chat.send(room, text, seconds=seconds))
                count += 1
    return count


async def _lines(stream: BinaryIO) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_MAX_LINE_BYTES)
    try:
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), stream)
    except ValueError:
        # A file: reading it doesn't wait.
        for line in stream:
            yield line
        return
    while True:
        try:
            line = await reader.readuntil()
        except asyncio.IncompleteReadError as exc:
            line = exc.partial
        except asyncio.LimitOverrunError:
            raise NothingToSend(f"A line has at most {_MAX_LINE_BYTES} bytes.") from None
        if not line:
            return
        yield line


def json_line(room: str, ack: Ack) -> str:
    """What was sent, as one line of JSON."""
    at = ack.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"room": room.lower(), "seq": ack.seq, "at": at, "duplicate": ack.duplicate})


def standard_input() -> BinaryIO:
    """Standard input, as bytes."""
    return sys.stdin.buffer

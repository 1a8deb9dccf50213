"""What an open connection makes of the bytes of its peer, beside what websockets makes of them."""

import random
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from app.transport.context import TransportLimits
from tests.harness.patience import turns
from tests.transport.memory import MemorySocket, masked

MAX = 300
# Neither a peer's rate nor a turn's share has any place in what a stream means.
FREE = TransportLimits(
    max_message_bytes=MAX, control_frames_per_second=0, frames_per_turn=7, ping_seconds=0
)
DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
# Ends any frame that has begun, and can't begin one.
REST = bytes(MAX)
# What the fast path answers inside a message in fragments, too, where websockets takes it for a
# fault (RFC 6455, section 5.5.1 allows it).
COMMON = (1000, 1001, *range(3000, 5000), 1005)


class Outcome(NamedTuple):
    """What is delivered, and the close code that is sent, if any."""

    messages: list[str | bytes]
    code: int | None


def judged(stream: bytes) -> Outcome:
    """What websockets says, with the checks that it leaves to its caller."""
    library = ServerProtocol(state=State.OPEN, max_size=MAX)
    library.receive_data(stream)
    messages: list[str | bytes] = []
    message, decoder = b"", None
    for event in library.events_received():
        assert isinstance(event, Frame)
        if event.opcode is Opcode.CLOSE:
            assert library.close_rcvd is not None
            return Outcome(messages, library.close_rcvd.code)
        if event.opcode not in DATA:
            continue
        if event.opcode is not Opcode.CONT:
            message = b""
            decoder = getincrementaldecoder("utf-8")() if event.opcode is Opcode.TEXT else None
        message += bytes(event.data)
        if decoder is not None:
            try:
                decoder.decode(bytes(event.data), event.fin)
            except UnicodeDecodeError:
                return Outcome(messages, 1007)
        if event.fin:
            messages.append(message if decoder is None else message.decode())
    if library.parser_exc is None:
        return Outcome(messages, None)
    told = library.close_rcvd
    if told is not None and told.code in COMMON:
        return Outcome(messages, told.code)
    assert library.close_sent is not None
    return Outcome(messages, library.close_sent.code)


async def read(stream: bytes, cuts: list[int]) -> Outcome:
    """What we make of it, in pieces."""
    socket = MemorySocket(FREE)
    await turns(2)
    ends = sorted({0, len(stream), *cuts})
    for start, end in zip(ends, ends[1:], strict=False):
        socket.receive(stream[start:end])
        while not socket.transport.reading and not socket.transport.half_closed:
            await turns(1)
    found = Outcome(socket.app.got, socket.close_code)
    await socket.lose()
    return found


def streams(seed: int, count: int) -> Iterator[tuple[bytes, list[int]]]:
    """Frames, most of them legal, some of them spoilt, and where the network cuts them."""
    dice = random.Random(seed)
    for _ in range(count):
        stream = b"".join(_frame(dice) for _ in range(dice.randint(1, 6)))
        if dice.random() < 0.5:
            stream = _spoilt(dice, stream)
        yield stream, [dice.randint(0, len(stream)) for _ in range(dice.choice((0, 0, 1, 3)))]


def _frame(dice: random.Random) -> bytes:
    kinds: list[tuple[int, Callable[[], bytes]]] = [
        (6, lambda: masked(Opcode.TEXT, _text(dice))),
        (2, lambda: masked(Opcode.TEXT, _text(dice), fin=False)),
        (3, lambda: masked(Opcode.CONT, _text(dice), fin=dice.random() < 0.6)),
        (1, lambda: masked(Opcode.BINARY, dice.randbytes(dice.randint(0, 9)))),
        (1, lambda: masked(Opcode.BINARY, b"\xc3", fin=False)),
        (2, lambda: masked(Opcode.PING, dice.randbytes(dice.choice((0, 4, 125))))),
        (1, lambda: masked(Opcode.PONG, dice.randbytes(4))),
        (1, lambda: masked(Opcode.CLOSE, _close(dice))),
        (1, lambda: Frame(Opcode.TEXT, _text(dice)).serialize(mask=False)),
        (1, lambda: masked(Opcode.TEXT, b"x" * dice.choice((MAX, MAX + 1, 70_000)))),
    ]
    return dice.choices([make for _, make in kinds], [weight for weight, _ in kinds])[0]()


def _text(dice: random.Random) -> bytes:
    whole = dice.choice(("", "a", "zwölf", "漢字" * 9, "👍", "x" * 126)).encode()
    return whole[: dice.randint(0, len(whole))] if dice.random() < 0.3 else whole


def _close(dice: random.Random) -> bytes:
    code = dice.choice((1000, 1001, 1002, 1005, 1006, 1012, 1015, 2999, 3000, 4999, 5000, 0))
    told = code.to_bytes(2)
    return dice.choice((b"", b"\x03", told, (told + _text(dice))[:125]))


def _spoilt(dice: random.Random, stream: bytes) -> bytes:
    data = bytearray(stream)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(4):
            case 0 if at < len(data):
                data[at] ^= 1 << dice.randrange(8)
            case 1:
                del data[at : at + dice.randint(1, 4)]
            case 2:
                data[at:at] = dice.randbytes(dice.randint(1, 3))
            case _:
                data[at:at] = data[: dice.randint(0, len(data))]
    return bytes(data)


async def differ(seed: int, count: int) -> None:
    for stream, cuts in streams(seed, count):
        ours, theirs = await read(stream, cuts), judged(stream)
        if ours.code is None and theirs.code is not None:
            # It has begun what can't end well: we say so when it has all come.
            assert ours.messages == theirs.messages, (stream, cuts)
            ours, theirs = await read(stream + REST, cuts), judged(stream + REST)
        assert ours == theirs, (stream, cuts)


@pytest.mark.parametrize("seed", range(4))
async def test_a_stream_means_what_websockets_says(seed: int) -> None:
    await differ(seed, 500)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(100, 104))
async def test_a_hundred_thousand_streams_mean_what_websockets_says(seed: int) -> None:
    await differ(seed, 25_000)

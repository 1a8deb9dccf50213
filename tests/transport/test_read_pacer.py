"""Bytes are read in order, in turns, and not while reading is paused."""

import asyncio

import pytest

from app.transport.read_pacer import ReadPacer
from tests.harness.patience import turns
from tests.transport.memory import MemoryTransport


class Reader:
    """Reads at most two bytes in a turn."""

    def __init__(self) -> None:
        self.transport = MemoryTransport()
        self.pacer = ReadPacer(asyncio.get_running_loop(), self.transport)
        self.reads: list[bytes] = []
        self._rest = b""

    def read(self, data: bytes) -> bool:
        self._rest += data
        self.reads.append(self._rest[:2])
        self._rest = self._rest[2:]
        return bool(self._rest)


async def test_bytes_are_kept_until_the_start() -> None:
    reader = Reader()

    reader.pacer.receive(b"a")
    assert not reader.transport.reading
    reader.pacer.start(reader.read)
    assert reader.reads == []
    await turns(1)

    assert reader.reads == [b"a"]
    assert reader.transport.reading


async def test_more_than_the_share_of_a_turn_is_read_before_the_socket() -> None:
    reader = Reader()
    reader.pacer.start(reader.read)

    reader.pacer.receive(b"abcde")
    assert reader.reads == [b"ab"]
    assert reader.pacer.is_waiting
    for reads in ([b"ab", b"cd"], [b"ab", b"cd", b"e"]):
        assert not reader.transport.reading
        await turns(1)
        assert reader.reads == reads

    assert reader.transport.reading
    assert not reader.pacer.is_waiting


async def test_a_pause_keeps_bytes_until_it_ends() -> None:
    reader = Reader()
    reader.pacer.start(reader.read)
    reader.pacer.receive(b"abc")

    reader.pacer.pause()
    reader.pacer.receive(b"d")
    await turns()
    assert reader.reads == [b"ab"]
    reader.pacer.resume()
    await turns()

    assert reader.reads == [b"ab", b"cd"]
    assert reader.transport.reading


async def test_a_pause_that_ends_before_the_start_is_none() -> None:
    reader = Reader()
    reader.pacer.pause()
    reader.pacer.resume()

    reader.pacer.start(reader.read)
    reader.pacer.receive(b"a")

    assert reader.reads == [b"a"]
    assert reader.transport.reading


@pytest.mark.parametrize("closing", [True, False], ids=["closing", "stopped"])
async def test_nothing_is_read_after_the_end(closing: bool) -> None:
    reader = Reader()
    reader.pacer.start(reader.read)
    reader.pacer.receive(b"abc")

    if closing:
        reader.transport.close()
    else:
        reader.pacer.stop()
    await turns()

    assert reader.reads == [b"ab"]
    assert not reader.transport.reading


async def test_bytes_that_are_kept_before_the_start_are_waiting() -> None:
    reader = Reader()
    assert not reader.pacer.is_waiting

    reader.pacer.receive(b"a pong")

    assert reader.pacer.is_waiting

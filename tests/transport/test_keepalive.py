"""How long a peer may be silent."""

import asyncio
from collections.abc import Callable
from typing import Any

from app.domain.close_codes import IDLE
from app.transport.context import TransportLimits
from app.transport.control_frames import Control, pong_payload
from app.transport.keepalive import Keepalive
from tests.harness.patience import until
from tests.transport.memory import Echo, MemorySocket, Opcode, frames_of, masked

EVERY, PATIENCE = 25.0, 20.0


class Timers:
    """The timers of an event loop, which run when they are told to."""

    def __init__(self) -> None:
        self.planned: list[tuple[float, Callable[[], None]]] = []

    def call_later(self, delay: float, callback: Callable[[], None]) -> Any:
        entry = (delay, callback)
        self.planned.append(entry)

        class Handle:
            def cancel(_self) -> None:
                self.planned.remove(entry)

        return Handle()

    def pass_time(self) -> float:
        """Run the only one; how long it has waited."""
        [(delay, callback)] = self.planned
        self.planned.clear()
        callback()
        return delay


class Pinged:
    """A peer, and what was sent to it."""

    def __init__(self, every: float = EVERY) -> None:
        self.timers = Timers()
        self.sent: list[bytes] = []
        self.silences = 0
        self.keepalive = Keepalive(
            self.timers,  # type: ignore[arg-type]
            every,
            PATIENCE,
            self.sent.append,
            self._on_silence,
        )

    def _on_silence(self) -> None:
        self.silences += 1

    @property
    def pinged(self) -> bytes:
        """What the last ping said."""
        return self.sent[-1][2:]


def test_a_pong_plans_the_next_ping() -> None:
    peer = Pinged()

    for _ in range(3):
        assert peer.timers.pass_time() == EVERY
        assert peer.keepalive.take_pong(Control(Opcode.PONG, peer.pinged))

    assert len(peer.sent) == 3
    assert peer.timers.pass_time() == EVERY


def test_no_pong_is_silence() -> None:
    peer = Pinged()
    peer.timers.pass_time()

    assert not peer.keepalive.take_pong(Control(Opcode.PONG, b"guess"))
    assert peer.timers.pass_time() == PATIENCE

    assert peer.silences == 1
    assert peer.timers.planned == []


def test_a_pong_answers_one_ping() -> None:
    peer = Pinged()
    peer.timers.pass_time()
    payload = peer.pinged

    assert peer.keepalive.take_pong(Control(Opcode.PONG, payload))
    assert not peer.keepalive.take_pong(Control(Opcode.PONG, payload))
    assert len(peer.timers.planned) == 1


def test_a_connection_that_was_not_read_is_given_as_long_again() -> None:
    peer = Pinged()
    peer.timers.pass_time()
    peer.timers.pass_time()

    peer.keepalive.wait_again()

    assert peer.keepalive.take_pong(Control(Opcode.PONG, peer.pinged))
    assert peer.timers.pass_time() == EVERY


def test_nothing_is_planned_after_the_end() -> None:
    for pings in range(2):
        peer = Pinged()
        for _ in range(pings):
            peer.timers.pass_time()

        peer.keepalive.stop()
        peer.keepalive.stop()

        assert peer.timers.planned == []


def test_no_pings_are_no_pings() -> None:
    assert Pinged(every=0).timers.planned == []


async def test_a_silent_peer_is_told_why_it_is_dropped() -> None:
    socket = MemorySocket(TransportLimits(ping_seconds=0.001, pong_seconds=0.001))
    await until(lambda: socket.close_code is not None, "the close")

    assert [opcode for opcode, _ in frames_of(socket.answered)] == [Opcode.PING, Opcode.CLOSE]
    assert socket.close_code == IDLE.code
    assert socket.app.closed == 1


async def test_a_peer_that_answers_is_pinged_again() -> None:
    socket = MemorySocket(TransportLimits(ping_seconds=0.001, pong_seconds=60.0))
    for n in range(1, 4):
        await until(lambda n=n: len(frames_of(socket.answered)) == n, "a ping")  # type: ignore[misc]
        opcode, payload = frames_of(socket.answered)[-1]
        assert opcode is Opcode.PING
        pong = masked(Opcode.PONG, payload)
        assert pong_payload(pong) == payload
        socket.receive(pong)
    assert socket.protocol._stream._slow_path is None, "the common pong needs no websockets"
    await socket.lose()


async def test_a_peer_is_not_silent_while_nothing_is_read() -> None:
    limits = TransportLimits(ping_seconds=0.001, pong_seconds=0.001)
    socket = MemorySocket(limits, app=Echo(paused=True))
    await until(lambda: frames_of(socket.answered), "a ping")
    # As long as a pong may take, twice.
    for _ in range(2):
        await asyncio.sleep(limits.pong_seconds)
    assert socket.close_code is None

    socket.app.socket.resume()
    await until(lambda: socket.close_code == IDLE.code, "the close")


async def test_a_peer_that_answers_a_probe_is_there() -> None:
    socket = MemorySocket(TransportLimits(ping_seconds=25.0, pong_seconds=20.0))
    probes = [asyncio.create_task(socket.protocol.probe(20.0)) for _ in range(2)]
    await until(lambda: frames_of(socket.answered), "a ping")
    [(opcode, payload)] = frames_of(socket.answered)
    assert opcode is Opcode.PING

    socket.receive(masked(Opcode.PONG, payload))

    assert await asyncio.gather(*probes) == [True, True]
    assert socket.close_code is None
    await socket.lose()


async def test_a_peer_that_does_not_answer_a_probe_is_dropped() -> None:
    socket = MemorySocket(TransportLimits(ping_seconds=25.0, pong_seconds=20.0))
    await until(lambda: socket.protocol._keepalive is not None, "the opening")

    assert not await socket.protocol.probe(0.001)

    assert socket.close_code == IDLE.code
    assert not await socket.protocol.probe(20.0)


async def test_a_probe_shortens_the_wait_for_a_pong() -> None:
    socket = MemorySocket(TransportLimits(ping_seconds=0.001, pong_seconds=60.0))
    await until(lambda: frames_of(socket.answered), "a ping")

    assert not await socket.protocol.probe(0.001)

    assert [opcode for opcode, _ in frames_of(socket.answered)] == [Opcode.PING, Opcode.CLOSE]


async def test_without_pings_a_probe_is_sent_all_the_same() -> None:
    socket = MemorySocket(TransportLimits(ping_seconds=0, pong_seconds=60.0))
    probe = asyncio.create_task(socket.protocol.probe(20.0))
    await until(lambda: frames_of(socket.answered), "a ping")
    socket.receive(masked(Opcode.PONG, frames_of(socket.answered)[0][1]))

    assert await probe
    assert len(frames_of(socket.answered)) == 1
    await socket.lose()

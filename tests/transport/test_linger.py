"""How long the rest of a response is waited for."""

from typing import Any

from app.domain.connection_limits import LINGER_PROGRESS_BYTES
from app.transport.linger import linger
from tests.harness.patience import until
from tests.transport.memory import MemoryTransport


class SlowPeer(MemoryTransport):
    """Takes so many bytes each time that it is asked what is unsent."""

    def __init__(self, unsent: int, takes: int) -> None:
        super().__init__()
        self.left = unsent
        self.takes = takes
        self.looks = 0

    def get_write_buffer_size(self) -> int:
        self.looks += 1
        self.left = max(0, self.left - self.takes)
        return self.left


async def dropped(peer: SlowPeer) -> int:
    """Linger until the peer is dropped; how often was looked at what it had taken."""
    connections: set[Any] = set()
    linger(peer, connections, 0.001, extend=True)
    await until(lambda: peer.aborted, "the end")
    peer.protocol.connection_lost(None)
    assert connections == set()
    return peer.looks


async def test_a_peer_that_takes_enough_gets_all_of_it() -> None:
    peer = SlowPeer(10 * LINGER_PROGRESS_BYTES, takes=LINGER_PROGRESS_BYTES)

    assert await dropped(peer) == 10
    assert peer.left == 0


async def test_a_peer_that_takes_a_byte_at_a_time_is_dropped() -> None:
    peer = SlowPeer(10 * LINGER_PROGRESS_BYTES, takes=1)

    assert await dropped(peer) == 2
    assert peer.left > 9 * LINGER_PROGRESS_BYTES

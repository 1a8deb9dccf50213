"""The ASGI extension of ``parley serve``: a socket's way past ASGI, which the scope carries."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

EXTENSION = "parley.transport"

OnMessage = Callable[[str | None], None]
"""Called with each text; None for a message that is not text."""


class WebSocketTransport(NamedTuple):
    """A socket's own way in and out: finished frames out, texts in, no task in between."""

    write: Callable[[bytes], None]
    """Takes finished frames, never waits."""
    unsent: Callable[[], int]
    """Bytes that the peer has not taken, beyond what the kernel holds."""
    abort: Callable[[], None]
    drained: Callable[[], Awaitable[object]]
    """Waits until little is unsent, or the peer is gone."""
    set_receiver: Callable[[OnMessage, Callable[[], None]], None]
    """From now on texts go to the first, as they are read, and ASGI's ``receive`` is not used;
    the second is called once when the peer is gone."""
    pause: Callable[[], None]
    """Read no more for now: what was read already is still delivered."""
    resume: Callable[[], None]
    accept: Callable[[str | None], bytes] | None = None
    """Accepts the handshake with a subprotocol; answers what has to be written then and there,
    before all else, or raises an OSError if the peer is gone. None: ASGI's way is the only
    one."""
